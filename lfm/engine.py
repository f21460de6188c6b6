"""The one thread that owns MLX: it answers any number of callers, first come, first served.

Every mx.array is made, used and freed there; numpy arrays and events cross. Three ways end a request within one token: its
reader walks away, someone cancels it, or an error, which arrives at the reader.
"""

import contextlib
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from lfm.audio import Audio
from lfm.chat import Chat
from lfm.errors import ModelChanged
from lfm.events import Done, Event
from lfm.loader import Loader
from lfm.options import SPEAK, TRANSCRIBE, Options
from lfm.request import LOOK_EVERY, Request
from lfm.status import Board, ModelInfo, Status

if TYPE_CHECKING:
    from lfm.checkpoint import LoadedModel
    from lfm.generate import Stopped, TokenGenerator
    from lfm.session import Session

Job = Callable[["LoadedModel", "TokenGenerator", "Stopped"], Iterator[Event]]


class Engine:
    """A loaded model behind a queue. It returns at once; the model loads in the background."""

    def __init__(self, model: str, *, revision: str | None = None, dtype: str | None = None, fallback: str | None = None) -> None:
        """`fallback` is another model, for when that one cannot be had."""
        self._mlx = ThreadPoolExecutor(1, thread_name_prefix="mlx")
        self._board = Board(Status(state="loading", wanted=model))
        self._loader = Loader(self._mlx, self._board, dtype, fallback)
        self._lock = threading.Lock()
        self._line: list[Request] = []  # who waits for the MLX thread, in order
        self._requests: weakref.WeakSet[Request] = weakref.WeakSet()
        self.load(model, revision)

    @property
    def status(self) -> Status:
        """What the engine is doing now."""
        return self._board.status

    def load(self, model: str, revision: str | None = None) -> None:
        """Switch to another model: a folder, a Hub repository or "random".

        The one that is there answers until the other has come; requests before the switch finish, conversations end. If the
        other cannot be had, the one before is loaded again, and the status says why.
        """
        self._loader.load(model, revision)

    def download(self, model: str) -> None:
        """Bring a repository into the cache, for later."""
        self._loader.downloads.start(model, None)

    def cancel_download(self, model: str) -> None:
        """Stop a download, keeping what has come."""
        self._loader.downloads.cancel(model)

    def cached(self) -> dict[str, int]:
        """The repositories that need no download, and the bytes that each takes on disk."""
        from lfm import hub

        return hub.cached()

    def wait(self) -> ModelInfo:
        """Block until a model is there.

        Raises:
            LfmError: it could not be loaded; the message says why.
        """
        return self._loader.wait()

    def chat(self) -> Chat:
        """A new conversation."""
        return Chat(self)

    def transcribe(
        self, audio: Audio, options: Options = TRANSCRIBE, cancelled: threading.Event | None = None
    ) -> Generator[Event, None, None]:
        """Write down a recording."""

        def job(loaded: "LoadedModel", generator: "TokenGenerator", stopped: "Stopped") -> Iterator[Event]:
            from lfm import tasks

            return tasks.transcribe(loaded, generator, audio, options, stopped)

        return self.stream(job, cancelled)

    def speak(
        self, text: str, voice: str, options: Options = SPEAK, cancelled: threading.Event | None = None
    ) -> Generator[Event, None, None]:
        """Say a text; voice is one of ModelInfo.voices or, where there are none, a description."""

        def job(loaded: "LoadedModel", generator: "TokenGenerator", stopped: "Stopped") -> Iterator[Event]:
            from lfm import tasks

            return tasks.speak(loaded, generator, text, voice, options, stopped)

        return self.stream(job, cancelled)

    def stream(self, job: Job, cancelled: threading.Event | None = None) -> Generator[Event, None, None]:
        """Run a job on the MLX thread when its turn comes; its events, here. Leaving the iterator cancels it."""
        request, told = Request(cancelled), 0
        try:
            while not self._loader.settled.wait(LOOK_EVERY):
                told = -1  # so that the end of this wait is told too
                if request.stopped():
                    yield Done("cancelled")
                    return
            self.wait()
            self._requests.add(request)
            self._queue(request)
            self._mlx.submit(self._work, request, job)
            yield from request.events(lambda: self._ahead(request), told)
        finally:
            request.leave()
            self._unqueue(request)

    def rehearse(self) -> None:
        """From here on do beforehand what the first requests to a model would wait for. Not while the page starts: it would take longer."""
        self._mlx.submit(self._loader.rehearse)

    def close(self) -> None:
        """Cancel what runs, free the model and end the threads."""
        for request in list(self._requests):
            request.leave()
        self._loader.downloads.close()
        with contextlib.suppress(RuntimeError):  # closed before
            self._mlx.submit(self._loader.free)
            self._mlx.submit(_end_streams)
        self._mlx.shutdown(wait=True)
        self._board.update(state="closed", model=None, wanted="")
        self._loader.settled.set()

    # --- on the MLX thread ---

    def _work(self, request: Request, job: Job) -> None:
        self._unqueue(request)
        if request.stopped():
            request.skip()
            return

        def events() -> Iterator[Event]:
            present = self._loader.present
            if present is None:
                raise ModelChanged("The model was unloaded while you waited. Ask again.")
            yield from job(present.loaded, present.generator, request.stopped)

        self._board.update(state="busy")
        request.run(events)
        self._board.update(state="ready" if self._loader.present else "failed")

    def session(self, key: int) -> "Session":
        """The session of that number, made on first use."""
        from lfm.session import Session

        present = self._loader.present
        assert present is not None
        if key not in present.sessions:
            present.sessions[key] = Session(present.loaded, present.generator)
        return present.sessions[key]

    # --- from any thread ---

    def change(self, key: int, change: Callable[["Session"], None]) -> None:
        """Change a session when the thread gets to it."""

        def work() -> None:
            present = self._loader.present
            if present and (session := present.sessions.get(key)):
                change(session)

        self._mlx.submit(work)

    def forget(self, key: int) -> None:
        """Drop a session when the thread gets to it."""

        def work() -> None:
            if present := self._loader.present:
                present.sessions.pop(key, None)

        with contextlib.suppress(RuntimeError):  # the engine is closed and the session gone with it
            self._mlx.submit(work)

    def _queue(self, request: Request) -> None:
        with self._lock:
            self._line.append(request)
            self._board.update(waiting=len(self._line))

    def _unqueue(self, request: Request) -> None:
        with self._lock:
            if request in self._line:
                self._line.remove(request)
            self._board.update(waiting=len(self._line))

    def _ahead(self, request: Request) -> int:
        """How many requests end before this one begins."""
        with self._lock:
            return self._line.index(request) + (self.status.state == "busy") if request in self._line else 0


def _end_streams() -> None:
    import mlx.core as mx

    mx.clear_streams()  # else the interpreter aborts when it ends
