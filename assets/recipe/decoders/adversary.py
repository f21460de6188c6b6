"""What tells made sound from real sound, and what a decoder learns from it.

Discriminators over complex spectra at three resolutions, as EnCodec's (2210.13438), narrow enough for a CPU.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

SIZES = (2048, 1024, 512)  # FFT sizes; hops are a quarter
SLOPE = 0.2


def layer(into: int, out: int, kernel: tuple[int, int], **more: int | tuple[int, int]) -> nn.Module:
    """A convolution over (frames, bins) that keeps their number but for its stride."""
    dilation = more.get("dilation", (1, 1))
    assert isinstance(dilation, tuple)
    padding = ((kernel[0] - 1) // 2 * dilation[0], (kernel[1] - 1) // 2)
    return weight_norm(nn.Conv2d(into, out, kernel, padding=padding, **more))


class Resolution(nn.Module):
    """Judges a spectrogram place by place."""

    def __init__(self, size: int, channels: int) -> None:
        super().__init__()
        self.size = size
        self.register_buffer("window", torch.hann_window(size))
        self.layers = nn.ModuleList([layer(2, channels, (3, 9))])
        for back in (1, 2, 4):
            self.layers.append(layer(channels, channels, (3, 9), stride=(1, 2), dilation=(back, 1)))
        self.layers.append(layer(channels, channels, (3, 3)))
        self.last = layer(channels, 1, (3, 3))

    def __call__(self, wav: Tensor) -> list[Tensor]:
        """(B, T) -> what each layer makes of it; the last is the judgement."""
        spectrum = torch.stft(wav, self.size, self.size // 4, window=self.window, return_complex=True)
        x = torch.view_as_real(spectrum).permute(0, 3, 2, 1) * (4 / self.size) ** 0.5
        seen = []
        for conv in self.layers:
            x = F.leaky_relu(conv(x), SLOPE)
            seen.append(x)
        return [*seen, self.last(x)]


class Adversary(nn.Module):
    """All resolutions."""

    def __init__(self, channels: int = 16) -> None:
        super().__init__()
        self.parts = nn.ModuleList(Resolution(size, channels) for size in SIZES)

    def __call__(self, wav: Tensor) -> list[list[Tensor]]:
        return [part(wav) for part in self.parts]

    def own_loss(self, made: Tensor, real: Tensor) -> Tensor:
        """Hinge: what is real above 1, what is made below -1."""
        pairs = zip(self(made), self(real), strict=True)
        return torch.stack([F.relu(1 + m[-1]).mean() + F.relu(1 - r[-1]).mean() for m, r in pairs]).mean()

    def maker_loss(self, made: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
        """How real the made sound seems, and how far its features are from the real one's, relative to those."""
        with torch.no_grad():
            wanted = self(real)
        fooled, apart = [], []
        for m, r in zip(self(made), wanted, strict=True):
            fooled.append(F.relu(1 - m[-1]).mean())
            apart += [F.l1_loss(a, b) / b.abs().mean().clamp(min=1e-4) for a, b in zip(m[:-1], r[:-1], strict=True)]
        return torch.stack(fooled).mean(), torch.stack(apart).mean()
