"""A matrix as a checkpoint stores it, and its numbers as float32, whatever they are stored as."""

from typing import Any, NamedTuple

import numpy as np
from numba import types
from numba.extending import overload

GROUP = 64  # numbers that share a scale, as MLX has it unless told otherwise; a loop whose length is known is faster


class Bytes(NamedTuple):
    """A matrix in eight bits: integers (out, groups, GROUP), and for each group a scale and a bias, (out, groups)."""

    integers: np.ndarray
    scales: np.ndarray
    biases: np.ndarray


class Nibbles(NamedTuple):
    """In four: integers (out, groups, GROUP / 2), each the n-th of the first half of a group and, in its upper bits, of the second."""

    integers: np.ndarray
    scales: np.ndarray
    biases: np.ndarray


Matrix = np.ndarray | Bytes | Nibbles  # (out, in): float32, or bfloat16 as the uint16 that it is; scales and biases are of these kinds too


def is_packed(matrix: Any) -> bool:
    """Is this Numba's type of Bytes or Nibbles?"""
    return isinstance(matrix, types.BaseTuple)


def is_nibbles(matrix: Any) -> bool:
    return getattr(matrix, "instance_class", None) is Nibbles


def height(matrix: Matrix) -> int:
    """How many rows a matrix has."""
    raise NotImplementedError  # Numba takes what stands below, by the matrix's type; so for all that is overloaded here


@overload(height, inline="always", strict=False)
def _height(matrix: Any) -> Any:
    if is_packed(matrix):
        return lambda matrix: matrix[0].shape[0]
    return lambda matrix: matrix.shape[0]


def width(matrix: Matrix) -> int:
    """How many numbers a row of it has."""
    raise NotImplementedError


@overload(width, inline="always", strict=False)
def _width(matrix: Any) -> Any:
    if is_packed(matrix):
        return lambda matrix: matrix[0].shape[1] * GROUP
    return lambda matrix: matrix.shape[1]


def float32(number: Any) -> np.float32:
    """A number of a matrix as a float32."""
    raise NotImplementedError


@overload(float32, inline="always", strict=False)
def _float32(number: Any) -> Any:
    if number == types.uint16:
        return lambda number: np.uint32(np.uint32(number) << np.uint32(16)).view(np.float32)
    return lambda number: np.float32(number)


def widened(matrix: Matrix, row: int, count: int) -> np.ndarray:
    """Rows of a matrix from `row` on, (count, in) float32."""
    raise NotImplementedError


@overload(widened, inline="always", strict=False)
def _widened(matrix: Any, row: Any, count: Any) -> Any:
    if is_packed(matrix):
        nibbles = is_nibbles(matrix)

        def of_packed(matrix: Any, row: Any, count: Any) -> Any:
            integers, scales, biases = matrix
            out = np.empty((count, integers.shape[1], GROUP), np.float32)
            for n in range(count):
                for group in range(integers.shape[1]):
                    scale, bias = float32(scales[row + n, group]), float32(biases[row + n, group])
                    if nibbles:
                        for i in range(GROUP // 2):  # two loops, for one is vectors no more
                            out[n, group, i] = np.float32(integers[row + n, group, i] & np.uint8(15)) * scale + bias
                        for i in range(GROUP // 2):
                            out[n, group, i + GROUP // 2] = np.float32(integers[row + n, group, i] >> np.uint8(4)) * scale + bias
                    else:
                        for i in range(GROUP):
                            out[n, group, i] = np.float32(integers[row + n, group, i]) * scale + bias
            return out.reshape(count, -1)

        return of_packed
    if matrix.dtype == types.float32:
        return lambda matrix, row, count: matrix[row : row + count]

    def of_halves(matrix: Any, row: Any, count: Any) -> Any:
        out = np.empty((count, matrix.shape[1]), np.float32)
        for n in range(count):
            for i in range(matrix.shape[1]):
                out[n, i] = float32(matrix[row + n, i])
        return out

    return of_halves
