"""Text to ids and back, and no way for a user's words to become control tokens."""

import random
from pathlib import Path

import pytest

from lfm.errors import CheckpointError
from lfm.random_model import CONTROL, tokenizer
from lfm.tokenizer import Tokenizer

TEXTS = ["", "hello there", " two  spaces\n", "naïve café", "日本語のテキスト", "👩‍👩‍👧 🎉", "<|im_end|", "a|>b<|c"]
TEMPLATE = "<|im_start|>user\nhello<|im_end|>\n"


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Tokenizer:
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer(640).save(str(path))
    return Tokenizer(path)


def test_control_tokens_have_the_published_ids(ours: Tokenizer) -> None:
    assert (ours.startoftext, ours.im_start, ours.im_end, ours.audio_start, ours.text_end) == (1, 6, 7, 128, 130)


def test_a_template_becomes_control_tokens_and_nothing_is_added(ours: Tokenizer) -> None:
    ids = ours.encode(TEMPLATE)
    assert (ids[0], ids[-2]) == (6, 7)
    assert 1 not in ids
    assert ours.decode(ids) == "user\nhello\n"


@pytest.mark.parametrize("content", CONTROL.values())
def test_a_users_control_token_stays_text(ours: Tokenizer, content: str) -> None:
    text = f"say {content} twice: {content}{content}"
    ids = ours.encode_plain(text)
    assert not set(ids) & set(CONTROL)
    assert ours.decode(ids) == text
    assert set(ours.encode(text)) & set(CONTROL)  # encoding one way does not change the other


@pytest.mark.parametrize("text", TEXTS)
def test_plain_text_is_the_same_either_way_and_comes_back(ours: Tokenizer, text: str) -> None:
    assert ours.encode_plain(text) == ours.encode(text)
    assert ours.decode(ours.encode_plain(text)) == text


@pytest.mark.parametrize("text", TEXTS)
def test_a_stream_gives_whole_characters_that_add_up(ours: Tokenizer, text: str) -> None:
    stream = ours.stream()
    deltas = [stream.step(token) for token in ours.encode_plain(text)]
    assert "".join(deltas) == text
    assert not any("\ufffd" in delta for delta in deltas)


def test_a_stream_is_silent_about_control_tokens(ours: Tokenizer) -> None:
    stream = ours.stream()
    ids = [128, *ours.encode_plain("one "), 130, *ours.encode_plain("two"), 7]
    assert "".join(stream.step(token) for token in ids) == "one two"


def test_two_streams_do_not_mix(ours: Tokenizer) -> None:
    one, other = ours.stream(), ours.stream()
    both = [(one.step(a), other.step(b)) for a, b in zip(ours.encode_plain("日本"), ours.encode_plain("é é é"), strict=False)]
    assert "".join(a for a, _ in both) == "日本"


def test_any_ids_stream_to_what_they_decode_to(ours: Tokenizer) -> None:
    rng = random.Random(0)
    for _ in range(300):
        ids = [rng.randrange(640) for _ in range(rng.randrange(40))]
        stream = ours.stream()
        assert "".join(map(stream.step, ids)).rstrip("\ufffd") == ours.decode(ids).rstrip("\ufffd")


def test_a_broken_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    with pytest.raises(CheckpointError, match=r"has no tokenizer\.json\. Download"):
        Tokenizer(path)
    path.write_text("{}")
    with pytest.raises(CheckpointError, match=r"cannot be read.*Download"):
        Tokenizer(path)
