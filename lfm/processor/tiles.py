"""A few rows times a few columns at a time, whose sums all stay in a processor's registers."""

from typing import Any

import numpy as np

from lfm.processor.compiled import REGISTERS, inline
from lfm.processor.matrix import float32

NOTHING = np.float32(0)
Columns = tuple[Any, ...]  # of y, or rows of the matrix: integers of Numba's


@inline
def two(matrix: np.ndarray, rows: Columns, i: int) -> Any:
    """A number of each of two rows."""
    return float32(matrix[rows[0], i]), float32(matrix[rows[1], i])


@inline
def three(matrix: np.ndarray, rows: Columns, i: int) -> Any:
    """Of three."""
    return float32(matrix[rows[0], i]), float32(matrix[rows[1], i]), float32(matrix[rows[2], i])


@inline
def four(matrix: np.ndarray, rows: Columns, i: int) -> Any:
    """Of four."""
    return float32(matrix[rows[0], i]), float32(matrix[rows[1], i]), float32(matrix[rows[2], i]), float32(matrix[rows[3], i])


@inline
def plus_two(sums: Any, weights: Any, x: Any) -> Any:
    """Two sums, each with its weight times x."""
    return sums[0] + weights[0] * x, sums[1] + weights[1] * x


@inline
def plus_three(sums: Any, weights: Any, x: Any) -> Any:
    """Three."""
    return sums[0] + weights[0] * x, sums[1] + weights[1] * x, sums[2] + weights[2] * x


@inline
def plus_four(sums: Any, weights: Any, x: Any) -> Any:
    """Four."""
    return sums[0] + weights[0] * x, sums[1] + weights[1] * x, sums[2] + weights[2] * x, sums[3] + weights[3] * x


@inline
def one_by_four(y: np.ndarray, at: Columns, x: np.ndarray, start: int, matrix: np.ndarray, rows: Columns) -> None:
    """One row of x (R, in), `start`, times four rows of a matrix, to four columns of y (R, out)."""
    a = NOTHING, NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        a = plus_four(a, four(matrix, rows, i), x[start, i])
    for n in range(4):
        y[start, at[n]] = a[n]


@inline
def two_by_four(y: np.ndarray, at: Columns, x: np.ndarray, start: int, matrix: np.ndarray, rows: Columns) -> None:
    """Two rows of x from `start` on times four of a matrix."""
    a = b = NOTHING, NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        weights = four(matrix, rows, i)
        a = plus_four(a, weights, x[start, i])
        b = plus_four(b, weights, x[start + 1, i])
    for n in range(4):
        y[start, at[n]], y[start + 1, at[n]] = a[n], b[n]


@inline
def four_by_three(y: np.ndarray, at: Columns, x: np.ndarray, start: int, matrix: np.ndarray, rows: Columns) -> None:
    """Four rows times three."""
    a = b = c = d = NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        weights = three(matrix, rows, i)
        a = plus_three(a, weights, x[start, i])
        b = plus_three(b, weights, x[start + 1, i])
        c = plus_three(c, weights, x[start + 2, i])
        d = plus_three(d, weights, x[start + 3, i])
    for n in range(3):
        y[start, at[n]], y[start + 1, at[n]], y[start + 2, at[n]], y[start + 3, at[n]] = a[n], b[n], c[n], d[n]


@inline
def six_by_two(y: np.ndarray, at: Columns, x: np.ndarray, start: int, matrix: np.ndarray, rows: Columns) -> None:
    """Six rows times two."""
    a = b = c = d = e = f = NOTHING, NOTHING
    for i in range(x.shape[1]):
        weights = two(matrix, rows, i)
        a = plus_two(a, weights, x[start, i])
        b = plus_two(b, weights, x[start + 1, i])
        c = plus_two(c, weights, x[start + 2, i])
        d = plus_two(d, weights, x[start + 3, i])
        e = plus_two(e, weights, x[start + 4, i])
        f = plus_two(f, weights, x[start + 5, i])
    for n in range(2):
        y[start, at[n]], y[start + 1, at[n]], y[start + 2, at[n]] = a[n], b[n], c[n]
        y[start + 3, at[n]], y[start + 4, at[n]], y[start + 5, at[n]] = d[n], e[n], f[n]


@inline
def six_by_four(y: np.ndarray, at: Columns, x: np.ndarray, start: int, matrix: np.ndarray, rows: Columns) -> None:
    """Six rows times four."""
    a = b = c = d = e = f = NOTHING, NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        weights = four(matrix, rows, i)
        a = plus_four(a, weights, x[start, i])
        b = plus_four(b, weights, x[start + 1, i])
        c = plus_four(c, weights, x[start + 2, i])
        d = plus_four(d, weights, x[start + 3, i])
        e = plus_four(e, weights, x[start + 4, i])
        f = plus_four(f, weights, x[start + 5, i])
    for n in range(4):
        y[start, at[n]], y[start + 1, at[n]], y[start + 2, at[n]] = a[n], b[n], c[n]
        y[start + 3, at[n]], y[start + 4, at[n]], y[start + 5, at[n]] = d[n], e[n], f[n]


@inline
def three_from(first: int) -> Columns:
    """Three that lie side by side."""
    return first, first + 1, first + 2


@inline
def four_from(first: int) -> Columns:
    """Four."""
    return first, first + 1, first + 2, first + 3


# What fills this processor's registers, for what lies in its cache: rows at a time, and rows of the matrix
TILE, COLUMNS, tile, neighbours = (6, 4, six_by_four, four_from) if REGISTERS >= 32 else (4, 3, four_by_three, three_from)
