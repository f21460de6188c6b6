"""One training step of the codec, and what changes along the schedule."""

import math
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.data import Clips
from codec.losses import SpectralLoss
from codec.model import PhoneHead, build, calibrate, forward
from codec.phones import UNLABELLED
from codec.quantise import KMEANS_VECTORS, Averages, books
from training import Halves, Whole, device, move_average, save

TERMS = ("stft", "mel", "wave", "commit", "phone", "direct")
PEAK, FINAL, WARM_UP = 1e-3, 5e-5, 200
WAVEFORM, COMMITMENT, PHONES = 0.2, 0.25, 0.4  # loss weights beside 1.0 for the spectra
ON_A_GPU = 4  # times as many clips a batch


@dataclass(frozen=True)
class Phase:
    """What changes along the schedule; `done` is the share of all steps taken."""

    done: float

    @property
    def rate(self) -> float:
        """Constant, then down a half cosine over the last 40 %."""
        late = max(0.0, (self.done - 0.6) / 0.4)
        return FINAL + (PEAK - FINAL) * 0.5 * (1 + math.cos(math.pi * late))

    @property
    def crop(self) -> tuple[int, int]:
        """Clips and frames a batch: short first, then longer than the transformers' context."""
        return (12, 13) if self.done < 0.6 else (6, 32)

    @property
    def unquantised(self) -> float:
        """Share of clips that are decoded from their latents."""
        return 0.5 if self.done < 0.15 else 0.0

    @property
    def revive(self) -> bool:
        return self.done < 0.65

    @property
    def decay(self) -> float:
        """Of the codebooks' averages: quick while the encoder moves; 1 freezes them."""
        return 0.99 if self.done < 0.3 else 0.995 if self.done < 0.9 else 1.0


