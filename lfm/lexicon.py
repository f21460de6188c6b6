"""The words that there are. A small model writes some that are none; where it brings a list, recognition prefers texts of words on it."""

import gzip
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lfm.errors import CheckpointError

LEXICON = "lexicon.txt.gz"  # in a checkpoint's folder: words in small letters, one a line
STRANGE = 3.0  # nats that a text loses by a word that is none: enough for a near miss, too little for a name that was heard well


@dataclass(frozen=True)
class Spelling:
    """The end of a text: the letters of its last word, and whether no word begins so."""

    letters: str = ""
    strange: bool = False


START = Spelling()


class Lexicon:
    """Words, and what a text loses by others.

    Args:
        words: in small letters; what stands on both sides of an apostrophe counts as two.
        text_of: a token's text, empty for a control token.
    """

    def __init__(self, words: Iterable[str], text_of: Callable[[int], str]) -> None:
        self._words = sorted(words)
        self._text_of = cache(text_of)

    def read(self, at: Spelling, token: int) -> tuple[Spelling, float]:
        """Where a text stands with one token more, and what it loses: STRANGE as soon as a word can be none on the list."""
        loss = 0.0
        for character in self._text_of(token).lower() or " ":
            letters = at.letters + character if character.isalpha() else ""
            strange = at.strange or not (self._begins(letters) if letters else self._holds(at.letters))
            loss += STRANGE * (strange and not at.strange)
            at = Spelling(letters, strange and letters != "")
        return at, loss

    def _begins(self, letters: str) -> bool:
        return self._next(letters).startswith(letters)

    def _holds(self, letters: str) -> bool:
        return letters in ("", self._next(letters))

    def _next(self, letters: str) -> str:
        """The first word from there on, in the order of the alphabet."""
        place = bisect_left(self._words, letters)
        return self._words[place] if place < len(self._words) else ""


def lexicon_of(folder: Path, text_of: Callable[[int], str]) -> Lexicon | None:
    """A checkpoint's list of words, if it brings one.

    Raises:
        CheckpointError: it cannot be read.
    """
    path = folder / LEXICON
    if not path.is_file():
        return None
    try:
        return Lexicon(gzip.decompress(path.read_bytes()).decode("utf-8").split(), text_of)
    except (OSError, EOFError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read ({error}). Download it again, or remove it.") from error
