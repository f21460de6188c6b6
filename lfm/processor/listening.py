"""A layer of the conformer as loops: the same sums as `lfm/model/conformer.py`, for one clip, in float32."""

import numpy as np
from numba import prange

from lfm.processor.attention import QUERIES, multiply
from lfm.processor.compiled import parallel, serial
from lfm.processor.formulas import exponential, gelu, logistic, silu
from lfm.processor.matrix import Matrix
from lfm.processor.products import times
from lfm.processor.tiles import COLUMNS


@serial
def centred(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, eps: float) -> np.ndarray:
    """Rows of x (T, C) less their mean, over their standard deviation."""
    y = np.empty_like(x)
    for row in range(x.shape[0]):
        total = np.float32(0)
        for i in range(x.shape[1]):
            total += x[row, i]
        mean = total / np.float32(x.shape[1])
        squares = np.float32(0)
        for i in range(x.shape[1]):
            squares += (x[row, i] - mean) * (x[row, i] - mean)
        share = np.float32(1 / np.sqrt(squares / x.shape[1] + eps))
        for i in range(x.shape[1]):
            y[row, i] = (x[row, i] - mean) * share * weight[i] + bias[i]
    return y


@parallel
def activated(x: np.ndarray, bias: np.ndarray) -> None:
    """silu(x + bias) in place, x (T, C)."""
    for row in prange(x.shape[0]):
        for i in range(x.shape[1]):
            x[row, i] = silu(x[row, i] + bias[i])


@parallel
def bent(x: np.ndarray) -> np.ndarray:
    """gelu of each number, (T, C)."""
    y = np.empty_like(x)
    for row in prange(x.shape[0]):
        for i in range(x.shape[1]):
            y[row, i] = gelu(x[row, i])
    return y


