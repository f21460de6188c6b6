"""The language model in training: weights, their average, optimiser, and how they are kept."""

import json
import logging
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from codec.phones import UNLABELLED
from language import small
from language.batches import Batch
from language.hearing import LogMel
from language.losses import TERMS, Helps, Losses, Phase
from language.model import LanguageModel
from language.sequences import ENDED
from language.sizes import config_json
from language.store import SLOTS, Store
from lfm.config import END_OF_AUDIO, MelConfig
from lfm.sizes import CODEBOOKS, POCKET, Size
from training import device, move_average, multiplies_bfloat16, save

log = logging.getLogger(__name__)

PEAK, WARM_UP, DECAY = 1.5e-3, 400, 0.05
ENCODER_RATE, MATRIX_RATE = 0.8, 2.0  # of the others'
AVERAGE, LATE_AVERAGE = 0.999, 0.99  # the second while the rate goes down, which is an average itself and should not lag behind
MEASURED = ("words", "astray", "heard phones", "like told", "heard words", "next phones", "spelled")
FEW = 32  # rows or columns: no matrix worth turning
HELPS_ALONE = 150  # steps
UNLABELLED_FRAME = np.full(SLOTS, UNLABELLED, np.uint8)  # the end of what is said


def initialise(model: LanguageModel, centroids: Tensor) -> None:
    """Codes that sound alike start alike: rows are the codec's centroids, turned at random."""
    bins = centroids.shape[1]
    tables = [(model.audio_embedding.embedding.weight, book * (bins + 1), book) for book in range(CODEBOOKS)]
    tables += [(table.embedding.weight, 0, book) for book, table in enumerate(model.depth_embeddings)]
    with torch.no_grad():
        for weight, first, book in tables:
            width = weight.shape[1]
            turn = nn.init.orthogonal_(torch.empty(width, centroids.shape[2]))
            rows = centroids[book] @ turn.T
            weight[first : first + bins] = rows / rows.std() * width**-0.5


def stores(store: Store, config: dict, device: torch.device) -> tuple[LogMel, Tensor, Tensor, Tensor, Tensor]:
    """What losses read on the device: a front end, samples, codes, their phones and what each code stands for."""
    held = (
        torch.from_numpy(store.samples),
        torch.from_numpy(np.vstack([store.codes, ENDED])).long(),
        torch.from_numpy(np.vstack([store.framed, UNLABELLED_FRAME])),
        torch.from_numpy(store.centroids),
    )
    samples, codes, slots, centroids = (part.to(device) for part in held)
    return LogMel(MelConfig.from_dict(config["preprocessor"]), device), samples, codes, slots, centroids


def begun(start: Path, store: Store, device: torch.device) -> Losses:
    """The losses of weights as `language.train --small` leaves them."""
    weights, helping = small.read(start)
    if not helping:
        raise SystemExit(f"{start} lacks the heads that help: run language.train with it first, which learns them")
    config = config_json(POCKET)
    model, helps = LanguageModel(config), Helps(config["encoder"]["d_model"], config["lfm"]["hidden_size"])
    model.load_state_dict(weights), helps.load_state_dict(helping)
    return Losses(model.to(device), helps.to(device), *stores(store, config, device))


