"""The model learns to be understood by itself: what it says is decoded, heard and written down, and its surprise goes back to the codes.

    python -m language.own_ear --pack DATA/language/pack --detokenizer DATA/codec/export/audio_detokenizer \\
        --start SMALL --run DIR --small OUT --seconds 6000 [--seed N]

SMALL is what `language.train --small` leaves. Two things hold the rest in place: codes are to be about as likely as they were, and behind
other tasks' inputs the backbone is to say what it said. The mean of several seeds (`language.between`) is better than each.
"""

import argparse
import logging
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from detokenizer.model import load
from language import tuning
from language.batches import Batch, stream
from language.data import Mix
from language.saying import Asked, Said, asked, said, still
from language.sequences import Builder, Texts
from language.store import Store
from language.surprise import OwnEar
from language.trainer import begun
from language.tuning import Tuning
from training import device

RATE = 2e-5  # by the root of the batch
LIKE_BEFORE, HELD = 0.5, 5.0  # weights
OTHERS = Mix(imagine=0, spell=0, transcribe=0.25, tell=0.1, chat=0.5, look_up=0.1, reckon=0.05)
POSITIONS = 64  # of other tasks, for each saying of a step
AGAIN = 2  # times that one saying is learned from


def sayings(ear: OwnEar, prompts: Iterator[Asked], quiet: Tensor, size: int, rng: np.random.Generator) -> Iterator[Said]:
    """Endless batches of what it says by then."""
    for some in prompts:
        batches = [*said(ear.model, some, quiet).finished().batches(size)] * AGAIN
        yield from (batches[n] for n in rng.permutation(len(batches)))


def losses(ear: OwnEar, spoken: Iterator[Said], others: Iterator[Batch], rng: np.random.Generator) -> Iterator[tuning.Loss]:
    """Of each step, and their terms."""
    for some, batch in zip(spoken, others, strict=False):
        misheard, unlike, same = ear(some, rng)
        moved = ear.moved(batch.to(misheard.device))
        terms = {"misheard": misheard, "unlike before": unlike, "same codes": same, "moved": moved}
        yield misheard + LIKE_BEFORE * unlike + HELD * moved, {name: term.detach() for name, term in terms.items()}


@torch.no_grad()
def measured(ear: OwnEar, prompts: list[Asked], quiet: Tensor) -> dict[str, float]:
    """Of what it says by now of sentences that it is not trained on."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        ended = [said(ear.model, some, quiet).finished() for some in prompts]
        found = torch.stack([torch.stack(ear(some, None)) for some in ended]).mean(0).tolist()
    share = sum(len(e.texts) for e in ended) / sum(len(p.texts) for p in prompts)
    return dict(zip(("misheard", "unlike before", "same codes"), found, strict=True)) | {"ended": share}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tuning.arguments(parser)
    parser.add_argument("--detokenizer", type=Path, required=True, help="the exported one")
    parser.add_argument("--workers", type=int, default=0, help="that lay out other tasks")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.multiprocessing.set_sharing_strategy("file_system")

    on = device()
    size = args.batch or (128 if on.type == "cuda" else 16)
    store, build = Store(args.pack), Builder(Texts(args.pack / "tokenizer.json"))
    whole = begun(args.start, store, on)
    ear = OwnEar(whole, load(args.detokenizer).to(on), build)
    run = Tuning(ear.model, whole.helps, args.rate or RATE * size**0.5, args)

    seed, quiet = args.seed + run.step, still(whole.centroids)
    held = [*islice(asked(store, build, 2 * size, 0, held=True), 4)]
    rng, others = np.random.default_rng(seed), stream(store, OTHERS, POSITIONS * size, args.seed, args.workers)
    spoken = sayings(ear, asked(store, build, 16 * size, seed), quiet, size, rng)
    run.steps(losses(ear, spoken, others, rng), lambda: measured(ear, held, quiet))


if __name__ == "__main__":
    main()
