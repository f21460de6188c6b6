"""What a sound looks like: bars of its loudness, and its spectrogram as an image whose opacity is the energy, for any colour."""

from itertools import pairwise
from pathlib import Path

import numpy as np
from PIL import Image

from lfm.mel import mel_filters

BARS = 112
COLUMNS = 720
ROWS = 96
N_FFT = 1024
RANGE = 65.0  # decibels between the loudest and what is not seen


def bars(pcm: np.ndarray, count: int = BARS) -> list[float]:
    """The loudness of `count` equal stretches of int16 sound, the loudest being 1."""
    if not len(pcm):
        return []
    edges = np.linspace(0, len(pcm), count + 1).astype(int)
    loud = np.array([_rms(pcm[a : max(b, a + 1)]) for a, b in pairwise(edges)])
    return np.round(loud / max(loud.max(), 1.0), 2).tolist()


def spectrogram(pcm: np.ndarray, sample_rate: int, path: Path) -> None:
    """Write the mel spectrogram of int16 sound as a PNG, low tones at the foot."""
    hop = max(N_FFT // 4, len(pcm) // COLUMNS)
    padded = np.pad(pcm.astype(np.float32), N_FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, N_FFT)[::hop]
    power = np.abs(np.fft.rfft(frames * np.hanning(N_FFT))) ** 2
    energy = 10 * np.log10(power @ mel_filters(sample_rate, N_FFT, ROWS).T + 1e-9)
    share = np.clip(1 + (energy - energy.max()) / RANGE, 0, 1) ** 1.5
    alpha = np.rint(255 * share).astype(np.uint8).T[::-1]
    Image.merge("LA", (Image.new("L", alpha.shape[::-1]), Image.fromarray(alpha))).save(path, optimize=True)


def _rms(pcm: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(pcm.astype(np.float32)))))
