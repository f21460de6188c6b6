"""A block of LFM2 as loops over what lies in memory: the same sums as `lfm/model/lfm2.py`, in float32."""

import numpy as np
from numba import prange

from lfm.processor.attention import attended
from lfm.processor.compiled import parallel, serial
from lfm.processor.formulas import silu
from lfm.processor.matrix import Matrix
from lfm.processor.products import times


@serial
def normed(x: np.ndarray, weight: np.ndarray, eps: float) -> np.ndarray:
    """Rows of x (R, C) over the root of their mean square."""
    y = np.empty_like(x)
    for row in range(x.shape[0]):
        normalise(y[row], x[row], weight, eps)
    return y


@serial
def normalise(y: np.ndarray, x: np.ndarray, weight: np.ndarray, eps: float) -> None:
    """One of them, (C,), to y, which may be x."""
    squares = np.float32(0)
    for i in range(x.size):
        squares += x[i] * x[i]
    share = np.float32(1 / np.sqrt(squares / x.size + eps))
    for i in range(x.size):
        y[i] = x[i] * share * weight[i]


@serial
def gated(both: np.ndarray) -> np.ndarray:
    """Gate and up side by side, (R, 2 F): silu(gate) * up, (R, F)."""
    y = np.empty((both.shape[0], both.shape[1] // 2), np.float32)
    if both.shape[0] == 1:
        gate(y[0], both[0])
    else:
        gate_rows(y, both)
    return y


@serial
def gate(y: np.ndarray, both: np.ndarray) -> None:
    """One row of that, (2 F,), to y (F,)."""
    for i in range(y.size):
        y[i] = silu(both[i]) * both[y.size + i]


@parallel
def gate_rows(y: np.ndarray, both: np.ndarray) -> None:
    """All rows, on all cores."""
    for row in prange(y.shape[0]):
        gate(y[row], both[row])


@serial
def fed(x: np.ndarray, norm: np.ndarray, eps: float, w13: Matrix, w2: Matrix) -> np.ndarray:
    """x (B, T, C) and its feed-forward."""
    rows = x.reshape(-1, x.shape[2])
    return x + times(gated(times(normed(rows, norm, eps), w13)), w2).reshape(x.shape)


@serial
def convolved(
    x: np.ndarray, past: np.ndarray, norm: np.ndarray, eps: float, in_proj: Matrix, taps: np.ndarray, out_proj: Matrix
) -> tuple[np.ndarray, np.ndarray]:
    """x (B, T, C) and its short convolution, of taps (n, C); past (B, n - 1, C) is what that saw last, and comes back as it is now."""
    batch, length, width = x.shape
    parts = times(normed(x.reshape(-1, width), norm, eps), in_proj).reshape(batch, length, 3 * width)
    seen = np.concatenate((past, parts[:, :, :width] * parts[:, :, 2 * width :]), axis=1)
    out = np.zeros((batch, length, width), np.float32)
    for b in range(batch):
        for t in range(length):
            for k in range(taps.shape[0]):
                for i in range(width):
                    out[b, t, i] += seen[b, t + k, i] * taps[k, i]
            for i in range(width):
                out[b, t, i] *= parts[b, t, width + i]
    return x + times(out.reshape(-1, width), out_proj).reshape(x.shape), seen[:, length:].copy()


@serial
def turned(heads: np.ndarray, first: int, count: int, cosines: np.ndarray, sines: np.ndarray, pairwise: bool) -> np.ndarray:
    """So many of the heads (B, T, H, D), rotated as their positions, (T, D / 2), ask."""
    batch, length, _, size = heads.shape
    out, half = np.empty((batch, length, count, size), np.float32), size // 2
    for b in range(batch):
        for t in range(length):
            for h in range(count):
                for i in range(half):
                    one, other = (2 * i, 2 * i + 1) if pairwise else (i, half + i)
                    x, y = heads[b, t, first + h, one], heads[b, t, first + h, other]
                    out[b, t, h, one] = x * cosines[t, i] - y * sines[t, i]
                    out[b, t, h, other] = x * sines[t, i] + y * cosines[t, i]
    return out


@serial
def keep(cache: np.ndarray, at: int, heads: np.ndarray, first: int) -> None:
    """Write heads (B, T, H, D), from the first that is meant on, to the cache (n, B, H', D), from a position on."""
    for b in range(heads.shape[0]):
        for t in range(heads.shape[1]):
            for h in range(cache.shape[2]):
                for i in range(heads.shape[3]):
                    cache[at + t, b, h, i] = heads[b, t, first + h, i]


@serial
def answered(
    x: np.ndarray,
    cosines: np.ndarray,
    sines: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    at: int,
    pairwise: bool,
    norm: np.ndarray,
    eps: float,
    qkv: Matrix,
    q_norm: np.ndarray,
    k_norm: np.ndarray,
    n_heads: int,
    window: int,
    out_proj: Matrix,
) -> np.ndarray:
    """x (B, T, C) and its attention; its keys and values are written to those of all positions, (n, B, H', D), from `at` on."""
    batch, length, width = x.shape
    heads = times(normed(x.reshape(-1, width), norm, eps), qkv).reshape(batch, length, -1, q_norm.size)
    for b in range(batch):
        for t in range(length):
            for h in range(n_heads + keys.shape[2]):
                normalise(heads[b, t, h], heads[b, t, h], q_norm if h < n_heads else k_norm, eps)
    mixed = remembered(heads, cosines, sines, keys, values, at, pairwise, n_heads, window)
    return x + times(mixed.reshape(-1, width), out_proj).reshape(x.shape)


@serial
def remembered(
    heads: np.ndarray,
    cosines: np.ndarray,
    sines: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    at: int,
    pairwise: bool,
    n_heads: int,
    window: int,
) -> np.ndarray:
    """Attention of heads (B, T, H + 2 H', D): queries, keys and values, of which the latter two are written where `answered` says."""
    n_keys, end = keys.shape[2], at + heads.shape[1]
    queries = turned(heads, 0, n_heads, cosines, sines, pairwise)
    keep(keys, at, turned(heads, n_heads, n_keys, cosines, sines, pairwise), 0)
    keep(values, at, heads, n_heads + n_keys)
    return attended(queries, keys[:end], values[:end], window)
