"""Weights that are good already and learn a little more: few of them, at a small rate that goes down to nothing."""

import argparse
import json
import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from language import small
from language.losses import Helps
from language.model import LanguageModel
from language.sizes import config_json
from lfm.sizes import POCKET
from training import Clock, save

log = logging.getLogger(__name__)

WARM_UP, DECAY = 20, 0.4  # steps; the share of the schedule over which the rate goes down
LOG_EVERY, SAVE_EVERY = 20, 120  # seconds
Loss = tuple[Tensor, dict[str, Tensor]]  # and its terms, for the log


def arguments(parser: argparse.ArgumentParser) -> None:
    """Those that such stages share."""
    parser.add_argument("--pack", type=Path, required=True)
    parser.add_argument("--start", type=Path, required=True, help="weights as left by language.train --small")
    parser.add_argument("--run", type=Path, required=True, help="folder of the checkpoint")
    parser.add_argument("--small", type=Path, required=True, help="what it learned, as language.train leaves it")
    parser.add_argument("--seconds", type=float, required=True, help="the whole schedule")
    parser.add_argument("--stop", type=float, default=math.inf, help="how long this run may take")
    parser.add_argument("--batch", type=int, help="clips in a step")
    parser.add_argument("--rate", type=float, help="at its peak")
    parser.add_argument("--seed", type=int, default=1)


class Tuning:
    """A run of one of them; it goes on where it was stopped."""

    def __init__(self, model: LanguageModel, helps: Helps, rate: float, args: argparse.Namespace) -> None:
        self.model, self.helps, self.rate, self.args = model, helps, rate, args
        self.learning = [p for p in model.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.learning, rate, betas=(0.9, 0.98), weight_decay=0.0)
        self.clock, self.step, self.spent = Clock(args.stop), 0, 0.0
        self.path = args.run / "last.pt"
        args.run.mkdir(parents=True, exist_ok=True)
        (args.run / "config.json").write_text(json.dumps(config_json(POCKET), indent=1))
        if self.path.exists():
            state = torch.load(self.path, map_location=self.learning[0].device, weights_only=True)
            model.load_state_dict(state["model"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.step, self.spent = state["step"], state["spent"]
            log.info("resumed at step %d, %.0f s", self.step, self.spent)
        torch.manual_seed(args.seed + self.step)

    def save(self) -> None:
        model = self.model.state_dict()
        save({"model": model, "optimiser": self.optimiser.state_dict(), "step": self.step, "spent": self.spent}, self.path)
        small.write(self.args.small, model, self.helps.state_dict(), self.step, self.spent)

    def learn(self, loss: Tensor) -> None:
        """One step."""
        left = 1 - self.spent / self.args.seconds
        for group in self.optimiser.param_groups:
            group["lr"] = self.rate * min(1.0, (self.step + 1) / WARM_UP) * min(1.0, left / DECAY)
        self.optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.learning, 1.0)
        self.optimiser.step()
        self.step += 1

    def steps(self, losses: Iterator[Loss], measured: Callable[[], dict[str, float]]) -> None:
        """All that there is time for, each from a loss and its terms; `measured`, of what is held out, takes none of it."""
        log.info("%s; held out, before: %s", self.learning[0].device, shown(measured()))
        recent: list[dict[str, Tensor]] = []
        last = logged = saved = time.monotonic()
        while self.spent < self.args.seconds and not self.clock.over:
            loss, terms = next(losses)
            self.learn(loss)
            recent.append(terms)
            now = time.monotonic()
            self.spent += now - last
            last = now
            if now - logged > LOG_EVERY:
                share, pace = 100 * self.spent / self.args.seconds, len(recent) / (now - logged)
                means = {name: float(torch.stack([terms[name] for terms in recent]).nanmean()) for name in terms}
                log.info("step %d, %.1f %%, %.2f a second: %s", self.step, share, pace, shown(means))
                recent, logged = [], now
            if now - saved > SAVE_EVERY:
                log.info("held out: %s", shown(measured()))
                self.save()
                saved = last = time.monotonic()
        self.save()
        log.info("stopped at step %d; held out: %s", self.step, shown(measured()))


def shown(terms: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4f}" for name, value in terms.items())
