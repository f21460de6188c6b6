"""Frames of codes to sound, while they come or once more. Runs on the MLX thread."""

from collections.abc import Iterable, Iterator
from typing import Any

import mlx.core as mx
import numpy as np

from lfm.audio import to_int16
from lfm.config import END_OF_AUDIO
from lfm.generate import Stopped
from lfm.model.state import State


class Renderer:
    """Frames of codes to sound, as they come."""

    def __init__(self, decoder: Any) -> None:
        self.decoder = decoder
        self._begin()

    def _begin(self) -> None:
        self.state = State()
        self.before = self.state.mark()

    def __call__(self, codes: mx.array) -> mx.array:
        """(codebooks,) -> (n,). End-of-audio is rendered too, since nobody has looked at the codes yet: see `finish`."""
        self.before = self.state.mark()
        return self.decoder.decode(mx.minimum(codes, 2047)[None, None], self.state)[0]

    def finish(self, ended: bool) -> np.ndarray:
        """The last samples of a stretch; `ended`: the last frame was end-of-audio and is taken back."""
        if ended:
            self.state.rewind(self.before)
        tail = np.array(self.decoder.flush(self.state))[0]
        self._begin()
        return tail


def decode_again(frames: Iterable[np.ndarray], decoder: Any, stopped: Stopped) -> Iterator[np.ndarray]:
    """Frames of codes, each (codebooks,), once more to sound, (n,) int16 pieces, as another decoder makes it."""
    render, ended = Renderer(decoder), True
    for codes in frames:
        if stopped():
            return
        sound, ended = np.array(render(mx.array(codes))), int(codes[0]) == END_OF_AUDIO
        yield to_int16(render.finish(ended=True) if ended else sound)
    if not ended:
        yield to_int16(render.finish(ended=False))
