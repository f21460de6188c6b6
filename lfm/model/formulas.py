"""Functions of each number, for a Linux CPU: MLX's own take 17 ns a number, polynomials in a compiled graph 3 to 4.

The compiler makes several numbers at once of what has no branch: minimum and maximum have one, for what is not a number; a size has none.
MLX makes one loop of eleven operations behind one another, and what two of them want is one of its own: sizes are taken twice, of x and -x.
"""

import math
from collections.abc import Callable
from functools import partial

import mlx.core as mx
import mlx.nn as nn

FEW_NUMBERS = 1 << 11  # whose activations are MLX's own
PIECE = 1 << 18  # numbers: what a long formula leaves on its way stays in a cache, and takes a quarter of the time

# exp(y) - 1 as y, y^2, ...: fitted so that exp(-8 y), which squares make of it, is right to 6e-9 for y >= 0
GROWTH = (0.999999881, 0.50000453, 0.16661045, 0.0419512987, 0.00768154813, 0.00203697709)
# sin y as y, y^3, ... to 4e-9 and cos y as 1, y^2, ... to 3e-10, up to pi / 2
SINE = (1.0, -0.166666478, 0.00833289977, -0.000198008987, 2.59049034e-06)
COSINE = (1.0, -0.5, 0.0416666381, -0.00138883619, 2.47601602e-05, -2.60514781e-07)
PI = (3.140625, 9.67653589793e-4)  # few digits, times a number of turns exact, and the rest
TO_WHOLE = 1.5 * 2**23  # added and taken away again, it leaves a whole number


def on_cpu() -> bool:
    return mx.default_device() == mx.cpu


def quick(x: mx.array) -> bool:
    """Is this a case for what stands here?"""
    return x.dtype == mx.float32 and on_cpu()


def growth(x: mx.array, squares: int = 3) -> mx.array:
    """exp(x) - 1 for x >= 0, whose inverses are exact; few steps behind one another, none of which asks whether it has a number."""
    y = 2**-squares * x
    a, b, c, d, e, f = GROWTH
    squared = y * y
    grown = y * ((a + b * y) + squared * ((c + d * y) + squared * (e + f * y)))
    for _ in range(squares):
        grown = grown * (grown + 2)  # of y to that of 2 y
    return grown


@partial(mx.compile, shapeless=True)
def exp_of_negative(x: mx.array) -> mx.array:
    """exp(x) for x <= 0: many small ones are added up, so it is right to 5e-6 of it down to 1e-5, and to 5e-4 down to 1e-9."""
    return 1 / (growth(-x, squares=4) + 1)


@partial(mx.compile, shapeless=True)
def _sigmoid(x: mx.array) -> mx.array:
    return 0.5 + mx.sign(x) * (0.5 - 1 / (growth(mx.abs(x)) + 2))


@partial(mx.compile, shapeless=True)
def _silu(x: mx.array) -> mx.array:
    size = mx.abs(-x)
    return 0.5 * ((x + size) - size * (2 / (growth(mx.abs(x)) + 2)))


@partial(mx.compile, shapeless=True)
def _elu(x: mx.array) -> mx.array:
    return 0.5 * ((x + mx.abs(-x)) + (2 / (growth(0.5 * (mx.abs(x) - x)) + 1) - 2))


def in_pieces(formula: Callable[[mx.array], mx.array], x: mx.array) -> mx.array:
    """A formula of each number, some numbers at a time."""
    if x.size <= 2 * PIECE:
        return formula(x)
    flat = x.reshape(-1)
    return mx.concatenate([formula(flat[first : first + PIECE]) for first in range(0, x.size, PIECE)]).reshape(x.shape)


def many(x: mx.array) -> bool:
    """Up to here one slow operation costs less than handing out a formula."""
    return x.size > FEW_NUMBERS and quick(x)


def sigmoid(x: mx.array) -> mx.array:
    return in_pieces(_sigmoid, x) if many(x) else mx.sigmoid(x)


def silu(x: mx.array) -> mx.array:
    return in_pieces(_silu, x) if many(x) else nn.silu(x)


@partial(mx.compile, shapeless=True)
def _parts(size: mx.array, angle: mx.array) -> tuple[mx.array, mx.array]:
    turns = (angle * (0.5 / math.pi) + TO_WHOLE) - TO_WHOLE
    half = (0.5 * angle - turns * PI[0]) - turns * PI[1]  # between -pi / 2 and pi / 2
    x = half * half
    squared, (a, b, c, d, e), (f, g, h, i, j, k) = x * x, SINE, COSINE
    sine = half * ((a + b * x) + squared * ((c + d * x) + squared * e))
    cosine = (f + g * x) + squared * ((h + i * x) + squared * (j + k * x))
    return size * (1 - 2 * sine * sine), size * (2 * sine * cosine)


def polar(size: mx.array, angle: mx.array) -> mx.array:
    """Complex numbers, without MLX's product of them, which looks for what is not finite."""
    parts = _parts(size, angle) if many(angle) else (size * mx.cos(angle), size * mx.sin(angle))
    return mx.stack([*parts], axis=-1).view(mx.complex64)[..., 0]


class ELU(nn.ELU):
    """x, or exp(x) - 1 where that is negative."""

    def __call__(self, x: mx.array) -> mx.array:
        return in_pieces(_elu, x) if many(x) else super().__call__(x)
