"""Clips as training crops.

Every clip is decoded once into one growing int16 file beside one file of phone labels, both mapped
into memory; clips spoken since the last look are added by `refresh`, so training can start while
the corpus is still being made.
"""

import json
import logging
from pathlib import Path

import numpy as np
import soundfile as sf
import torch

from codec.phones import SILENCE, SLOT, labels

log = logging.getLogger(__name__)

FRAME = 1920  # samples of one Mimi frame
DELAY = 2  # slots by which labels lag: a causal encoder cannot hear a phone's end ahead
SPOKEN_SHARE = 0.88  # of the crops; the rest are voices that are only to be understood


class Clips:
    """The decoded clips of some parts of the corpus, e.g. spoken and heard."""

    def __init__(self, data: Path, parts: tuple[str, ...], cache: str) -> None:
        self.audio, self.parts = data / "audio", parts
        self.folder = data / "cache" / cache
        self.folder.mkdir(parents=True, exist_ok=True)
        self.index: list[dict] = []
        self.refresh()

    def refresh(self) -> None:
        """Decode what is new and map the files again.

        The index is written after the samples, and what an interrupted run left beyond the last
        indexed clip is cut off.
        """
        samples, slots, index = (self.folder / n for n in ("samples", "slots", "index.jsonl"))
        for path in (samples, slots, index):
            path.touch()
        self.index = [json.loads(line) for line in index.read_text().splitlines()]
        have = {e["file"] for e in self.index}
        end = sum(e["length"] for e in self.index)
        with samples.open("r+b") as s, slots.open("r+b") as p, index.open("a") as i:
            s.truncate(end * 2), p.truncate(end // SLOT)
            s.seek(0, 2), p.seek(0, 2)
            for entry in manifest(self.audio, self.parts):
                if entry["file"] in have:
                    continue
                have.add(entry["file"])
                wav = padded(read(self.audio / entry["file"]))
                s.write((wav * 32767).astype(np.int16).tobytes()), s.flush()
                p.write(labels(entry, wav).tobytes()), p.flush()
                small = {"file": entry["file"], "start": end, "length": len(wav)}
                i.write(json.dumps(small) + "\n")
                self.index.append(small)
                end += len(wav)
        self.samples = np.memmap(samples, np.int16, "r")
        self.slots = np.memmap(slots, np.uint8, "r")
        spoken = np.array([e["file"].startswith("spoken/") for e in self.index])
        lengths = np.array([e["length"] for e in self.index], np.float64)
        if spoken.any() and not spoken.all():
            lengths[spoken] *= SPOKEN_SHARE / lengths[spoken].sum()
            lengths[~spoken] *= (1 - SPOKEN_SHARE) / lengths[~spoken].sum()
        self.chance = lengths / lengths.sum()
        log.info("%d clips, %.2f h (%d spoken)", len(spoken), end / 24000 / 3600, spoken.sum())

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Crops (B, 1, frames * FRAME) and their labels (B, frames, 4), delayed by DELAY slots.

        Half of the crops start where the clip starts, as every utterance does when it is encoded.
        """
        length = frames * FRAME
        wav = np.zeros((size, length), np.float32)
        kind = np.full((size, length // SLOT + DELAY), SILENCE, np.uint8)
        for row, n in enumerate(rng.choice(len(self.index), size, p=self.chance)):
            entry = self.index[n]
            late = max(0, entry["length"] - length) // SLOT
            first = int(rng.integers(late + 1)) if rng.random() < 0.5 else 0
            begin = entry["start"] + first * SLOT
            count = min(length, entry["length"] - first * SLOT)
            wav[row, :count] = self.samples[begin : begin + count] / 32767.0
            place = begin // SLOT
            kind[row, DELAY : DELAY + count // SLOT] = self.slots[place : place + count // SLOT]
        kind = kind[:, : length // SLOT].reshape(size, frames, FRAME // SLOT)
        return torch.from_numpy(wav)[:, None], torch.from_numpy(kind.astype(np.int64))


def manifest(audio: Path, parts: tuple[str, ...]) -> list[dict]:
    """All finished clips of the parts, in the order of their files' names."""
    found = {}
    for path in sorted(audio.glob("manifest-*.jsonl")):
        text = path.read_text()
        for line in text[: text.rfind("\n") + 1].splitlines():  # a worker may be mid-line
            entry = json.loads(line)
            if entry["file"].split("/")[0] in parts:
                found[entry["file"]] = entry
    return [found[f] for f in sorted(found)]


def read(path: Path) -> np.ndarray:
    """Samples (T,) float32."""
    return sf.read(path, dtype="float32")[0]


def padded(wav: np.ndarray) -> np.ndarray:
    """With silence up to a whole number of frames."""
    return np.pad(wav, (0, -len(wav) % FRAME))
