"""What the page needs of an engine: the seam between the page and the model, so that tests can put another engine behind it."""

import threading
from collections.abc import Iterator
from typing import Protocol

from lfm.audio import Audio
from lfm.events import Event
from lfm.options import Options
from lfm.status import Status


class Chat(Protocol):
    """One conversation."""

    @property
    def used(self) -> int: ...
    @property
    def turns(self) -> int: ...
    def reply(
        self, text: str | None = None, audio: Audio | None = None, options: Options = ..., system: str | None = None, again: bool = False
    ) -> Iterator[Event]: ...
    def cancel(self) -> None: ...
    def clear(self) -> None: ...
    def shorten(self) -> None: ...


class Backend(Protocol):
    """The engine: see lfm.engine.Engine."""

    @property
    def status(self) -> Status: ...
    def chat(self) -> Chat: ...
    def transcribe(self, audio: Audio, options: Options = ..., cancelled: threading.Event | None = None) -> Iterator[Event]: ...
    def speak(self, text: str, voice: str, options: Options = ..., cancelled: threading.Event | None = None) -> Iterator[Event]: ...
