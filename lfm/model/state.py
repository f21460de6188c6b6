"""What a model remembers between chunks: one slot a stateful module, kept outside the weights.

Every module takes `state: State | None`. None means "all of the input, once"; a State means "the next piece of it".
A new State is the reset; two States on one model never meet.
"""

from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar, cast

import mlx.core as mx

from lfm.model.fast_cpu import FEW_POSITIONS


class Slot(Protocol):
    """A module's own memory."""

    def arrays(self) -> list[mx.array]: ...
    def mark(self) -> object: ...
    def rewind(self, mark: object) -> None: ...
    def rows(self, rows: mx.array) -> Self: ...


S = TypeVar("S", bound=Slot)
Place = tuple[mx.array | int, mx.array]  # how positions are turned, and which of a window each of them sees


class State:
    """The memory of one stream through one model.

    Within a graph (`Compiled`) it begins with what its slots remembered, and `at` says where that which comes now stands.
    """

    def __init__(self, values: dict[str, Any] | None = None, at: Place | None = None) -> None:
        self._slots: dict[int, Slot] = {}
        self._values = values or {}
        self.at = at
        self.makers: dict[str, Callable[[], Slot]] = {}

    def slot(self, module: object, make: Callable[[], S]) -> S:
        """The slot of `module`, made on first use."""
        if id(module) not in self._slots:
            self._slots[id(module)] = slot = make()
            self.makers[str(id(module))] = make
            if str(id(module)) in self._values:
                slot.value = self._values[str(id(module))]  # type: ignore[attr-defined]
        return cast(S, self._slots[id(module)])

    def arrays(self) -> list[mx.array]:
        """All arrays, for mx.eval."""
        return [array for slot in self._slots.values() for array in slot.arrays()]

    @property
    def nbytes(self) -> int:
        return sum(array.nbytes for array in self.arrays())

    def mark(self) -> dict[int, object]:
        """A point to come back to; costs nothing, since slots only ever append."""
        return {key: slot.mark() for key, slot in self._slots.items()}

    def rewind(self, mark: object) -> None:
        """Forget everything since `mark`; slots made later are dropped."""
        assert isinstance(mark, dict)
        self._slots = {key: slot for key, slot in self._slots.items() if key in mark}
        for key, slot in self._slots.items():
            slot.rewind(mark[key])

    def values(self) -> dict[str, Any]:
        """What the slots remember, all of them `Past` or `SlidingKVCache`, to go into a graph and out of it."""
        return {str(key): cast(Past, slot).value for key, slot in self._slots.items() if slot.arrays()}

    def go_on(self, values: dict[str, Any], makers: dict[str, Callable[[], Slot]], positions: int) -> None:
        """With what such a graph gave, which had so many positions."""
        for key, value in values.items():
            slot = self._slots.get(int(key)) or self._slots.setdefault(int(key), makers[key]())
            cast(Past, slot).value = value
            if isinstance(slot, SlidingKVCache):
                slot.offset += positions

    @property
    def offset(self) -> int:
        """Positions that windows have seen so far."""
        return next((slot.offset for slot in self._slots.values() if isinstance(slot, SlidingKVCache)), 0)

    def rows(self, rows: mx.array) -> Self:
        """Another state, of some rows of the batch, (n,), each perhaps several times; this one stays as it is."""
        chosen = type(self)()
        chosen._slots = {key: slot.rows(rows) for key, slot in self._slots.items()}
        return chosen


class Past:
    """The last few inputs a causal convolution still needs, (B, n, C), or an overlap that is not yet complete."""

    def __init__(self) -> None:
        self.value: mx.array | None = None

    def arrays(self) -> list[mx.array]:
        return [] if self.value is None else [self.value]

    def mark(self) -> mx.array | None:
        return self.value

    def rewind(self, mark: object) -> None:
        self.value = mark  # type: ignore[assignment]

    def rows(self, rows: mx.array) -> Self:
        chosen = type(self)()
        chosen.value = None if self.value is None else self.value[rows]
        return chosen


