"""How far apart two waveforms sound: multi-resolution STFT and log-mel distances."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SIZES = {256: 20, 512: 40, 1024: 80, 2048: 128}  # FFT size: mel bands
FLOOR = 1e-4  # amplitude of a sine, -80 dB: below it nothing is worth matching


def mel_filters(rate: int, size: int, bands: int) -> Tensor:
    """Triangles of equal height on the HTK mel scale, (size // 2 + 1, bands)."""
    top = 2595 * math.log10(1 + rate / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, bands + 2, dtype=torch.float64) / 2595) - 1)
    bins = torch.linspace(0, rate / 2, size // 2 + 1, dtype=torch.float64)[:, None]
    rise = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    filters = torch.minimum(rise, fall).clamp(min=0)
    # a low band of a short FFT may lie between two bins: give it its nearest bin
    empty = filters.sum(0) == 0
    nearest = (bins - edges[1:-1]).abs().argmin(0)
    filters[nearest[empty], empty.nonzero()[:, 0]] = 1.0
    return filters.float()


class SpectralLoss(nn.Module):
    """Spectral convergence + log-magnitude + log-mel, averaged over four resolutions."""

    def __init__(self, rate: int = 24000, sizes: dict[int, int] = SIZES) -> None:
        super().__init__()
        self.sizes = sizes
        for size, bands in sizes.items():
            self.register_buffer(f"window_{size}", torch.hann_window(size))
            self.register_buffer(f"mel_{size}", mel_filters(rate, size, bands))

    def magnitude(self, wav: Tensor, size: int) -> Tensor:
        """(B, T) -> (B, frames, bins); a full-scale sine has magnitude 1."""
        window = getattr(self, f"window_{size}")
        spec = torch.stft(wav, size, size // 4, window=window, return_complex=True)
        power = torch.view_as_real(spec).square().sum(-1)
        return (power + 1e-9).sqrt().transpose(1, 2) * (4 / size)

    def __call__(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T) twice -> STFT distance, log-mel distance."""
        stft, mel = [], []
        for size in self.sizes:
            a, b = self.magnitude(made, size), self.magnitude(real, size)
            convergence = (b - a).norm() / b.norm().clamp(min=1e-3)
            stft.append(convergence + F.l1_loss((a + FLOOR).log(), (b + FLOOR).log()))
            filters = getattr(self, f"mel_{size}")
            mel.append(F.l1_loss((a @ filters + FLOOR).log(), (b @ filters + FLOOR).log()))
        return torch.stack(stft).mean(), torch.stack(mel).mean()
