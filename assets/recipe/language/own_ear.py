"""The model learns to be understood by itself: what it says is decoded, heard and written down, and its surprise goes back to the codes.

    python -m language.own_ear --pack DATA/language/pack --detokenizer DATA/codec/export/audio_detokenizer \\
        --start SMALL --run DIR --small OUT --seconds 6000 [--seed N]

SMALL is what `language.train --small` leaves. Two things hold the rest in place: codes are to be about as likely as they were, and behind
other tasks' inputs the backbone is to say what it said. The mean of several seeds (`language.between`) is better than each.
"""

import argparse
import json
import logging
import math
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from detokenizer.model import load
from language import small
from language.batches import Batch, stream
from language.data import Mix
from language.losses import Helps, Losses
from language.model import LanguageModel
from language.saying import Asked, Said, asked, said, still
from language.sequences import Builder, Texts
from language.sizes import config_json
from language.store import Store
from language.surprise import OwnEar
from language.trainer import stores
from lfm.sizes import POCKET
from training import Clock, device, save

log = logging.getLogger(__name__)

RATE, WARM_UP, DECAY = 2e-5, 20, 0.4  # by the root of the batch; steps; the share of the schedule over which the rate goes down to nothing
LIKE_BEFORE, HELD = 0.5, 5.0  # weights
OTHERS = Mix(imagine=0, spell=0, transcribe=0.25, tell=0.1, chat=0.5, look_up=0.1, reckon=0.05)
POSITIONS = 64  # of other tasks, for each saying of a step
AGAIN = 2  # times that one saying is learned from
TERMS = ("misheard", "unlike before", "same codes", "moved")
LOG_EVERY, SAVE_EVERY = 20, 120  # seconds


class Run:
    """One step at a time."""

    def __init__(self, ear: OwnEar, folder: Path, rate: float, seed: int) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.ear, self.path, self.rate, self.seed = ear, folder / "last.pt", rate, seed
        self.optimiser = torch.optim.AdamW(ear.learning, rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.step, self.spent = 0, 0.0
        if self.path.exists():
            state = torch.load(self.path, map_location=ear.learning[0].device, weights_only=True)
            ear.model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.spent = state["step"], state["spent"]
            log.info("resumed at step %d, %.0f s", self.step, self.spent)
        torch.manual_seed(seed + self.step)

    def __call__(self, spoken: Said, others: Batch, rng: np.random.Generator, done: float) -> Tensor:
        """The terms of its loss (4,)."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1.0, (self.step + 1) / WARM_UP) * min(1.0, (1 - done) / DECAY)
        misheard, unlike, same = self.ear(spoken, rng)
        moved = self.ear.moved(others)
        self.optimiser.zero_grad()
        (misheard + LIKE_BEFORE * unlike + HELD * moved).backward()
        nn.utils.clip_grad_norm_(self.ear.learning, 1.0)
        self.optimiser.step()
        self.step += 1
        return torch.stack([misheard, unlike, same, moved]).detach()

    def save(self, folder: Path) -> None:
        model = self.ear.model.state_dict()
        save({"model": model, "optimiser": self.optimiser.state_dict(), "step": self.step, "spent": self.spent}, self.path)
        small.write(folder, model, self.ear.losses.helps.state_dict(), self.step, self.spent)


def sayings(ear: OwnEar, prompts: Iterator[Asked], quiet: Tensor, size: int, rng: np.random.Generator) -> Iterator[Said]:
    """Endless batches of what it says by then."""
    for some in prompts:
        batches = [*said(ear.model, some, quiet).finished().batches(size)] * AGAIN
        yield from (batches[n] for n in rng.permutation(len(batches)))


@torch.no_grad()
def measured(ear: OwnEar, prompts: list[Asked], quiet: Tensor) -> str:
    """Of what it says by now of sentences that it is not trained on."""
    with torch.random.fork_rng():
        torch.manual_seed(1)
        ended = [said(ear.model, some, quiet).finished() for some in prompts]
        found = torch.stack([ear(some, None) for some in ended]).mean(0).tolist()
    return f"{terms(found)}, {sum(len(e.texts) for e in ended)} of {sum(len(p.texts) for p in prompts)} end"


def terms(values: list[float]) -> str:
    return " ".join(f"{name} {value:.4f}" for name, value in zip(TERMS, values, strict=False))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--detokenizer", type=Path, required=True, help="the exported one")
    parser.add_argument("--start", type=Path, required=True, help="weights as left by language.train --small")
    parser.add_argument("--run", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--small", type=Path, required=True, help="what it learned, as language.train leaves it")
    parser.add_argument("--seconds", type=float, required=True, help="the whole schedule")
    parser.add_argument("--stop", type=float, default=math.inf, help="how long this run may take")
    parser.add_argument("--batch", type=int, help="sayings in a step")
    parser.add_argument("--rate", type=float, help="at its peak")
    parser.add_argument("--workers", type=int, default=0, help="that lay out other tasks")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.multiprocessing.set_sharing_strategy("file_system")

    clock, on = Clock(args.stop), device()
    size = args.batch or (128 if on.type == "cuda" else 16)
    store, config = Store(args.pack), config_json(POCKET)
    weights, helps_weights = small.read(args.start)
    if not helps_weights:
        raise SystemExit(f"{args.start} lacks the heads that help: run language.train with it first, which learns them")
    model, helps = LanguageModel(config), Helps(config["encoder"]["d_model"], config["lfm"]["hidden_size"])
    model.load_state_dict(weights), helps.load_state_dict(helps_weights)
    losses = Losses(model.to(on), helps.to(on), *stores(store, config, on))
    build = Builder(Texts(store.pack / "tokenizer.json"))
    ear = OwnEar(losses, load(args.detokenizer).to(on), build)
    run = Run(ear, args.run, args.rate or RATE * size**0.5, args.seed)
    (args.run / "config.json").write_text(json.dumps(config, indent=1))

    quiet = still(losses.centroids)
    held = [*islice(asked(store, build, 2 * size, 0, held=True), 4)]
    others = stream(store, OTHERS, POSITIONS * size, args.seed, args.workers)
    rng = np.random.default_rng(args.seed + run.step)
    spoken = sayings(ear, asked(store, build, 16 * size, args.seed + run.step), quiet, size, rng)
    log.info("%s, %d sayings a step; before: %s", on, size, measured(ear, held, quiet))
    recent, last = [], time.monotonic()
    logged = saved = last
    while run.spent < args.seconds and not clock.over:
        recent.append(run(next(spoken), next(others).to(on), rng, run.spent / args.seconds))
        now = time.monotonic()
        run.spent += now - last
        last = now
        if now - logged > LOG_EVERY:
            means = torch.stack(recent).mean(0).tolist()
            share, pace = 100 * run.spent / args.seconds, len(recent) / (now - logged)
            log.info("step %d, %.1f %% %s | %.2f steps a second", run.step, share, terms(means), pace)
            recent, logged = [], now
        if now - saved > SAVE_EVERY:
            log.info("held out: %s", measured(ear, held, quiet))
            run.save(args.small)
            saved = last = time.monotonic()
    run.save(args.small)
    log.info("stopped at step %d, held out: %s", run.step, measured(ear, held, quiet))


if __name__ == "__main__":
    main()
