"""The engine as the judges use it: a request's events gathered into one result."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

import language  # noqa: F401 (makes lfm importable)
from lfm.events import AudioChunk, Done, Event, Stats, TextDelta

RATE = 24_000


@dataclass(frozen=True)
class Result:
    """All that a request gave."""

    text: str
    sound: np.ndarray  # (T,) float32 at 24 kHz
    reason: str
    stats: Stats


def gathered(events: Iterable[Event]) -> Result:
    text, sound, done = "", [np.zeros(0, np.float32)], Done("cancelled")
    for event in events:
        match event:
            case TextDelta(delta):
                text += delta
            case AudioChunk(pcm, rate):
                assert rate == RATE
                sound.append(pcm.astype(np.float32) / 32767)
            case Done():
                done = event
    return Result(text.strip(), np.concatenate(sound), done.reason, done.stats)


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    measure: str
    value: str
    aim: str
    count: int  # of clips, sentences or turns

    def __str__(self) -> str:
        return f"{self.measure:62} {self.value:>16}  {self.aim:20} {self.count:5d}"


def percent(share: float) -> str:
    return f"{100 * share:.1f} %"
