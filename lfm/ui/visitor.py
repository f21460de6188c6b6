"""One browser tab: its conversation, what its chat shows, and the one request that it may have running."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import gradio as gr

from lfm.status import ModelInfo
from lfm.ui.backend import Backend
from lfm.ui.player import Feed


class Visitor:
    """What gr.State keeps for a tab. The conversation itself is the engine's: `chat` is only a handle to it."""

    def __init__(self, engine: Backend, running: dict[str, "Visitor"]) -> None:
        """`running` is shared by all tabs: which of them have a request, by the hash that Gradio names a closed tab by."""
        self.chat = engine.chat()
        self.messages: list[dict[str, Any]] = []  # what the chat shows
        self.model: ModelInfo | None = None  # the one that the controls are set for
        self.feed: Feed | None = None  # of the latest request; kept because the player may still fetch from it
        self._running = running
        self._turn = threading.Lock()
        self._cancelled = threading.Event()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Gradio copies once what a State's factory returns; a conversation has no copies."""
        return self

    @contextmanager
    def turn(self, request: gr.Request) -> Iterator[threading.Event]:
        """Be this tab's only request: wait for the one before to end, and be the one that Stop ends."""
        with self._turn:
            self._cancelled = threading.Event()
            self._running[str(request.session_hash)] = self
            try:
                yield self._cancelled
            finally:
                self._running.pop(str(request.session_hash), None)

    def stop(self) -> None:
        """Ask the running request to end."""
        self._cancelled.set()
        self.chat.cancel()

    async def stopped(self) -> None:
        """Ask the running request to end until it has.

        Asking once is not enough: a reply that the engine has not heard of yet cannot be cancelled there.
        """
        asked = self._cancelled
        while asked is self._cancelled and self._turn.locked():
            self.stop()
            await asyncio.sleep(0.05)
