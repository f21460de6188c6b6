"""Crops of codes with the recording and the SEANet decoder's waveform of the same moments."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.data import FRAME, padded, read
from detokenizer.model import BINS, BOOKS

WARM = 8  # frames before a crop from the middle that are heard but not judged
NEIGHBOURS = 8
NOISE = [0.01, 0.01, *[0.05] * 6]  # share of each book's codes moved to a neighbour


class Crops:
    """What `codec.encode` and `voices.taught` made, and the recordings they were made from."""

    def __init__(self, data: Path, name: str) -> None:
        self.index, self.codes, self.waves = [], [], []
        for folder in (data / name / "codes", data / "language" / "drawn"):  # what the codec hears, what the language model is to say
            if folder.exists():
                entries = map(json.loads, (folder / "index.jsonl").read_text().splitlines())
                self.index += [e | {"folder": len(self.codes)} for e in entries if e["frames"] > 12]
                self.codes.append(np.memmap(folder / "codes", np.uint16, "r").reshape(-1, BOOKS))
                self.waves.append(np.memmap(folder / "waves", np.int16, "r"))
        files = {entry["file"] for entry in self.index}
        with ThreadPoolExecutor() as pool:
            recordings = pool.map(lambda file: (padded(read(data / "audio" / file)) * 32767).astype(np.int16), files)
            self.recordings = dict(zip(files, recordings, strict=True))
        lengths = np.array([e["frames"] for e in self.index], np.float64)
        self.chance = lengths / lengths.sum()

    def batch(self, rng: np.random.Generator, size: int, frames: int) -> tuple[Tensor, Tensor, Tensor, int]:
        """Codes (B, 8, F), recording and SEANet waveform (B, F * FRAME), frames not to judge.

        All crops of a batch start with their clip, or none does. Short clips end in silence of
        the recording and in repeats of their last code: judged too, they are silence as well.
        """
        middle = bool(rng.random() < 0.5)
        codes = np.zeros((size, frames, BOOKS), np.int64)
        real = np.zeros((size, frames * FRAME), np.float32)
        made = np.zeros_like(real)
        for row, n in enumerate(rng.choice(len(self.index), size, p=self.chance)):
            entry = self.index[n]
            count = min(frames, entry["frames"])
            first = int(rng.integers(entry["frames"] - count + 1)) if middle else 0
            place = entry["start"] + first
            codes[row, :count] = self.codes[entry["folder"]][place : place + count]
            codes[row, count:] = codes[row, count - 1]
            samples = slice(first * FRAME, (first + count) * FRAME)
            real[row, : count * FRAME] = self.recordings[entry["file"]][samples] / 32767
            start = place * FRAME
            made[row, : count * FRAME] = self.waves[entry["folder"]][start : start + count * FRAME] / 32767
        skipped = WARM if middle else 0
        tensors = (torch.from_numpy(x) for x in (codes.swapaxes(1, 2), real, made))
        return (*tensors, skipped)


def neighbours(centroids: list[Tensor]) -> Tensor:
    """(8, 2048, 8) the codes nearest to each code of each book."""
    near = [torch.cdist(c, c).topk(NEIGHBOURS + 1, largest=False)[1][:, 1:] for c in centroids]
    return torch.stack(near)


def disturbed(codes: Tensor, near: Tensor, rng: np.random.Generator) -> Tensor:
    """Some codes (B, 8, F) moved to a neighbour, as a language model errs."""
    moved = torch.from_numpy(rng.random(codes.shape)) < torch.tensor(NOISE)[:, None]
    pick = torch.from_numpy(rng.integers(NEIGHBOURS, size=codes.shape))
    flat = (torch.arange(BOOKS)[:, None] * BINS + codes) * NEIGHBOURS + pick
    return torch.where(moved, near.flatten()[flat], codes)
