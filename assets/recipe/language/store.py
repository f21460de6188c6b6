"""The packed corpus in memory: what `language.pack` made, and how far each clip has got at each moment."""

import json
import os
import zlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile as sf

from codec.phones import SILENCE, UNLABELLED

RATE, SLOTS = 16_000, 4  # samples a second; phones in a frame of 80 ms
SLOT = 320  # samples
CODEC_DELAY = 2  # slots that the codec hears late


class Store:
    """Clips, codes, phones and samples."""

    def __init__(self, pack: Path) -> None:
        self.pack = pack
        self.clips = {c["file"]: c for c in map(json.loads, (pack / "clips.jsonl").read_text().splitlines())}
        speech = np.load(pack / "speech.npz")
        self.codes, self.centroids = speech["codes"].astype(np.int16), speech["centroids"].astype(np.float32)
        self.slots = speech["slots"]
        self.progress = np.zeros(len(self.slots), np.float32)
        self.framed = np.full((len(self.codes), SLOTS), UNLABELLED, np.uint8)  # the phones that each frame is about
        for clip in self.clips.values():
            start, count = clip["slots"]
            slots = self.slots[start : start + count]
            self.progress[start : start + count] = progress(slots)
            if "frames" in clip:
                row, frames = clip["frames"]
                self.framed[row : row + frames] = framed(slots, frames)
        self.sentences, self.only_told = ((pack / name).read_text().splitlines() for name in ("sentences.txt", "told.txt"))
        self.samples = self.sound()

    def rows(self, clip: dict) -> np.ndarray:
        """Its rows of codes."""
        start, count = clip["frames"]
        return np.arange(start, start + count)

    def phones(self, clip: dict) -> np.ndarray:
        """By 20 ms."""
        start, count = clip["slots"]
        return self.slots[start : start + count]

    def said(self, clip: dict) -> np.ndarray:
        """How much of it has been said by each frame."""
        start, count = clip["slots"]
        return of_frames(self.progress[start : start + count], clip["frames"][1])

    def sound(self) -> np.ndarray:
        """All that is heard, int16 one after another; decoded once."""
        index = [json.loads(line) for line in (self.pack / "heard.jsonl").read_text().splitlines()]
        path = self.pack / f"decoded-{len(index)}.tmp"
        if not path.exists():
            with ThreadPoolExecutor() as pool:
                parts = pool.map(lambda g: sf.read(self.pack / g["name"], dtype="int16")[0], index)
                new = path.with_suffix(f".{os.getpid()}")  # several processes may do this at once
                np.concatenate([*parts]).tofile(new)
                new.replace(path)
        return np.fromfile(path, np.int16)


def write(pack: Path, codes: np.ndarray, slots: np.ndarray, centroids: np.ndarray, clips: Iterable[dict]) -> None:
    """What is said and how it is pronounced, and which clip is where in them, as a store reads it."""
    np.savez_compressed(pack / "speech.npz", codes=codes, slots=slots, centroids=centroids.astype(np.float16))
    (pack / "clips.jsonl").write_text("".join(json.dumps(clip) + "\n" for clip in clips))


def progress(slots: np.ndarray) -> np.ndarray:
    """Share of a clip's phones that have begun, by 20 ms; less than any where none is known."""
    if (slots == UNLABELLED).all():
        return np.full(len(slots), -np.inf, np.float32)
    sounding = (slots != SILENCE) & (slots != UNLABELLED)
    begun = np.cumsum(sounding & (np.diff(slots, prepend=SILENCE) != 0))
    return (begun / max(1, begun[-1])).astype(np.float32)


def sounded(slots: np.ndarray) -> np.ndarray:
    """The phones of a clip in order, without how long they are, from those of each 20 ms."""
    kinds = slots[np.flatnonzero(np.diff(slots, prepend=SILENCE))]
    return kinds[(kinds != SILENCE) & (kinds != UNLABELLED)]


def framed(slots: np.ndarray, frames: int | None = None) -> np.ndarray:
    """The four phones that each frame of codes is about, (F, 4), from those of its clip by 20 ms."""
    frames = frames or -(-len(slots) // SLOTS)
    return slots[np.clip(np.arange(frames * SLOTS) - CODEC_DELAY, 0, len(slots) - 1)].reshape(-1, SLOTS)


def of_frames(progress: np.ndarray, frames: int) -> np.ndarray:
    """Progress at the last of those four."""
    return progress[np.clip(np.arange(frames) * SLOTS + 1, 0, len(progress) - 1)]


def held_out(file: str) -> bool:
    """One clip in sixty is never trained on."""
    return zlib.crc32(file.encode()) % 60 == 0
