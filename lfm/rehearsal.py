"""What the first requests would wait for, done beforehand: on a CPU the kernels of compiled graphs, seconds of a compiler's work, are
made once on a machine. Runs on the MLX thread, in steps between which it serves who asks.
"""

from collections.abc import Callable, Iterator

import mlx.core as mx
import numpy as np

from lfm.checkpoint import LoadedModel
from lfm.generate import TokenGenerator
from lfm.mel import log_mel
from lfm.model.conformer import positional_encoding
from lfm.model.state import State
from lfm.options import CHAT, SPEAK
from lfm.rendering import MOST
from lfm.search import search

QUESTION = 8  # seconds: as long as what is said at a microphone
FED = (64, 24, 12, 1)  # positions at once: a long prompt, short ones, a step


def rehearsal(loaded: LoadedModel, generator: TokenGenerator) -> Iterator[None]:
    """A step at each `next`."""
    model = loaded.model
    for sampling in (CHAT.audio, SPEAK.audio):
        keys = mx.random.split(mx.random.key(0), model.codebooks)
        mx.eval(generator.frame_step(sampling)(mx.zeros((model.hidden_size,), model.dtype), keys, mx.array(1.0)))
        yield
    for decoder in loaded.decoders.values():
        state = State()
        for frames in (*range(1, MOST + 1), 1):  # each but the first meets the state that those before it left
            mx.eval(decoder.decode(mx.zeros((1, frames, model.codebooks), mx.int32), state), state.arrays())
        yield
    state = State()
    for length in FED:
        embeddings = model.embed_text(mx.zeros((length,), mx.int32))
        mx.eval(mx.argmax(model.text_logits(model(embeddings, state)[0, -1])), state.arrays())
        yield
    if loaded.beams > 1:
        state = State()  # of a prompt, which lies otherwise in memory than after a step
        hidden = model(model.embed_text(mx.zeros((FED[1],), mx.int32)), state)[0, -1]
        list(search(model, hidden, state, loaded.tokenizer.im_end, loaded.beams, 3, lambda: False))
        yield
    yield from encoding(loaded)


def encoding(loaded: LoadedModel) -> Iterator[None]:
    """The encoder, a part at a time: most of what is to be made."""
    model, rate = loaded.model, loaded.config.mel.sample_rate
    mel = mx.array(log_mel(np.random.default_rng(0).standard_normal(QUESTION * rate, np.float32), loaded.config.mel))
    conformer = model.conformer
    if not model.lfm.traceable:
        mx.eval(model.embed_heard(mel))
        yield
        return
    x = conformer.pre_encode(mel[None].astype(model.dtype))
    mx.eval(x)
    yield
    layer, positions = conformer.layers[0], positional_encoding(x.shape[1], conformer.dim).astype(x.dtype)
    parts: tuple[Callable[[mx.array], mx.array], ...] = (
        lambda x: layer.self_attn(x, positions), layer.conv, layer.feed_forward1, model.audio_adapter,
    )  # fmt: skip
    for part in parts:
        mx.eval(part(x))
        yield
