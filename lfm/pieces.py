"""Long sound and long text in pieces that the model handles well: it drops and repeats words beyond half a minute."""

import re

import numpy as np

from lfm.audio import Audio
from lfm.status import LONGEST, ModelInfo

HUSH = 0.2  # seconds that are as quiet as can be where a cut is made
LETTERS = 300  # of text
TITLES = "".join(rf"(?<!\b{title}\.)" for title in ("Mr", "Mrs", "Ms", "Dr", "Prof"))  # no sentence ends behind these
SENTENCE = rf"(?<=[.!?]){TITLES}\s+|(?<=[.!?][\"”’')])\s+|(?<=[。！？])|\n+"  # noqa: RUF001  where one ends


def cut_sound(audio: Audio, longest: float = LONGEST) -> list[Audio]:
    """Pieces of at most so many seconds, each cut where its second half is quietest."""
    rate, samples, pieces = audio.sample_rate, audio.samples, []
    hush = int(HUSH * rate)
    while len(samples) > longest * rate:
        first, last = int(longest / 2 * rate), int(longest * rate)
        energy = np.concatenate([[0.0], np.cumsum(np.square(samples[first:last], dtype=np.float64))])
        quietest = first + int(np.argmin(energy[hush:] - energy[:-hush])) + hush // 2
        pieces.append(Audio(samples[:quietest], rate))
        samples = samples[quietest:]
    return [*pieces, Audio(samples, rate)]


def worded(text: str, model: ModelInfo | None) -> str:
    """A text as the model can read it."""
    from lfm.wording import in_words  # brings num2words, for which a page that starts should not wait

    return in_words(text) if model and model.words_alone else text


def cut_text(text: str, one_by_one: bool = False) -> list[str]:
    """Pieces of at most LETTERS characters: whole sentences, else whole phrases, else whole words.

    `one_by_one`: for a model that says one sentence at a time; each gets the full stop that it may lack.
    """
    if one_by_one:
        return [_ended(piece) for sentence in re.split(SENTENCE, text) for piece in cut_text(sentence) if re.search(r"\w", piece)]
    pieces: list[str] = []
    for part in _parts(text.strip()):
        if pieces and len(pieces[-1]) + len(part) < LETTERS:
            pieces[-1] += part
        else:
            pieces.append(part)
    return [piece.strip() for piece in pieces if piece.strip()]


def sentences(text: str) -> int:
    """How many there are."""
    return sum(bool(re.search(r"\w", part)) for part in re.split(SENTENCE, text))


def _ended(sentence: str) -> str:
    return sentence if re.search(r"[.!?。！？]\W*$", sentence) else f"{sentence.rstrip(',;: ')}."  # noqa: RUF001


def _parts(text: str) -> list[str]:
    for boundary in (SENTENCE, r"(?<=[,;:–])\s+|(?<=[、；：])", r"\s+"):  # noqa: RUF001
        if len(text) < LETTERS:
            return [text]
        parts = [part + " " for part in re.split(boundary, text) if part.strip()]
        if len(parts) > 1:
            return [small for part in parts for small in _parts(part)]
    return [text[i : i + LETTERS] for i in range(0, len(text), LETTERS)]
