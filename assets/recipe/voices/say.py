"""Codes of the voice model for all that is to be said, in the pack: for its clips, and for every sentence whose pronunciation is known.

    python -m voices.say --data DATA

The clips keep their own timing; what nobody said gets the middle of how long the voice makes a phone there, for what is left to chance
cannot be learned. Only the first codebooks are used: the others are too little to be worth predicting and hold the code that changes least.
"""

import argparse
import json
import random
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.model import BOOKS
from codec.phones import SILENCE
from codec.quantise import nearest
from language.imagined import Imagination
from language.losses import SOUNDING
from language.store import SLOTS, Store, held_out
from voices.model import Together, Utterance, VoiceModel
from voices.train import voice

BATCH = 32
END = 8  # slots of silence after what nobody said


def quantised(vectors: Tensor, centroids: Tensor) -> np.ndarray:
    """(F, 128) and (8, 2048, 64) -> (F, 8)."""
    first, rest = vectors.chunk(2, -1)
    codes = [nearest(first, centroids[0])]
    for book in centroids[1:SOUNDING]:
        codes.append(nearest(rest, book))
        rest = rest - book[codes[-1]]
    codes += [book.square().sum(-1).argmin().expand(len(vectors)) for book in centroids[SOUNDING:]]
    return torch.stack(codes, 1).numpy().astype(np.uint16)


def imagined(store: Store) -> list[tuple[dict, np.ndarray]]:
    """A clip of every sentence, and its phones by 20 ms."""
    spoken = [c for c in store.clips.values() if "frames" in c and c["file"].startswith("spoken/") and not held_out(c["file"])]
    imagination, rng = Imagination(store, spoken), random.Random(1)
    found = []
    for n, text in enumerate(store.sentences):
        if text in imagination.kinds and (said := imagination.slots(rng, text, even=True)):
            slots = np.concatenate([said[1], np.full(END, SILENCE, np.uint8)])
            slots = np.concatenate([slots, np.full(-len(slots) % SLOTS, SILENCE, np.uint8)])
            found.append(({"file": f"imagined/{said[0]}/{n:05d}", "text": text, "id": f"imagined-{n}"}, slots))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    pack = args.data / "language" / "pack"
    store = Store(pack)
    if any(c["file"].startswith("imagined/") for c in store.clips.values()):
        raise SystemExit(f"{pack} already holds what nobody said: run language.pack before this")
    model = VoiceModel().eval()
    model.load_state_dict(torch.load(args.data / "voices" / "last.pt", weights_only=True)["model"])
    centroids = torch.from_numpy(store.centroids)
    assert len(centroids) == BOOKS

    jobs = [(c, store.phones(c), c["frames"][1]) for c in store.clips.values() if "frames" in c]
    place, new = len(store.slots), imagined(store)
    for clip, slots in new:
        clip["slots"] = [place, len(slots)]
        place += len(slots)
        jobs.append((clip, slots, len(slots) // SLOTS))
    made: dict[str, np.ndarray] = {}
    jobs.sort(key=lambda j: j[2])
    for first in range(0, len(jobs), BATCH):
        part = jobs[first : first + BATCH]
        with torch.no_grad():
            vectors = model(Together.of([Utterance.of(slots, frames, voice(clip["file"])) for clip, slots, frames in part]))
        for (clip, _, frames), row in zip(part, vectors * model.spread + model.mean, strict=True):
            made[clip["file"]] = quantised(row[:frames], centroids)
    row = 0
    for clip, _, frames in jobs:
        clip["frames"] = [row, frames]
        row += frames
    codes = np.concatenate([made[clip["file"]] for clip, _, _ in jobs])
    slots = np.concatenate([store.slots, *(s for _, s in new)])
    np.savez_compressed(pack / "speech.npz", codes=codes, slots=slots, centroids=store.centroids.astype(np.float16))
    (pack / "clips.jsonl").write_text("".join(json.dumps(c) + "\n" for c in [*store.clips.values(), *(c for c, _ in new)]))
    print(f"{row} frames of {len(jobs)} clips, {len(new)} of them said by nobody")


if __name__ == "__main__":
    main()
