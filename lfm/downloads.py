"""Models on their way to this computer: each on a thread of its own, watched and cancelled by name. What has come is kept."""

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event, Lock
from time import monotonic

from lfm.status import Download

AT_ONCE = 4
RANDOM = "random"  # the name of a small model of noise, made on the spot

Arrived = Callable[[Path], None]
Failed = Callable[[Exception], None]


@dataclass
class Job:
    """One download that runs."""

    state: Download
    arrived: Arrived | None
    failed: Failed | None
    cancelled: Event = field(default_factory=Event)
    since: float = 0.0  # when it began to bring bytes, and how many there were before
    before: int = 0


class Downloads:
    """Says `changed` with all of them whenever one has moved on, from the thread that it moved on."""

    def __init__(self, changed: Callable[[tuple[Download, ...]], None]) -> None:
        self._changed = changed
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="download")
        self._lock = Lock()
        self._jobs: dict[str, Job] = {}
        self._ended: dict[str, Download] = {}  # with an error, until asked for again

    def start(self, name: str, revision: str | None, arrived: Arrived | None = None, failed: Failed | None = None) -> None:
        """Find a model: a folder, a repository or "random"; tell one of the two how it ended."""
        with self._lock:
            if running := self._jobs.get(name):  # and asked for again: it goes on, for the new caller
                running.cancelled.clear()
                running.arrived, running.failed = arrived or running.arrived, failed or running.failed
                return
            self._ended.pop(name, None)
            job = self._jobs[name] = Job(Download(name=name), arrived, failed)
        self._threads.submit(self._run, job, revision)

    def cancel(self, name: str) -> None:
        """Stop a download; asking for it again goes on with it."""
        with self._lock:
            if job := self._jobs.get(name):
                job.cancelled.set()

    def close(self) -> None:
        with self._lock:
            for job in self._jobs.values():
                job.cancelled.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _run(self, job: Job, revision: str | None) -> None:
        with tempfile.TemporaryDirectory() as temporary:
            try:
                folder = self._find(job, revision, Path(temporary))
            except Exception as error:
                self._end(job, error)
                if job.failed:
                    job.failed(error)
                return
            self._end(job, None)
            if job.arrived:
                job.arrived(folder)  # before a temporary folder goes

    def _find(self, job: Job, revision: str | None, temporary: Path) -> Path:
        name = job.state.name
        if name == RANDOM:
            from lfm import random_model

            return random_model.write(temporary)
        if (folder := Path(name).expanduser()).is_dir():
            return folder  # before what downloads is imported: a page that starts meanwhile would wait for that
        from lfm import hub

        return hub.find(name, revision, progress=lambda *now: self._progress(job, *now), cancelled=job.cancelled)

    def _progress(self, job: Job, done: int, total: int) -> None:
        now = monotonic()
        if not job.since:
            job.since, job.before = now, done
        elapsed = now - job.since
        rate = (done - job.before) / elapsed if elapsed > 1 else 0.0
        with self._lock:
            job.state = replace(job.state, done=done, total=total, rate=rate)
        self._tell()

    def _end(self, job: Job, error: Exception | None) -> None:
        with self._lock:
            del self._jobs[job.state.name]
            if error and job.state.total and not job.cancelled.is_set():
                self._ended[job.state.name] = replace(job.state, error=str(error))
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            shown = (*(job.state for job in self._jobs.values() if job.state.total), *self._ended.values())
        self._changed(shown)
