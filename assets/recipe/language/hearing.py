"""From stored speech to what the encoder takes, in batches on the device: tempo, rooms, noise, band limits, log-mel.

The log-mel is the engine's (`lfm.mel`) for clips of different lengths at once; `language.check` compares them.
"""

from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from lfm.config import MelConfig
from lfm.mel import LOG_GUARD, PREEMPHASIS, STD_GUARD, mel_filters, window

RATE = 16_000
ROOM = 0.4  # seconds of an echo that are kept
CHANCE = {"as it is": 0.4, "room": 0.5, "noise": 0.7, "babble": 0.3, "low": 0.25, "high": 0.25, "throat": 0.7}
THROAT = 0.14  # how much longer or shorter it may be
SPEC_TIMES, SPEC_BANDS, SPEC_WIDTH, SPEC_SHARE = 2, 2, 20, 0.08


@dataclass
class Renderings:
    """How each clip of a batch is to sound: sample i of it is sample (i - lead) * speed of the clip."""

    longest: int  # the most samples of any
    start: Tensor  # (N,) where the clip begins in the store
    length: Tensor  # (N,) its samples
    speed: Tensor  # (N,)
    lead: Tensor  # (N,) samples of silence before it
    total: Tensor  # (N,) samples in all

    @classmethod
    def of(cls, clips: Tensor, longest: int) -> Self:
        """From (N, 5) float64: all but the first field, in order."""
        start, length, speed, lead, total = clips.T
        return cls(longest, start.long(), length.long(), speed.float(), lead.long(), total.long())


def rendered(store: Tensor, r: Renderings) -> Tensor:
    """(N, T) float32 from int16 samples; cubic interpolation, so a speed changes pitch and tempo together."""
    index = torch.arange(r.longest, device=store.device)
    place = (index - r.lead[:, None]) * r.speed[:, None]
    inside = (place >= 0) & (place < r.length[:, None] - 1)
    place = place.clamp(min=0)
    whole = place.floor()
    t = (place - whole).float()
    last = r.start[:, None] + r.length[:, None] - 1
    taps = [store[torch.minimum((r.start[:, None] + whole.long() + k).clamp(min=0), last)].float() for k in (-1, 0, 1, 2)]
    a, b, c, d = taps  # Catmull-Rom
    wave = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
    return wave * inside / 32768


def uniform(rows: int, low: float, high: float, like: Tensor) -> Tensor:
    return torch.empty(rows, 1, device=like.device).uniform_(low, high)


def chosen(rows: int, chance: float, like: Tensor) -> Tensor:
    return (torch.rand(rows, 1, device=like.device) < chance).float()


def worsened(wave: Tensor, total: Tensor) -> Tensor:
    """Rooms, noise, voices behind, band limits and another loudness, each for some clips (N, T)."""
    rows, size = wave.shape
    echo = int(ROOM * RATE)
    n = 1 << (size + echo - 1).bit_length()
    freq = torch.fft.rfftfreq(n, 1 / RATE, device=wave.device)

    # a room: the direct sound, then noise that dies away by 60 dB within the reverberation time
    time = torch.arange(echo, device=wave.device) / RATE
    decay = torch.exp(-6.9 * time / uniform(rows, 0.1, 0.7, wave))
    tail = torch.randn(rows, echo, device=wave.device) * decay * (time > 0.002)
    tail = tail / tail.square().sum(1, keepdim=True).sqrt() * uniform(rows, 0.1, 1.0, wave) * chosen(rows, CHANCE["room"], wave)
    tail[:, 0] = 1.0
    low = torch.where(chosen(rows, CHANCE["low"], wave) > 0, uniform(rows, 3000, 7500, wave), 1e9)
    high = torch.where(chosen(rows, CHANCE["high"], wave) > 0, uniform(rows, 60, 400, wave), 0.0)
    band = (1 + (freq / low) ** 12).rsqrt() * (freq**4 / (freq**4 + high**4 + 1e-6)).sqrt()
    spectrum = torch.fft.rfft(wave, n) * torch.fft.rfft(tail, n) * band
    speech = torch.fft.irfft(spectrum, n)[:, :size]

    # noise of some colour, and the other clips of the batch talking behind
    slope = uniform(rows, -1.2, 0.3, wave)
    noise = torch.fft.rfft(torch.randn(rows, size, device=wave.device), n) * (freq.clamp(min=60) / 1000) ** slope * band
    noise = torch.fft.irfft(noise, n)[:, :size]
    crowd = sum(wave.roll(k, 0) for k in (1, 2, 3)) if rows > 3 else torch.zeros_like(wave)
    power = speech.detach().square().mean(1, keepdim=True)  # loudness is not to be learned from, and a root of nothing has no slope

    def scaled(x: Tensor, chance: float, low: float, high: float) -> Tensor:
        wanted = power * 10 ** (-uniform(rows, low, high, wave) / 10) * chosen(rows, chance, wave)
        return x * (wanted / x.detach().square().mean(1, keepdim=True).clamp(min=1e-10)).sqrt()

    mixed = speech + scaled(noise, CHANCE["noise"], 3, 35) + scaled(crowd, CHANCE["babble"], 8, 25)
    mixed = torch.where(chosen(rows, CHANCE["as it is"], wave) > 0, wave, mixed) * 10 ** (uniform(rows, -25, 3, wave) / 20)
    return mixed * (torch.arange(size, device=wave.device) < total[:, None])


