"""Train the detokenizer, stage (b): codes of the frozen codec -> spectra -> sound.

    python -m detokenizer.train --data DATA --steps 30000 --seconds 5400
    python -m detokenizer.train --data DATA --export

Needs `codec.export` and `codec.encode`. Resumes from DATA/codec/detokenizer/last.pt.
"""

import argparse
import json
import logging
import math
import time
from copy import deepcopy
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import Tensor, nn

from codec.data import FRAME
from codec.losses import SpectralLoss
from codec.model import load as load_codec
from codec.quantise import books
from detokenizer.data import WARM, Crops, disturbed, neighbours
from detokenizer.model import BINS, HOP, N_FFT, POCKET, TINY, Detokenizer
from training import Clock, Halves, move_average, save

log = logging.getLogger(__name__)

PEAK, FINAL, WARM_UP = 1e-3, 3e-5, 500
MEL, STFT, COMPLEX = 3.0, 1.0, 2.0
SIZES = {128: 10, 256: 20, 512: 40, 1024: 80, 1280: 100, 2048: 128}
SIZE, FRAMES = 8, 32 + WARM
LOUDEST = 4.6  # log magnitude, as Vocos clips
COMPRESSED = 0.3  # power to which magnitudes are raised where phase counts
SAVE_EVERY = 240  # seconds


def initialise(model: Detokenizer, centroids: list[Tensor]) -> None:
    """Rows start as rotated centroids, so that codes that sound alike start alike."""
    width = model.emb.emb.embedding_dim
    with torch.no_grad():
        for book, table in enumerate(centroids):
            turn = torch.empty(width, table.shape[1])
            nn.init.orthogonal_(turn)
            rows = table @ turn.T
            model.emb.emb.weight[book * BINS : (book + 1) * BINS] = rows / rows.std()
        nn.init.normal_(model.lin.weight, std=0.02)
        model.lin.bias.zero_()
        model.lin.bias[: N_FFT // 2 + 1] = -1.0  # near the mean log magnitude of speech


class PhaseLoss(nn.Module):
    """Distance of complex spectra with compressed magnitudes.

    The codes do not determine the recording's phase, but they do determine the phase of what the
    SEANet decoder makes of them; regressing that one is well-posed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT))

    def spectrum(self, wav: Tensor) -> Tensor:
        spec = torch.stft(wav, N_FFT, HOP, window=self.window, return_complex=True) * (4 / N_FFT)
        parts = torch.view_as_real(spec)
        return parts * (parts.square().sum(-1, keepdim=True) + 1e-8) ** ((COMPRESSED - 1) / 2)

    def __call__(self, made: Tensor, real: Tensor) -> Tensor:
        return F.l1_loss(self.spectrum(made), self.spectrum(real))


class Trainer:
    """Everything a checkpoint holds, and one step."""

    def __init__(self, data: Path, name: str, sizes: dict, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        mimi = load_codec(data / name / "export")
        centroids = [book.embedding for book in books(mimi)]
        self.near = neighbours(centroids)
        self.model = Detokenizer(sizes)
        initialise(self.model, centroids)
        self.average = deepcopy(self.model).requires_grad_(False)
        self.params = [p for n, p in self.model.named_parameters() if "embed_tokens" not in n]
        self.optimiser = torch.optim.AdamW(self.params, PEAK, betas=(0.8, 0.99), fused=True)
        self.halves = Halves(self.params)
        self.spectral, self.phase = SpectralLoss(sizes=SIZES), PhaseLoss()
        self.step = 0

    def __call__(self, crops: Crops, done: float) -> Tensor:
        """One step; `done` is the share of the schedule; loss terms (3,)."""
        codes, real, made, skipped = crops.batch(self.rng, SIZE, FRAMES)
        codes = disturbed(codes, self.near, self.rng)
        begin = skipped * FRAME

        def job(part: slice) -> tuple[Tensor, tuple[Tensor, ...], None]:
            out = self.model(codes[part], loudest=LOUDEST)[:, begin:]
            stft, mel = self.spectral(out, real[part, begin:])
            terms = torch.stack([mel, stft, self.phase(out, made[part, begin:])])
            loss = terms @ torch.tensor([MEL, STFT, COMPLEX])
            return terms.detach(), torch.autograd.grad(loss, self.params), None

        terms, _ = self.halves(job, SIZE)
        torch.nn.utils.clip_grad_norm_(self.params, 1.0)
        late = max(0.0, (done - 0.6) / 0.4)
        rate = FINAL + (PEAK - FINAL) * 0.5 * (1 + math.cos(math.pi * late))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * min(1.0, (self.step + 1) / WARM_UP)
        self.optimiser.step()
        move_average(self.average, self.model, self.step)
        self.step += 1
        return terms

    def save(self, path: Path) -> None:
        parts = {n: getattr(self, n).state_dict() for n in ("model", "average", "optimiser")}
        save(parts | {"rng": self.rng.bit_generator.state, "step": self.step}, path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=False)
        for name in ("model", "average", "optimiser"):
            getattr(self, name).load_state_dict(state[name])
        self.rng.bit_generator.state = state["rng"]
        self.step = state["step"]


def write_weights(model: Detokenizer, folder: Path) -> None:
    """In the published layout, bfloat16."""
    tensors = {k: v if k == "istft.window" else v.bfloat16() for k, v in model.state_dict().items()}
    save_file(tensors, folder / "model.safetensors", {"format": "pt"})


def export(trainer: Trainer, sizes: dict, folder: Path) -> None:
    """The averaged weights and their config."""
    folder.mkdir(exist_ok=True)
    write_weights(trainer.average, folder)
    (folder / "config.json").write_text(json.dumps(sizes, indent=1))
    log.info("step %d -> %s", trainer.step, folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--steps", type=int, default=30000)
    parser.add_argument("--seconds", type=float, default=math.inf)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--tiny", action="store_true", help="rehearse at a toy size")
    parser.add_argument("--export", action="store_true", help="write what there is, train nothing")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    sizes = TINY if args.tiny else POCKET
    trainer = Trainer(args.data, args.name, sizes, args.seed)
    folder = args.data / args.name / "detokenizer"
    folder.mkdir(exist_ok=True)
    checkpoint = folder / "last.pt"
    if checkpoint.exists():
        trainer.load(checkpoint)
        log.info("resumed at step %d", trainer.step)
    if args.export:
        export(trainer, sizes, args.data / args.name / "export" / "audio_detokenizer")
        return
    crops = Crops(args.data, args.name)
    clock = Clock(args.seconds)
    saved = logged = time.monotonic()
    first, recent = trainer.step, []
    while trainer.step < args.steps and not clock.over:
        recent.append(trainer(crops, trainer.step / args.steps))
        now = time.monotonic()
        if trainer.step % 50 == 0:
            mel, stft, phase = torch.stack(recent).mean(0).tolist()
            pace = clock.run / (trainer.step - first)
            log.info(
                "step %d/%d mel %.3f stft %.3f phase %.4f | %.2f s a step | %.0f s left in all",
                trainer.step, args.steps, mel, stft, phase,
                (now - logged) / len(recent), pace * (args.steps - trainer.step),
            )  # fmt: skip
            recent, logged = [], now
        if now - saved > SAVE_EVERY:
            trainer.save(checkpoint)
            saved = time.monotonic()
    trainer.save(checkpoint)
    log.info("stopped at step %d of %d", trainer.step, args.steps)


if __name__ == "__main__":
    main()
