"""Train the codec, stage (a): encoder, codebooks and SEANet decoder together.

    python -m codec.train --data DATA --steps 28000 --seconds 5400

`--steps` is the whole schedule, `--seconds` how long this run may take; a later run with the same
command goes on where the last one stopped. Kill it at any time: at most five minutes are lost.
"""

import argparse
import json
import logging
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.data import Clips
from codec.measure import held_out, mean_stoi, slot_accuracy
from codec.model import POCKET, TINY
from codec.trainer import TERMS, Phase, Trainer
from training import Clock

log = logging.getLogger(__name__)

SAVE_EVERY, MEASURE_EVERY = 240, 900  # seconds
BEGUN = 0.3  # where a schedule by the clock goes on


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--steps", type=int, default=28000)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--start", type=Path, help="what codec.bundle saved, to begin with when there is no checkpoint")
    parser.add_argument("--by-clock", action="store_true", help="the schedule ends with --seconds; one that was begun goes on at 30 %%")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="rehearse at a toy size")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    sizes = TINY if args.tiny else POCKET
    folder = args.data / args.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mimi_config.json").write_text(json.dumps(sizes, indent=1))
    trainer = Trainer(sizes, args.seed)
    clips = Clips(args.data, ("spoken", "heard"), "codec")
    checkpoint = folder / "last.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
        log.info("resumed at step %d", trainer.step)
    elif args.start is not None:
        trainer.load_small(args.start)
    else:
        trainer.start(clips)
    test = held_out(args.data, 16)
    count = sum(p.numel() for p in trainer.params)
    log.info("%.2f M parameters, %d test clips", count / 1e6, len(test))

    clock = Clock(args.seconds)
    saved = measured = logged = time.monotonic()
    first, recent = trainer.step, []
    begun = min(BEGUN, first / args.steps)

    def done() -> float:
        """The share of the schedule that is over."""
        return begun + (1 - begun) * clock.run / args.seconds if args.by_clock else trainer.step / args.steps

    while done() < 1 and not clock.over:
        recent.append(trainer(clips, Phase(done())))
        now = time.monotonic()
        if trainer.step % 50 == 0:
            report(trainer, recent, now - logged, args, clock.run, first)
            recent, logged = [], time.monotonic()
        if now - saved > SAVE_EVERY:
            trainer.save(checkpoint)
            clips.refresh()
            saved = time.monotonic()
        if now - measured > MEASURE_EVERY and trainer.quantised:
            measure(trainer, test, folder)
            measured = time.monotonic()
    trainer.save(checkpoint)
    measure(trainer, test, folder)
    log.info("stopped at step %d of %d", trainer.step, args.steps)


def report(
    trainer: Trainer,
    recent: list[Tensor],
    spent: float,
    args: argparse.Namespace,
    run: float,
    first: int,
) -> None:
    """One line of progress; `spent` seconds on the recent steps, `run` since the start."""
    means = torch.stack(recent).mean(0).tolist()
    terms = " ".join(f"{n} {v:.3f}" for n, v in zip(TERMS, means, strict=True))
    usage = trainer.averages.entropies() if trainer.quantised else []
    pace = run / max(1, trainer.step - first)
    log.info(
        "step %d/%d %s | gradient %.1f | usage %s | %.1f h heard, %.2f s a step | %.0f s left in this run, %.0f s in all",
        trainer.step,
        args.steps,
        terms,
        float(np.median(trainer.norms)),
        " ".join(f"{e:.2f}" for e in usage) or "-",
        trainer.speech / 3600,
        spent / len(recent),
        args.seconds - run,
        pace * (args.steps - trainer.step),
    )
    trainer.norms = []


def measure(trainer: Trainer, test: list, folder: Path) -> None:
    """Held-out STOI of the live and the averaged weights, and phones read off code 0."""
    if not test or not trainer.quantised:
        return
    trainer.publish()
    found = {
        "step": trainer.step,
        "hours": round(trainer.speech / 3600, 2),
        "stoi": round(mean_stoi(trainer.mimi, test), 4),
        "stoi_averaged": round(mean_stoi(trainer.shadow, test), 4),
        "slots": round(slot_accuracy(trainer.mimi, trainer.head, test), 4),
    }
    with (folder / "measured.jsonl").open("a") as out:
        out.write(json.dumps(found) + "\n")
    log.info("held out: %s", found)


if __name__ == "__main__":
    main()
