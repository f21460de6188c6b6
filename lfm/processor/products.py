"""Rows times a matrix as a checkpoint stores it: each number is widened to float32 on its way into the sum.

One row costs what reading the matrix costs. Of several, a few at a time are multiplied by a few rows of the matrix, as many as fill the
processor's registers with sums: six by four where it has 32 of them (AVX-512, NEON), four by three where it has 16 (AVX2).
"""

from typing import Any, NamedTuple

import numpy as np
from numba import prange, types
from numba.extending import overload

from lfm.processor.compiled import REGISTERS, inline, parallel, serial

GROUP = 64  # numbers that share a scale, as MLX has it unless told otherwise; a loop whose length is known is faster
TILE, COLUMNS = (6, 4) if REGISTERS >= 32 else (4, 3)  # rows at a time, and rows of the matrix
NEAR = 1 << 18  # numbers of input that stay in a core's cache while the matrix goes by
NOTHING = np.float32(0)


class Bytes(NamedTuple):
    """A matrix in eight bits: integers (out, groups, GROUP), and for each group a scale and a bias, (out, groups)."""

    integers: np.ndarray
    scales: np.ndarray
    biases: np.ndarray


Matrix = np.ndarray | Bytes  # (out, in): float32, or bfloat16 as the uint16 that it is


@serial
def times(x: np.ndarray, matrix: Matrix) -> np.ndarray:
    """x (R, in) times a matrix (out, in): (R, out)."""
    rows, outputs = x.shape[0], height(matrix)
    if rows == 1:
        y = np.empty((1, outputs), np.float32)
        row_times(y[0], x[0], matrix)
        return y
    if rows >= TILE:
        y = np.empty((rows, outputs), np.float32)
        rows_times(y, x, matrix)
        return y
    padded = np.zeros((TILE, x.shape[1]), np.float32)
    padded[:rows] = x
    y = np.empty((TILE, outputs), np.float32)
    rows_times(y, padded, matrix)
    return y[:rows].copy()


