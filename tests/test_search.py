"""Beam search finds what a plain search without any state finds, says words as soon as they are certain, and leaves no trace."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from lfm.audio import Audio
from lfm.checkpoint import LoadedModel
from lfm.conversation import Heard, Segment, Text
from lfm.events import Done, TextDelta
from lfm.generate import TokenGenerator, Word, embed
from lfm.lexicon import STRANGE, Lexicon
from lfm.model.state import State
from lfm.options import TRANSCRIBE
from lfm.search import Beginning, agreed, search
from lfm.tasks import transcribe

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS

LIMIT = 12


def prompt(seed: int) -> list[Segment]:
    rng = np.random.default_rng(seed)
    return [Text((1, 6, 200)), Heard(rng.normal(size=(64, 128)).astype(np.float32)), Text(tuple(rng.integers(140, 500, 3).tolist()))]


def found(loaded: LoadedModel, segments: list[Segment], end: int, beams: int, lexicon: Lexicon | None = None) -> list[int]:
    generator, state = TokenGenerator(loaded.model), State()
    hidden = generator.prefill(segments, state)
    assert hidden is not None
    tokens = list(search(loaded.model, hidden, state, end, beams, LIMIT, lambda: False, lexicon))
    return [token.id for token in tokens if isinstance(token, Word)]


def plainly(
    loaded: LoadedModel, segments: list[Segment], end: int, beams: int, lost: Callable[[list[int]], float] = lambda words: 0.0
) -> list[int]:
    """The same by definition: every beginning is read anew, whole, for each word."""
    alive: list[tuple[float, list[int]]] = [(0.0, [])]
    ended: list[tuple[float, list[int]]] = []
    for _ in range(LIMIT):
        grown = []
        for score, words in alive:
            read = [*segments, Text(tuple(words))] if words else segments
            logits = np.array(loaded.model.text_logits(loaded.model(embed(loaded.model, read))[0, -1]), np.float64)
            chances = logits - logits.max() - math.log(np.exp(logits - logits.max()).sum())
            grown += [(score + float(chance) - lost([*words, word]) + lost(words), [*words, word]) for word, chance in enumerate(chances)]
        grown.sort(key=lambda text: -text[0])
        ended += [text for text in grown[: 2 * beams] if text[1][-1] == end]
        alive = [text for text in grown[: 2 * beams] if text[1][-1] != end][:beams]
        if ended and max(ended)[0] >= alive[0][0]:
            break
    return max(ended or alive)[1]


@pytest.mark.parametrize("beams", [1, 2, 4])
@pytest.mark.parametrize("seed", range(3))
def test_it_finds_what_a_search_without_state_finds(lfm25: LoadedModel, seed: int, beams: int) -> None:
    segments = prompt(seed)
    never = plainly(lfm25, segments, -1, beams)
    assert len(never) == LIMIT
    assert found(lfm25, segments, -1, beams) == never
    end = never[5]  # a word that comes up here ends the text now
    texts = found(lfm25, segments, end, beams), plainly(lfm25, segments, end, beams)
    assert texts[0] == texts[1]
    assert texts[0][-1] == end


LETTERS = " abcdefgh"


def text_of(word: int) -> str:
    """Three letters or spaces for each word."""
    return "".join(LETTERS[word // len(LETTERS) ** place % len(LETTERS)] for place in range(3))


def lost(listed: list[str], words: list[int]) -> float:
    """What a whole text loses: each of its words that is none, the last where none begins so."""
    *whole, last = "".join(map(text_of, words)).split(" ")
    strange = [word for word in whole if word and word not in listed]
    return STRANGE * (len(strange) + (not any(word.startswith(last) for word in ["", *listed])))


@pytest.mark.parametrize("seed", range(2))
def test_a_lexicon_changes_which_text_is_found(lfm25: LoadedModel, seed: int) -> None:
    rng, segments = np.random.default_rng(seed), prompt(seed)
    listed = ["".join(rng.choice(list(LETTERS[1:]), rng.integers(1, 6))) for _ in range(400)]
    expected = plainly(lfm25, segments, -1, 2, lambda words: lost(listed, words))
    assert found(lfm25, segments, -1, 2, Lexicon(listed, text_of)) == expected
    assert found(lfm25, segments, -1, 2) != expected


def test_more_beams_find_likelier_texts(lfm25: LoadedModel) -> None:
    def likelihood(segments: list[Segment], words: list[int]) -> float:
        logits = lfm25.model.text_logits(lfm25.model(embed(lfm25.model, [*segments, Text(tuple(words))]))[0])[-len(words) - 1 : -1]
        chances = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        return float(mx.take_along_axis(chances, mx.array(words)[:, None], axis=1).sum())

    gains = []
    for seed in range(4):
        segments = prompt(seed)
        one, eight = (likelihood(segments, found(lfm25, segments, -1, beams)) for beams in (1, 8))
        gains.append(eight - one)
    assert min(gains) > -1e-3
    assert max(gains) > 0.1


def test_the_state_of_the_prompt_stays_as_it_is(lfm25: LoadedModel) -> None:
    generator, state = TokenGenerator(lfm25.model), State()
    hidden = generator.prefill(prompt(0), state)
    assert hidden is not None
    before = [np.array(array) for array in state.arrays()]
    list(search(lfm25.model, hidden, state, -1, 4, LIMIT, lambda: False))
    for was, now in zip(before, state.arrays(), strict=True):
        np.testing.assert_array_equal(was, np.array(now))


def test_words_are_certain_where_all_beginnings_agree() -> None:
    texts = [Beginning((5, 6, 7), -1.0), Beginning((5, 6, 8), -2.0), Beginning((5, 6), -3.0)]
    assert agreed(texts) == (5, 6)
    assert agreed([Beginning((1,), 0.0), Beginning((2,), 0.0)]) == ()


def test_recognition_searches_and_stops_when_asked(lfm25: LoadedModel) -> None:
    heard = Audio(0.1 * np.random.default_rng(0).standard_normal(24_000, np.float32), 24_000)
    generator = TokenGenerator(lfm25.model)
    looks = 0

    def after_a_while() -> bool:
        nonlocal looks
        looks += 1
        return looks > 8

    options = replace(TRANSCRIBE, max_tokens=20, beams=4)
    events = list(transcribe(lfm25, generator, heard, options, lambda: False))
    assert any(isinstance(event, TextDelta) for event in events)
    assert isinstance(events[-1], Done) and events[-1].reason in ("end", "length")
    stopped = list(transcribe(lfm25, generator, heard, options, after_a_while))
    assert isinstance(stopped[-1], Done) and stopped[-1].reason == "cancelled"
    assert looks < 20
