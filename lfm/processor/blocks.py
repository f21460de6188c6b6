"""A block of LFM2 in the place of MLX's: it keeps the weights and hands them to the loops."""

from functools import lru_cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.model.lfm2 import Attention, ShortConv
from lfm.model.state import Past, State
from lfm.processor import loops
from lfm.processor.cache import RunningKVCache
from lfm.processor.stored import numbers, rows_of

EVERYTHING = 1 << 30  # a window


class LoopedNorm(nn.Module):
    """x over the root of its mean square."""

    _normed: tuple[Any, ...]

    def __init__(self, norm: Any) -> None:
        super().__init__()
        self.weight = norm.weight
        self._normed = numbers(norm.weight), np.float32(norm.eps)

    def __call__(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., C)."""
        return mx.array(loops.normed(rows_of(x), *self._normed)).reshape(x.shape)


class LoopedBlock(nn.Module):
    """A block of LFM2; x is NumPy's on the way from one to the next."""

    _fed: tuple[Any, ...]  # what each loop is given beside x
    _convolved: tuple[Any, ...]
    _answered: tuple[Any, ...]
    _heads: tuple[int, int]
    _turns: tuple[int, float]

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.operator_norm, self.operator = block.operator_norm, block.operator
        self.ffn_norm, self.feed_forward = block.ffn_norm, block.feed_forward
        self._fed = (*block.ffn_norm._normed, block.feed_forward.w13.matrix, block.feed_forward.w2.matrix)
        operator, norm = block.operator, block.operator_norm._normed
        if isinstance(operator, ShortConv):
            taps = np.ascontiguousarray(numbers(operator.conv.weight).T)
            self._convolved = (*norm, operator.in_proj.matrix, taps, operator.out_proj.matrix)
        else:
            rope = operator._rope
            norms = numbers(operator.qk_layernorm.weight)
            heads = norms[0], norms[operator.n_heads], operator.n_heads
            last = operator.window or EVERYTHING, operator.out_proj.matrix
            self._answered = (bool(rope.traditional), *norm, operator.qkv_proj.matrix, *heads, *last)
            self._heads = operator.n_kv_heads, operator.head_dim
            self._turns = operator.head_dim, float(rope.base)

    def cache(self) -> RunningKVCache:
        """Of keys and values, for a State."""
        assert isinstance(self.operator, Attention)
        return RunningKVCache(self.operator.window)

    def __call__(self, x: mx.array | np.ndarray, state: State | None = None) -> np.ndarray:
        """(B, T, C) -> (B, T, C)."""
        x = np.ascontiguousarray(np.asarray(x))
        if isinstance(self.operator, ShortConv):
            past = Past() if state is None else state.slot(self.operator, Past)
            before = np.zeros((len(x), self.operator.history, x.shape[2]), np.float32) if past.value is None else np.asarray(past.value)
            x, after = loops.convolved(x, before, *self._convolved)
            past.value = mx.array(after)
        else:
            cache = self.cache() if state is None else state.slot(self.operator, self.cache)
            turns = turns_of(*self._turns, cache.offset, x.shape[1])
            room = cache.room((x.shape[1], x.shape[0], *self._heads))
            x = loops.answered(x, *turns, *room, *self._answered)
        return loops.fed(x, *self._fed)


@lru_cache(maxsize=64)  # each layer asks for the same, and each frame for those of its eight positions
def turns_of(dims: int, base: float, first: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of some positions' rotations, (length, dims / 2)."""
    angle = np.arange(first, first + length)[:, None] * base ** (np.arange(dims // 2) * (-2 / dims))
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
