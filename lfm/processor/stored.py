"""Matrices as a checkpoint has them, in the place of MLX's layers."""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.processor.matrix import GROUP, Bytes, Matrix
from lfm.processor.products import taken, times


def numbers(array: mx.array) -> np.ndarray:
    """An array as NumPy sees it, without a copy; bfloat16 as the integers it is stored in."""
    return np.asarray(array.view(mx.uint16) if array.dtype == mx.bfloat16 else array)


class Stored(nn.Module):
    """A matrix as a checkpoint has it: bfloat16, float32, or packed, which becomes eight bits; no number changes."""

    _matrix: Matrix

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
        self._matrix = Bytes(*map(numbers, (self.weight, self.scales, self.biases))) if "scales" in self else numbers(self.weight)

    @property
    def matrix(self) -> Matrix:
        """As the loops read it."""
        return self._matrix


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
