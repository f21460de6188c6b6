"""The player bar at the foot of the page, and the messages that feed it. The playing itself is in player.js.

A component's value is no way to send sound: when values follow each other fast, Gradio's page keeps the newest and drops the rest.
So the value only names the request, and the bar fetches that request's messages itself, in order, from where it is.
"""

import asyncio
import base64
import secrets
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakValueDictionary

from lfm.events import AudioChunk, Done, Event, Queued, TextDelta
from lfm.status import Status
from lfm.ui import figures
from lfm.ui.parts import drawn

PATIENCE = 2.0  # seconds that a fetch waits for something new before it returns empty
LOOK_EVERY = 0.01  # seconds

Message = dict[str, Any]


class Feed:
    """The messages of one request. `run` names it: later ones sort higher, and nobody can guess another visitor's."""

    def __init__(self) -> None:
        self.run = f"{time.time_ns()}-{secrets.token_hex(8)}"
        self.messages: list[Message] = []
        self._word = ""

    def begin(self, word: str, status: Status, expected: float = 0.0) -> str:
        """`word` says what the model is about to do, `expected` how many seconds of sound that may be, where it is known."""
        self._word = word
        if status.state in ("downloading", "loading"):
            self._add(state="Queued", hint="The model is still loading", expected=expected)
        else:
            self._add(state=word, hint="", expected=expected)
        return self.run

    def queued(self, events: Iterable[Event]) -> Iterator[Event]:
        """The same events but for those that count the queue, which are said."""
        for event in events:
            match event:
                case Queued(0):
                    self.now(self._word)
                case Queued(ahead):
                    self._add(state="Queued", hint="You are next" if ahead == 1 else f"{ahead} ahead of you")
                case _:
                    yield event

    def now(self, word: str) -> None:
        if self.messages[-1].get("state") != word:
            self._add(state=word, hint="")

    def text(self, delta: TextDelta) -> None:
        self._add(text=delta.text)

    def sound(self, chunk: AudioChunk) -> None:
        self._add(pcm=base64.b64encode(chunk.pcm.astype("<i2").tobytes()).decode(), rate=chunk.sample_rate)

    def done(self, done: Done) -> None:
        hint = "Cut off at the greatest length" if done.reason == "length" else ""
        self._add(final=True, hint=hint, speed=figures.times_real_time(done.stats))

    def close(self) -> None:
        """Leave no player waiting, whatever became of the request."""
        if not self.messages or not self.messages[-1].get("final"):
            self._add(final=True, hint="", speed="")

    def _add(self, **message: object) -> None:
        self.messages.append(message)


class Player:
    """The bar. Its value is the `run` of the feed that it plays; its event `stop` fires after it has fallen silent."""

    def __init__(self) -> None:
        feeds: WeakValueDictionary[str, Feed] = WeakValueDictionary()

        async def fetch(asked: Message) -> list[Message] | None:
            """The messages of `run` after the first `have`, as soon as there is one; None when there is no such run any more."""
            run, have = str(asked["run"]), int(asked["have"])
            deadline = time.monotonic() + PATIENCE
            while (feed := feeds.get(run)) and len(feed.messages) <= have and time.monotonic() < deadline:
                await asyncio.sleep(LOOK_EVERY)
            return feed.messages[have:] if feed else None

        self._feeds = feeds
        # It is the page's last child, and the tabs before it need it.
        self.bar = drawn("player", elem_id="player", server_functions=[fetch], render=False)

    @contextmanager
    def feed(self) -> Iterator[Feed]:
        """The feed of a new request; it can be fetched from as long as someone keeps it."""
        feed = Feed()
        self._feeds[feed.run] = feed
        try:
            yield feed
        finally:
            feed.close()
