"""Clips to try recognition with, and how many words of one came out wrong."""

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import soundfile

if TYPE_CHECKING:
    import jiwer

FOLDER = Path(__file__).parents[2] / "assets" / "examples"


@dataclass(frozen=True)
class Example:
    """A clip and what is said in it."""

    path: Path
    title: str
    text: str

    @property
    def label(self) -> str:
        """`Trains, 9 s`."""
        return f"{self.title}, {soundfile.info(self.path).duration:.0f} s"


def examples() -> list[Example]:
    listing = FOLDER / "examples.json"
    if not listing.is_file():
        return []
    return [Example(FOLDER / each["file"], each["title"], each["text"]) for each in json.loads(listing.read_text(encoding="utf-8"))]


@cache  # to know all punctuation, jiwer looks at every character there is
def words() -> "jiwer.Compose":
    """Spoken words alone are compared: case, punctuation and hyphens are matters of spelling."""
    import jiwer  # brings rapidfuzz, and that pandas, for which a page that starts should not wait

    return jiwer.Compose(
        [
            jiwer.ToLowerCase(),
            jiwer.SubstituteRegexes({r"[-–—]": " "}),  # noqa: RUF001
            jiwer.RemovePunctuation(),
            jiwer.RemoveMultipleSpaces(),
            jiwer.Strip(),
            jiwer.ReduceToListOfListOfWords(),
        ]
    )


def word_error_rate(reference: str, heard: str) -> float:
    """Words replaced, left out or put in, per word of the reference."""
    import jiwer

    return float(jiwer.wer(reference, heard, words(), words()))
