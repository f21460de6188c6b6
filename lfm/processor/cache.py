"""Keys and values as the loops read them: position after position in one run of memory, and written to where they lie."""

from typing import Self

import mlx.core as mx
import numpy as np


class RunningKVCache:
    """Keys and values of all positions so far, or of the last `window` and some before them, (n, B, heads, head_dim).

    The arrays are MLX's, so that its figures of memory hold. What lies before a mark is never overwritten.
    """

    BLOCK = 256

    def __init__(self, window: int | None = None) -> None:
        self.window = window
        self.offset = 0  # positions seen so far: the position of the next one
        self.length = 0  # of them, those that are held
        self._keys: mx.array | None = None
        self._values: mx.array | None = None

    def room(self, shape: tuple[int, int, int, int]) -> tuple[np.ndarray, np.ndarray, int]:
        """Buffers with room for n more positions, (n, B, heads, head_dim), to be written there from the position that is returned too."""
        if self._keys is None or self._values is None or self.length + shape[0] > len(self._keys):
            kept = self.length if self.window is None else min(self.length, self.window - 1)
            self._keys = self._moved(self._keys, kept, shape)
            self._values = self._moved(self._values, kept, shape)
            self.length = kept
        at = self.length
        self.offset += shape[0]
        self.length += shape[0]
        return np.asarray(self._keys), np.asarray(self._values), at

    def _moved(self, buffer: mx.array | None, kept: int, shape: tuple[int, ...]) -> mx.array:
        """A new buffer, with the last positions of the old one and room for new ones; the old one stays as it is, for whoever goes back."""
        blocks = -(-(kept + shape[0]) // self.BLOCK)
        room = mx.zeros((blocks * self.BLOCK, *shape[1:]))
        if buffer is not None:
            np.asarray(room)[:kept] = np.asarray(buffer)[self.length - kept : self.length]
        return room

    def arrays(self) -> list[mx.array]:
        return [] if self._keys is None or self._values is None else [self._keys, self._values]

    def mark(self) -> tuple[int, int, list[mx.array]]:
        return (
            self.offset,
            self.length,
            [] if self.window is None else self.arrays(),
        )  # a window moves on; all positions stay where they are

    def rewind(self, mark: object) -> None:
        self.offset, self.length, arrays = mark  # type: ignore[misc]
        if self.window is not None:
            self._keys, self._values = arrays or (None, None)

    def rows(self, rows: mx.array) -> Self:
        chosen = type(self)(self.window)
        chosen.offset, chosen.length = self.offset, self.length
        if self._keys is not None and self._values is not None:
            chosen._keys, chosen._values = mx.take(self._keys, rows, axis=1), mx.take(self._values, rows, axis=1)
            mx.eval(chosen._keys, chosen._values)  # before this one is written to again
        return chosen
