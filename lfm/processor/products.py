"""Rows times a matrix as a checkpoint stores it: each number is widened to float32 on its way into the sum.

One row costs what reading the matrix costs. Of several, a few at a time are multiplied by a few rows of the matrix, as many as fill the
processor's registers with sums (`lfm/processor/tiles.py`).
"""

from typing import Any

import numpy as np
from numba.extending import overload

from lfm.processor.compiled import serial
from lfm.processor.floats import times_floats
from lfm.processor.matrix import Matrix, is_packed, widened, width
from lfm.processor.packed import times_packed


def product_of(x: np.ndarray, matrix: Matrix) -> np.ndarray:
    """The one of the two that a matrix asks for."""
    raise NotImplementedError


@overload(product_of, inline="always", strict=False)
def _product_of(x: Any, matrix: Any) -> Any:
    if is_packed(matrix):
        return lambda x, matrix: times_packed(x, matrix)
    return lambda x, matrix: times_floats(x, matrix)


@serial
def times(x: np.ndarray, matrix: Matrix) -> np.ndarray:
    """x (R, in) times a matrix (out, in): (R, out)."""
    return product_of(x, matrix)


@serial
def taken(rows: np.ndarray, matrix: Matrix) -> np.ndarray:
    """Some rows of a matrix (out, in), by their numbers (n,): (n, in) float32."""
    out = np.empty((rows.size, width(matrix)), np.float32)
    for n in range(rows.size):
        row = widened(matrix, rows[n], 1)
        for i in range(out.shape[1]):
            out[n, i] = row[0, i]
    return out
