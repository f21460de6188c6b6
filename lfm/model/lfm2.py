"""LFM2: short convolutions and grouped-query attention, one block for three jobs.

The backbone, the detokenizer's core (a window of 30) and the depthformer (a window of one frame, pairwise rotation) are
all stacks of this block. Projections that read the same input are one matrix: q, k, v in `qkv_proj`, gate and up in `w13`.
"""

from functools import lru_cache

import mlx.core as mx
import mlx.nn as nn

from lfm.config import LayerType, Lfm2Config
from lfm.model.fast_cpu import FEW_POSITIONS, HeadNorm, RMSNorm, RoPE, attend, mlx_array
from lfm.model.formulas import silu
from lfm.model.state import KVCache, Past, SlidingKVCache, State
from lfm.model.weighted import DepthwiseKernel, Embedding, Linear


@lru_cache(maxsize=1)  # each layer asks for the same; of a long clip it is large, so no more are kept
def band(n_queries: int, n_keys: int, window: int) -> mx.array | None:
    """Boolean mask (n_queries, n_keys): the last query is the last key, each sees `window` positions; None where all is seen."""
    if n_queries == 1 and n_keys <= window:
        return None
    query = mx.arange(n_keys - n_queries, n_keys)[:, None]
    key = mx.arange(n_keys)[None, :]
    mask = (key <= query) & (key > query - window)
    mx.eval(mask)  # else a graph would make it at every run
    return mask


@lru_cache(maxsize=64)
def full_band(n_queries: int, before: int, window: int) -> mx.array:
    """The same for `window - 1` keys before the queries, of which the last few are there: (n_queries, window - 1 + n_queries)."""
    keys = window - 1 + n_queries
    there = mx.arange(keys) >= window - 1 - before
    mask = band(n_queries, keys, window)
    mask = mx.broadcast_to(there, (n_queries, keys)) if mask is None else mask & there
    mx.eval(mask)
    return mask


class ShortConv(nn.Module):
    """A gated causal convolution over the last few positions."""

    def __init__(self, config: Lfm2Config) -> None:
        super().__init__()
        self.history = config.conv_kernel - 1
        self.in_proj = Linear(config.hidden_size, 3 * config.hidden_size, bias=False)
        self.conv = DepthwiseKernel(config.hidden_size, config.conv_kernel)
        self.out_proj = Linear(config.hidden_size, config.hidden_size, bias=False)

    def __call__(self, x: mx.array, past: mx.array) -> tuple[mx.array, mx.array]:
        """(B, T, C), and the last inputs of the convolution before it, (B, history, C) -> (B, T, C), and the last ones now."""
        gate_in, gate_out, value = mx.split(self.in_proj(x), 3, axis=-1)
        padded = mx.concatenate([past, gate_in * value], axis=1)
        return self.out_proj(gate_out * self.conv(padded)), padded[:, -self.history :]


class Attention(nn.Module):
    """Causal grouped-query attention with normalised queries and keys, over all positions or a window of them."""

    def __init__(self, config: Lfm2Config, layer_type: LayerType) -> None:
        super().__init__()
        self.n_heads, self.n_kv_heads = config.n_heads, config.n_kv_heads
        self.head_dim = config.hidden_size // config.n_heads
        self.window = config.sliding_window if layer_type == "sliding_attention" else None
        width = (self.n_heads + 2 * self.n_kv_heads) * self.head_dim
        self.qkv_proj = Linear(config.hidden_size, width, bias=False)
        self.out_proj = Linear(config.hidden_size, config.hidden_size, bias=False)
        self.qk_layernorm = HeadNorm(self.n_heads + self.n_kv_heads, self.head_dim, config.norm_eps)
        self._rope = RoPE(self.head_dim, traditional=config.rope_pairwise, base=config.rope_theta)

    def cache(self) -> KVCache | SlidingKVCache:
        return KVCache() if self.window is None else SlidingKVCache(self.window)

    def place(self, offset: int, length: int, dtype: mx.Dtype) -> mx.array | int:
        """How so many positions from `offset` on are turned."""
        return self._rope.at(offset, length, dtype)

    def heads(self, x: mx.array, at: mx.array | int) -> tuple[mx.array, mx.array, mx.array]:
        """(B, T, C), and where it is -> queries, keys and values, (B, their heads, T, head_dim)."""
        heads = self.qkv_proj(x).reshape(*x.shape[:2], -1, self.head_dim).transpose(0, 2, 1, 3)
        turned, values = mx.split(heads, [self.n_heads + self.n_kv_heads], axis=1)
        queries, keys = mx.split(self._rope(self.qk_layernorm(turned), at), [self.n_heads], axis=1)
        return queries, keys, values

    def attend(
        self, queries: mx.array, keys: mx.array, values: mx.array, cache: KVCache | SlidingKVCache, seen: mx.array | None = None
    ) -> mx.array:
        """What each query sees of all positions so far or, where it is said in a graph, of those of a window: (B, heads, T, head_dim)."""
        if seen is not None:
            assert isinstance(cache, SlidingKVCache)
            return attend(queries, *cache.append(keys, values, padded=True), self.head_dim**-0.5, seen)
        keys, values = cache.append(keys, values)
        length = queries.shape[2]
        everything = "causal" if length > 1 else None
        mask = everything if self.window is None else band(length, keys.shape[2], self.window)
        return attend(queries, keys, values, self.head_dim**-0.5, mask)

    def out(self, seen: mx.array) -> mx.array:
        """(B, heads, T, head_dim) -> (B, T, C)."""
        return self.out_proj(seen.transpose(0, 2, 1, 3).flatten(2))


