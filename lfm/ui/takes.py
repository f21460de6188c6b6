"""The takes of a visitor, newest first: kept, deleted, and compared without knowing which decoder made which."""

import secrets
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from lfm import audio
from lfm.ui import figures, picture
from lfm.ui.parts import url
from lfm.ui.take import new_file

Verdict = Literal["A", "B", "same"]


@dataclass(frozen=True)
class Sound:
    """A WAV file and its pictures."""

    path: Path
    picture: Path
    bars: list[float]
    seconds: float

    @classmethod
    def write(cls, pcm: np.ndarray, sample_rate: int, name: str) -> "Sound":
        path, image = new_file(f"{name}.wav"), new_file("spectrogram.png")
        audio.write_wav(path, pcm, sample_rate)
        picture.spectrogram(pcm, sample_rate, image)
        return cls(path, image, picture.bars(pcm), len(pcm) / sample_rate)

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)
        self.picture.unlink(missing_ok=True)

    def view(self) -> dict[str, Any]:
        return {"url": url(self.path), "picture": url(self.picture), "bars": self.bars, "seconds": self.seconds, "file": self.path.name}


@dataclass
class SpokenTake:
    """One piece of speech, by one decoder."""

    text: str
    voice: str
    decoder: str
    seed: int
    figures: str
    sound: Sound
    kept: bool = False
    remark: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(6))

    @property
    def sounds(self) -> tuple[Sound, ...]:
        return (self.sound,)

    def view(self) -> dict[str, Any]:
        how = f"{self.voice}, {self.decoder}{self.remark} · seed {self.seed}"
        view = {"id": self.id, "kind": "take", "text": self.text, "how": how, "figures": self.figures, "kept": self.kept}
        return self.sound.view() | view | {"file": f"speech-{self.seed}-{self.decoder.lower()}.wav"}


@dataclass
class Pair:
    """The same speech by two decoders, whose names nobody is told until one is chosen."""

    first: SpokenTake
    second: SpokenTake
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    kept: bool = False

    @property
    def sounds(self) -> tuple[Sound, ...]:
        return (self.first.sound, self.second.sound)

    def view(self) -> dict[str, Any]:
        halves = [sound.view() for sound in self.sounds]  # and nothing that tells which is which
        how = f"{self.first.voice} · seed {self.first.seed}"
        return {"id": self.id, "kind": "pair", "text": self.first.text, "how": how, "halves": halves, "kept": self.kept}


class Takes:
    """All of one visitor."""

    def __init__(self) -> None:
        self.all: list[SpokenTake | Pair] = []  # newest first
        self.verdicts: Counter[str] = Counter()  # how often each decoder was preferred

    def add(self, take: SpokenTake | Pair) -> None:
        self.all.insert(0, take)

    def keep(self, name: str) -> None:
        for take in self.all:
            if take.id == name:
                take.kept = not take.kept

    def delete(self, name: str) -> None:
        self._drop([take for take in self.all if take.id == name])

    def sweep(self) -> None:
        """Delete all but what is kept."""
        self._drop([take for take in self.all if not take.kept])

    def _drop(self, gone: list[SpokenTake | Pair]) -> None:
        for take in gone:
            self.all.remove(take)
            for sound in take.sounds:
                sound.delete()

    def choose(self, name: str, verdict: Verdict) -> None:
        """Take a pair apart into two named takes; the one that was preferred is kept and comes first."""
        for index, pair in enumerate(self.all):
            if isinstance(pair, Pair) and pair.id == name:
                better, other = (pair.second, pair.first) if verdict == "B" else (pair.first, pair.second)
                if verdict != "same":
                    better.kept, better.remark = True, ", your choice"
                self.verdicts["No difference" if verdict == "same" else better.decoder] += 1
                self.all[index : index + 1] = [better, other]
                return

    def view(self, growing: dict[str, Any] | None = None) -> dict[str, Any]:
        """What takes.js shows; `growing`: the take that is being spoken."""
        so_far = ", ".join(f"{name} {count}" for name, count in self.verdicts.most_common())
        return {"takes": [take.view() for take in self.all], "growing": growing, "verdicts": so_far and f"Preferred so far: {so_far}"}


def growing(text: str, how: str, pcm: list[np.ndarray], sample_rate: int) -> dict[str, Any]:
    """A take that is not there in full."""
    sound = np.concatenate([np.zeros(0, np.int16), *pcm])
    return {"text": text, "how": how, "bars": picture.bars(sound), "length": figures.duration(len(sound) / sample_rate)}
