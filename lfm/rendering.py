"""Frames of codes to sound, while they come or once more. Runs on the MLX thread."""

from collections.abc import Iterable, Iterator
from typing import Any

import mlx.core as mx
import numpy as np

from lfm.audio import to_int16
from lfm.config import END_OF_AUDIO
from lfm.generate import Stopped
from lfm.model.state import State

MOST = 3  # frames that are decoded at once: no more than the page has in hand when it begins to play, so they are never late


class Renderer:
    """Frames of codes to sound, as they come: the first alone, for it is waited for, then two, then three at once for half the work."""

    def __init__(self, decoder: Any) -> None:
        self.decoder = decoder
        self._begin()

    def _begin(self) -> None:
        self.state = State()
        self.before = self.state.mark()
        self.waiting: list[mx.array] = []
        self.latest: list[mx.array] = []  # decoded since `before`
        self.most = 1

    def __call__(self, codes: mx.array) -> mx.array | None:
        """(codebooks,) -> (n,), or None while more is waited for.

        End-of-audio is rendered too, since nobody has looked at the codes yet: see `finish`.
        """
        self.waiting.append(codes)
        return self._decode() if len(self.waiting) == self.most else None

    def _decode(self) -> mx.array:
        self.before, self.latest, self.waiting = self.state.mark(), self.waiting, []
        self.most = min(self.most + 1, MOST)
        codes = mx.minimum(mx.stack(self.latest), 2047).astype(mx.int32)  # drawn, or kept: of one kind, they are one graph
        return self.decoder.decode(codes[None], self.state)[0]

    def rest(self) -> np.ndarray:
        """The sound of what waits, (n,)."""
        return np.array(self._decode()) if self.waiting else np.zeros(0, np.float32)

    def finish(self, ended: bool) -> np.ndarray:
        """The last samples of a stretch; `ended`: the last frame was end-of-audio and is taken back."""
        if ended:
            if not self.waiting:
                self.state.rewind(self.before)
                self.waiting = self.latest
            self.waiting.pop()
        sound = np.concatenate([self.rest(), np.array(self.decoder.flush(self.state))[0]])
        self._begin()
        return sound


def decode_again(frames: Iterable[np.ndarray], decoder: Any, stopped: Stopped) -> Iterator[np.ndarray]:
    """Frames of codes, each (codebooks,), once more to sound, (n,) int16 pieces, as another decoder makes it."""
    render, ended = Renderer(decoder), True
    for codes in frames:
        if stopped():
            return
        sound, ended = render(mx.array(codes)), int(codes[0]) == END_OF_AUDIO
        if ended:
            yield to_int16(render.finish(ended=True))
        elif sound is not None:
            yield to_int16(np.array(sound))
    if not ended:
        yield to_int16(render.finish(ended=False))
