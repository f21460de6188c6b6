"""Train one decoder of the frozen codes further, on what the language model is to say too; with --adversary, until it sounds real.

    python -m decoders.train --data DATA --which mimi --seconds 1500 [--stop 600] [--adversary]
    python -m decoders.train --data DATA --which detokenizer --seconds 1500

Needs `codec.export`, `codec.encode` and, for the detokenizer, `detokenizer.train`; uses what `voices.taught` made. `--seconds` is the
whole schedule, `--stop` how long this run may take; the same command goes on where the last one stopped. What is made replaces the
decoder's weights in DATA/codec/export; the encoder and the codes stay as they are, byte for byte.
"""

import argparse
import logging
import math
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from codec.data import FRAME
from codec.encode import DECODER
from codec.export import published
from codec.losses import SpectralLoss
from codec.model import WEIGHTS
from codec.model import load as load_codec
from decoders.adversary import Adversary
from decoders.understood import Envelopes, Listener
from detokenizer.data import Crops
from detokenizer.model import load as load_detokenizer
from detokenizer.train import LOUDEST, PhaseLoss, write_weights
from training import Clock, Halves, Whole, device, move_average, save

log = logging.getLogger(__name__)

PEAK, LOWEST, WARM_UP = 3e-4, 1 / 30, 100  # of the rate: where it begins, its end as a share of that, steps up to it
MEL, STFT, PHASE, ENVELOPES, PHONES, FOOLED, APART = 3.0, 1.0, 1.0, 15.0, 5.0, 0.3, 1.0
ALONE = 60  # steps in which only the adversary learns
BATCHES = {"cpu": (8, 24), "cuda": (48, 32)}  # clips, frames
SAVE_EVERY, LOG_EVERY = 240, 30  # seconds
TERMS = ("stft", "mel", "phase", "envelopes", "phones", "fooled", "apart", "adversary")


class MimiDecoder(nn.Module):
    """Mimi from its codes on; what turns codes into latents is frozen with them."""

    trained = tuple(part.removesuffix(".") for part in DECODER)

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.mimi = load_codec(folder)
        self.mimi.requires_grad_(False)
        for name in self.trained:
            getattr(self.mimi, name).requires_grad_(True)

    def __call__(self, codes: Tensor) -> Tensor:
        """(B, 8, frames) -> (B, frames * 1920)."""
        with torch.no_grad():
            latent = self.mimi.quantizer.decode(codes)
        (x,) = self.mimi.decoder_transformer(self.mimi._to_encoder_framerate(latent))
        return self.mimi.decoder(x)[:, 0]

    def write(self, folder: Path) -> None:
        """Only the trained tensors change in the file."""
        tensors = load_file(folder / WEIGHTS)
        mine = published(self.mimi.state_dict())
        changed = {name: mine[name] for name in tensors if name.startswith(DECODER)}
        save_file(tensors | changed, folder / WEIGHTS, {"format": "pt"})