class SwiGLU(nn.Module):
    """The gated feed-forward."""

    def __init__(self, config: Lfm2Config) -> None:
        super().__init__()
        self.w13 = Linear(config.hidden_size, 2 * config.ff_size, bias=False)
        self.w2 = Linear(config.ff_size, config.hidden_size, bias=False)

    def __call__(self, x: mx.array) -> mx.array:
        gate, up = mx.split(self.w13(x), 2, axis=-1)
        return self.w2(silu(gate) * up)


class Block(nn.Module):
    """An operator and a feed-forward, each behind a norm and added to what came in.

    What needs no cache of keys is a function of arrays alone: the block with a convolution, and what comes before and after attention. For
    the few positions of a step it is compiled, so that handing out small operations costs little.
    """

    def __init__(self, config: Lfm2Config, layer_type: LayerType) -> None:
        super().__init__()
        self.operator_norm = RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.operator = ShortConv(config) if layer_type == "conv" else Attention(config, layer_type)
        self.ffn_norm = RMSNorm(config.hidden_size, eps=config.norm_eps)
        self.feed_forward = SwiGLU(config)
        self._convolved = mx.compile(self.convolved)
        self._asked, self._answered = mx.compile(self.asked), mx.compile(self.answered)

    def convolved(self, x: mx.array, past: mx.array) -> tuple[mx.array, mx.array]:
        """The block with a short convolution: x (B, T, C) and the convolution's past, before and after."""
        assert isinstance(self.operator, ShortConv)
        mixed, past = self.operator(self.operator_norm(x), past)
        return self.fed(x, mixed), past

    def asked(self, x: mx.array, at: mx.array | int) -> tuple[mx.array, mx.array, mx.array]:
        """Queries, keys and values of the block with attention."""
        assert isinstance(self.operator, Attention)
        return self.operator.heads(self.operator_norm(x), at)

    def answered(self, x: mx.array, seen: mx.array) -> mx.array:
        """What follows its attention."""
        assert isinstance(self.operator, Attention)
        return self.fed(x, self.operator.out(seen))

    def fed(self, x: mx.array, mixed: mx.array) -> mx.array:
        """What follows the operator."""
        x = x + mixed
        return x + self.feed_forward(self.ffn_norm(x))

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T, C)."""
        few, operator = x.shape[1] <= FEW_POSITIONS, self.operator
        if isinstance(operator, Attention):
            cache = operator.cache() if state is None else state.slot(operator, operator.cache)
            if state is not None and state.at is not None:
                at, visible = state.at
                return self.answered(x, operator.attend(*self.asked(x, at), cache, visible))
            at = operator.place(cache.offset, x.shape[1], x.dtype)
            seen = operator.attend(*(self.asked if isinstance(at, int) else self._asked)(x, at), cache)
            return (self._answered if few else self.answered)(x, seen)
        past = Past() if state is None else state.slot(operator, Past)
        if past.value is None:
            past.value = mx.zeros((x.shape[0], operator.history, x.shape[2]), x.dtype)
        x, past.value = (self._convolved if few else self.convolved)(x, past.value)
        return x


class Lfm2Stack(nn.Module):
    """Blocks alone, with no embedding and no norm after them."""

    def __init__(self, config: Lfm2Config) -> None:
        super().__init__()
        self.layers = [Block(config, layer_type) for layer_type in config.layer_types]

    @property
    def traceable(self) -> bool:
        """Can it be part of a compiled graph? What takes the place of blocks on a processor (`lfm.processor`) cannot."""
        return all(isinstance(layer, Block) for layer in self.layers)

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T, C)."""
        for layer in self.layers:
            x = layer(x, state)
        return mlx_array(x)


class Lfm2(Lfm2Stack):
    """Blocks and the final norm, which the checkpoints call embedding_norm."""

    def __init__(self, config: Lfm2Config) -> None:
        super().__init__(config)
        self.embedding_norm = RMSNorm(config.hidden_size, eps=config.norm_eps)
        self._normed = mx.compile(lambda x: self.embedding_norm(x))

    def __call__(self, x: mx.array, state: State | None = None) -> mx.array:
        """(B, T, C) -> (B, T, C)."""
        few = self.traceable and x.shape[1] <= FEW_POSITIONS
        return (self._normed if few else self.embedding_norm)(super().__call__(x, state))


class Lfm2LM(Lfm2):
    """The same with a table of token embeddings, which is also the text head."""

    def __init__(self, config: Lfm2Config) -> None:
        super().__init__(config)
        self.embed_tokens = Embedding(config.vocab_size, config.hidden_size)
