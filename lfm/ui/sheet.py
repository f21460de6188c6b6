"""The files that a visitor has given to be transcribed: which are done, which one is heard now, which wait, and all words so far."""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import soundfile

from lfm.status import LONGEST
from lfm.ui import figures
from lfm.ui.examples import word_error_rate
from lfm.ui.parts import url

State = Literal["Waiting", "Transcribing", "Done", "Stopped", "Failed"]
TOGETHER = -1  # shown: not one file but all


@dataclass
class File:
    """One sound file and what became of it."""

    path: str
    name: str
    reference: str = ""  # what is said in it, where that is known
    state: State = "Waiting"
    seconds: float = 0.0  # of sound; 0: unknown
    longest: float = LONGEST  # seconds that the model hears at a time
    heard: float = 0.0  # seconds of it that are done
    took: float = 0.0  # seconds of work
    text: str = ""
    trouble: str = ""

    def __post_init__(self) -> None:
        try:
            self.seconds = soundfile.info(self.path).duration
        except (soundfile.LibsndfileError, OSError):
            self.seconds = 0.0  # it will be said when its turn comes

    @property
    def share(self) -> float | None:
        """How much is done, where that can be told: a short file is heard in one go."""
        return self.heard / self.seconds if self.state == "Transcribing" and self.seconds > self.longest else None

    def row(self) -> dict[str, Any]:
        share = self.share
        return {
            "name": self.name,
            "length": figures.duration(round(self.seconds)) if self.seconds else "",
            "state": f"Transcribing {100 * share:.0f} %" if share is not None else self.state,
            "kind": self.state.lower(),
            "share": share,
            "trouble": self.trouble,
            "url": url(self.path) if self.seconds else "",
        }

    def line(self) -> str:
        """`48 s done in 2.7 s, 18 times real time`, or how far it is."""
        if self.state == "Transcribing":
            return f"{self.heard:.0f} of {self.seconds:.0f} s done" if self.seconds > self.longest else f"{self.seconds:.0f} s of sound"
        return speed(self.heard, self.took)

    def note(self) -> str:
        """What a reader should know of how it was done."""
        if self.seconds <= self.longest or (self.reference and self.state == "Done"):
            return ""
        return f"Heard in parts of at most {self.longest:.0f} s, cut where it is quiet: in longer ones the model leaves words out."

    def checked(self) -> dict[str, str] | None:
        """An example's own words, and how many of them were missed."""
        if not self.reference or self.state != "Done":
            return None
        rate = 100 * word_error_rate(self.reference, self.text)
        return {"text": self.reference, "rate": f"Word error rate {rate:.1f} %"}


@dataclass
class Sheet:
    """All of them, in the order in which they came."""

    files: list[File] = field(default_factory=list)
    shown: int = 0
    chosen: bool = False  # by the visitor; else the newest words are shown
    running: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, files: list[File]) -> bool:
        """Put more at the end; whether somebody must begin to work them off."""
        with self._lock:
            self.files += files
            self.chosen = False
            return self._begin()

    def again(self, index: int) -> bool:
        """Let a stopped or failed file wait once more; whether somebody must begin to work."""
        with self._lock:
            if not 0 <= index < len(self.files):
                return False
            file = self.files[index]
            self.files[index] = File(file.path, file.name, file.reference)
            self.chosen = False
            return self._begin()

    def _begin(self) -> bool:
        begin, self.running = not self.running, True
        return begin

    def next(self) -> File | None:
        """The next that waits, now no longer; None when all are done, and the work with them."""
        with self._lock:
            for index, file in enumerate(self.files):
                if file.state == "Waiting":
                    file.state = "Transcribing"
                    if not self.chosen:
                        self.shown = index
                    return file
            if not self.chosen and len(self.files) > 1:
                self.shown = TOGETHER
            self.running = False
            return None

    def stop(self) -> None:
        """Nobody works any more."""
        with self._lock:
            self.running = False
            for file in self.files:
                if file.state in ("Waiting", "Transcribing"):
                    file.state = "Stopped"

    def pick(self, index: int) -> None:
        if TOGETHER <= index < len(self.files):
            self.shown, self.chosen = index, True

    def text(self) -> str:
        """The words of the file that is shown; of all together, each under its name."""
        if self.shown != TOGETHER:
            return self.files[self.shown].text.strip() if self.files else ""
        return "\n\n".join(f"{file.name}\n{file.text.strip()}" for file in self.files if file.text.strip())

    def list(self) -> dict[str, Any]:
        rows = [file.row() | {"index": index} for index, file in enumerate(self.files)]
        if len(rows) > 1:
            done = sum(file.state == "Done" for file in self.files)
            rows.append({"index": TOGETHER, "name": "All together", "state": f"{done} of {len(self.files)} done", "kind": "all"})
        return {"rows": rows, "shown": self.shown, "running": self.running}

    def head(self) -> dict[str, Any]:
        """What stands above and under the words."""
        if not self.files:
            return {}
        if self.shown == TOGETHER:
            line = speed(sum(file.heard for file in self.files), sum(file.took for file in self.files))
            return {"title": f"{len(self.files)} files", "line": line, "note": "", "checked": None, "save": "transcripts.txt"}
        file = self.files[self.shown]
        line, checked = file.line(), file.checked()
        return {"title": file.name, "line": line, "note": file.note(), "checked": checked, "save": f"{Path(file.name).stem}.txt"}


def speed(heard: float, took: float) -> str:
    if not took or not heard:
        return ""
    return f"{heard:.0f} s done in {took:.1f} s, {figures.times(heard / took)} real time"
