"""Mimi, Kyutai's codec (arXiv 2410.00037): 24 kHz sound to 12.5 frames of codes a second, and back.

Everything is causal: chunks of any number of frames give what the whole gives. Layout is channels-last, (B, T, C).
"""

from collections.abc import Sequence

import mlx.core as mx
import mlx.nn as nn

from lfm.config import MimiConfig
from lfm.model.convolutions import CausalConv1d, CausalConvTranspose1d, StridedConv1d, Upsample
from lfm.model.fast_cpu import RoPE, attend, mlx_array
from lfm.model.formulas import ELU
from lfm.model.lfm2 import band, full_band
from lfm.model.state import Compiled, Place, SlidingKVCache, State
from lfm.model.weighted import Linear

SAMPLE_RATE = 24_000
SAMPLES_PER_FRAME = SAMPLE_RATE * 2 // 25  # 12.5 Hz


class ResidualBlock(nn.Module):
    def __init__(self, dim: int, config: MimiConfig) -> None:
        super().__init__()
        hidden = dim // config.compress
        self.block = [ELU(), CausalConv1d(dim, hidden, config.residual_kernel_size), ELU(), CausalConv1d(hidden, dim, 1)]

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        return x + run(self.block, x, state)


def run(layers: Sequence[nn.Module], x: mx.array, state: State | None) -> mx.array:
    """Apply layers in order; activations need no state."""
    for layer in layers:
        x = layer(x) if isinstance(layer, ELU) else layer(x, state)
    return x


