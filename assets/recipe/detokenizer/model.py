"""The published audio detokenizer (an LFM2 that draws spectra) at any size, for training.

liquid-audio's class fixes the width at 512; this one reads it. Attribute names are the checkpoint's.
On the reference's tiny checkpoint its output differs from the golden one by 3e-8.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

from lfm import sizes
from lfm.sizes import detokenizer_config
from lfm2 import Backbone

BOOKS, BINS = 8, 2048
N_FFT, HOP = 1280, 320
PER_FRAME = 6  # spectra of a 12.5 Hz frame
UNREAD = {"vocab_size": 8}  # of lfm.embed_tokens, which the layout has and nothing reads
POCKET, TINY = (detokenizer_config(size) | UNREAD for size in (sizes.POCKET, sizes.TINY))


class FusedEmbedding(nn.Module):
    """Mean of the eight codes' rows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(BOOKS * BINS, width)

    def __call__(self, codes: Tensor) -> Tensor:
        """(B, 8, frames) -> (B, frames, width)."""
        return self.emb(codes + torch.arange(BOOKS, device=codes.device)[:, None] * BINS).mean(1)


class ISTFT(nn.Module):
    """Overlap-add with "same" padding, as in Vocos."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT))

    def __call__(self, spectra: Tensor) -> Tensor:
        """Complex (B, bins, L) -> (B, L * HOP)."""
        count = spectra.shape[2]
        length, cut = (count - 1) * HOP + N_FFT, (N_FFT - HOP) // 2

        def add(pieces: Tensor) -> Tensor:
            summed = F.fold(pieces, (1, length), (1, N_FFT), stride=(1, HOP))
            return summed[:, 0, 0, cut:-cut]

        pieces = torch.fft.irfft(spectra, N_FFT, dim=1) * self.window[:, None]
        weight = self.window.square()[None, :, None].expand(1, -1, count)
        return add(pieces) / add(weight)


class Detokenizer(nn.Module):
    """Codes -> waveform."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        self.emb = FusedEmbedding(c["hidden_size"])
        self.lfm = Backbone(c)
        self.lin = nn.Linear(c["hidden_size"], c["output_size"])  # log magnitudes, then angles
        self.istft = ISTFT()

    def __call__(self, codes: Tensor, loudest: float | None = None) -> Tensor:
        """(B, 8, frames) -> (B, frames * 1920); `loudest` clamps log magnitudes in training."""
        x = self.lfm(self.emb(codes).repeat_interleave(PER_FRAME, 1))
        log_size, angle = self.lin(x).mT.chunk(2, 1)
        if loudest is not None:
            log_size = log_size.clamp(max=loudest)
        return self.istft(torch.polar(log_size.exp(), angle.contiguous()))


def load(folder: Path) -> Detokenizer:
    """The exported detokenizer of a folder."""
    model = Detokenizer(json.loads((folder / "config.json").read_text()))
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({k: v.float() for k, v in weights.items()})
    return model.eval()
