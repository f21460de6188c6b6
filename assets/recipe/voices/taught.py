"""What the decoders learn from besides the codec's own codes: recordings, and the codes that the language model is to say for them.

    python -m voices.taught --data DATA      -> DATA/language/drawn/{codes, waves, index.jsonl}, as codec.encode leaves its own

Only the first codebooks say anything (`voices.say`), so the decoders must know the rest. In every other clip some codes of the second
book are a neighbour's, as the model will err. `waves` is what the codec makes of four books. A clip is said by the model that was trained
without it (`voices.train --without`), for what a model has heard it says twice as well as what it is asked for later.
"""

import argparse
import json
from itertools import chain
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.data import FRAME
from codec.model import load
from codec.quantise import books
from detokenizer.data import neighbours
from language.saying import still
from language.store import Store
from training import two_threads
from voices.model import FOLDS, Together, Utterance, fold, trained
from voices.say import quantised, used
from voices.train import voice

BATCH, WHOLE = 16, 4  # clips; books of the waves
ERRED = 0.25  # share of those codes


def recorded(data: Path, store: Store) -> list[dict]:
    """Clips of the pack that keep the timing of their recording, short ones first."""
    frames = {e["file"]: e["frames"] for e in map(json.loads, (data / "codec" / "codes" / "index.jsonl").read_text().splitlines())}
    clips = [c for c in store.clips.values() if "frames" in c and c["frames"][1] == frames.get(c["file"])]
    return sorted(clips, key=lambda c: c["frames"][1])


def said(fine: np.ndarray, file: str, silent: np.ndarray) -> np.ndarray:
    """Of a clip's codes (F, 8) the books that it uses; the others hold their code of `silent` (8,)."""
    codes, books = fine.copy(), used(file)
    codes[:, books:] = silent[books:]
    return codes


def erring(codes: np.ndarray, near: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Some codes (F, 8) of the second book moved."""
    codes, moved = codes.copy(), rng.random(len(codes)) < ERRED
    codes[:, 1] = np.where(moved, near[codes[:, 1], rng.integers(near.shape[1], size=len(codes))], codes[:, 1])
    return codes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    store, codec = Store(args.data / "language" / "pack"), load(args.data / "codec" / "export")
    for book in books(codec):
        book.embedding  # noqa: B018  cached here, so that the threads only read
    models = {without: trained(args.data, without) for without in range(FOLDS)} | {-1: trained(args.data)}
    centroids = torch.from_numpy(store.centroids)
    silent = still(centroids).numpy().astype(np.uint16)
    near, rng = neighbours([centroids[1]])[0].numpy(), np.random.default_rng(1)
    clips = recorded(args.data, store)
    folds = [[clip for clip in clips if fold(clip["file"]) == n] for n in models]

    @torch.no_grad()
    def made(part: list[dict]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Codes (F, 8) and sound (F * FRAME,) of each."""
        model = models[fold(part[0]["file"])]
        together = Together.of([Utterance.of(store.phones(c), c["frames"][1], voice(c["file"])) for c in part])
        rows = [row[: clip["frames"][1]] for row, clip in zip(model(together), part, strict=True)]
        fine = [quantised(row, centroids, WHOLE) for row in rows]
        padded = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(codes.astype(np.int64)) for codes in fine], batch_first=True)
        sound: Tensor = codec.decode(padded.mT)[:, 0].clamp(-1, 1)
        waves = [(wave[: len(row) * FRAME] * 32767).astype(np.int16) for wave, row in zip(sound.numpy(), rows, strict=True)]
        return [(said(codes, clip["file"], silent), wave) for clip, codes, wave in zip(part, fine, waves, strict=True)]

    out, done = args.data / "language" / "drawn", 0
    out.mkdir(exist_ok=True)
    files = (out / "codes").open("wb"), (out / "waves").open("wb"), (out / "index.jsonl").open("w")
    with two_threads() as pool, files[0] as codes, files[1] as waves, files[2] as index:
        parts = [mine[first : first + BATCH] for mine in folds for first in range(0, len(mine), BATCH)]
        found = (one for both in pool.map(made, parts) for one in both)
        for n, (clip, (row, wave)) in enumerate(zip(chain(*folds), found, strict=True)):
            row = erring(row, near, rng) if n % 2 else row
            codes.write(row.tobytes()), waves.write(wave.tobytes())
            index.write(json.dumps({"file": clip["file"], "start": done, "frames": len(row)}) + "\n")
            done += len(row)
    print(f"{out}: {done} frames of {len(clips)} clips")


if __name__ == "__main__":
    main()
