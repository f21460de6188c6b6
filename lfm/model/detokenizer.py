"""LFM2.5's decoder: codes to a spectrogram by an LFM2 with a window of 30, then an inverse STFT.

A frame of codes becomes six spectra, 320 samples apart. A sample is final when the last spectrum that covers it is there,
and the first 480 are cut, so a stream gives 1440 samples, then 1920 a frame, then 480 more at the end.
"""

import math
from dataclasses import replace

import mlx.core as mx
import mlx.nn as nn

from lfm.config import DetokenizerConfig
from lfm.model.formulas import polar
from lfm.model.lfm2 import Attention, Lfm2, full_band
from lfm.model.state import Compiled, Past, Place, State
from lfm.model.weighted import Embedding, Linear

SAMPLE_RATE = 24_000


class CodeEmbedding(nn.Module):
    """One table for all codebooks; a frame is the mean of its codes' rows."""

    def __init__(self, config: DetokenizerConfig) -> None:
        super().__init__()
        self.emb = Embedding(config.codebooks * config.bins, config.lfm.hidden_size)
        self._offsets = mx.arange(config.codebooks) * config.bins

    def __call__(self, codes: mx.array) -> mx.array:
        """(B, T, codebooks) -> (B, T, C)."""
        return self.emb(codes + self._offsets).mean(axis=2)


class InverseSTFT:
    """Overlap-add with a periodic Hann window and "same" padding, as Vocos does it; the state carries the overlap."""

    def __init__(self, n_fft: int, hop: int) -> None:
        self.n_fft, self.hop = n_fft, hop
        self.overlaps = n_fft // hop  # segments that cover a sample
        self.cut = (n_fft - hop) // 2
        self.window = mx.array([0.5 - 0.5 * math.cos(2 * math.pi * i / n_fft) for i in range(n_fft)])

    def __call__(self, spectra: mx.array, state: State | None) -> mx.array:
        """(B, T, n_fft / 2 + 1) complex -> (B, n): all of it without a state, else what is final."""
        tail = Past() if state is None else state.slot(self, Past)
        start = 0 if tail.value is not None else self.cut
        segments = mx.fft.irfft(spectra, n=self.n_fft, axis=-1) * self.window
        squared = mx.broadcast_to(mx.square(self.window), (1, *segments.shape[1:]))
        summed = self._add(mx.concatenate([segments, squared]), tail.value)
        final = segments.shape[1]
        tail.value = summed[:, final:]
        if state is None:
            return self._normalise(summed)[:, start : -self.cut]
        return self._normalise(summed[:, :final])[:, start:]

    def flush(self, state: State) -> mx.array:
        """The last samples of a stream, (B, cut); none when nothing was decoded."""
        tail = state.slot(self, Past)
        return mx.zeros((1, 0)) if tail.value is None else self._normalise(tail.value)[:, : -self.cut]

    def _add(self, segments: mx.array, tail: mx.array | None) -> mx.array:
        """(B, T, n_fft) -> (B, T + overlaps - 1, hop), with the tail of what came before added."""
        parts = segments.reshape(*segments.shape[:2], self.overlaps, self.hop)
        last = self.overlaps - 1
        shifted = [mx.pad(parts[:, :, k], [(0, 0), (k, last - k), (0, 0)]) for k in range(self.overlaps)]
        summed = sum(shifted[1:], shifted[0])
        if tail is None:
            return summed
        return mx.concatenate([summed[:, :last] + tail, summed[:, last:]], axis=1)

    def _normalise(self, summed: mx.array) -> mx.array:
        """Rows of sound and, last, the summed squares of the window -> (B, n)."""
        return (summed[:-1] / mx.maximum(summed[-1:], 1e-11)).reshape(summed.shape[0] - 1, -1)


class Detokenizer(nn.Module):
    """Codes to sound."""

    sample_rate = SAMPLE_RATE

    def __init__(self, config: DetokenizerConfig) -> None:
        super().__init__()
        self.upsample = config.upsample
        self.emb = CodeEmbedding(config)
        self.lfm = Lfm2(replace(config.lfm, vocab_size=0))
        self.lin = Linear(config.lfm.hidden_size, config.output_size)
        self._istft = InverseSTFT(config.n_fft, config.hop)
        self._compiled = Compiled(self.decoded, self.place, lambda: self.lfm.traceable)

    def decode(self, codes: mx.array, state: State | None = None) -> mx.array:
        """(B, T, codebooks) with values below 2048 -> (B, 1920 T), or the part of it that is final."""
        return self._compiled(codes, state, self.upsample * codes.shape[1])

    def decoded(self, codes: mx.array, state: State | None) -> mx.array:
        return self.sound(self.lin(self.lfm(mx.repeat(self.emb(codes), self.upsample, axis=1), state)), state)

    def place(self, offset: int, length: int) -> Place:
        """Where so many positions from `offset` on stand, in every layer that attends."""
        attention = next(layer.operator for layer in self.lfm.layers if isinstance(layer.operator, Attention))
        assert attention.window
        return attention.place(offset, length, mx.float32), full_band(length, min(offset, attention.window - 1), attention.window)

    def sound(self, x: mx.array, state: State | None) -> mx.array:
        """Magnitudes' logarithms and phases side by side, (B, 6 T, n_fft + 2) -> (B, 1920 T)."""
        log_magnitude, phase = mx.split(x.astype(mx.float32), 2, axis=-1)
        return self._istft(polar(mx.exp(log_magnitude), phase), state)

    def flush(self, state: State) -> mx.array:
        """What is still to come once the codes have ended, (1, 480)."""
        return self._istft.flush(state)
