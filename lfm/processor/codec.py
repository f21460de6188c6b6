"""A layer of Mimi's transformers, and its activation, as loops: the same sums as `lfm/model/mimi.py`, in float32."""

import numpy as np
from numba import prange

from lfm.processor.compiled import parallel, serial
from lfm.processor.formulas import exponential
from lfm.processor.listening import bent, centred
from lfm.processor.loops import remembered
from lfm.processor.matrix import Matrix
from lfm.processor.products import times


@serial
def layered(
    x: np.ndarray,
    cosines: np.ndarray,
    sines: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    at: int,
    norm1: np.ndarray,
    shift1: np.ndarray,
    qkv: Matrix,
    out_proj: Matrix,
    scale1: np.ndarray,
    norm2: np.ndarray,
    shift2: np.ndarray,
    linear1: Matrix,
    linear2: Matrix,
    scale2: np.ndarray,
    eps: float,
    pairwise: bool,
    window: int,
) -> np.ndarray:
    """x (B, T, C), attention and feed-forward, each scaled before it is added; keys and values as `answered` has them."""
    batch, length, width = x.shape
    rows, n_heads = x.reshape(-1, width), keys.shape[2]
    heads = times(centred(rows, norm1, shift1, eps), qkv).reshape(batch, length, 3 * n_heads, -1)
    mixed = remembered(heads, cosines, sines, keys, values, at, pairwise, n_heads, window)
    rows = rows + scale1 * times(mixed.reshape(-1, width), out_proj)
    fed = times(bent(times(centred(rows, norm2, shift2, eps), linear1)), linear2)
    return (rows + scale2 * fed).reshape(x.shape)


@parallel
def softened(x: np.ndarray) -> np.ndarray:
    """elu of each number, (T, C)."""
    y = np.empty_like(x)
    for row in prange(x.shape[0]):
        for i in range(x.shape[1]):
            y[row, i] = x[row, i] if x[row, i] > 0 else exponential(x[row, i]) - np.float32(1)
    return y
