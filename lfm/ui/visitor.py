"""One browser tab: its conversation, what its page shows of it, and the one request that it may have running."""

import asyncio
import threading
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

import gradio as gr

from lfm.status import ModelInfo
from lfm.ui.backend import Backend
from lfm.ui.player import Feed
from lfm.ui.starters import starters
from lfm.ui.turn import Turn


@dataclass(frozen=True)
class Notice:
    """Something that did not work, what to do about it, and the words of a button that does it."""

    title: str
    remedy: str = ""
    action: str = ""


class Visitor:
    """What gr.State keeps for a tab. The conversation itself is the engine's: `chat` is only a handle to it."""

    def __init__(self, engine: Backend, present: "MutableMapping[str, Visitor]") -> None:
        """`present` is shared by all tabs: the visitors by the hash that Gradio names a closed tab by."""
        self.chat = engine.chat()
        self.turns: list[Turn] = []  # what the page shows
        self.notice: Notice | None = None
        self.model: ModelInfo | None = None  # the one that the controls are set for
        self.feed: Feed | None = None  # of the latest request; kept because the player may still fetch from it
        self.waiting: set[object] = set()  # requests of this tab that wait for the one before
        self.listening = False  # to its questions, for their words
        self.gone = False  # the tab was closed
        self._present = present
        self._turn = threading.Lock()
        self._cancelled = threading.Event()

    def __deepcopy__(self, memo: dict[int, object]) -> Self:
        """Gradio copies once what a State's factory returns; a conversation has no copies."""
        return self

    def shown(self) -> dict[str, Any]:
        """The conversation as conversation.js draws it."""
        turns = [turn.shown() for turn in self.turns]
        return {"turns": turns, "notice": self.notice and vars(self.notice), "starters": starters(self.model)}

    @contextmanager
    def turn(self, request: gr.Request) -> Iterator[threading.Event]:
        """Be this tab's only request: wait for the one before to end, and be the one that Stop ends."""
        self.waiting.add(me := object())
        with self._turn:
            self.waiting.discard(me)
            self._cancelled = threading.Event()
            self._present[str(request.session_hash)] = self
            yield self._cancelled

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
