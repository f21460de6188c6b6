"""Each part of the model alone: what one call costs, beside what reading its weights or doing its sums must cost."""

from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
import numpy as np

from lfm.bench.floors import Probe, beside, encoder_operations, nbytes
from lfm.bench.report import Row
from lfm.checkpoint import LoadedModel
from lfm.generate import TokenGenerator
from lfm.mel import log_mel
from lfm.model.lfm2 import Attention
from lfm.model.state import State
from lfm.options import CHAT_AUDIO
from lfm.rendering import MOST

CLIP = 20  # seconds of sound for the encoder
PREFILL = 256  # positions
HISTORIES = (0, 1024, 4096, 16_384)
QUESTION = 32  # positions of a second turn
REPEATS = 9

Work = Callable[[], object]


def noise(seconds: float, rate: int) -> np.ndarray:
    """Sound to be heard; what it says does not matter to its cost. (n,) float32."""
    return 0.1 * np.random.default_rng(0).standard_normal(int(seconds * rate), np.float32)


class Parts:
    """Times the parts of one loaded model."""

    def __init__(self, loaded: LoadedModel, generator: TokenGenerator, probe: Probe) -> None:
        self.loaded, self.model, self.generator, self.probe = loaded, loaded.model, generator, probe
        self.config = loaded.config
        self.hidden = self.model.hidden_size

    def rows(self) -> Iterator[Row]:
        yield self.encoder()
        yield self.prefill()
        yield self.backbone()
        yield self.text_head()
        yield self.frame()
        yield from self.decoders()
        yield from self.second_turns()

    def reading(self, name: str, work: Work, weights: int) -> Row:
        """A part whose floor is to read its weights once."""
        spent, rate = beside(work, self.probe.read, REPEATS)
        return Row(name, 1e3 * spent, "ms", 1e3 * weights / rate)

    def encoder(self) -> Row:
        sound = noise(CLIP, self.config.mel.sample_rate)

        def work() -> None:
            mx.eval(self.model.embed_heard(mx.array(log_mel(sound, self.config.mel))))

        spent, rate = beside(work, self.probe.multiply, 3)
        operations = encoder_operations(self.config.encoder, self.hidden, len(sound) // self.config.mel.hop + 1)
        return Row("mel and encoder, a second of sound", 1e3 * spent / CLIP, "ms", 1e3 * operations / rate / CLIP)

    def prefill(self) -> Row:
        positions = mx.zeros((1, PREFILL, self.hidden), self.model.dtype)
        spent, rate = beside(lambda: mx.eval(self.model(positions, State())), self.probe.multiply, 3)
        operations = 2 * PREFILL * self._weights()
        return Row("prefill, a position", 1e3 * spent / PREFILL, "ms", 1e3 * operations / rate / PREFILL)

    def _weights(self) -> int:
        """Weights of the backbone's matrices, a quantised one counting for what it stands for."""
        lfm = self.config.lfm
        head_dim = lfm.hidden_size // lfm.n_heads
        attention = (lfm.n_heads + 2 * lfm.n_kv_heads) * head_dim * lfm.hidden_size + lfm.hidden_size**2
        mixing = sum(4 * lfm.hidden_size**2 if kind == "conv" else attention for kind in lfm.layer_types)
        return mixing + len(lfm.layer_types) * 3 * lfm.hidden_size * lfm.ff_size

    def backbone(self) -> Row:
        state, position = self.history(256), mx.zeros((1, 1, self.hidden), self.model.dtype)
        return self.reading("backbone step", lambda: mx.eval(self.model(position, state)), nbytes(*self.model.lfm.layers))

    def text_head(self) -> Row:
        hidden = mx.zeros((self.hidden,), self.model.dtype)
        return self.reading("text head", lambda: mx.eval(mx.argmax(self.model.text_logits(hidden))), nbytes(self.model.lfm.embed_tokens))

    def frame(self) -> Row:
        """Eight passes through the depthformer, which must be read each time, and each codebook's head once."""
        model = self.model
        step = self.generator.frame_step(CHAT_AUDIO)
        hidden = mx.random.normal((self.hidden,)).astype(model.dtype)
        keys, heat = mx.random.split(mx.random.key(0), model.codebooks), mx.array(CHAT_AUDIO.temperature)
        weights = model.codebooks * nbytes(model.depthformer) + nbytes(model.depth_linear, *model.depth_embeddings)
        return self.reading("depthformer frame", lambda: mx.eval(step(hidden, keys, heat)), weights)

    def decoders(self) -> Iterator[Row]:
        """A frame of a stream, 80 ms of sound: the first, which comes alone, and each of those that are decoded at once."""
        for name, decoder in self.loaded.decoders.items():
            for frames in (1, MOST):
                codes, state = mx.random.randint(0, 2048, (1, frames, self.model.codebooks)), State()

                def work(decoder=decoder, codes=codes, state=state) -> None:
                    mx.eval(decoder.decode(codes, state), state.arrays())

                for _ in range(20):
                    work()  # until windows are full
                spent, _ = beside(work, self.probe.read, REPEATS)
                how = "alone" if frames == 1 else f"of {frames} at once"
                yield Row(f"{name}, a frame of 80 ms {how}", 1e3 * spent / frames, "ms")

    def second_turns(self) -> Iterator[Row]:
        """Feeding a question behind histories of growing length: only attention may cost more."""
        question = mx.zeros((1, QUESTION, self.hidden), self.model.dtype)
        for length in HISTORIES:
            state = self.history(length)
            mark = state.mark()

            def work(state=state, mark=mark) -> None:
                mx.eval(self.model(question, state))
                state.rewind(mark)

            spent, _ = beside(work, self.probe.read, 3)
            yield Row(f"second turn of {QUESTION} positions behind {length}", 1e3 * spent, "ms")

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
