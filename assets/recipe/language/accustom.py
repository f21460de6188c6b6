"""The encoder gets used to voices of other makes, in front of a backbone that does not learn.

    python -m language.accustom --pack DATA/language/pack --start SMALL --run DIR --small OUT --seconds 2400 [--seed N]

SMALL is what `language.train --small` leaves. Half of what is heard are strangers (`corpus.strangers`, `corpus.flite`), disturbed as ever,
and with other vocal tracts than theirs; what they say is to be written down. Of the voices that it knows, what the encoder says is
to stay what it was. The mean of several seeds (`language.between`) is better than each.
"""

import argparse
import logging
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from language import tuning
from language.data import Mix, Sampler
from language.hearing import Renderings, masked, rendered, worsened
from language.losses import Losses
from language.sequences import Builder, Heard, Texts
from language.store import Store
from language.trainer import begun
from language.tuning import Tuning
from language.writing import Writing
from training import device

RATE = 3e-4
STRANGE = ("strangers", "flite")  # parts
HALF = 0.5  # of what is heard
UNREAD = 0.1  # share of the words written that are not read
KNOWN = 0.5  # weight of what the known voices' states have moved by
POOL = 16  # batches that are sorted together
HELD = 8  # batches of what is held out


@dataclass
class Clips:
    """As they are to be heard, and what they say."""

    heard: list[Heard]
    texts: list[str]
    known: np.ndarray  # (N,) whether the voice is

    def renderings(self, on: torch.device) -> Renderings:
        fields = np.array([(h.start, h.length, h.speed, h.lead, h.total) for h in self.heard], np.float64)
        return Renderings.of(torch.from_numpy(fields).to(on), max(h.total for h in self.heard))


def batches(sampler: Sampler, size: int) -> Iterator[Clips]:
    """Endlessly, of like length."""
    rng = sampler.rng
    strange, known = ([c for c in sampler.to_hear if (c["file"].split("/")[0] in STRANGE) == wanted] for wanted in (True, False))
    while True:
        drawn = [(rng.choice(strange), False) if rng.random() < HALF else (rng.choice(known), True) for _ in range(POOL * size)]
        heard = sorted(((sampler.heard(clip), clip["text"], own) for clip, own in drawn), key=lambda one: one[0].total)
        several = [heard[i : i + size] for i in range(0, len(heard), size)]
        rng.shuffle(several)
        yield from (Clips([h for h, _, _ in some], [t for _, t, _ in some], np.array([k for _, _, k in some])) for some in several)


class Ear:
    """Clips to losses."""

    def __init__(self, losses: Losses, build: Builder) -> None:
        self.losses, self.model = losses, losses.model
        losses.requires_grad_(False).eval()
        self.before = deepcopy(losses.model)
        for part in (self.model.conformer, self.model.audio_adapter):
            part.requires_grad_(True)
        self.written = Writing(self.before, build)

    def __call__(self, clips: Clips, vary: bool = True) -> tuple[Tensor, Tensor]:
        """Surprise at the words, nats a token, and how far the known voices' states have moved, squared, of what they were."""
        on = self.losses.samples.device
        with torch.no_grad():
            how = clips.renderings(on)
            wave = rendered(self.losses.samples, how)
            mel, lengths = self.losses.mel(worsened(wave, how.total) if vary else wave, how.total)
            mel = masked(self.losses.mel.other_throats(mel), lengths) if vary else mel
        _, heard = self.model.heard(mel, lengths)
        samples = np.array([h.total for h in clips.heard])
        surprise = self.written(heard, samples, clips.texts, UNREAD if vary else 0.0)
        own = torch.from_numpy(np.flatnonzero(clips.known)).to(on)
        with torch.no_grad():
            _, usual = self.before.heard(mel[own], lengths[own])
        return surprise, (heard[own] - usual).square().sum() / usual.square().sum().clamp(min=1e-6)


def losses(ear: Ear, clips: Iterator[Clips]) -> Iterator[tuning.Loss]:
    """Of each step, and their terms."""
    for some in clips:
        surprise, moved = ear(some)
        yield surprise + KNOWN * moved, {"misheard": surprise.detach(), "moved": moved.detach()}


@torch.no_grad()
def measured(ear: Ear, clips: list[Clips]) -> dict[str, float]:
    """Undisturbed, of clips that it is not trained on."""
    found: dict[str, list[float]] = {"strangers misheard": [], "known misheard": []}
    for some in clips:
        for name, wanted in zip(found, (False, True), strict=True):
            if len(rows := np.flatnonzero(some.known == wanted)):
                part = Clips([some.heard[n] for n in rows], [some.texts[n] for n in rows], some.known[rows])
                found[name].append(float(ear(part, vary=False)[0]))
    return {name: float(np.mean(values)) for name, values in found.items() if values}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    tuning.arguments(parser)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    on = device()
    size = args.batch or (128 if on.type == "cuda" else 16)
    store, build = Store(args.pack), Builder(Texts(args.pack / "tokenizer.json"))
    ear = Ear(begun(args.start, store, on), build)
    run = Tuning(ear.model, ear.losses.helps, args.rate or RATE, args)
    held = batches(Sampler(store, "tune", Mix(), 0, vary=False), size)
    mine = [next(held) for _ in range(HELD)]
    run.steps(losses(ear, batches(Sampler(store, "train", Mix(), args.seed + run.step), size)), lambda: measured(ear, mine))


if __name__ == "__main__":
    main()