@parallel
def strided(x: np.ndarray, taps: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """Every second place of a convolution by three by three; x (T, F, 1) or, each channel for itself, (T, F, C), taps (3, 3, C)."""
    out = np.empty(((x.shape[0] - 1) // 2, (x.shape[1] - 1) // 2, bias.size), np.float32)
    for t in prange(out.shape[0]):
        for f in range(out.shape[1]):
            above, here, below = x[2 * t, 2 * f : 2 * f + 3], x[2 * t + 1, 2 * f : 2 * f + 3], x[2 * t + 2, 2 * f : 2 * f + 3]
            for c in range(bias.size):
                i = c if x.shape[2] > 1 else 0
                out[t, f, c] = (
                    bias[c]
                    + above[0, i] * taps[0, 0, c] + above[1, i] * taps[0, 1, c] + above[2, i] * taps[0, 2, c]
                    + here[0, i] * taps[1, 0, c] + here[1, i] * taps[1, 1, c] + here[2, i] * taps[1, 2, c]
                    + below[0, i] * taps[2, 0, c] + below[1, i] * taps[2, 1, c] + below[2, i] * taps[2, 2, c]
                )  # fmt: skip
    return out


@serial
def half_fed(
    x: np.ndarray, norm: np.ndarray, shift: np.ndarray, eps: float, w1: Matrix, bias1: np.ndarray, w2: Matrix, bias2: np.ndarray
) -> np.ndarray:
    """x (T, C) and half of its feed-forward."""
    hidden = times(centred(x, norm, shift, eps), w1)
    activated(hidden, bias1)
    return x + np.float32(0.5) * (times(hidden, w2) + bias2)


@parallel
def weighed(
    queries: np.ndarray, keys: np.ndarray, values: np.ndarray, distances: np.ndarray, by_key: np.ndarray, by_distance: np.ndarray
) -> np.ndarray:
    """Queries, keys and values (T, H, D), distances (2 T - 1, H, D) from T - 1 down, and what is added to queries, (H, D): (T, H, D)."""
    length, heads, size = queries.shape
    width, scale = max(length, COLUMNS), np.float32(1 / np.sqrt(size))
    out = np.empty((length, heads, size), np.float32)
    for h in prange(heads):
        near, far = np.zeros((width, size), np.float32), np.zeros((2 * width + QUERIES, size), np.float32)
        across = np.zeros((size, width), np.float32)  # values, the other way round
        for t in range(length):
            for i in range(size):
                near[t, i], across[i, t] = keys[t, h, i], values[t, h, i]
        for t in range(2 * length - 1):
            for i in range(size):
                far[t, i] = distances[t, h, i]
        to_keys, to_distances = np.zeros((QUERIES, size), np.float32), np.zeros((QUERIES, size), np.float32)
        scores, apart = np.empty((QUERIES, width), np.float32), np.empty((QUERIES, width + QUERIES), np.float32)
        mixed = np.empty((QUERIES, size), np.float32)
        for first in range(0, length, QUERIES):
            count = min(QUERIES, length - first)
            for row in range(count):
                for i in range(size):
                    asked = queries[first + row, h, i]
                    to_keys[row, i], to_distances[row, i] = asked + by_key[h, i], asked + by_distance[h, i]
            least = length - first - count  # the first of the distances that the last of these queries has
            multiply(scores, to_keys, near)
            multiply(apart, to_distances, far[least : least + width + QUERIES])
            for row in range(count):
                own, highest = scores[row, :length], np.float32(-np.inf)
                for key in range(length):
                    own[key] += apart[row, count - 1 - row + key]
                    highest = max(highest, own[key])
                total = np.float32(0)
                for key in range(length):
                    own[key] = exponential((own[key] - highest) * scale)
                    total += own[key]
                for key in range(length):
                    own[key] /= total
            multiply(mixed, scores, across)
            for row in range(count):
                for i in range(size):
                    out[first + row, h, i] = mixed[row, i]
    return out


@serial
def attended(
    x: np.ndarray,
    positions: np.ndarray,
    norm: np.ndarray,
    shift: np.ndarray,
    eps: float,
    projections: tuple[Matrix, Matrix, Matrix, Matrix, Matrix],
    biases: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
    by_key: np.ndarray,
    by_distance: np.ndarray,
) -> np.ndarray:
    """x (T, C) and its attention; positions (2 T - 1, C). Projections: queries, keys, values, what comes out; positions, without a bias."""
    n, shape = centred(x, norm, shift, eps), (x.shape[0], by_key.shape[0], by_key.shape[1])
    queries = (times(n, projections[0]) + biases[0]).reshape(shape)
    keys = (times(n, projections[1]) + biases[1]).reshape(shape)
    values = (times(n, projections[2]) + biases[2]).reshape(shape)
    distances = times(positions, projections[4]).reshape((positions.shape[0], shape[1], shape[2]))
    mixed = weighed(queries, keys, values, distances, by_key, by_distance)
    return x + times(mixed.reshape(x.shape), projections[3]) + biases[3]


@parallel
def filtered(both: np.ndarray, bias: np.ndarray, taps: np.ndarray, scale: np.ndarray, shift: np.ndarray) -> np.ndarray:
    """Value and gate side by side, (T, 2 C), gated, convolved with taps (n, C) around each position, scaled, shifted, activated: (T, C)."""
    length, width, reach = both.shape[0], both.shape[1] // 2, taps.shape[0] // 2
    gated, out = np.empty((length, width), np.float32), np.empty((length, width), np.float32)
    for t in prange(length):
        for i in range(width):
            gated[t, i] = (both[t, i] + bias[i]) * logistic(both[t, width + i] + bias[width + i])
    for t in prange(length):
        for i in range(width):
            out[t, i] = 0
        for k in range(max(0, reach - t), min(taps.shape[0], length + reach - t)):
            for i in range(width):
                out[t, i] += gated[t + k - reach, i] * taps[k, i]
        for i in range(width):
            out[t, i] = silu(out[t, i] * scale[i] + shift[i])
    return out


@serial
def convolved(
    x: np.ndarray,
    norm: np.ndarray,
    shift: np.ndarray,
    eps: float,
    before: Matrix,
    bias: np.ndarray,
    taps: np.ndarray,
    scale: np.ndarray,
    offset: np.ndarray,
    after: Matrix,
    last: np.ndarray,
) -> np.ndarray:
    """x (T, C) and its convolution: a projection before it and one after it, the batch norm as a scale and an offset."""
    both = times(centred(x, norm, shift, eps), before)
    return x + times(filtered(both, bias, taps, scale, offset), after) + last
