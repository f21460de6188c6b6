"""Does codebook 0 say phones? Accuracy of a table code -> phones, and whether labels sit right.

    python -m judge.phones --data DATA [--clips 600]       (reads DATA/codec/export)

The table is built on training clips and judged on held-out ones, for label shifts of -4 … +4 slots
of 20 ms: the best shift must be 0, else `codec.phones.EARLY` or `codec.data.DELAY` is off.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from moshi.models.compression import MimiModel

from codec.data import DELAY, FRAME, manifest, padded, read
from codec.measure import by_sentence
from codec.model import load
from codec.phones import CLASSES, SILENCE, SLOT, UNLABELLED, labels

SHIFTS = range(-4, 5)
SLOTS = FRAME // SLOT


def coded(mimi: MimiModel, data: Path, entries: list[dict]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Per clip: code 0 of each frame (F,), undelayed labels of each slot (4 F,)."""
    out = []
    for entry in entries:
        wav = padded(read(data / "audio" / entry["file"]))
        with torch.no_grad():
            codes = mimi.encode(torch.from_numpy(wav)[None, None])
        out.append((codes[0, 0].numpy(), labels(entry, wav)))
    return out


def shifted(kinds: np.ndarray, shift: int) -> np.ndarray:
    """Labels delayed by DELAY + shift slots, (F, 4)."""
    delay = DELAY + shift
    ends = np.full(abs(delay), SILENCE, np.uint8)
    moved = np.concatenate([ends, kinds]) if delay > 0 else np.concatenate([kinds, ends])
    begin = max(0, -delay)
    return moved[begin : begin + len(kinds)].reshape(-1, SLOTS)


def accuracy(train: list, test: list, shift: int) -> tuple[float, float]:
    """Share of slots right, of all and of those that are not silence."""
    counts = np.zeros((2048, SLOTS, CLASSES), np.int64)
    for codes, kinds in train:
        for slot in range(SLOTS):
            column = shifted(kinds, shift)[:, slot]
            known = column != UNLABELLED
            np.add.at(counts, (codes[known], slot, column[known]), 1)
    table = counts.argmax(-1)  # (2048, 4)
    truth = np.concatenate([shifted(k, shift) for _, k in test])
    guess = np.concatenate([table[c] for c, _ in test])
    known = truth != UNLABELLED
    sounding = known & (truth != SILENCE)
    right = truth == guess
    return float(right[known].mean()), float(right[sounding].mean())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--clips", type=int, default=600)
    args = parser.parse_args()
    torch.set_num_threads(1)
    mimi = load(args.data / args.name / "export")
    audio = args.data / "audio"
    train = coded(mimi, args.data, manifest(audio, ("spoken",))[:: max(1, 4000 // args.clips)])
    test = coded(mimi, args.data, by_sentence(manifest(audio, ("test",)))[:100])
    print(f"{len(train)} training clips, {len(test)} held-out ones")
    for shift in SHIFTS:
        every, sounding = accuracy(train, test, shift)
        print(f"shift {20 * shift:+4d} ms: {100 * every:5.1f} %, sounding {100 * sounding:5.1f} %")


if __name__ == "__main__":
    main()