class KVCache:
    """Keys and values of all positions so far, (B, heads, n, head_dim), in buffers that grow by blocks."""

    BLOCK = 256

    def __init__(self) -> None:
        self.length = 0
        self._keys: mx.array | None = None
        self._values: mx.array | None = None

    @property
    def offset(self) -> int:
        """Positions seen so far: the position of the next one."""
        return self.length

    def append(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        """Add n positions; all keys and values so far."""
        end = self.length + keys.shape[2]
        all_keys = self._keys = self._write(self._keys, keys, end)
        all_values = self._values = self._write(self._values, values, end)
        self.length = end
        return all_keys[:, :, :end], all_values[:, :, :end]

    def _write(self, buffer: mx.array | None, new: mx.array, end: int) -> mx.array:
        capacity = 0 if buffer is None else buffer.shape[2]
        if end > capacity:
            batch, heads, _, dim = new.shape
            blocks = -(-(end - capacity) // self.BLOCK)
            room = mx.zeros((batch, heads, blocks * self.BLOCK, dim), new.dtype)
            buffer = room if buffer is None else mx.concatenate([buffer, room], axis=2)
        assert buffer is not None
        buffer[:, :, self.length : end] = new
        return buffer

    def arrays(self) -> list[mx.array]:
        return [] if self._keys is None or self._values is None else [self._keys, self._values]

    def mark(self) -> int:
        return self.length  # what lies behind it is never overwritten before a rewind

    def rewind(self, mark: object) -> None:
        assert isinstance(mark, int)
        self.length = mark

    def rows(self, rows: mx.array) -> Self:
        chosen = type(self)()
        chosen.length = self.length
        if self._keys is not None and self._values is not None:
            chosen._keys, chosen._values = self._keys[rows], self._values[rows]
        return chosen


def last(x: mx.array, n: int) -> mx.array:
    """The last n positions of (B, heads, T, size), behind zeros where there are fewer."""
    length = x.shape[2]
    return x[:, :, length - n :] if length >= n else mx.pad(x, [(0, 0), (0, 0), (n - length, 0), (0, 0)])


class SlidingKVCache:
    """Keys and values of the last `window` positions; in a graph always of so many, zeros before the first, which a mask hides."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.offset = 0
        self.value: tuple[mx.array, ...] = ()  # keys and values; nothing at the start

    def append(self, keys: mx.array, values: mx.array, *, padded: bool = False) -> tuple[mx.array, mx.array]:
        """Add n positions; those and up to `window - 1` before them or, `padded`, just so many."""
        before = self.window - 1 if padded else min(self.offset, self.window - 1)
        self.offset += keys.shape[2]
        if before:
            pasts = self.value or (keys[:, :, :0], values[:, :, :0])
            keys, values = (mx.concatenate([last(past, before), new], axis=2) for past, new in zip(pasts, (keys, values), strict=True))
        self.value = last(keys, min(keys.shape[2], self.window - 1)), last(values, min(keys.shape[2], self.window - 1))
        return keys, values

    def arrays(self) -> list[mx.array]:
        return list(self.value)

    def mark(self) -> tuple[int, tuple[mx.array, ...]]:
        return self.offset, self.value

    def rewind(self, mark: object) -> None:
        self.offset, self.value = mark  # type: ignore[misc]

    def rows(self, rows: mx.array) -> Self:
        chosen = type(self)(self.window)
        chosen.offset = self.offset
        chosen.value = tuple(each[rows] for each in self.value)
        return chosen


class Compiled:
    """A model, (x, state) -> y, for few positions of a stream as one graph: many small operations, handed out by C++."""

    def __init__(
        self, model: Callable[[mx.array, State | None], mx.array], place: Callable[[int, int], Place], traceable: Callable[[], bool]
    ) -> None:
        """`place` says where positions stand: from which one on, how many; `traceable`, whether the model can be a graph."""

        def graph(x: mx.array, at: Place, values: dict[str, Any]) -> tuple[mx.array, dict[str, Any]]:
            state = State(values, at)
            y = model(x, state)
            self._makers |= state.makers
            return y, state.values()

        self._graph, self._model, self._place, self._traceable = mx.compile(graph), model, place, traceable
        self._makers: dict[str, Callable[[], Slot]] = {}

    def __call__(self, x: mx.array, state: State | None, positions: int) -> mx.array:
        """x becomes so many positions, on which windows look back."""
        if state is None or positions > FEW_POSITIONS or not self._traceable():
            return self._model(x, state)
        y, values = self._graph(x, self._place(state.offset, positions), state.values())
        state.go_on(values, self._makers, positions)
        return y
