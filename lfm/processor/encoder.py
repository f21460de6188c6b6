"""The encoder's parts in the place of MLX's: they keep the weights and hand them to the loops."""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.model.fast_cpu import Strided
from lfm.processor import listening
from lfm.processor.products import Matrix
from lfm.processor.stored import numbers, rows_of


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

    def __call__(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., C)."""
        return mx.array(listening.bent(rows_of(x))).reshape(x.shape)


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
