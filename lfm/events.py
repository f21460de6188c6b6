"""All that a caller of the engine ever sees: typed events made of plain data and numpy arrays."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np


@dataclass(frozen=True)
class TextDelta:
    """The next piece of text."""

    text: str


@dataclass(frozen=True)
class AudioChunk:
    """The next piece of sound: pcm is int16 mono, shape (n,), of any length n > 0."""

    pcm: np.ndarray
    sample_rate: int


@dataclass(frozen=True)
class OtherDecoding:
    """The next piece of the same speech, from the same frames, as Options.compare's decoder makes it: int16 mono, shape (n,)."""

    pcm: np.ndarray
    sample_rate: int


@dataclass(frozen=True)
class Stats:
    """Figures of one request. Times are in seconds, counted from the moment the request got the model; None where it did not happen."""

    queued: float = 0.0  # waited for others before that moment
    prompt_tokens: int = 0  # positions that were fed before generation
    prompt_seconds: float = 0.0  # how long that took
    text_tokens: int = 0
    audio_frames: int = 0
    first_text: float | None = None
    first_sound: float | None = None
    seconds: float = 0.0
    audio_seconds: float = 0.0  # of sound made (or, for recognition, heard)

    @property
    def tokens_per_second(self) -> float:
        """Text tokens and audio frames a second."""
        return (self.text_tokens + self.audio_frames) / self.seconds if self.seconds else 0.0

    @property
    def real_time_factor(self) -> float | None:
        """Seconds of work per second of sound: below 1 is faster than real time."""
        return self.seconds / self.audio_seconds if self.audio_seconds else None


@dataclass(frozen=True)
class Done:
    """The last event of a request.

    end: the model finished; length: max_tokens was reached; cancelled: someone stopped it.
    """

    reason: Literal["end", "length", "cancelled"]
    stats: Stats = field(default_factory=Stats)


@dataclass(frozen=True)
class Progress:
    """How far a long recognition is: seconds of sound done, of all."""

    done: float
    total: float


Event = TextDelta | AudioChunk | OtherDecoding | Progress | Done
