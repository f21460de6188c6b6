"""Train the language model: recognition, synthesis and conversation at once, on a GPU or on the CPU.

    python -m language.train --pack DATA/language/pack --run DATA/language/run --seconds 36000 [--stop 5400]

`--seconds` is the whole schedule, `--stop` how long this run may take; a later run with the same command goes on where the last one
stopped. The schedule follows the clock, not the steps, so the same command fits any machine. Kill it at any time.
"""

import argparse
import json
import logging
import math
import os
import time
from itertools import islice
from pathlib import Path

import torch

from language.batches import fixed, stream
from language.data import Mix
from language.losses import TERMS, Phase
from language.sizes import TINY
from language.store import Store
from language.telling import as_heard
from language.trainer import PEAK, Trainer
from lfm.sizes import POCKET
from training import Clock

log = logging.getLogger(__name__)

SAVE_EVERY, MEASURE_EVERY, LOG_EVERY = 60, 120, 10  # seconds, on a GPU; three times as long on a CPU
PAUSED = 60  # seconds: a step that seems to take longer was held up from outside (SIGSTOP), which is not training
TO_TELL = 40  # batches: of as many clips the table for phones is made where it was dropped
ALL, HEAR = Mix(), Mix.only("transcribe")
TASKS = {task: Mix.only(task) for task in ("speak", "transcribe", "tell", "chat", "look_up", "reckon", "spell")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints")
    parser.add_argument("--start", type=Path, help="weights to begin with, as left by --small, when there is no checkpoint")
    parser.add_argument(
        "--begin", type=float, help="share of the schedule that counts as over with such weights; 0.15: the encoder can hear"
    )
    parser.add_argument("--small", type=Path, help="also save the averaged weights here, in files under 15 MB")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--stop", type=float, default=math.inf)
    parser.add_argument("--positions", type=int, help="in a batch, padding included")
    parser.add_argument("--workers", type=int)
    parser.add_argument("--still", action="store_true", help="hold the encoder as it is: for a run with little to be heard")
    parser.add_argument("--rate", type=float, default=PEAK, help="at its peak; less where batches are small and the weights good")
    parser.add_argument("--dropout", type=float, default=0.0, help="of encoder and backbone; for runs that see each clip dozens of times")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="rehearse at a toy size")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.multiprocessing.set_sharing_strategy("file_system")

    clock = Clock(args.stop)  # loading counts: the stop is the machine's
    gpu = torch.cuda.is_available()
    positions = args.positions or (32768 if gpu else 3072)
    workers = args.workers if args.workers is not None else (max(1, (os.cpu_count() or 2) - 3) if gpu else 0)
    pause = 1 if gpu else 3
    store = Store(args.pack)
    trainer = Trainer(TINY if args.tiny else POCKET, store, args.run, args.seed, args.dropout, args.still, args.rate)
    trainer.resume(args.start, None if args.begin is None else args.begin * args.seconds)
    if trainer.helpless:
        clips = (batch.to(trainer.device) for batch in islice(stream(store, HEAR, positions, args.seed, 0), TO_TELL))
        log.info("phones are told as they are heard, but for %.3f of it", as_heard(trainer.judge, clips))
    tests = {task: fixed(store, mix, min(positions, 8192), 2) for task, mix in TASKS.items()}
    log.info("%s, %d positions a batch, %d workers, %.2f M parameters", trainer.device, positions, workers, trainer.size / 1e6)

    phase = Phase(trainer.spent / args.seconds)
    mix, batches = None, iter(())
    last = logged = saved = measured = time.monotonic()
    seen, recent, logged_at = 0, [], trainer.step
    while phase.done < 1 and not clock.over:
        wanted = HEAR if phase.hearing else ALL
        if wanted is not mix:
            mix, batches = wanted, stream(store, wanted, positions, args.seed + trainer.step, workers)
        batch = next(batches).to(trainer.device)
        recent.append(trainer(batch, phase))
        seen += batch.rows
        now = time.monotonic()
        trainer.spent += min(now - last, PAUSED)
        last = now
        phase = Phase(trainer.spent / args.seconds)
        if now - logged > LOG_EVERY * pause:
            means = torch.stack(recent).nanmean(0).tolist()
            terms = " ".join(f"{n} {v:.3f}" for n, v in zip(TERMS, means, strict=True))
            pace = seen / (now - logged)
            steps = (trainer.step - logged_at) / (now - logged)
            log.info("step %d, %.1f %% %s | %.0f sequences, %.1f steps a second", trainer.step, 100 * phase.done, terms, pace, steps)
            recent, seen, logged, logged_at = [], 0, now, trainer.step
        if now - measured > MEASURE_EVERY * pause:
            note(trainer, tests, phase)
            measured = time.monotonic()
        if now - saved > SAVE_EVERY * pause:
            trainer.save(args.small)
            saved = time.monotonic()
    trainer.save(args.small)
    note(trainer, tests, phase)
    log.info("stopped at step %d, %.1f %% of the schedule", trainer.step, 100 * phase.done)


def note(trainer: Trainer, tests: dict, phase: Phase) -> None:
    """Held-out losses of the averaged weights, into the log and measured.jsonl."""
    found = {"step": trainer.step, "done": round(phase.done, 4)} | {task: trainer.measure(batches) for task, batches in tests.items()}
    with (trainer.folder / "measured.jsonl").open("a") as out:
        out.write(json.dumps(found) + "\n")
    log.info("held out: %s", found)


if __name__ == "__main__":
    main()