@serial
def taken(rows: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Some rows of a matrix (out, in), by their numbers (n,): (n, in) float32."""
    out = np.empty((rows.size, width(matrix)), np.float32)
    for n in range(rows.size):
        out[n] = widened(matrix, rows[n], 1)[0]
    return out


def height(matrix: Matrix) -> int:
    """How many rows a matrix has."""
    raise NotImplementedError  # Numba takes what stands below, by the matrix's type; so for all that is overloaded here


@overload(height, inline="always", strict=False)
def _height(matrix: Any) -> Any:
    if isinstance(matrix, types.BaseTuple):
        return lambda matrix: matrix[0].shape[0]
    return lambda matrix: matrix.shape[0]


def width(matrix: Matrix) -> int:
    """How many numbers a row of it has."""
    raise NotImplementedError


@overload(width, inline="always", strict=False)
def _width(matrix: Any) -> Any:
    if isinstance(matrix, types.BaseTuple):
        return lambda matrix: matrix[0].shape[1] * GROUP
    return lambda matrix: matrix.shape[1]


def float32(number: Any) -> np.float32:
    """A number of a matrix as a float32."""
    raise NotImplementedError


@overload(float32, inline="always", strict=False)
def _float32(number: Any) -> Any:
    if number == types.uint16:
        return lambda number: np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)
    return lambda number: number


def row_times(y: np.ndarray, x: np.ndarray, matrix: Matrix) -> None:
    """x (in,) times a matrix, to y (out,)."""
    raise NotImplementedError


@overload(row_times, inline="always", strict=False)
def _row_times(y: Any, x: Any, matrix: Any) -> Any:
    if isinstance(matrix, types.BaseTuple):
        return lambda y, x, matrix: row_times_bytes(y, x.reshape(-1, GROUP), sums_of(x.reshape(-1, GROUP)), matrix)
    return lambda y, x, matrix: row_times_floats(y, x, matrix)


@parallel
def row_times_floats(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """Two rows of the matrix at a time, half of it apart: a long x is then read half as often, and the two do not meet in the cache."""
    half = (y.size + 1) // 2
    for n in prange(half):
        m = y.size - half + n
        upper, lower = np.float32(0), np.float32(0)
        for i in range(x.size):
            upper += float32(matrix[n, i]) * x[i]
            lower += float32(matrix[m, i]) * x[i]
        y[n], y[m] = upper, lower


@serial
def sums_of(x: np.ndarray) -> np.ndarray:
    """(groups, GROUP) -> (groups,): what each group's bias is multiplied by."""
    sums = np.zeros(len(x), np.float32)
    for group in range(len(x)):
        for i in range(GROUP):
            sums[group] += x[group, i]
    return sums


@parallel
def row_times_bytes(y: np.ndarray, x: np.ndarray, sums: np.ndarray, matrix: Bytes) -> None:
    """The same for x (groups, GROUP) and its sums; a group's scale is applied to the sum of its products."""
    integers, scales, biases = matrix
    half = (y.size + 1) // 2
    for n in prange(half):
        m = y.size - half + n
        upper, lower = np.float32(0), np.float32(0)
        for group in range(x.shape[0]):
            above, below = np.float32(0), np.float32(0)
            for i in range(GROUP):
                above += np.float32(integers[n, group, i]) * x[group, i]
                below += np.float32(integers[m, group, i]) * x[group, i]
            upper += scales[n, group] * above + biases[n, group] * sums[group]
            lower += scales[m, group] * below + biases[m, group] * sums[group]
        y[n], y[m] = upper, lower


def widened(matrix: Matrix, row: int, count: int) -> np.ndarray:
    """Rows of a matrix from `row` on, (count, in) float32."""
    raise NotImplementedError


@overload(widened, inline="always", strict=False)
def _widened(matrix: Any, row: Any, count: Any) -> Any:
    if isinstance(matrix, types.BaseTuple):

        def of_bytes(matrix: Any, row: Any, count: Any) -> Any:
            integers, scales, biases = matrix
            out = np.empty((count, integers.shape[1], GROUP), np.float32)
            for n in range(count):
                for group in range(integers.shape[1]):
                    scale, bias = scales[row + n, group], biases[row + n, group]
                    for i in range(GROUP):
                        out[n, group, i] = np.float32(integers[row + n, group, i]) * scale + bias
            return out.reshape(count, -1)

        return of_bytes
    if matrix.dtype == types.float32:
        return lambda matrix, row, count: matrix[row : row + count]

    def of_halves(matrix: Any, row: Any, count: Any) -> Any:
        out = np.empty((count, matrix.shape[1]), np.float32)
        for n in range(count):
            for i in range(matrix.shape[1]):
                out[n, i] = float32(matrix[row + n, i])
        return out

    return of_halves


@inline
def plus_three(sums: Any, weights: Any, x: Any) -> Any:
    """Three sums, each with its weight times x."""
    return sums[0] + weights[0] * x, sums[1] + weights[1] * x, sums[2] + weights[2] * x


@inline
def plus_four(sums: Any, weights: Any, x: Any) -> Any:
    """Four sums, each with its weight times x."""
    return sums[0] + weights[0] * x, sums[1] + weights[1] * x, sums[2] + weights[2] * x, sums[3] + weights[3] * x


@inline
def four_by_three(y: np.ndarray, first: int, x: np.ndarray, start: int, weights: np.ndarray) -> None:
    """Four rows of x (R, in) from `start` on times three rows of weights, to three columns of y (R, out) from `first` on."""
    a = b = c = d = NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        w = weights[0, i], weights[1, i], weights[2, i]
        a = plus_three(a, w, x[start, i])
        b = plus_three(b, w, x[start + 1, i])
        c = plus_three(c, w, x[start + 2, i])
        d = plus_three(d, w, x[start + 3, i])
    for n in range(3):
        y[start, first + n], y[start + 1, first + n], y[start + 2, first + n], y[start + 3, first + n] = a[n], b[n], c[n], d[n]


@inline
def three_by_three(y: np.ndarray, first: int, x: np.ndarray, start: int, weights: np.ndarray) -> None:
    """The same of three rows of x, for six of them leave none over."""
    a = b = c = NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        w = weights[0, i], weights[1, i], weights[2, i]
        a = plus_three(a, w, x[start, i])
        b = plus_three(b, w, x[start + 1, i])
        c = plus_three(c, w, x[start + 2, i])
    for n in range(3):
        y[start, first + n], y[start + 1, first + n], y[start + 2, first + n] = a[n], b[n], c[n]


@inline
def six_by_four(y: np.ndarray, first: int, x: np.ndarray, start: int, weights: np.ndarray) -> None:
    """Six rows of x times four rows of weights, to four columns of y."""
    a = b = c = d = e = f = NOTHING, NOTHING, NOTHING, NOTHING
    for i in range(x.shape[1]):
        w = weights[0, i], weights[1, i], weights[2, i], weights[3, i]
        a = plus_four(a, w, x[start, i])
        b = plus_four(b, w, x[start + 1, i])
        c = plus_four(c, w, x[start + 2, i])
        d = plus_four(d, w, x[start + 3, i])
        e = plus_four(e, w, x[start + 4, i])
        f = plus_four(f, w, x[start + 5, i])
    for n in range(4):
        y[start, first + n], y[start + 1, first + n], y[start + 2, first + n] = a[n], b[n], c[n]
        y[start + 3, first + n], y[start + 4, first + n], y[start + 5, first + n] = d[n], e[n], f[n]


tile = six_by_four if TILE == 6 else four_by_three


@parallel
def rows_times(y: np.ndarray, x: np.ndarray, matrix: Matrix) -> None:
    """x (R, in) times a matrix, to y (R, out); R is TILE or more, out COLUMNS or more."""
    rows, near = x.shape[0], max(TILE, NEAR // x.shape[1] // TILE * TILE)
    for begin in range(0, rows, near):
        end = min(begin + near, rows)
        for block in prange((y.shape[1] + COLUMNS - 1) // COLUMNS):
            first = min(COLUMNS * block, y.shape[1] - COLUMNS)  # the last block does some columns once more
            weights = widened(matrix, first, COLUMNS)
            if COLUMNS == 3 and rows == 6:  # a frame in the detokenizer
                three_by_three(y, first, x, 0, weights)
                three_by_three(y, first, x, 3, weights)
                continue
            for start in range(begin, end, TILE):
                tile(y, first, x, min(start, rows - TILE), weights)  # and the last tile some rows
