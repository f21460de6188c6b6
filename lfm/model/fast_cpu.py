"""What MLX does slowly on a Linux CPU, done another way there; on a GPU it is MLX's own. Large models have `lfm.processor` instead.

Norms and the rotation of a single position cost three times what their sums do, and attention is quicker as products of whole matrices.
"""

import math
from functools import lru_cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from lfm.model.formulas import exp_of_negative, in_pieces, on_cpu, quick
from lfm.model.weighted import once, taps, weighted

FEW_SCORES = 1 << 12  # up to here MLX's attention is one quick call
MANY_SCORES = 1 << 20  # from here on a head at a time
FEW_POSITIONS = 18  # of three frames in the detokenizer: so many are compiled, and rotated by small matrices
TURNS = 64  # positions whose matrices are made at once
BLOCK = 16  # positions of the encoder that are made at once: some MB on the way, which a cache holds


def mlx_array(x: Any) -> mx.array:
    """What layers left: NumPy's where loops of `lfm.processor` are in their place."""
    return x if isinstance(x, mx.array) else mx.array(x)


class Strided(nn.Conv2d):
    """Every second place of a convolution by three by three, without padding; channels are mixed, or each for itself."""

    def __init__(self, in_channels: int, out_channels: int, groups: int = 1) -> None:
        super().__init__(in_channels, out_channels, 3, stride=2, groups=groups)

    def __call__(self, x: mx.array) -> mx.array:
        """(B, T, F, C) -> (B, (T - 1) // 2, (F - 1) // 2, C')."""
        if self.groups == 1 or not quick(x):
            return super().__call__(x)
        height, width = x.shape[1] - 2, x.shape[2] - 2
        seen = [x[:, i : i + height : 2, j : j + width : 2] for i in range(3) for j in range(3)]
        return weighted(seen, once(self, lambda weight: taps(weight.reshape(-1, len(seen))))) + self.bias


def over_root(x: mx.array, eps: float) -> mx.array:
    return x * mx.rsqrt((x * x).mean(-1, keepdims=True) + eps)


class RMSNorm(nn.RMSNorm):
    """x over the root of its mean square."""

    def __call__(self, x: mx.array) -> mx.array:
        if not quick(x):
            return super().__call__(x)
        return over_root(x, self.eps) * self.weight


class HeadNorm(nn.Module):
    """An RMS norm of each head alone; each has a weight of its own."""

    def __init__(self, heads: int, dims: int, eps: float) -> None:
        super().__init__()
        self.weight, self.eps = mx.ones((heads, dims)), eps

    def __call__(self, x: mx.array) -> mx.array:
        """(B, heads, T, dims)."""
        normed = over_root(x, self.eps) if quick(x) else mx.fast.rms_norm(x, None, self.eps)
        return normed * self.weight[:, None]


@lru_cache(maxsize=8)
def turning(dims: int, pairwise: bool, base: float) -> tuple[mx.array, mx.array, mx.array]:
    """Angle of each number at the first position (dims,), and what its cosine and sine are multiplied by (dims, dims)."""
    half, quarter = mx.eye(dims // 2), mx.array([[0.0, 1.0], [-1.0, 0.0]])
    angle = mx.exp(mx.arange(dims // 2) * (-2 * math.log(base) / dims))
    angle = mx.repeat(angle, 2) if pairwise else mx.tile(angle, 2)
    crossed = mx.kron(half, quarter) if pairwise else mx.kron(quarter, half)
    parts = angle, mx.eye(dims), crossed
    mx.eval(parts)
    return parts


@lru_cache(maxsize=16)
def turns_of(dims: int, pairwise: bool, base: float, block: int) -> mx.array:
    """What rotates row vectors at the positions of a block, (TURNS, dims, dims)."""
    angle, straight, crossed = turning(dims, pairwise, base)
    angles = mx.arange(block * TURNS, (block + 1) * TURNS)[:, None] * angle
    matrices = mx.cos(angles)[:, None] * straight + mx.sin(angles)[:, None] * crossed
    mx.eval(matrices)
    return matrices


class RoPE(nn.RoPE):
    """Rotary positions."""

    def at(self, offset: int, length: int, dtype: mx.Dtype) -> mx.array | int:
        """How to turn so many positions from `offset` on: that number, for a graph as an array, or matrices on a CPU."""
        if length > FEW_POSITIONS:
            return offset
        if dtype != mx.float32 or not on_cpu():
            return mx.array(offset)
        block, first = divmod(offset, TURNS)
        way = self.dims, bool(self.traditional), self.base
        matrices = turns_of(*way, block)
        if first + length > TURNS:
            matrices = mx.concatenate([matrices, turns_of(*way, block + 1)])
        return matrices[first : first + length]

    def __call__(self, x: mx.array, at: mx.array | int) -> mx.array:
        """(B, heads, T, dims)."""
        if isinstance(at, int) or not at.ndim:
            return super().__call__(x, offset=at)  # type: ignore[arg-type]  # MLX takes an array too
        return (x.swapaxes(1, 2) @ at).swapaxes(1, 2)


def attend(queries: mx.array, keys: mx.array, values: mx.array, scale: float, mask: mx.array | str | None) -> mx.array:
    """Attention (B, heads, T, size) over (B, kv heads, n, size); `mask` is "causal", boolean, added to the scores, or None."""
    batch, heads, length, size = queries.shape
    kv_heads, seen = keys.shape[1:3]
    if heads * length * seen <= FEW_SCORES or not quick(queries):
        return mx.fast.scaled_dot_product_attention(queries, keys, values, scale=scale, mask=mask)
    if isinstance(mask, str):
        mask = mx.arange(seen)[None] <= mx.arange(seen - length, seen)[:, None]
    if heads * length * seen > MANY_SCORES and kv_heads > 1:  # the scores of one stay in a cache
        group = heads // kv_heads
        masks = [mask if mask is None or mask.ndim == 2 else mask[:, h * group : (h + 1) * group] for h in range(kv_heads)]
        heads_alone = zip(mx.split(queries, kv_heads, 1), mx.split(keys, kv_heads, 1), mx.split(values, kv_heads, 1), masks, strict=True)
        return mx.concatenate([attend(q, k, v, scale, m) for q, k, v, m in heads_alone], axis=1)
    grouped = (scale * queries).reshape(batch, kv_heads, -1, size)
    scores = (grouped @ keys.swapaxes(-1, -2)).reshape(batch, heads, length, seen)
    if mask is not None:
        scores = mx.where(mask, scores, -mx.inf) if mask.dtype == mx.bool_ else scores + mask
    chances = in_pieces(exp_of_negative, scores - scores.max(-1, keepdims=True))
    out = chances.reshape(batch, kv_heads, -1, seen) @ values
    return out.reshape(batch, heads, length, size) / chances.sum(-1, keepdims=True)
