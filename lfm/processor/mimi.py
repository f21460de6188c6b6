"""Parts of Mimi in the place of MLX's: they keep the weights and hand them to the loops."""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.model.formulas import ELU
from lfm.model.state import State
from lfm.processor.blocks import turns_of
from lfm.processor.cache import RunningKVCache
from lfm.processor.codec import layered, softened
from lfm.processor.encoder import centring
from lfm.processor.stored import numbers, rows_of


class LoopedELU(ELU):
    """x, or exp(x) - 1 where that is negative."""

    def __call__(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., C)."""
        return mx.array(softened(rows_of(x))).reshape(x.shape)


class LoopedTransformerLayer(nn.Module):
    """A layer of a transformer; x is NumPy's on the way from one to the next."""

    _fixed: tuple[Any, ...]  # what the loop is given beside x, turns and cache

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.norm1, self.self_attn, self.layer_scale_1 = layer.norm1, layer.self_attn, layer.layer_scale_1
        self.norm2, self.linear1, self.linear2, self.layer_scale_2 = layer.norm2, layer.linear1, layer.linear2, layer.layer_scale_2
        attention, (*norm1, eps), (*norm2, _) = layer.self_attn, centring(layer.norm1), centring(layer.norm2)
        matrices = attention.in_proj.matrix, attention.out_proj.matrix, numbers(layer.layer_scale_1.scale)
        fed = layer.linear1.matrix, layer.linear2.matrix, numbers(layer.layer_scale_2.scale)
        self._fixed = *norm1, *matrices, *norm2, *fed, eps, bool(attention._rope.traditional), attention.window

    def cache(self) -> RunningKVCache:
        """Of keys and values, for a State."""
        return RunningKVCache(self.self_attn.window)

    def __call__(self, x: mx.array | np.ndarray, state: State | None = None) -> np.ndarray:
        """(B, T, C) -> (B, T, C)."""
        x, attention = np.ascontiguousarray(np.asarray(x)), self.self_attn
        cache = self.cache() if state is None else state.slot(attention, self.cache)
        turns = turns_of(attention.head_dim, float(attention._rope.base), cache.offset, x.shape[1])
        room = cache.room((x.shape[1], x.shape[0], attention.n_heads, attention.head_dim))
        return layered(x, *turns, *room, *self._fixed)
