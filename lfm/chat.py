"""A conversation as its owner holds it: a handle on a session that lives on the engine's thread."""

import threading
import weakref
from collections.abc import Generator, Iterator
from itertools import count
from typing import TYPE_CHECKING

from lfm.audio import Audio
from lfm.events import Event
from lfm.options import CHAT, Options

if TYPE_CHECKING:
    from lfm.checkpoint import LoadedModel
    from lfm.engine import Engine
    from lfm.generate import Stopped, TokenGenerator
    from lfm.session import Session


class Chat:
    """A conversation: a handle that holds no arrays."""

    _keys = count()

    def __init__(self, engine: "Engine") -> None:
        self._engine, self._key = engine, next(self._keys)
        self._cancelled = threading.Event()
        self.used = 0  # positions of the context
        self.turns = 0
        weakref.finalize(self, engine.forget, self._key)

    def reply(
        self,
        text: str | None = None,
        audio: Audio | None = None,
        options: Options = CHAT,
        system: str | None = None,
        again: bool = False,
    ) -> Generator[Event, None, None]:
        """Answer one turn of the user: words, a recording, or both.

        `again` goes back first to where the latest question was asked, so that this one takes its place; where nothing is
        said, the one before is still there.
        """
        self._cancelled = cancelled = threading.Event()

        def job(loaded: "LoadedModel", generator: "TokenGenerator", stopped: "Stopped") -> Iterator[Event]:
            session = self._engine.session(self._key)
            try:
                yield from session.reply(text, audio, options, system, stopped, again)
            finally:
                self._measure(session)

        return self._engine.stream(job, cancelled)

    def cancel(self) -> None:
        """Stop the reply that runs or waits; it ends with Done("cancelled")."""
        self._cancelled.set()

    def clear(self) -> None:
        """Begin anew."""
        self.cancel()
        self._engine.forget(self._key)
        self.used = self.turns = 0

    def shorten(self) -> None:
        """Forget the first turns, so that half of the context is free again."""

        def change(session: "Session") -> None:
            session.shorten()
            self._measure(session)

        self._engine.change(self._key, change)

    def _measure(self, session: "Session") -> None:
        self.used, self.turns = len(session.conversation), len(session.turns)