class DetokenizerDecoder(nn.Module):
    """The detokenizer."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.model = load_detokenizer(folder / "audio_detokenizer")
        self.model.lfm.embed_tokens.requires_grad_(False)

    def __call__(self, codes: Tensor) -> Tensor:
        return self.model(codes, loudest=LOUDEST if self.training else None)

    def write(self, folder: Path) -> None:
        write_weights(self.model, folder / "audio_detokenizer")


class Trainer:
    """A decoder, its adversary, and one step of both."""

    def __init__(self, export: Path, which: str, listener: Listener, adversary: bool, rate: float, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.device = device()
        self.maker = (MimiDecoder if which == "mimi" else DetokenizerDecoder)(export).to(self.device).train()
        self.average = deepcopy(self.maker).eval().requires_grad_(False)
        self.adversary, self.phase = Adversary().to(self.device), PhaseLoss().to(self.device)
        self.rate = rate
        self.fights, self.phased = adversary, which == "detokenizer"  # the other decoder has its own idea of phase
        self.params = [p for p in self.maker.parameters() if p.requires_grad]
        self.against = [*self.adversary.parameters()]
        self.optimiser = torch.optim.AdamW(self.params, rate, betas=(0.8, 0.99), weight_decay=0.0, fused=True)
        self.other = torch.optim.AdamW(self.against, rate, betas=(0.8, 0.99), weight_decay=0.0, fused=True)
        kind = Halves if self.device.type == "cpu" else Whole
        self.backward, self.backward_against = kind(self.params), kind(self.against)
        self.spectral, self.envelopes, self.listener = (part.to(self.device) for part in (SpectralLoss(), Envelopes(), listener))
        self.weights = torch.tensor([STFT, MEL, PHASE, ENVELOPES, PHONES, FOOLED, APART], device=self.device)
        self.step, self.spent = 0, 0.0

    def __call__(self, crops: Crops, done: float) -> Tensor:
        """One step; `done` is the share of the schedule that is over; terms (8,)."""
        size, frames = BATCHES[self.device.type]
        *crop, skipped = crops.batch(self.rng, size, frames)
        codes, real, codec = (t.to(self.device) for t in crop)
        begin = skipped * FRAME
        made = torch.zeros_like(real)
        alone = self.fights and self.step < ALONE

        def make(part: slice) -> tuple[Tensor, tuple[Tensor, ...], None]:
            out = self.maker(codes[part])
            made[part] = out.detach()
            out, wanted = out[:, begin:], real[part, begin:]
            if alone:
                return out.new_zeros(7), tuple(torch.zeros_like(p) for p in self.params), None
            none = out.new_zeros(())
            phase = self.phase(out, codec[part, begin:]) if self.phased else none
            judged = self.adversary.maker_loss(out, wanted) if self.fights else (none, none)
            understood = self.envelopes(out, wanted), self.listener(out, wanted)
            terms = torch.stack([*self.spectral(out, wanted), phase, *understood, *judged])
            return terms.detach(), torch.autograd.grad(terms @ self.weights, self.params), None

        def judge(part: slice) -> tuple[Tensor, tuple[Tensor, ...], None]:
            loss = self.adversary.own_loss(made[part, begin:], real[part, begin:])
            return loss.detach()[None], torch.autograd.grad(loss, self.against), None

        rate = self.rate * (LOWEST + (1 - LOWEST) * 0.5 * (1 + math.cos(math.pi * done)))
        terms, _ = self.backward(make, size)
        own, _ = self.backward_against(judge, size) if self.fights else (terms.new_zeros(1), [])
        for optimiser, params, moves in ((self.optimiser, self.params, not alone), (self.other, self.against, self.fights)):
            torch.nn.utils.clip_grad_norm_(params, 1.0)
            for group in optimiser.param_groups:
                group["lr"] = rate * min(1.0, (self.step + 1) / WARM_UP)
            if moves:
                optimiser.step()
        move_average(self.average, self.maker, self.step)
        self.step += 1
        return torch.cat([terms, own])

    def save(self, path: Path) -> None:
        parts = ("maker", "average", "adversary", "optimiser", "other")
        state = {n: getattr(self, n).state_dict() for n in parts}
        save(state | {"rng": self.rng.bit_generator.state, "step": self.step, "spent": self.spent}, path)

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=False)
        for name in ("maker", "average", "adversary", "optimiser", "other"):
            getattr(self, name).load_state_dict(state[name])
        self.rng.bit_generator.state = state["rng"]
        self.step, self.spent = state["step"], state["spent"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--which", choices=["mimi", "detokenizer"], required=True)
    parser.add_argument("--listener", default="run", help="folder under DATA/language: whose encoder must understand what is made")
    parser.add_argument("--adversary", action="store_true", help="three times the work")
    parser.add_argument("--rate", type=float, default=PEAK, help="of learning; less for weights that know much already")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--stop", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    export = args.data / args.name / "export"
    folder = args.data / args.name / "decoders"
    folder.mkdir(exist_ok=True)
    checkpoint = folder / f"{args.which}.pt"
    clock = Clock(args.stop)
    trainer = Trainer(export, args.which, Listener(args.data / "language" / args.listener), args.adversary, args.rate, args.seed)
    if checkpoint.exists():
        trainer.load(checkpoint)
        log.info("resumed at step %d, %.0f s", trainer.step, trainer.spent)
    crops = Crops(args.data, args.name)
    began = saved = logged = time.monotonic()
    before, recent = trainer.spent, []
    while trainer.spent < args.seconds and not clock.over:
        recent.append(trainer(crops, trainer.spent / args.seconds))
        now = time.monotonic()
        trainer.spent = before + now - began
        if now - logged > LOG_EVERY:
            terms = " ".join(f"{n} {v:.3f}" for n, v in zip(TERMS, torch.stack(recent).mean(0).tolist(), strict=True))
            log.info(
                "step %d %s | %.2f s a step, %.0f s left", trainer.step, terms, (now - logged) / len(recent), args.seconds - trainer.spent
            )
            recent, logged = [], now
        if now - saved > SAVE_EVERY:
            trainer.save(checkpoint)
            saved = now
    trainer.save(checkpoint)
    trainer.average.write(export)
    log.info("stopped at step %d; written to %s", trainer.step, export)


if __name__ == "__main__":
    main()
