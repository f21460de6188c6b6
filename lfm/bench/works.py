"""What the benchmark times: one call of each part of a loaded model, ready to be made."""

from collections.abc import Callable
from typing import Any

import mlx.core as mx
import numpy as np

from lfm.checkpoint import LoadedModel
from lfm.generate import TokenGenerator
from lfm.mel import log_mel
from lfm.model.lfm2 import Attention
from lfm.model.state import State
from lfm.options import CHAT_AUDIO, DecoderName

Work = Callable[[], object]


def noise(seconds: float, rate: int) -> np.ndarray:
    """Sound to be heard; what it says does not matter to its cost. (n,) float32."""
    return 0.1 * np.random.default_rng(0).standard_normal(int(seconds * rate), np.float32)


class Works:
    """Of one loaded model."""

    def __init__(self, loaded: LoadedModel, generator: TokenGenerator) -> None:
        self.loaded, self.model, self.generator, self.config = loaded, loaded.model, generator, loaded.config

    def encoder(self, sound: np.ndarray) -> Work:
        """Mel and encoder of a recording."""
        return lambda: mx.eval(self.model.embed_heard(mx.array(log_mel(sound, self.config.mel))))

    def prefill(self, positions: int, behind: int = 0) -> Work:
        """A prompt, behind what was said before."""
        rows, state = mx.zeros((1, positions, self.model.hidden_size), self.model.dtype), self.history(behind)
        mark = state.mark()

        def work() -> None:
            mx.eval(self.model(rows, state))
            state.rewind(mark)

        return work

    def step(self) -> Work:
        """One position through the backbone, behind 256 and more."""
        state, position = self.history(256), mx.zeros((1, 1, self.model.hidden_size), self.model.dtype)
        return lambda: mx.eval(self.model(position, state))

    def head(self) -> Work:
        """The likeliest word."""
        hidden = mx.zeros((self.model.hidden_size,), self.model.dtype)
        return lambda: mx.eval(mx.argmax(self.model.text_logits(hidden)))

    def frame(self) -> Work:
        """Eight codes."""
        step = self.generator.frame_step(CHAT_AUDIO)
        hidden = mx.random.normal((self.model.hidden_size,)).astype(self.model.dtype)
        keys, heat = mx.random.split(mx.random.key(0), self.model.codebooks), mx.array(CHAT_AUDIO.temperature)
        return lambda: mx.eval(step(hidden, keys, heat))

    def decoder(self, name: DecoderName, frames: int) -> Work:
        """The next frames of a stream to sound, once windows are full."""
        decoder, state = self.loaded.decoders[name], State()
        codes = mx.random.randint(0, 2048, (1, frames, self.model.codebooks))

        def work() -> None:
            mx.eval(decoder.decode(codes, state), state.arrays())

        for _ in range(20):
            work()
        return work

    def history(self, length: int) -> State:
        """A state as after `length` positions; their keys and values are zero, which costs what any others do."""
        state = State()
        lfm = self.config.lfm
        heads, dim = lfm.n_kv_heads, lfm.hidden_size // lfm.n_heads
        blocks: list[Any] = self.model.lfm.layers
        for block in blocks:
            if not isinstance(block.operator, Attention) or not length:
                continue
            if self.model.lfm.traceable:
                nothing = mx.zeros((1, heads, length, dim), self.model.dtype)
                state.slot(block.operator, block.operator.cache).append(nothing, nothing)
            else:
                state.slot(block.operator, block.cache).room((length, 1, heads, dim))
        mx.eval(state.arrays())
        return state
