"""Rows times a matrix of bfloat16 or float32, each number of which becomes a float32 in a register on its way into the sums.

The rows of the matrix that are multiplied at once lie far apart: a processor reads ahead in each of them while it multiplies. In one
stretch of memory it would wait for what comes next, and then multiply.
"""

from typing import Any

import numpy as np
from numba import prange

from lfm.processor.compiled import REGISTERS, inline, parallel, serial
from lfm.processor.tiles import Columns, four_by_three, one_by_four, six_by_four, six_by_two, two_by_four

BLOCK = 8  # tiles made for all rows of x before the next: their part of the matrix stays in a cache, and each few rows in a nearer one


@inline
def half(n: int, outputs: int) -> Columns:
    """The n-th row of each half of a matrix; where the parts overlap, a row is in two of them, here and below."""
    first, rest = np.intp(n), np.intp(outputs // 2)
    return first, first + rest


@inline
def third(n: int, outputs: int) -> Columns:
    """The n-th row of each third."""
    first, rest = np.intp(n), np.intp(outputs - (outputs + 2) // 3)
    return first, first + rest // 2, first + rest


@inline
def quarter(n: int, outputs: int) -> Columns:
    """The n-th row of each quarter."""
    first, rest = np.intp(n), np.intp(outputs - (outputs + 3) // 4)
    return first, first + rest // 3, first + 2 * rest // 3, first + rest


@inline
def sweep(y: np.ndarray, x: np.ndarray, matrix: np.ndarray, tile: Any, at_once: int, part: Any, parts: int) -> None:
    """x (R, in) times a matrix, to y (R, out), by tiles of so many rows, no fewer than which x has, and so many parts of the matrix."""
    rows, outputs = y.shape
    tiles = (outputs + parts - 1) // parts
    for block in prange((tiles + BLOCK - 1) // BLOCK):
        for start in range(0, rows, at_once):
            for n in range(BLOCK * block, min(BLOCK * (block + 1), tiles)):
                at = part(n, outputs)
                tile(y, at, x, min(start, rows - at_once), matrix, at)  # the last tile does some rows once more


@parallel
def one(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """One row: it costs what reading the matrix costs."""
    sweep(y, x, matrix, one_by_four, 1, quarter, 4)


@parallel
def two(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """Two, as a frame alone in Mimi, or three."""
    sweep(y, x, matrix, two_by_four, 2, quarter, 4)


@parallel
def several(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """Four or more."""
    sweep(y, x, matrix, four_by_three, 4, third, 3)


@parallel
def six(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """Six where sixteen registers hold the sums: a frame alone in the detokenizer."""
    sweep(y, x, matrix, six_by_two, 6, half, 2)


@parallel
def many(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """Six or more where thirty-two do."""
    sweep(y, x, matrix, six_by_four, 6, quarter, 4)


@serial
def times_floats(x: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """x (R, in) times a matrix (out, in): (R, out)."""
    rows, y = len(x), np.empty((len(x), len(matrix)), np.float32)
    if rows == 1:
        one(y, x, matrix)
    elif rows <= 3:
        two(y, x, matrix)
    elif REGISTERS >= 32 and rows >= 6:
        many(y, x, matrix)
    elif REGISTERS < 32 and rows == 6:
        six(y, x, matrix)
    else:
        several(y, x, matrix)
    return y