class Trainer:
    """Everything a checkpoint holds, and one step."""

    def __init__(self, sizes: dict, seed: int) -> None:
        torch.manual_seed(seed)
        self.device = device()
        self.mimi = build(sizes).train().to(self.device)
        self.head = PhoneHead(sizes["quantizer"]["dimension"]).to(self.device)
        self.shadow = deepcopy(self.mimi).requires_grad_(False)  # the averaged weights
        self.params = [*self.mimi.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.AdamW(self.params, PEAK, betas=(0.8, 0.99), fused=True)
        self.averages = Averages(self.mimi)
        self.spectral = SpectralLoss().to(self.device)
        self.weights = torch.tensor([1.0, 1.0, WAVEFORM, COMMITMENT, PHONES, PHONES / 2], device=self.device)
        self.rng = np.random.default_rng(seed)
        self.latents: list[tuple[Tensor, Tensor]] = []
        self.step, self.speech = 0, 0.0
        self.fresh = 0  # the step at which the optimiser knew nothing
        self.norms: list[float] = []  # of the gradients since the last report
        self.backward = Halves(self.params) if self.device.type == "cpu" else Whole(self.params)

    @property
    def quantised(self) -> bool:
        return books(self.mimi)[0].initialized

    def start(self, clips: Clips) -> None:
        """Calibrate fresh weights on real speech."""
        calibrate(self.mimi, clips.batch(self.rng, 16, 13)[0].to(self.device))
        self.shadow.load_state_dict(self.mimi.state_dict())

    def part(self, wav: Tensor, kind: Tensor, acoustic: int, keep: Tensor | None) -> tuple:
        """Loss terms, gradients and what the books saw."""
        coded = forward(self.mimi, wav, acoustic, keep)
        stft, mel = self.spectral(coded.wav[:, 0], wav[:, 0])
        phones = self.phone_loss(coded.first_quantised, kind)
        direct = self.phone_loss(coded.first, kind)
        terms = torch.stack([stft, mel, F.l1_loss(coded.wav, wav), coded.penalty, phones, direct])
        grads = torch.autograd.grad(terms @ self.weights, self.params)
        if keep is None:
            flat = [v.detach().transpose(1, 2).flatten(0, 1) for v in (coded.first, coded.rest)]
            self.latents.append((flat[0], flat[1]))
        return terms.detach(), grads, coded.seen

    def phone_loss(self, vectors: Tensor, kind: Tensor) -> Tensor:
        return F.cross_entropy(self.head(vectors).flatten(0, 2), kind.flatten(), ignore_index=UNLABELLED)

    def __call__(self, clips: Clips, phase: Phase) -> Tensor:
        """One step; the loss terms (6,)."""
        size, frames = phase.crop
        size *= 1 if self.device.type == "cpu" else ON_A_GPU
        wav, kind = (t.to(self.device) for t in clips.batch(self.rng, size, frames))
        keep = None
        if self.quantised:
            keep = torch.from_numpy(self.rng.random((size, 1, 1)) < phase.unquantised).to(self.device)
            for book in books(self.mimi):
                book.embedding  # noqa: B018  cached here, so that the threads only read
        acoustic = int(self.rng.integers(1, 8)) if self.rng.random() < 0.3 else 7

        def job(part: slice) -> tuple:
            kept = None if keep is None else keep[part]
            return self.part(wav[part], kind[part], acoustic, kept)

        terms, seen = self.backward(job, size)
        self.norms.append(float(torch.nn.utils.clip_grad_norm_(self.params, 1.0)))
        for group in self.optimiser.param_groups:
            group["lr"] = phase.rate * min(1.0, (self.step - self.fresh + 1) / WARM_UP)
        self.optimiser.step()
        move_average(self.shadow, self.mimi, self.step)
        if self.quantised:
            self.averages.update(list(zip(*seen, strict=True)), phase.decay)
            if phase.revive and self.step % 20 == 0:
                self.averages.revive()
        elif sum(len(v) for v, _ in self.latents) >= KMEANS_VECTORS:
            first, rest = (torch.cat(v) for v in zip(*self.latents, strict=True))
            self.averages.start(first[-KMEANS_VECTORS:], rest[-KMEANS_VECTORS:])
            self.latents = []
        self.step += 1
        self.speech += wav.numel() / 24000
        return terms

    def publish(self) -> None:
        """Give the averaged weights the current codebooks."""
        for ours, live in zip(books(self.shadow), books(self.mimi), strict=True):
            ours.load_state_dict(live.state_dict())
            ours._embedding = None
            ours._cached_initialized = False

    def save(self, path: Path) -> None:
        self.publish()
        state = {
            "mimi": self.mimi.state_dict(),
            "shadow": self.shadow.state_dict(),
            "head": self.head.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "kept": self.averages.kept,
            "rng": self.rng.bit_generator.state,
            "torch_rng": torch.get_rng_state(),
            "step": self.step,
            "speech": self.speech,
            "fresh": self.fresh,
        }
        save(state, path)

    def save_small(self, path: Path) -> None:
        """Enough to go on elsewhere with a fresh optimiser, in half precision but for the codebooks' sums."""
        kept = {k: v if "codebook" in k else v.half() for k, v in self.mimi.state_dict().items()}
        state = {"mimi": kept, "head": self.head.state_dict(), "step": self.step, "speech": self.speech}
        save(state, path)

    def load_small(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=True)
        weights = {k: v.float() for k, v in state["mimi"].items()}
        self.mimi.load_state_dict(weights), self.shadow.load_state_dict(weights), self.head.load_state_dict(state["head"])
        for book in books(self.mimi) + books(self.shadow):
            book._embedding = None
        self.step = self.fresh = state["step"]
        self.speech = state["speech"]

    def load(self, path: Path) -> None:
        state = torch.load(path, map_location=self.device, weights_only=False)
        for name in ("mimi", "shadow", "head", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        for book in books(self.mimi) + books(self.shadow):
            book._embedding = None
        self.averages.kept = state["kept"]
        self.rng.bit_generator.state = state["rng"]
        torch.set_rng_state(state["torch_rng"].cpu())
        self.step, self.speech, self.fresh = state["step"], state["speech"], state.get("fresh", 0)
