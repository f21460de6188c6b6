"""Products with weights. What each of them wants of a weight is made once: a graph would make it at every run, an operation a time.

On a Linux CPU it takes MLX as long to hand out an operation, even one that moves no number, as to multiply a small matrix.
"""

from collections.abc import Callable
from typing import TypeVar

import mlx.core as mx
import mlx.nn as nn

from lfm.model.formulas import many, quick

T = TypeVar("T")


def once(module: nn.Module, make: Callable[[mx.array], T]) -> T:
    """What `make` makes of a module's weight, each time the same, until the module has another weight."""
    weight, made_of, made = module["weight"], *module.get("_made", (None, None))
    if made_of is not weight:
        made = make(weight)
        mx.eval(made)
        module["_made"] = weight, made  # a tuple, which MLX takes for no parameter
    return made


def transposed(weight: mx.array) -> mx.array:
    """(out, in) -> (1, in, out), as one text is multiplied by it."""
    return weight.T[None]


def one_text(x: mx.array) -> bool:
    """Is x (1, T, C), on a CPU?"""
    return x.ndim == 3 and len(x) == 1 and quick(x)


class Linear(nn.Linear):
    """y = W x + b, where it is one text a single operation: MLX makes rows of x and turns W, and takes everything back."""

    def __call__(self, x: mx.array) -> mx.array:
        """(..., in) -> (..., out)."""
        if not one_text(x):
            return super().__call__(x)
        y = x @ once(self, transposed)
        return y + self["bias"] if "bias" in self else y


class Embedding(nn.Embedding):
    """A table, which may be a head too."""

    def as_linear(self, x: mx.array) -> mx.array:
        """(..., C) -> (..., n)."""
        return x @ once(self, transposed) if one_text(x) else super().as_linear(x)


def sum_of_products(parts: list[mx.array], weights: list[mx.array]) -> mx.array:
    products = [part * weight for part, weight in zip(parts, weights, strict=True)]
    return sum(products[1:], products[0])


at_once = mx.compile(sum_of_products, shapeless=True)


def weighted(parts: list[mx.array], weights: list[mx.array]) -> mx.array:
    """Sum of parts (..., C), each times its weights (C,)."""
    return at_once(parts, weights) if many(parts[0]) else sum_of_products(parts, weights)


def taps(kernel: mx.array) -> list[mx.array]:
    """(C, K) -> K times (C,)."""
    return [mx.contiguous(tap) for tap in kernel.T]


class DepthwiseKernel(nn.Module):
    """A convolution of each channel alone as a few large products; it holds (C, K), and perhaps a bias, (C,)."""

    def __init__(self, channels: int, kernel: int, bias: bool = False) -> None:
        super().__init__()
        self.weight = mx.zeros((channels, kernel))
        if bias:
            self.bias = mx.zeros((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        """(B, T + K - 1, C) -> (B, T, C)."""
        kernel = once(self, taps)
        length = x.shape[1] - len(kernel) + 1
        y = weighted([x[:, k : k + length] for k in range(len(kernel))], kernel)
        return y + self.bias if "bias" in self else y