class Trainer:
    """One step at a time."""

    def __init__(self, size: Size, store: Store, folder: Path, seed: int, dropout: float, still: bool = False, peak: float = PEAK) -> None:
        """`still`: the encoder does not learn; `peak`: the rate."""
        folder.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(seed)
        self.folder, self.seed = folder, seed
        self.device = device()
        self.config = config_json(size)
        (folder / "config.json").write_text(json.dumps(self.config, indent=1))
        self.half = multiplies_bfloat16(self.device)
        model = LanguageModel(self.config, dropout)
        initialise(model, torch.from_numpy(store.centroids))
        model.conformer.requires_grad_(not still)
        model = model.to(self.device)
        helps = Helps(self.config["encoder"]["d_model"], self.config["lfm"]["hidden_size"]).to(self.device)
        held = stores(store, self.config, self.device)
        self.losses = Losses(model, helps, *held)
        self.model, self.average = model, deepcopy(model).requires_grad_(False).eval()
        self.judge = Losses(self.average, helps, *held)
        self.judge.eval()
        self.params = [p for p in self.losses.parameters() if p.requires_grad]
        self.still, self.peak = still, peak
        matrices, others = self.parts()
        self.optimisers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(others, peak, betas=(0.9, 0.95), fused=True),
            torch.optim.Muon(matrices, peak, weight_decay=DECAY, adjust_lr_fn="match_rms_adamw"),
        ]
        self.step, self.spent = 0, 0.0
        self.helpless = False  # weights are known, but not the heads that help: those learn first

    @property
    def size(self) -> int:
        return sum(p.numel() for p in self.model.parameters())

    def parts(self) -> tuple[list[dict], list[dict]]:
        """The layers' matrices, which Muon turns into rotations step by step (2502.16982), and all else; the encoder learns slower."""
        matrices, others = {}, {}
        for name, p in ((n, p) for n, p in self.losses.named_parameters() if p.requires_grad):
            rate = ENCODER_RATE if ".conformer." in name else 1.0
            inside = any(part in name for part in (".layers.", "audio_adapter", "depth_linear"))
            if p.ndim == 2 and inside and min(p.shape) >= FEW:
                matrices.setdefault(rate * MATRIX_RATE, []).append(p)
            else:
                others.setdefault((rate, DECAY if p.ndim > 1 and "embed" not in name else 0.0), []).append(p)
        return (
            [{"params": p, "share": rate} for rate, p in matrices.items()],
            [{"params": p, "weight_decay": decay, "share": rate} for (rate, decay), p in others.items()],
        )

    def __call__(self, batch: Batch, phase: Phase) -> Tensor:
        """One step; the terms of its loss."""
        self.losses.train()
        if self.still or phase.done > 0.9:
            for layer in self.model.conformer.layers:
                layer.conv.batch_norm.frozen = True
        alone = self.helpless and self.step < HELPS_ALONE
        warm = 1.0 if alone else min(1.0, (self.step + 1) / WARM_UP)
        for group in (g for o in self.optimisers for g in o.param_groups):
            group["lr"] = self.peak * group["share"] * phase.rate * warm
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            loss, terms, _ = self.losses(batch, phase)
        self.losses.zero_grad()
        loss.backward()
        finite = torch.isfinite(nn.utils.clip_grad_norm_(self.params, 1.0, foreach=True))
        for name, p in self.losses.named_parameters():
            if p.grad is not None and alone and not name.startswith("helps."):
                p.grad = None
            elif p.grad is not None:  # what is not finite counts as nothing, without a look at it from here
                p.grad = torch.where(finite, p.grad, 0.0)
        for optimiser in self.optimisers:
            optimiser.step()
        move_average(self.average, self.model, self.step, AVERAGE if phase.rate == 1 else LATE_AVERAGE)
        for kept, live in zip(self.average.buffers(), self.model.buffers(), strict=True):
            kept.copy_(live)
        self.step += 1
        return terms

    @torch.no_grad()
    def measure(self, batches: list[Batch]) -> dict:
        """Mean held-out losses of the averaged weights."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            found = [self.judge(batch.to(self.device), Phase(1.0))[1:] for batch in batches]
        terms = dict(zip(TERMS, torch.stack([t for t, _ in found]).nanmean(0).tolist(), strict=True))
        books = torch.stack([b for _, b in found]).nanmean(0).tolist()
        measured: dict = {k: round(terms[k], 3) for k in MEASURED if terms[k] == terms[k]}  # what a task lacks is nan
        return measured | ({"books": [round(b, 2) for b in books]} if books[0] == books[0] else {})

    def save(self, folder: Path | None) -> None:
        """All, to go on from; the averaged weights alone to a folder, where one is given."""
        state = {
            "model": self.losses.state_dict(),
            "average": self.average.state_dict(),
            "optimisers": [o.state_dict() for o in self.optimisers],
        }
        save(state | {"step": self.step, "spent": self.spent}, self.folder / "last.pt")
        if folder is not None:
            small.write(folder, self.average.state_dict(), self.losses.helps.state_dict(), self.step, self.spent)

    def resume(self, start: Path | None, spent: float | None = None) -> None:
        """From the last checkpoint, else from weights saved small, so many seconds into the schedule, else afresh."""
        path = self.folder / "last.pt"
        if path.exists():
            state = torch.load(path, map_location=self.device, weights_only=True)
            self.losses.load_state_dict(state["model"])
            self.average.load_state_dict(state["average"])
            for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
                optimiser.load_state_dict(kept)
        elif start is not None:
            state = json.loads((start / "state.json").read_text())
            weights, helps = small.read(start)
            self.model.load_state_dict(weights), self.average.load_state_dict(weights)
            if helps:
                self.losses.helps.load_state_dict(helps)
            self.helpless = not helps
            state["step"] = 0  # the optimiser starts afresh, so the rate warms up again
            state["spent"] = state["spent"] if spent is None else spent
        else:
            return
        self.step, self.spent = state["step"], state["spent"]
        torch.manual_seed(self.seed + self.step)
        log.info("resumed at step %d, %.0f s", self.step, self.spent)


assert ENDED[0] == END_OF_AUDIO
