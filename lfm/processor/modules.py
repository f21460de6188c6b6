"""What takes the place of MLX's modules on a processor: they keep weights as the checkpoint has them and hand them to the loops."""

from functools import lru_cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_map_with_path

from lfm.model.conformer import Conformer
from lfm.model.fast_cpu import RMSNorm, Strided
from lfm.model.lfm2 import Attention, Lfm2Stack, ShortConv
from lfm.model.state import Past, State
from lfm.processor import listening, loops
from lfm.processor.cache import RunningKVCache
from lfm.processor.products import GROUP, Bytes, Matrix, taken, times

EVERYTHING = 1 << 30  # a window


def is_stored(path: str, module: nn.Module) -> bool:
    """Is this module's weight multiplied as the checkpoint has it?"""
    return isinstance(module, nn.Linear | nn.Embedding | nn.QuantizedLinear | nn.QuantizedEmbedding)


def multiply_as_stored(*models: nn.Module) -> None:
    """Put the modules of this file in place of loaded models' own."""

    def stored(path: str, leaf: nn.Module) -> nn.Module:
        if (kind := LOOPED.get(type(leaf))) is not None:
            return kind(leaf)
        if not is_stored(path, leaf):
            return leaf
        return StoredLinear(leaf) if isinstance(leaf, nn.Linear | nn.QuantizedLinear) else StoredEmbedding(leaf)

    for model in models:
        model.update_modules(tree_map_with_path(stored, model.leaf_modules(), is_leaf=nn.Module.is_module))
        for part in model.modules():
            if isinstance(part, Lfm2Stack):
                part["layers"] = [LoopedBlock(block) for block in part.layers]
            elif isinstance(part, Conformer):
                part["layers"] = [LoopedConformerLayer(layer) for layer in part.layers]


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


class LoopedStrided(Strided):
    """Every second place of a convolution by three by three."""

    _taps: tuple[Any, Any]

    def __init__(self, conv: Any) -> None:
        nn.Module.__init__(self)
        self.weight, self.bias = conv.weight, conv.bias
        self._taps = np.ascontiguousarray(np.moveaxis(numbers(conv.weight)[..., 0], 0, -1)), numbers(conv.bias)

    def __call__(self, x: mx.array) -> mx.array:
        """(1, T, F, C) -> (1, (T - 1) // 2, (F - 1) // 2, C')."""
        return mx.array(listening.strided(np.ascontiguousarray(np.asarray(x)[0]), *self._taps)[None])


class LoopedGELU(nn.Module):
    """x, weighed by the normal distribution up to it."""

    def __init__(self, gelu: nn.GELU) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., C)."""
        return mx.array(listening.bent(rows_of(x))).reshape(x.shape)


LOOPED = {RMSNorm: LoopedNorm, Strided: LoopedStrided, nn.GELU: LoopedGELU}


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


class LoopedConformerLayer(nn.Module):
    """A layer of the encoder; x is NumPy's on the way from one to the next."""

    _fed: tuple[tuple[Any, ...], tuple[Any, ...]]
    _attended: tuple[Any, ...]
    _convolved: tuple[Any, ...]
    _out: tuple[Any, ...]

    def __init__(self, layer: Any) -> None:
        super().__init__()
        self.norm_feed_forward1, self.feed_forward1 = layer.norm_feed_forward1, layer.feed_forward1
        self.norm_self_att, self.self_attn = layer.norm_self_att, layer.self_attn
        self.norm_conv, self.conv = layer.norm_conv, layer.conv
        self.norm_feed_forward2, self.feed_forward2 = layer.norm_feed_forward2, layer.feed_forward2
        self.norm_out = layer.norm_out
        attention, conv = layer.self_attn, layer.conv
        projections = [attention.linear_q, attention.linear_k, attention.linear_v, attention.linear_out]
        matrices = *(each.matrix for each in projections), attention.linear_pos.matrix
        added = numbers(attention.pos_bias_u), numbers(attention.pos_bias_v)
        scale, offset = scale_and_offset(conv)
        taps = np.ascontiguousarray(numbers(conv.depthwise_conv.weight).T)
        self._fed = (
            (*centring(layer.norm_feed_forward1), *affine(layer.feed_forward1.linear1), *affine(layer.feed_forward1.linear2)),
            (*centring(layer.norm_feed_forward2), *affine(layer.feed_forward2.linear1), *affine(layer.feed_forward2.linear2)),
        )
        self._attended = (*centring(layer.norm_self_att), matrices, tuple(numbers(each.bias) for each in projections), *added)
        self._convolved = (*centring(layer.norm_conv), *affine(conv.pointwise_conv1), taps, scale, offset, *affine(conv.pointwise_conv2))
        self._out = centring(layer.norm_out)

    def __call__(self, x: mx.array | np.ndarray, positions: mx.array) -> np.ndarray:
        """x (1, T, C), positions (1, 2T - 1, C) -> (1, T, C)."""
        rows = np.ascontiguousarray(np.asarray(x)[0])
        rows = listening.half_fed(rows, *self._fed[0])
        rows = listening.attended(rows, np.asarray(positions)[0], *self._attended)
        rows = listening.convolved(rows, *self._convolved)
        rows = listening.half_fed(rows, *self._fed[1])
        return listening.centred(rows, *self._out)[None]


def centring(norm: Any) -> tuple[np.ndarray, np.ndarray, np.float32]:
    """A layer norm's weight, bias and epsilon."""
    return numbers(norm.weight), numbers(norm.bias), np.float32(norm.eps)


def affine(layer: Any) -> tuple[Matrix, np.ndarray]:
    """A matrix and its bias."""
    return layer.matrix, numbers(layer.bias)


def scale_and_offset(conv: Any) -> tuple[np.ndarray, np.ndarray]:
    """What a convolution's bias and the batch norm behind it come to."""
    norm = conv.batch_norm
    scale = norm.weight * mx.rsqrt(norm.running_var + norm.eps)
    return np.array(scale), np.array((conv.depthwise_conv.bias - norm.running_mean) * scale + norm.bias)


@lru_cache(maxsize=64)  # each layer asks for the same, and each frame for those of its eight positions
def turns_of(dims: int, base: float, first: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines of some positions' rotations, (length, dims / 2)."""
    angle = np.arange(first, first + length)[:, None] * base ** (np.arange(dims // 2) * (-2 / dims))
    return np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
