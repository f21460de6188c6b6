"""Codes of the voice model for all that is to be said, in the pack: for its clips, and for every sentence whose pronunciation is known.

    python -m voices.say --data DATA

The clips keep their own timing, but for answers that are too quick for their words. What nobody said gets the middle of how long the
voice makes a phone there, for what is left to chance cannot be learned. What is read out uses the first two codebooks alone: of the third,
a language model that is told the first two guesses a seventh (6.0 nats of 7.0), and what it draws there is noise. The conversation's
answers are few enough to be known by heart, so they use four.
"""

import argparse
import random
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.model import BOOKS
from codec.phones import SILENCE
from codec.quantise import nearest
from language.imagined import Imagination
from language.losses import READ_OUT, SOUNDING
from language.saying import still
from language.sequences import Texts, on_time
from language.store import SLOTS, Store, held_out, of_frames, progress, write
from training import multiplies_bfloat16, two_threads
from voices.model import Together, Utterance, trained
from voices.train import voice

BATCH = 32
END = 8  # slots of silence after what nobody said


def used(file: str) -> int:
    """How many codebooks a clip uses."""
    return SOUNDING if file.startswith("replies/") else READ_OUT


def quantised(vectors: Tensor, centroids: Tensor, sounding: int) -> np.ndarray:
    """(F, 128) and (8, 2048, 64) -> (F, 8); the books after the first `sounding` are still."""
    first, rest = vectors.chunk(2, -1)
    codes = [nearest(first, centroids[0])]
    for book in centroids[1:sounding]:
        codes.append(nearest(rest, book))
        rest = rest - book[codes[-1]]
    codes += [code.expand(len(vectors)) for code in still(centroids)[sounding:]]
    return torch.stack(codes, 1).numpy().astype(np.uint16)


def opened(pack: Path) -> Store:
    """The pack, as language.pack left it."""
    store = Store(pack)
    if any(c["file"].startswith("imagined/") for c in store.clips.values()):
        raise SystemExit(f"{pack} already holds what nobody said: run language.pack before this")
    return store


def in_voices(store: Store) -> Imagination:
    """Sentences as the voices would say them, by the clips that train."""
    spoken = [c for c in store.clips.values() if "frames" in c and c["file"].startswith("spoken/") and not held_out(c["file"])]
    return Imagination(store, spoken)


def closed(slots: np.ndarray) -> np.ndarray:
    """Phones by 20 ms, with silence behind them, in whole frames."""
    return np.concatenate([slots, np.full(END + -(len(slots) + END) % SLOTS, SILENCE, np.uint8)])


def imagined(store: Store, imagination: Imagination, lines: Iterable[int]) -> list[tuple[dict, np.ndarray]]:
    """A clip of each of these sentences of which the pronunciation is known, and its phones by 20 ms."""
    rng, found = random.Random(1), []
    for n in lines:
        text = store.sentences[n]
        if text in imagination.kinds and (said := imagination.slots(rng, text, even=True)):
            found.append(({"file": f"imagined/{said[0]}/{n:05d}", "text": text, "id": f"imagined-{n}"}, closed(said[1])))
    return found


def slower(slots: np.ndarray, factor: float) -> np.ndarray:
    """Phones by 20 ms, each longer by the factor, in whole frames."""
    count = -(-int(len(slots) * factor) // SLOTS) * SLOTS
    return slots[np.minimum((np.arange(count) / factor).astype(np.int64), len(slots) - 1)]


def in_time(store: Store, texts: Texts) -> list[tuple[dict, np.ndarray]]:
    """Answers of which no take is slow enough for its words to be written first, and their phones, slow enough."""
    takes: dict[str, list[dict]] = {}
    for clip in store.clips.values():
        if clip["file"].startswith("replies/") and "frames" in clip:
            takes.setdefault(clip["id"], []).append(clip)
    found = []
    for answer in takes.values():
        _, places = texts(answer[0]["text"])
        slowest = max(answer, key=lambda clip: clip["slots"][1])
        paces = (slower(store.phones(slowest), factor) for factor in np.arange(1.05, 2.5, 0.05))
        if not any(on_time(places, store.said(clip)) for clip in answer):
            fitting = (s for s in paces if on_time(places, of_frames(progress(s), len(s) // SLOTS)))
            found.append((slowest, next(fitting)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    pack = args.data / "language" / "pack"
    store = opened(pack)
    model = trained(args.data)
    centroids = torch.from_numpy(store.centroids)
    assert len(centroids) == BOOKS

    new = imagined(store, in_voices(store), range(len(store.sentences)))
    timed = {clip["file"]: slots for clip, slots in (*in_time(store, Texts(pack / "tokenizer.json")), *new)}
    clips = [*(c for c in store.clips.values() if "frames" in c), *(clip for clip, _ in new)]
    jobs = [(c, timed[c["file"]] if c["file"] in timed else store.phones(c)) for c in clips]
    jobs.sort(key=lambda j: len(j[1]))

    @torch.no_grad()
    def made(part: list[tuple[dict, np.ndarray]]) -> list[tuple[str, np.ndarray]]:
        together = Together.of([Utterance.of(slots, len(slots) // SLOTS, voice(clip["file"])) for clip, slots in part])
        with torch.autocast("cpu", torch.bfloat16, enabled=multiplies_bfloat16(torch.device("cpu"))):
            rows = zip(part, model(together), strict=True)
        return [(clip["file"], quantised(row[: len(slots) // SLOTS], centroids, used(clip["file"]))) for (clip, slots), row in rows]

    with two_threads() as pool:
        parts = pool.map(made, [jobs[i : i + BATCH] for i in range(0, len(jobs), BATCH)])
        codes_of = {file: codes for part in parts for file, codes in part}
    row, place = 0, len(store.slots)
    for clip, slots in jobs:
        clip["frames"] = [row, len(slots) // SLOTS]
        row += len(slots) // SLOTS
        if clip["file"] in timed:
            clip["slots"] = [place, len(slots)]
            place += len(slots)
    codes = np.concatenate([codes_of[clip["file"]] for clip, _ in jobs])
    slots = np.concatenate([store.slots, *(s for clip, s in jobs if clip["file"] in timed)])
    write(pack, codes, slots, store.centroids, [*store.clips.values(), *(c for c, _ in new)])
    print(f"{row} frames of {len(jobs)} clips, {len(new)} of them said by nobody")


if __name__ == "__main__":
    main()
