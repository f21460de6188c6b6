"""What takes the place of MLX's modules on a processor: they keep weights as the checkpoint has them and hand them to the loops."""

from functools import lru_cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_map_with_path

from lfm.model.lfm2 import Attention, Lfm2Stack, ShortConv
from lfm.model.state import Past, State
from lfm.processor import loops
from lfm.processor.cache import RunningKVCache
from lfm.processor.products import GROUP, Bytes, Matrix, taken, times

LISTENING = ("conformer", "audio_adapter")  # many positions at once, which MLX does as fast, without a stop before and after each product
EVERYTHING = 1 << 30  # a window


def is_stored(path: str, module: nn.Module) -> bool:
    """Is this module's weight multiplied as the checkpoint has it?"""
    return isinstance(module, nn.Linear | nn.Embedding | nn.QuantizedLinear | nn.QuantizedEmbedding) and not path.startswith(LISTENING)


def multiply_as_stored(*models: nn.Module) -> None:
    """Put the modules of this file in place of loaded models' own, all but what listens."""

    def stored(path: str, leaf: nn.Module) -> nn.Module:
        if isinstance(leaf, nn.RMSNorm):
            return LoopedNorm(leaf)
        if not is_stored(path, leaf):
            return leaf
        return StoredLinear(leaf) if isinstance(leaf, nn.Linear | nn.QuantizedLinear) else StoredEmbedding(leaf)

    for model in models:
        model.update_modules(tree_map_with_path(stored, model.leaf_modules(), is_leaf=nn.Module.is_module))
        for part in model.modules():
            if isinstance(part, Lfm2Stack):
                part["layers"] = [LoopedBlock(block) for block in part.layers]


def numbers(array: mx.array) -> np.ndarray:
    """An array as NumPy sees it, without a copy; bfloat16 as the integers it is stored in."""
    return np.asarray(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)


class Stored(nn.Module):
    """A matrix as a checkpoint has it: bfloat16, float32, or packed, which becomes eight bits; no number changes."""

    def __init__(self, layer: Any) -> None:
        super().__init__()
        if "scales" not in layer:
            self.weight = layer.weight
        elif layer.group_size < GROUP:
            self.weight = mx.dequantize(layer.weight, layer.scales, layer.biases, layer.group_size, layer.bits)
        else:
            self.bits = layer.bits
            repeats = layer.group_size // GROUP
            self.weight = integers(layer).reshape(len(layer.weight), -1, GROUP)
            self.scales, self.biases = (mx.repeat(each.astype(mx.float32), repeats, axis=1) for each in (layer.scales, layer.biases))
        mx.eval(self.parameters())
        self.freeze()

    @property
    def matrix(self) -> Matrix:
        """As the loops read it."""
        return Bytes(*(numbers(self[key]) for key in ("weight", "scales", "biases"))) if "scales" in self else numbers(self.weight)


def integers(layer: Any) -> mx.array:
    """What is packed in a layer, (out, in) uint8."""
    if layer.bits == 8:
        return layer.weight.view(mx.uint8)
    one = mx.ones_like(layer.scales)
    return mx.dequantize(layer.weight, one, mx.zeros_like(one), layer.group_size, layer.bits).astype(mx.uint8)


def product(x: mx.array, matrix: Matrix) -> mx.array:
    """(..., in) -> (..., out)."""
    return mx.array(times(rows_of(x), matrix)).reshape(*x.shape[:-1], -1)


def rows_of(x: mx.array) -> np.ndarray:
    """(..., C) -> (R, C), computed and in one run of memory."""
    return np.ascontiguousarray(np.asarray(x).reshape(-1, x.shape[-1]))


class StoredLinear(Stored):
    """y = W x + b."""

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        if "bias" in layer:
            self.bias = layer.bias
        self._matrix = self.matrix

    def __call__(self, x: mx.array) -> mx.array:
        """(..., in) -> (..., out)."""
        y = product(x, self._matrix)
        return y + self["bias"] if "bias" in self else y


class StoredEmbedding(Stored):
    """A table, which may be a head too."""

    def __init__(self, layer: Any) -> None:
        super().__init__(layer)
        self._matrix = self.matrix

    def __call__(self, ids: mx.array) -> mx.array:
        """(...) -> (..., C)."""
        return mx.array(taken(np.asarray(ids).reshape(-1), self._matrix)).reshape(*ids.shape, -1)

    def as_linear(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., n)."""
        return product(x, self._matrix)


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
    _asked: tuple[Any, ...]
    _answered: tuple[Any, ...]
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
            heads = numbers(operator.q_layernorm.weight), numbers(operator.k_layernorm.weight), operator.n_heads
            self._asked = (bool(rope.traditional), *norm, operator.qkv_proj.matrix, *heads)
            self._turns = operator.head_dim, float(rope.base)
            self._answered = operator.window or EVERYTHING, operator.out_proj.matrix

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
            queries, keys, values = loops.asked(x, *turns, *self._asked)
            x = loops.answered(x, queries, *cache.append(keys, values), *self._answered)
        return loops.fed(x, *self._fed)


@lru_cache(maxsize=64)  # each layer asks for the same, and each frame for those of its eight positions
def turns_of(dims: int, base: float, first: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of some positions' rotations, (length, dims / 2)."""
    angle = np.arange(first, first + length)[:, None] * base ** (np.arange(dims // 2) * (-2 / dims))
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
