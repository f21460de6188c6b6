"""A checkpoint that can do less says so, and is asked for no more."""

from pathlib import Path

import pytest

from lfm.checkpoint import LoadedModel, load
from lfm.errors import ConfigError


def test_a_checkpoint_may_ask_for_several_texts_side_by_side(copy: Path, loaded: LoadedModel) -> None:
    assert loaded.beams == 1
    generation = copy / "generation_config.json"
    generation.write_text('{"num_beams": 3}')
    assert load(copy, "float32").beams == 3
    generation.write_text('{"do_sample": true}')
    assert load(copy, "float32").beams == 1
    for wrong in ('"many"', "0", "true", "99"):
        generation.write_text(f'{{"num_beams": {wrong}}}')
        with pytest.raises(ConfigError, match=r"num_beams, which is a number from 1 to 16"):
            load(copy, "float32")


def test_a_checkpoint_may_ask_for_short_pieces(copy: Path, loaded: LoadedModel) -> None:
    assert not loaded.info.one_by_one and loaded.info.longest == 30
    generation = copy / "generation_config.json"
    generation.write_text('{"one_sentence_at_a_time": true, "seconds_at_a_time": 8}')
    info = load(copy, "float32").info
    assert info.one_by_one and info.longest == 8
    generation.write_text('{"seconds_at_a_time": 0}')
    with pytest.raises(ConfigError, match=r"seconds_at_a_time, which is a number from 4 to 30"):
        load(copy, "float32")


def test_a_checkpoint_may_ask_for_words_alone(copy: Path, loaded: LoadedModel) -> None:
    assert not loaded.info.words_alone
    generation = copy / "generation_config.json"
    generation.write_text('{"words_alone": true}')
    assert load(copy, "float32").info.words_alone
    generation.write_text('{"words_alone": "yes"}')
    with pytest.raises(ConfigError, match=r"'yes' for words_alone, which is true or false"):
        load(copy, "float32")
