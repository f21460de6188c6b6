"""Rows times a matrix in eight or four bits: what a group's scale and bias make of its integers is float32.

Of several rows, some rows of the matrix are widened first, side by side: that takes as long as reading them.
"""

import numpy as np
from numba import prange

from lfm.processor.compiled import parallel, serial
from lfm.processor.dots import four_dots
from lfm.processor.floats import BLOCK, quarter
from lfm.processor.matrix import GROUP, Bytes, Nibbles, widened
from lfm.processor.tiles import COLUMNS, TILE, four, neighbours, plus_four, tile

Packed = Bytes | Nibbles
NEAR = 1 << 16  # numbers that stay in a core's second cache


@serial
def sums_of(x: np.ndarray) -> np.ndarray:
    """(1, in) -> (groups,): what each group's bias is multiplied by."""
    sums = np.zeros(x.size // GROUP, np.float32)
    for group in range(sums.size):
        for i in range(GROUP * group, GROUP * (group + 1)):
            sums[group] += x[0, i]
    return sums


@parallel
def row_times_packed(y: np.ndarray, x: np.ndarray, sums: np.ndarray, matrix: Packed) -> None:
    """x (1, in) and the sums of its groups times a matrix, to y (1, out)."""
    biases = matrix[2]
    for n in prange((y.size + 3) // 4):
        at = quarter(n, y.size)
        total = four_dots(x, matrix, at)
        for group in range(sums.size):
            total = plus_four(total, four(biases, at, group), sums[group])
        for k in range(4):
            y[0, at[k]] = total[k]


@parallel
def rows_times_packed(y: np.ndarray, x: np.ndarray, matrix: Packed) -> None:
    """x (R, in) times a matrix, to y (R, out); R is TILE or more, out COLUMNS or more. The last tiles do some of both once more."""
    rows, outputs = y.shape
    height = COLUMNS * max(1, min(BLOCK, NEAR // (COLUMNS * x.shape[1])))
    for block in prange((outputs + height - 1) // height):
        first = min(height * block, max(outputs - height, 0))
        count = min(height, outputs)
        weights = widened(matrix, first, count)
        for start in range(0, rows, TILE):
            for n in range(0, count, COLUMNS):
                column = min(n, count - COLUMNS)
                tile(y, neighbours(first + column), x, min(start, rows - TILE), weights, neighbours(column))


@serial
def times_packed(x: np.ndarray, matrix: Packed) -> np.ndarray:
    """x (R, in) times a matrix (out, in): (R, out)."""
    rows, outputs = len(x), len(matrix[0])
    if rows == 1:
        y = np.empty((1, outputs), np.float32)
        row_times_packed(y, x, sums_of(x), matrix)
        return y
    if rows < TILE:
        padded = np.empty((TILE, x.shape[1]), np.float32)
        for row in range(TILE):
            for i in range(x.shape[1]):
                padded[row, i] = x[min(row, rows - 1), i]
        y = np.empty((TILE, outputs), np.float32)
        rows_times_packed(y, padded, matrix)
        return y[:rows].copy()
    y = np.empty((rows, outputs), np.float32)
    rows_times_packed(y, x, matrix)
    return y
