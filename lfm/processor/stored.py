"""Matrices as a checkpoint has them, in the place of MLX's layers."""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.processor.matrix import GROUP, Bytes, Matrix, Nibbles
from lfm.processor.products import taken, times


def numbers(array: mx.array) -> np.ndarray:
    """An array as NumPy sees it, without a copy; bfloat16 as the integers it is stored in."""
    return np.asarray(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)


class Stored(nn.Module):
    """A matrix as a checkpoint has it: bfloat16, float32, or packed, in four bits or else in eight; no number changes."""

    _matrix: Matrix

    def __init__(self, layer: Any) -> None:
        super().__init__()
        if "scales" not in layer:
            self.weight = layer.weight
        elif layer.group_size < GROUP:
            self.weight = mx.dequantize(layer.weight, layer.scales, layer.biases, layer.group_size, layer.bits)
        else:
            self.bits, self.group_size = layer.bits, GROUP
            repeats = layer.group_size // GROUP
            self.weight = (nibbles if layer.bits == 4 else integers)(layer)
            spread = (mx.repeat(kept(each), repeats, axis=1) for each in (layer.scales, layer.biases))
            self.scales, self.biases = map(mx.contiguous, spread)  # of one group MLX would say the same number twice, and hold it once
        mx.eval(self.parameters())
        if "scales" in self:
            kind = Nibbles if layer.bits == 4 else Bytes
            self._matrix = kind(*map(numbers, (self.weight, self.scales, self.biases)))
        else:
            self._matrix = numbers(self.weight)

    @property
    def matrix(self) -> Matrix:
        """As the loops read it."""
        return self._matrix


def integers(layer: Any) -> mx.array:
    """What is packed in a layer, (out, groups, GROUP) uint8."""
    if layer.bits == 8:
        return layer.weight.view(mx.uint8).reshape(len(layer.weight), -1, GROUP)
    one = mx.ones_like(layer.scales)
    whole = mx.dequantize(layer.weight, one, mx.zeros_like(one), layer.group_size, layer.bits)
    return whole.astype(mx.uint8).reshape(len(layer.weight), -1, GROUP)


def nibbles(layer: Any) -> mx.array:
    """What is packed in four bits, (out, groups, GROUP / 2) uint8: MLX has neighbours in a byte, `Nibbles` what is half a group apart."""
    packed = layer.weight.view(mx.uint8).reshape(len(layer.weight), -1, GROUP // 2)
    first, second = mx.split(packed, 2, axis=-1)
    return mx.stack([(first & 15) | (second << 4), (first >> 4) | (second & 240)], axis=-1).reshape(packed.shape)


def kept(numbers: mx.array) -> mx.array:
    """bfloat16 as it is, others as float32."""
    return numbers if numbers.dtype == mx.bfloat16 else numbers.astype(mx.float32)


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

    def __call__(self, x: mx.array) -> mx.array:
        """(..., in) -> (..., out)."""
        y = product(x, self.matrix)
        return y + self["bias"] if "bias" in self else y


class StoredEmbedding(Stored):
    """A table, which may be a head too."""

    def __call__(self, ids: mx.array) -> mx.array:
        """(...) -> (..., C)."""
        return mx.array(taken(np.asarray(ids).reshape(-1), self.matrix)).reshape(*ids.shape, -1)

    def as_linear(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., n)."""
        return product(x, self.matrix)
