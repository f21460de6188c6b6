"""The one thread that owns MLX: it loads, runs and frees, and answers any number of callers, first come, first served.

Every mx.array is made, used and freed there; numpy arrays and events cross. Three ways end a request within one token: its
reader walks away, someone cancels it, or an error, which arrives at the reader.
"""

import contextlib
import gc
import logging
import tempfile
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from time import perf_counter
from typing import TYPE_CHECKING

from lfm.audio import Audio
from lfm.blas import use_fast_blas
from lfm.chat import Chat
from lfm.errors import LfmError
from lfm.events import Done, Event, Queued, Stats
from lfm.options import SPEAK, TRANSCRIBE, Options
from lfm.status import ModelInfo, Status

if TYPE_CHECKING:
    from lfm.checkpoint import LoadedModel
    from lfm.generate import Stopped, TokenGenerator
    from lfm.session import Session

log = logging.getLogger(__name__)
RANDOM = "random"  # the name of a small model of noise, made on the spot
LOOK_EVERY = 0.05  # seconds between two looks at a cancelled request that has not begun

Job = Callable[["LoadedModel", "TokenGenerator", "Stopped"], Iterator[Event]]


class Request:
    """One job and the events on their way to its reader."""

    def __init__(self, cancelled: threading.Event | None) -> None:
        self.cancelled = cancelled or threading.Event()
        self.events: SimpleQueue[Event | BaseException | None] = SimpleQueue()
        self.begun = threading.Event()
        self.asked = perf_counter()


