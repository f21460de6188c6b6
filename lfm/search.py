"""Beam search, for recognition: several beginnings of a text go on side by side, and the likeliest whole text wins. Runs on the MLX thread.

The likeliest next word is not always part of the likeliest text: what was heard unclearly may be decided by the words behind it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

import mlx.core as mx
import numpy as np

from lfm.generate import Stopped, Word
from lfm.lexicon import START, Lexicon, Spelling
from lfm.model.lfm_audio import LfmAudio
from lfm.model.state import State

WIDER = 4  # times as many are looked at where a lexicon may turn most of them down


@dataclass(frozen=True)
class Beginning:
    """Words so far, and the logarithm of their probability, less what a lexicon takes off."""

    words: tuple[int, ...]
    score: float
    spelling: Spelling = START


def search(
    model: LfmAudio, hidden: mx.array, state: State, end: int, beams: int, limit: int, stopped: Stopped, lexicon: Lexicon | None = None
) -> Iterator[Word]:
    """The words of the likeliest text that is found, each as soon as all beginnings agree on it; `end` too, unless it comes after `limit`.

    Every word makes a text less likely, so one that has ended wins when it is likelier than each that has not. There is no correction
    for length.

    Args:
        hidden: (hidden,) of the last prompt position.
        state: of the prompt; it stays as it is.
        beams: how many beginnings are kept.
        lexicon: the words that a text should be made of; what it takes off, no later word gives back.
    """
    alive, ended, told = [Beginning((), 0.0)], list[Beginning](), 0
    hiddens = hidden[None]
    for _ in range(limit):
        if stopped():
            return
        grown = likeliest(model.text_logits(hiddens), alive, 2 * beams, lexicon)  # as many of them may end as go on
        ended = sorted([*ended, *(text for _, text in grown if text.words[-1] == end)], key=lambda text: -text.score)[:1]
        living = [(row, text) for row, text in grown if text.words[-1] != end][:beams]
        alive = [text for _, text in living]
        if ended and ended[0].score >= alive[0].score:
            break
        for word in agreed([*alive, *ended])[told:]:
            told += 1
            yield Word(word)
        state = state.rows(mx.array([row for row, _ in living]))
        embeddings = model.embed_text(mx.array([text.words[-1] for text in alive])).swapaxes(0, 1)
        hiddens = model(embeddings, state)[:, -1]
    for word in (ended or alive)[0].words[told:]:
        yield Word(word)


def likeliest(logits: mx.array, beginnings: list[Beginning], count: int, lexicon: Lexicon | None) -> list[tuple[int, Beginning]]:
    """What the beginnings become with one word more, logits (n, vocab): the likeliest first, each with the row it comes from."""
    logits = logits.astype(mx.float32)
    scores = logits - mx.logsumexp(logits, axis=-1, keepdims=True) + mx.array([text.score for text in beginnings])[:, None]
    looked_at = count * WIDER if lexicon else count
    places = mx.argpartition(-scores.reshape(-1), kth=looked_at - 1)[:looked_at]
    found = zip(np.array(places).tolist(), np.array(scores.reshape(-1)[places]).tolist(), strict=True)
    rows = [(*divmod(place, logits.shape[-1]), score) for place, score in found]
    texts = [(row, longer(beginnings[row], word, score, lexicon)) for row, word, score in rows]
    return sorted(texts, key=lambda text: (-text[1].score, text[0], text[1].words))[:count]


def longer(text: Beginning, word: int, score: float, lexicon: Lexicon | None) -> Beginning:
    """A beginning with one word more, and the score of both."""
    spelling, loss = lexicon.read(text.spelling, word) if lexicon else (text.spelling, 0.0)
    return Beginning((*text.words, word), score - loss, spelling)


def agreed(texts: list[Beginning]) -> tuple[int, ...]:
    """The words with which all of them begin."""
    columns = takewhile(lambda column: len(set(column)) == 1, zip(*(text.words for text in texts), strict=False))
    return tuple(column[0] for column in columns)
