"""Sound to log-mel frames, as the reference does it in evaluation mode (NeMo's AudioToMelSpectrogramPreprocessor), in numpy."""

from functools import lru_cache

import numpy as np

from lfm.config import MelConfig
from lfm.errors import AudioError

PREEMPHASIS = 0.97
LOG_GUARD = 2.0**-24
STD_GUARD = 1e-5
MIN_FRAMES = 9  # what the encoder needs for one position


@lru_cache(maxsize=4)
def mel_filters(sample_rate: int, n_fft: int, features: int) -> np.ndarray:
    """Slaney's filterbank with area normalisation, (features, n_fft // 2 + 1); equal to librosa.filters.mel."""
    top = 15.0 + 27.0 * np.log(sample_rate / 2 / 1000.0) / np.log(6.4)  # above 1 kHz mels are logarithmic
    mels = np.linspace(0.0, top, features + 2)
    edges = np.where(mels < 15.0, mels * 200.0 / 3.0, 1000.0 * np.exp((mels - 15.0) * np.log(6.4) / 27.0))
    bins = np.linspace(0.0, sample_rate / 2, n_fft // 2 + 1)
    ramps = edges[:, None] - bins
    width = np.diff(edges)
    rising, falling = -ramps[:-2] / width[:-1, None], ramps[2:] / width[1:, None]
    filters = np.maximum(0.0, np.minimum(rising, falling)) * (2.0 / (edges[2:] - edges[:-2]))[:, None]
    return filters.astype(np.float32)


def log_mel(samples: np.ndarray, config: MelConfig) -> np.ndarray:
    """Normalised log-mel frames of a mono clip at `config.sample_rate`.

    Args:
        samples: (n,) float32.
    Returns:
        (1 + n // hop, features) float32; the last frame is zero, as in the reference.
    Raises:
        AudioError: the clip is too short for the encoder.
    """
    valid = len(samples) // config.hop
    if valid + 1 < MIN_FRAMES:
        raise AudioError(f"Only {len(samples) / config.sample_rate:.2f} s of sound. Speak for at least a tenth of a second.")
    samples = samples.astype(np.float32)
    samples = np.concatenate([samples[:1], samples[1:] - np.float32(PREEMPHASIS) * samples[:-1]])
    padded = np.pad(samples, config.n_fft // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, config.n_fft)[:: config.hop]
    power = np.abs(np.fft.rfft(frames * window(config), axis=-1)).astype(np.float32) ** 2
    mel = np.log(power @ mel_filters(config.sample_rate, config.n_fft, config.features).T + np.float32(LOG_GUARD))
    mean = mel[:valid].mean(axis=0)
    std = mel[:valid].std(axis=0, ddof=1)
    mel = (mel - mean) / (std + np.float32(STD_GUARD))
    mel[valid:] = 0.0
    return mel


def window(config: MelConfig) -> np.ndarray:
    """A symmetric Hann window in the middle of the transform, (n_fft,)."""
    left = (config.n_fft - config.window) // 2
    return np.pad(np.hanning(config.window), (left, config.n_fft - config.window - left)).astype(np.float32)


def positions(n_frames: int) -> int:
    """Positions that the encoder makes of `n_frames` mel frames."""
    return -(-n_frames // 8)
