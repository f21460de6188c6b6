"""Which model is there: the latest that was asked for or, where that cannot be had, the one before.

It is fetched on a thread of its own, and loaded, rehearsed and freed on the thread that owns MLX.
"""

import contextlib
import gc
import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from lfm.blas import use_fast_blas
from lfm.downloads import Downloads
from lfm.errors import DownloadCancelled, LfmError
from lfm.status import Board, Download, ModelInfo, Status

if TYPE_CHECKING:
    from lfm.checkpoint import LoadedModel
    from lfm.generate import TokenGenerator
    from lfm.session import Session

log = logging.getLogger(__name__)


@dataclass
class Present:
    """The model that is there, and the conversations that are held with it. Touched on the MLX thread alone."""

    loaded: "LoadedModel"
    generator: "TokenGenerator"
    sessions: "dict[int, Session]" = field(default_factory=dict)


class Loader:
    """One model at a time. `settled` is set while there is one, or there will be none."""

    def __init__(self, mlx: Executor, board: Board, dtype: str | None, fallback: str | None) -> None:
        self.settled = threading.Event()
        self.downloads = Downloads(self._show)
        self.present: Present | None = None
        self._mlx, self._board, self._dtype = mlx, board, dtype
        self._lock = threading.Lock()
        self._choice = 0  # counts what was asked to be loaded: only the latest is
        self._before: tuple[str, str | None] | None = (fallback, None) if fallback else None  # to go back to
        self._rehearses = False
        self._rehearsal: Iterator[None] = iter(())

    def load(self, model: str, revision: str | None) -> None:
        """Fetch a model and put it in the place of the one that is there, which answers until then."""
        if self._board.status.download:
            self.downloads.cancel(self._board.status.wanted)  # nobody waits for it any more
        self._board.update(failed="", error="")
        self._fetch(model, revision)

    def wait(self) -> ModelInfo:
        """Block until a model is there.

        Raises:
            LfmError: it could not be loaded; the message says why.
        """
        self.settled.wait()
        status = self._board.status
        if status.model is None:
            raise LfmError(status.error or "The engine is closed.")
        return status.model

    # --- on a download's thread ---

    def _fetch(self, model: str, revision: str | None) -> None:
        with self._lock:
            self._choice += 1
            choice = self._choice
        self._board.update(wanted=model)
        if self._board.status.model is None:
            self.settled.clear()  # who asks waits for it
            self._board.update(state="loading")

        def arrived(folder: Path) -> None:
            self._mlx.submit(self._load, choice, model, revision, folder).result()

        def failed(error: Exception) -> None:
            if choice == self._choice and self._board.status.model is None:
                self._mlx.submit(self._fail, model, error)
            elif choice == self._choice:  # whoever speaks now need not end before this is said
                self._explain(model, error)

        self.downloads.start(model, revision, arrived, failed)

    def _show(self, downloads: tuple[Download, ...]) -> None:
        def shown(status: Status) -> Status:
            status = replace(status, downloads=downloads)
            if status.state in ("loading", "downloading") and status.model is None:
                status = replace(status, state="downloading" if status.download else "loading")
            return status

        self._board.change(shown)

    # --- on the MLX thread ---

    def _load(self, choice: int, model: str, revision: str | None, folder: Path) -> None:
        if choice != self._choice:
            return
        self.settled.clear()  # who asks from here on waits for the new model
        try:
            from lfm import checkpoint, footprint
            from lfm.generate import TokenGenerator

            log.info("loading %s, BLAS: %s", model, use_fast_blas() or "MLX's own")
            held = self.present.loaded.info.memory if self.present else 0
            footprint.check_memory(folder, self._dtype, held)  # while the one before is still there
            if self.present:  # else there is nothing, and a look for it would hold up the page that starts meanwhile
                self.free()
            self._board.update(state="loading", model=None)
            loaded = checkpoint.load(folder, self._dtype, name=model)
            checkpoint.keep_resident(loaded.info.memory)
            self.present = Present(loaded, TokenGenerator(loaded.model))
        except Exception as error:
            self._fail(model, error)
            return
        self._before = (model, revision)
        self._board.update(state="ready", model=loaded.info, wanted="")
        self.settled.set()
        if self._rehearses:
            self.rehearse()

    def rehearse(self) -> None:
        """From here on do beforehand what the first requests to a model would wait for."""
        self._rehearses = True
        if present := self.present:
            from lfm.rehearsal import rehearsal

            self._rehearsal, since = rehearsal(present.loaded, present.generator), monotonic()
            self._board.update(prepares_since=since)
            self._rehearse(since)

    def _rehearse(self, since: float) -> None:
        """One step, and the next behind whoever has asked meanwhile; the model that it is for may have gone by then."""
        if self._board.status.prepares_since != since:
            return
        try:
            over = next(self._rehearsal, self) is self
        except Exception:  # whoever asks for the same will be told
            log.exception("preparing for the first answers failed")
            over = True
        if over:
            self._board.update(prepares_since=None)
            return
        with contextlib.suppress(RuntimeError):  # the engine is closed
            self._mlx.submit(self._rehearse, since)

    def _fail(self, model: str, error: Exception) -> None:
        """Say why, and keep the model that is there, or go back to the one before."""
        self._explain(model, error)
        if self.present is None:
            self.free()
            before, self._before = self._before, None
            if before and before[0] != model:
                self._fetch(*before)
                return
            self._board.update(state="failed", model=None, wanted=model)
        self.settled.set()

    def free(self) -> None:
        """Give back what the model held."""
        self.present, self._rehearsal = None, iter(())  # which holds the model too
        self._board.update(prepares_since=None)
        gc.unfreeze()  # a model that was there when the page had started is held by what points back at it
        gc.collect()
        import mlx.core as mx

        mx.clear_cache()

    # --- from either ---

    def _explain(self, model: str, error: Exception) -> None:
        """Let the status say why a model could not be had; nobody wants it any more."""
        if not isinstance(error, LfmError):
            log.exception("loading %s failed", model, exc_info=error)
        message = str(error) if isinstance(error, LfmError) else f"Loading {model} failed: {error}"
        status = self._board.status
        asked_to_stop = isinstance(error, DownloadCancelled) and status.model is not None
        if status.error or asked_to_stop:  # of two errors the first was of what was asked for, the second of the way back
            self._board.update(wanted="")
        else:
            self._board.update(wanted="", failed=model, error=message)
