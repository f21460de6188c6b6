"""The one thread that owns MLX: it loads, runs and frees, and answers any number of callers, first come, first served.

Every mx.array is made, used and freed there; numpy arrays and events cross. Three ways end a request within one token: its
reader walks away, someone cancels it, or an error, which arrives at the reader.
"""

import contextlib
import gc
import logging
import threading
import weakref
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lfm.audio import Audio
from lfm.blas import use_fast_blas
from lfm.chat import Chat
from lfm.downloads import Downloads
from lfm.errors import DownloadCancelled, LfmError, ModelChanged
from lfm.events import Done, Event
from lfm.options import SPEAK, TRANSCRIBE, Options
from lfm.request import LOOK_EVERY, Request
from lfm.status import Download, ModelInfo, Status

if TYPE_CHECKING:
    from lfm.checkpoint import LoadedModel
    from lfm.generate import Stopped, TokenGenerator
    from lfm.session import Session

log = logging.getLogger(__name__)

Job = Callable[["LoadedModel", "TokenGenerator", "Stopped"], Iterator[Event]]


class Engine:
    """A loaded model behind a queue. It returns at once; the model loads in the background."""

    def __init__(self, model: str, *, revision: str | None = None, dtype: str | None = None, fallback: str | None = None) -> None:
        """`fallback` is another model, for when that one cannot be had."""
        self._dtype = dtype
        self._mlx = ThreadPoolExecutor(1, thread_name_prefix="mlx")
        self._downloads = Downloads(self._show_downloads)
        self._lock = threading.Lock()
        self._settled = threading.Event()  # there is a model, or there will be none
        self._status = Status(state="loading", wanted=model)
        self._line: list[Request] = []  # who waits for the MLX thread, in order
        self._choice = 0  # counts what was asked to be loaded: only the latest is
        self._before: tuple[str, str | None] | None = (fallback, None) if fallback else None  # to go back to
        self._requests: weakref.WeakSet[Request] = weakref.WeakSet()
        # Used on the MLX thread alone:
        self._loaded: LoadedModel | None = None
        self._generator: TokenGenerator | None = None
        self._sessions: dict[int, Session] = {}
        self._rehearses = False
        self.load(model, revision)

    @property
    def status(self) -> Status:
        """What the engine is doing now."""
        with self._lock:
            return self._status

    def load(self, model: str, revision: str | None = None) -> None:
        """Switch to another model: a folder, a Hub repository or "random".

        The one that is there answers until the other has come; requests before the switch finish, conversations end. If the
        other cannot be had, the one before is loaded again, and the status says why.
        """
        if self.status.download:
            self._downloads.cancel(self.status.wanted)  # nobody waits for it any more
        self._update(failed="", error="")
        self._fetch(model, revision)

    def download(self, model: str) -> None:
        """Bring a repository into the cache, for later."""
        self._downloads.start(model, None)

    def cancel_download(self, model: str) -> None:
        """Stop a download, keeping what has come."""
        self._downloads.cancel(model)

    def cached(self) -> dict[str, int]:
        """The repositories that need no download, and the bytes that each takes on disk."""
        from lfm import hub

        return hub.cached()

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
        request, told = Request(cancelled), 0
        try:
            while not self._settled.wait(LOOK_EVERY):
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
        self._mlx.submit(self._begin_to_rehearse)

    def close(self) -> None:
        """Cancel what runs, free the model and end the threads."""
        for request in list(self._requests):
            request.leave()
        self._downloads.close()
        with contextlib.suppress(RuntimeError):  # closed before
            self._mlx.submit(self._free)
            self._mlx.submit(_end_streams)
        self._mlx.shutdown(wait=True)
        self._update(state="closed", model=None, wanted="")
        self._settled.set()

    # --- on a download's thread ---

    def _fetch(self, model: str, revision: str | None) -> None:
        with self._lock:
            self._choice += 1
            choice = self._choice
        self._update(wanted=model)
        if self.status.model is None:
            self._settled.clear()  # who asks waits for it
            self._update(state="loading")

        def arrived(folder: Path) -> None:
            self._mlx.submit(self._load, choice, model, revision, folder).result()

        def failed(error: Exception) -> None:
            if choice == self._choice and self.status.model is None:
                self._mlx.submit(self._fail, model, error)
            elif choice == self._choice:  # whoever speaks now need not end before this is said
                self._explain(model, error)

        self._downloads.start(model, revision, arrived, failed)

    def _show_downloads(self, downloads: tuple[Download, ...]) -> None:
        with self._lock:
            status = replace(self._status, downloads=downloads)
            if status.state in ("loading", "downloading") and status.model is None:
                status = replace(status, state="downloading" if status.download else "loading")
            self._status = status

    # --- on the MLX thread ---

    def _load(self, choice: int, model: str, revision: str | None, folder: Path) -> None:
        if choice != self._choice:
            return
        self._settled.clear()  # who asks from here on waits for the new model
        try:
            from lfm import checkpoint, footprint
            from lfm.generate import TokenGenerator

            log.info("loading %s, BLAS: %s", model, use_fast_blas() or "MLX's own")
            held = self._loaded.info.memory if self._loaded else 0
            footprint.check_memory(folder, self._dtype, held)  # while the one before is still there
            if self._loaded:  # else there is nothing, and a look for it would hold up the page that starts meanwhile
                self._free()
            self._update(state="loading", model=None)
            self._loaded = checkpoint.load(folder, self._dtype, name=model)
            self._generator = TokenGenerator(self._loaded.model)
            checkpoint.keep_resident(self._loaded.info.memory)
        except Exception as error:
            self._fail(model, error)
            return
        self._before = (model, revision)
        self._update(state="ready", model=self._loaded.info, wanted="")
        self._settled.set()
        if self._rehearses:
            self._begin_to_rehearse()

    def _begin_to_rehearse(self) -> None:
        self._rehearses = True
        if self._loaded and self._generator:
            from lfm.rehearsal import rehearsal

            self._rehearse(self._generator, rehearsal(self._loaded, self._generator))

    def _rehearse(self, generator: "TokenGenerator", steps: Iterator[None]) -> None:
        """One step, and the next behind whoever has asked meanwhile; the model that it is for may have gone by then."""
        if self._generator is generator and next(steps, self) is None:
            with contextlib.suppress(RuntimeError):  # the engine is closed
                self._mlx.submit(self._rehearse, generator, steps)

    def _fail(self, model: str, error: Exception) -> None:
        """Say why, and keep the model that is there, or go back to the one before."""
        self._explain(model, error)
        if self._generator is None:
            self._free()
            before, self._before = self._before, None
            if before and before[0] != model:
                self._fetch(*before)
                return
            self._update(state="failed", model=None, wanted=model)
        self._settled.set()

    def _free(self) -> None:
        self._loaded = self._generator = None
        self._sessions.clear()
        gc.unfreeze()  # a model that was there when the page had started is held by what points back at it
        gc.collect()
        import mlx.core as mx

        mx.clear_cache()

    def _work(self, request: Request, job: Job) -> None:
        self._unqueue(request)
        if request.stopped():
            request.skip()
            return

        def events() -> Iterator[Event]:
            if self._loaded is None or self._generator is None:
                raise ModelChanged("The model was unloaded while you waited. Ask again.")
            yield from job(self._loaded, self._generator, request.stopped)

        self._update(state="busy")
        request.run(events)
        self._update(state="ready" if self._loaded else "failed")

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

    def _explain(self, model: str, error: Exception) -> None:
        """Let the status say why a model could not be had; nobody wants it any more."""
        if not isinstance(error, LfmError):
            log.exception("loading %s failed", model, exc_info=error)
        message = str(error) if isinstance(error, LfmError) else f"Loading {model} failed: {error}"
        status = self.status
        asked_to_stop = isinstance(error, DownloadCancelled) and status.model is not None
        if status.error or asked_to_stop:  # of two errors the first was of what was asked for, the second of the way back
            self._update(wanted="")
        else:
            self._update(wanted="", failed=model, error=message)

    def _update(self, **changes: object) -> None:
        with self._lock:
            self._status = replace(self._status, waiting=len(self._line), **changes)  # type: ignore[arg-type]


def _end_streams() -> None:
    import mlx.core as mx

    mx.clear_streams()  # else the interpreter aborts when it ends