class SeanetEncoder(nn.Module):
    """Sound to 25 vectors a second."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        width = config.n_filters
        self.model = [CausalConv1d(1, width, config.kernel_size)]
        for ratio in reversed(config.ratios):
            self.model += [ResidualBlock(width, config), ELU(), StridedConv1d(width, 2 * width, 2 * ratio, ratio)]
            width *= 2
        self.model += [ELU(), CausalConv1d(width, config.dimension, config.last_kernel_size)]

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        return run(self.model, x, state)


class SeanetDecoder(nn.Module):
    """25 vectors a second to sound."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        width = config.n_filters << len(config.ratios)
        self.model = [CausalConv1d(config.dimension, width, config.kernel_size)]
        for ratio in config.ratios:
            self.model += [ELU(), CausalConvTranspose1d(width, width // 2, ratio), ResidualBlock(width // 2, config)]
            width //= 2
        self.model += [ELU(), CausalConv1d(width, 1, config.last_kernel_size)]

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, 960 T, 1)."""
        return run(self.model, x, state)


class LayerScale(nn.Module):
    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = mx.ones((dim,))

    def __call__(self, x: mx.array) -> mx.array:
        return self.scale * x


class SelfAttention(nn.Module):
    """Causal attention over the last `context` positions, with pairwise rotation."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.n_heads, self.window = config.n_heads, config.context
        self.head_dim = config.dimension // config.n_heads
        self.in_proj = Linear(config.dimension, 3 * config.dimension, bias=False)
        self.out_proj = Linear(config.dimension, config.dimension, bias=False)
        self._rope = RoPE(self.head_dim, traditional=True, base=config.rope_theta)

    def cache(self) -> SlidingKVCache:
        return SlidingKVCache(self.window)

    def place(self, offset: int, length: int) -> Place:
        """Where so many positions from `offset` on stand."""
        return self._rope.at(offset, length, mx.float32), full_band(length, min(offset, self.window - 1), self.window)

    def heads(self, x: mx.array, at: mx.array | int) -> tuple[mx.array, mx.array, mx.array]:
        """(B, T, C), and where it is -> queries, keys and values, (B, heads, T, head_dim)."""
        heads = self.in_proj(x).reshape(*x.shape[:2], -1, self.head_dim).transpose(0, 2, 1, 3)
        turned, values = mx.split(heads, [2 * self.n_heads], axis=1)
        queries, keys = mx.split(self._rope(turned, at), 2, axis=1)
        return queries, keys, values

    def attend(self, x: mx.array, cache: SlidingKVCache, at: Place | None) -> mx.array:
        """What each position of x (B, T, C) sees, (B, heads, T, head_dim); `at`: within a graph."""
        turns, visible = at or (self._rope.at(cache.offset, x.shape[1], mx.float32), None)
        queries, keys, values = self.heads(x, turns)
        keys, values = cache.append(keys, values, padded=at is not None)
        mask = band(queries.shape[2], keys.shape[2], self.window) if visible is None else visible
        return attend(queries, keys, values, self.head_dim**-0.5, mask)


class TransformerLayer(nn.Module):
    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(config.dimension)
        self.self_attn = SelfAttention(config)
        self.layer_scale_1 = LayerScale(config.dimension)
        self.norm2 = nn.LayerNorm(config.dimension)
        self.linear1 = Linear(config.dimension, config.ff_size, bias=False)
        self.linear2 = Linear(config.ff_size, config.dimension, bias=False)
        self.layer_scale_2 = LayerScale(config.dimension)

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T, C)."""
        attention = self.self_attn
        cache = attention.cache() if state is None else state.slot(attention, attention.cache)
        seen = attention.attend(self.norm1(x), cache, None if state is None else state.at)
        x = x + self.layer_scale_1(attention.out_proj(seen.transpose(0, 2, 1, 3).flatten(2)))
        return x + self.layer_scale_2(self.linear2(nn.gelu(self.linear1(self.norm2(x)))))


class Layers(nn.Module):
    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.layers = [TransformerLayer(config) for _ in range(config.n_layers)]


class Transformer(nn.Module):
    """The level `transformer` is the checkpoint's."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.transformer = Layers(config)

    @property
    def traceable(self) -> bool:
        """Can it be part of a graph? Not with loops in the place of its layers (`lfm.processor`)."""
        return isinstance(self.transformer.layers[0], TransformerLayer)

    def place(self, offset: int, length: int) -> Place:
        """Where so many positions from `offset` on stand."""
        return self.transformer.layers[0].self_attn.place(offset, length)

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T, C)."""
        for layer in self.transformer.layers:
            x = layer(x, state)
        return mlx_array(x)


class ResidualQuantizer(nn.Module):
    """Codebooks one after the other, each for what those before it left."""

    def __init__(self, config: MimiConfig, codebooks: int) -> None:
        super().__init__()
        self.input_proj = Linear(config.dimension, config.codebook_dim, bias=False)
        self.output_proj = Linear(config.codebook_dim, config.dimension, bias=False)
        self.codebooks = mx.zeros((codebooks, config.bins, config.codebook_dim))
        self._offsets = mx.arange(codebooks) * config.bins

    def encode(self, x: mx.array) -> list[mx.array]:
        """(B, T, C) -> codes (B, T) of each codebook, in order."""
        residual, codes = self.input_proj(x), []
        for table in self.codebooks:
            distance = mx.square(table).sum(-1) - 2 * (residual @ table.T)
            codes.append(mx.argmin(distance, axis=-1))
            residual = residual - table[codes[-1]]
        return codes

    def decode(self, codes: mx.array) -> mx.array:
        """(B, T, codebooks) -> (B, T, C)."""
        return self.output_proj(self.codebooks.flatten(0, 1)[codes + self._offsets].sum(axis=2))


class SplitQuantizer(nn.Module):
    """The first codebook stands alone (it was taught meaning), the others refine sound; both read the same vector."""

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.rvq_first = ResidualQuantizer(config, 1)
        self.rvq_rest = ResidualQuantizer(config, config.codebooks - 1)

    def encode(self, x: mx.array) -> mx.array:
        """(B, T, C) -> (B, T, codebooks)."""
        return mx.stack(self.rvq_first.encode(x) + self.rvq_rest.encode(x), axis=-1)

    def decode(self, codes: mx.array) -> mx.array:
        """(B, T, codebooks) -> (B, T, C)."""
        return self.rvq_first.decode(codes[..., :1]) + self.rvq_rest.decode(codes[..., 1:])


class Mimi(nn.Module):
    """Sound to codes and codes to sound."""

    sample_rate = SAMPLE_RATE

    def __init__(self, config: MimiConfig) -> None:
        super().__init__()
        self.encoder = SeanetEncoder(config)
        self.encoder_transformer = Transformer(config)
        self.downsample = StridedConv1d(config.dimension, config.dimension, 4, 2, bias=False, edge=True)
        self.quantizer = SplitQuantizer(config)
        self.upsample = Upsample(config.dimension)
        self.decoder_transformer = Transformer(config)
        self.decoder = SeanetDecoder(config)
        self._compiled = Compiled(self.decoded, self.decoder_transformer.place, lambda: self.decoder_transformer.traceable)

    def encode(self, pcm: mx.array, state: State | None = None) -> mx.array:
        """(B, n) -> (B, ceil(n / 1920), codebooks). Whole input is padded with silence; chunks must be whole frames."""
        missing = -pcm.shape[1] % SAMPLES_PER_FRAME
        if missing and state is not None:
            raise ValueError(f"a chunk of {pcm.shape[1]} samples is no multiple of {SAMPLES_PER_FRAME}")
        x = self.encoder(mx.pad(pcm, [(0, 0), (0, missing)])[..., None], state)
        return self.quantizer.encode(self.downsample(self.encoder_transformer(x, state), state))

    def decode(self, codes: mx.array, state: State | None = None) -> mx.array:
        """(B, T, codebooks) with values below 2048 -> (B, 1920 T)."""
        return self._compiled(codes, state, 2 * codes.shape[1])

    def decoded(self, codes: mx.array, state: State | None) -> mx.array:
        x = self.upsample(self.quantizer.decode(codes), state)
        return self.decoder(self.decoder_transformer(x, state), state)[..., 0]

    def flush(self, state: State) -> mx.array:
        """What is still to come once the codes have ended: nothing, Mimi has no delay. (1, 0)."""
        return mx.zeros((1, 0))
