"""What the engine says of itself: which model it has and what it is doing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import Literal

from lfm.options import DecoderName

LONGEST = 30.0  # seconds of sound that a model may write down at a time
State = Literal["downloading", "loading", "ready", "busy", "failed", "closed"]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """The loaded model, in words a page can show."""

    name: str  # as given: a repository, a folder, or "random"
    family: Literal["LFM2-Audio", "LFM2.5-Audio", "LFM2.5-Audio-JP"]
    precision: str  # "float32", "bfloat16", "8-bit", …
    parameters: int
    memory: int  # bytes of weights
    decoders: tuple[DecoderName, ...]  # the default one first
    voices: tuple[str, ...]  # preset voices; empty: the voice is described in words
    context: int  # positions a conversation may hold
    device: str = ""  # what computes: "Apple M4", "NVIDIA H200", …
    noise: bool = False  # random weights: what it says is noise
    words_alone: bool = False  # it reads no figures and no signs
    one_by_one: bool = False  # it says one sentence at a time
    longest: float = LONGEST  # seconds of sound that it writes down at a time


@dataclass(frozen=True, kw_only=True)
class Download:
    """A model on its way here, or stopped on it."""

    name: str
    done: int = 0  # bytes
    total: int = 0
    rate: float = 0.0  # bytes a second; 0: not known yet
    error: str = ""  # why it stopped, with the remedy


@dataclass(frozen=True, kw_only=True)
class Status:
    """A snapshot of the engine."""

    state: State
    model: ModelInfo | None = None
    wanted: str = ""  # the model asked for, until it is there or has failed
    waiting: int = 0  # requests behind the one that runs
    downloads: tuple[Download, ...] = ()
    failed: str = ""  # the model that was asked for last and could not be had
    error: str = ""  # why, with the remedy
    prepares_since: float | None = None  # time.monotonic(), while what first answers would wait for is made

    @property
    def download(self) -> Download | None:
        """That of the model which is wanted."""
        return next((each for each in self.downloads if each.name == self.wanted and not each.error), None)


class Board:
    """The latest status: any thread reads and changes it."""

    def __init__(self, status: Status) -> None:
        self._lock, self._status = Lock(), status

    @property
    def status(self) -> Status:
        return self._status

    def change(self, change: Callable[[Status], Status]) -> None:
        """To what follows from the one before."""
        with self._lock:
            self._status = change(self._status)

    def update(self, **changes: object) -> None:
        """To one with other fields."""
        self.change(lambda status: replace(status, **changes))  # type: ignore[arg-type]
