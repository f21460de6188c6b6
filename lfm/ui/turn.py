"""One turn of a conversation as the page shows it: a question that was typed, spoken or both, and its answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from lfm import audio
from lfm.audio import Audio
from lfm.status import ModelInfo
from lfm.ui.parts import url

BARS = 40  # of the little wave beside a sound
Shown = dict[str, Any]  # what the browser gets


@dataclass(frozen=True)
class Sound:
    """A sound file that the page may offer; a download of it has the file's name."""

    path: str
    seconds: float
    bars: list[int]

    @classmethod
    def read(cls, path: str) -> Self:
        """
        Raises:
            AudioError: it cannot be read.
        """
        heard = audio.load(path)
        return cls(path, heard.seconds, bars(heard.samples))

    @property
    def audio(self) -> Audio:
        return audio.load(self.path)

    def shown(self) -> Shown:
        return {
            "src": url(self.path),
            "name": Path(self.path).name,
            "seconds": round(self.seconds, 3),
            "bars": ",".join(map(str, self.bars)),
        }


@dataclass(frozen=True)
class Answer:
    """What the model said; `note` says what is special about it."""

    text: str
    sound: Sound | None
    note: str = ""

    def shown(self) -> Shown:
        return {"text": self.text, "sound": self.sound and self.sound.shown(), "note": self.note}


@dataclass
class Turn:
    """`id` is the run of the latest attempt to answer it; `words` are those recognised in its sound, None while nobody has tried."""

    text: str
    sound: Sound | None = None
    id: str = ""
    words: str | None = None
    answer: Answer | None = None
    model: ModelInfo | None = None  # that answered
    divider: str = ""  # what stands above it

    @property
    def unheard(self) -> bool:
        """It was spoken, is answered, and its words are not known yet."""
        return self.sound is not None and self.words is None and self.answer is not None

    def shown(self) -> Shown:
        question = {"text": self.text, "words": self.words, "sound": self.sound and self.sound.shown()}
        return {"id": self.id, "question": question, "answer": self.answer and self.answer.shown(), "divider": self.divider}


def bars(samples: np.ndarray) -> list[int]:
    """How loud each part of a sound is, in percent of its loudest."""
    loud = np.array([np.sqrt(np.mean(np.square(part))) if len(part) else 0.0 for part in np.array_split(samples, BARS)])
    return np.rint(100 * loud / max(loud.max(), 1e-4)).astype(int).tolist()
