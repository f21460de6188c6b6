"""One job for the engine's thread, and the events on their way from there to whoever asked for it."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from queue import Empty, SimpleQueue
from time import perf_counter

from lfm.events import Done, Event, Stats

LOOK_EVERY = 0.05  # seconds between two looks at a cancelled request that has not begun


class Request:
    """Made by the one who asks; `run` is called on the engine's thread, `events` is read on the asker's."""

    def __init__(self, cancelled: threading.Event | None) -> None:
        self.cancelled = cancelled or threading.Event()
        self._events: SimpleQueue[Event | BaseException | None] = SimpleQueue()
        self._begun = threading.Event()
        self._asked = perf_counter()

    def run(self, job: Callable[[], Iterator[Event]]) -> None:
        """Do the job; an error goes to the reader."""
        queued = perf_counter() - self._asked
        self._begun.set()
        end: Exception | None = None
        try:
            for event in job():
                if isinstance(event, Done):
                    event = replace(event, stats=replace(event.stats, queued=queued))
                self._events.put(event)
        except Exception as error:
            end = error
        self._events.put(end)

    def skip(self) -> None:
        """It was cancelled before its turn came."""
        self._events.put(self._unheard())
        self._events.put(None)

    def events(self) -> Iterator[Event]:
        """What the job says, as it says it; a request that still waits can be left at once."""
        while True:
            try:
                event = self._events.get(timeout=None if self._begun.is_set() else LOOK_EVERY)
            except Empty:
                if self.cancelled.is_set() and not self._begun.is_set():
                    yield self._unheard()
                    return
                continue
            if event is None:
                return
            if isinstance(event, BaseException):
                raise event
            yield event

    def _unheard(self) -> Done:
        return Done("cancelled", Stats(queued=perf_counter() - self._asked))