class LogMel:
    """The engine's front end on a device."""

    def __init__(self, config: MelConfig, device: torch.device) -> None:
        self.c = config
        self.window = torch.from_numpy(window(config)).to(device)
        self.filters = torch.from_numpy(mel_filters(config.sample_rate, config.n_fft, config.features).T).to(device)
        self.middles = torch.linspace(0, config.sample_rate / 2, len(self.filters), device=device) @ self.filters / self.filters.sum(0)

    def __call__(self, wave: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
        """(N, T), (N,) samples -> (N, frames, 128), zero beyond each clip's own 1 + total // hop frames, and those counts."""
        c = self.c
        wave = torch.cat([wave[:, :1], wave[:, 1:] - PREEMPHASIS * wave[:, :-1]], 1)
        wave = wave * (torch.arange(wave.shape[1], device=wave.device) < total[:, None])
        padded = F.pad(wave, (c.n_fft // 2, c.n_fft // 2 + c.hop))
        spectrum = torch.stft(padded, c.n_fft, c.hop, window=self.window, center=False, return_complex=True)
        power = torch.view_as_real(spectrum).square().sum(-1).mT  # (N, frames, bins)
        mel = (power @ self.filters + LOG_GUARD).log()
        valid = total // c.hop
        known = (torch.arange(mel.shape[1], device=wave.device) < valid[:, None])[..., None]
        count = valid[:, None, None].float()
        mean = (mel * known).sum(1, keepdim=True) / count
        std = (((mel - mean) * known).square().sum(1, keepdim=True) / (count - 1)).sqrt()
        return ((mel - mean) / (std + STD_GUARD) * known)[:, : wave.shape[1] // c.hop + 1], valid + 1

    def other_throats(self, mel: Tensor) -> Tensor:
        """As if speakers had vocal tracts of other lengths: the bands (N, frames, 128) of most clips are read at higher or lower ones."""
        rows, last = len(mel), len(self.middles) - 1
        factor = 1 + uniform(rows, -THROAT, THROAT, mel) * chosen(rows, CHANCE["throat"], mel)
        wanted = torch.minimum(self.middles * factor, self.middles[-1])  # (N, 128)
        above = torch.searchsorted(self.middles, wanted).clamp(1, last)
        low, high = self.middles[above - 1], self.middles[above]
        share = ((wanted - low) / (high - low)).clamp(0, 1)[:, None]
        below, over = (mel.gather(2, place[:, None].expand_as(mel)) for place in (above - 1, above))
        return below * (1 - share) + over * share


def masked(mel: Tensor, lengths: Tensor) -> Tensor:
    """SpecAugment: some bands and some moments of each clip are set to its mean, which is zero."""
    rows, size, bands = mel.shape

    def stripes(extent: Tensor | int, count: int, widest: Tensor, size: int) -> Tensor:
        keep = torch.ones(rows, size, device=mel.device)
        for _ in range(count):
            wide = torch.rand(rows, 1, device=mel.device) * widest
            first = torch.rand(rows, 1, device=mel.device) * (extent - wide)
            place = torch.arange(size, device=mel.device)
            keep = keep * ~((place >= first) & (place < first + wide))
        return keep

    times = stripes(lengths[:, None], SPEC_TIMES, SPEC_SHARE * lengths[:, None], size)
    tones = stripes(bands, SPEC_BANDS, torch.full((rows, 1), SPEC_WIDTH, device=mel.device), bands)
    return mel * times[:, :, None] * tones[:, None]
