"""What one request has brought so far: its words, its sound, and the lossless file that the sound becomes."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from gradio.utils import get_upload_folder

from lfm import audio
from lfm.events import AudioChunk, Done, Event, TextDelta

MADE: set[str] = set()  # files that the page has written, to be cleared like those that Gradio writes


@dataclass
class Take:
    """Grows with each event of a request."""

    text: str = ""
    sound: list[np.ndarray] = field(default_factory=list)  # int16
    sample_rate: int = 24_000
    done: Done | None = None

    def add(self, event: Event) -> None:
        match event:
            case TextDelta():
                self.text += event.text
            case AudioChunk():
                self.sound.append(event.pcm)
                self.sample_rate = event.sample_rate
            case Done():
                self.done = event

    @property
    def seconds(self) -> float:
        return sum(map(len, self.sound)) / self.sample_rate

    def wav(self, name: str) -> str | None:
        """Write the sound into Gradio's folder, which it serves and later clears; None where there is none."""
        if not self.sound:
            return None
        path = new_file(f"{name}.wav")
        audio.write_wav(path, np.concatenate(self.sound), self.sample_rate)
        return str(path)


def new_file(name: str) -> Path:
    """A path of that name for a file that the page may offer."""
    folder = Path(get_upload_folder())
    folder.mkdir(parents=True, exist_ok=True)
    path = Path(tempfile.mkdtemp(dir=folder)) / name
    MADE.add(str(path))
    return path
