"""What the engine says of itself: which model it has and what it is doing."""

from dataclasses import dataclass
from typing import Literal

from lfm.options import DecoderName

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
    noise: bool = False  # random weights: what it says is noise


@dataclass(frozen=True, kw_only=True)
class Status:
    """A snapshot of the engine."""

    state: State
    model: ModelInfo | None = None
    wanted: str = ""  # the model asked for, while it is downloading or loading
    waiting: int = 0  # requests behind the one that runs
    done_bytes: int = 0  # of a download
    total_bytes: int = 0
    error: str = ""  # why state is "failed", with the remedy