class Engine:
    """A loaded model behind a queue. It returns at once; the model loads in the background."""

    def __init__(self, model: str, *, revision: str | None = None, dtype: str | None = None) -> None:
        self._dtype = dtype
        self._mlx = ThreadPoolExecutor(1, thread_name_prefix="mlx")
        self._fetch = ThreadPoolExecutor(1, thread_name_prefix="download")
        self._lock = threading.Lock()
        self._settled = threading.Event()  # there is a model, or there will be none
        self._status = Status(state="loading", wanted=model)
        self._line: list[Request] = []  # who waits for the MLX thread, in order
        self._stop_fetching = threading.Event()
        self._requests: weakref.WeakSet[Request] = weakref.WeakSet()
        # Used on the MLX thread alone:
        self._loaded: LoadedModel | None = None
        self._generator: TokenGenerator | None = None
        self._sessions: dict[int, Session] = {}
        self.load(model, revision)

    @property
    def status(self) -> Status:
        """What the engine is doing now."""
        with self._lock:
            return self._status

    def load(self, model: str, revision: str | None = None) -> None:
        """Switch to another model: a folder, a Hub repository or "random". Requests before it finish; conversations end."""
        self._stop_fetching.set()  # a download nobody waits for any more
        self._stop_fetching = stop = threading.Event()
        self._fetch.submit(self._fetch_and_load, model, revision, stop)

    def wait(self) -> ModelInfo:
        """Block until a model is there.

        Raises:
            LfmError: it could not be loaded; the message says why.
        """
        self._settled.wait()
        status = self.status
        if status.model is None:
            raise LfmError(status.error or "The engine is closed.")
        return status.model

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
        request, ahead = Request(cancelled), 0
        try:
            while not self._settled.wait(LOOK_EVERY):
                ahead = -1  # so that the end of this wait is told too
                if request.cancelled.is_set():
                    yield Done("cancelled")
                    return
            self.wait()
            self._requests.add(request)
            self._queue(request)
            self._mlx.submit(self._work, request, job)
            while True:
                try:
                    event = request.events.get(timeout=None if request.begun.is_set() and not ahead else LOOK_EVERY)
                except Empty:
                    if request.cancelled.is_set() and not request.begun.is_set():
                        yield Done("cancelled", Stats(queued=perf_counter() - request.asked))
                        return
                    if ahead != (ahead := self._ahead(request)):
                        yield Queued(ahead)
                    continue
                if event is None:
                    return
                if isinstance(event, BaseException):
                    raise event
                yield event
        finally:
            request.cancelled.set()
            self._unqueue(request)

    def close(self) -> None:
        """Cancel what runs, free the model and end the threads."""
        self._stop_fetching.set()
        for request in list(self._requests):
            request.cancelled.set()
        self._fetch.shutdown(wait=True, cancel_futures=True)
        with contextlib.suppress(RuntimeError):  # closed before
            self._mlx.submit(self._free)
            self._mlx.submit(_end_streams)
        self._mlx.shutdown(wait=True)
        self._set(Status(state="closed"))
        self._settled.set()

    # --- on the download thread ---

    def _fetch_and_load(self, model: str, revision: str | None, stop: threading.Event) -> None:
        from lfm import hub, random_model

        def progress(done: int, total: int) -> None:
            self._update(state="downloading", wanted=model, done_bytes=done, total_bytes=total)

        with tempfile.TemporaryDirectory() as temporary:
            try:
                self._update(wanted=model, error="")
                if model == RANDOM:
                    folder = random_model.write(Path(temporary))
                else:
                    folder = hub.find(model, revision, progress=progress, cancelled=stop)
            except Exception as error:
                if not stop.is_set():
                    self._fail(model, error)
                return
            if not stop.is_set():
                self._mlx.submit(self._load, model, folder).result()

    # --- on the MLX thread ---

    def _load(self, model: str, folder: Path) -> None:
        self._settled.clear()  # who asks from here on waits for the new model
        self._free()
        self._update(state="loading", model=None, wanted=model)
        try:
            from lfm import checkpoint
            from lfm.generate import TokenGenerator

            log.info("loading %s, BLAS: %s", model, use_fast_blas() or "MLX's own")
            self._loaded = checkpoint.load(folder, self._dtype, name=model)
            self._generator = TokenGenerator(self._loaded.model)
        except Exception as error:
            self._free()
            self._fail(model, error)
            return
        self._set(Status(state="ready", model=self._loaded.info))
        self._settled.set()
        self._generator.warm()  # the first request waits for it, the page does not

    def _free(self) -> None:
        self._loaded = self._generator = None
        self._sessions.clear()
        gc.collect()
        import mlx.core as mx

        mx.clear_cache()

    def _work(self, request: Request, job: Job) -> None:
        self._unqueue(request)
        if request.cancelled.is_set():
            request.events.put(Done("cancelled", Stats(queued=perf_counter() - request.asked)))
            request.events.put(None)
            return
        request.begun.set()
        self._update(state="busy")
        queued = perf_counter() - request.asked
        end: Exception | None = None
        try:
            if self._loaded is None or self._generator is None:
                raise LfmError("The model was unloaded while you waited. Ask again.")
            for event in job(self._loaded, self._generator, request.cancelled.is_set):
                request.events.put(_with_queued(event, queued))
        except Exception as error:
            end = error
        self._update(state="ready" if self._loaded else "failed")
        request.events.put(end)

    def session(self, key: int) -> "Session":
        """The session of that number, made on first use."""
        from lfm.session import Session

        assert self._loaded is not None and self._generator is not None
        if key not in self._sessions:
            self._sessions[key] = Session(self._loaded, self._generator)
        return self._sessions[key]

    # --- from any thread ---

    def change(self, key: int, change: Callable[["Session"], None]) -> None:
        """Change a session when the thread gets to it."""

        def work() -> None:
            if session := self._sessions.get(key):
                change(session)

        self._mlx.submit(work)

    def forget(self, key: int) -> None:
        """Drop a session when the thread gets to it."""
        with contextlib.suppress(RuntimeError):  # the engine is closed and the session gone with it
            self._mlx.submit(self._sessions.pop, key, None)

    def _queue(self, request: Request) -> None:
        with self._lock:
            self._line.append(request)
        self._update()

    def _unqueue(self, request: Request) -> None:
        with self._lock:
            if request in self._line:
                self._line.remove(request)
        self._update()

    def _ahead(self, request: Request) -> int:
        """How many requests end before this one begins."""
        with self._lock:
            return self._line.index(request) + (self._status.state == "busy") if request in self._line else 0

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._status = replace(self._status, waiting=len(self._line), **changes)  # type: ignore[arg-type]

    def _set(self, status: Status) -> None:
        with self._lock:
            self._status = status

    def _fail(self, model: str, error: Exception) -> None:
        if not isinstance(error, LfmError):
            log.exception("loading %s failed", model)
        message = str(error) if isinstance(error, LfmError) else f"Loading {model} failed: {error}"
        if self._loaded is None:
            self._set(Status(state="failed", wanted=model, error=message))
        else:  # the model before is still there
            self._update(state="ready", wanted="", error=message)
        self._settled.set()


def _with_queued(event: Event, queued: float) -> Event:
    if not isinstance(event, Done):
        return event
    return replace(event, stats=replace(event.stats, queued=queued))


def _end_streams() -> None:
    import mlx.core as mx

    mx.clear_streams()  # else the interpreter aborts when it ends
