"""Attention as loops: a few queries by sums over what each sees, many by products of tiles; in float32.

Some positions at a time, so that all queries find them in the cache; what was summed up is rescaled when a higher score comes.
"""

import numpy as np
from numba import prange

from lfm.processor.compiled import parallel, serial
from lfm.processor.formulas import exponential
from lfm.processor.tiles import COLUMNS, TILE, neighbours, tile

SHORT = 1 << 17  # products of queries and keys that are over before a second core has begun
CHUNK = 128  # positions whose keys and values of one head stay in a core's first cache
QUERIES = 32  # positions that ask at once; fewer than a quarter of them are few


@serial
def attended(queries: np.ndarray, keys: np.ndarray, values: np.ndarray, window: int) -> np.ndarray:
    """Queries (B, T, H, D) over keys and values (n, B, H', D): (B, T, H, D). The last query is the last key's; each sees a window."""
    out = np.zeros(queries.shape, np.float32)
    if queries.shape[1] >= QUERIES // 4:
        attend_by_tiles(out, queries, keys, values, window)
    elif queries.size * keys.shape[0] >= SHORT:
        attend_at_once(out, queries, keys, values, window)
    else:
        for place in range(keys.shape[1] * keys.shape[2]):
            attend(out, queries, keys, values, window, place)
    return out


@parallel
def attend_at_once(out: np.ndarray, queries: np.ndarray, keys: np.ndarray, values: np.ndarray, window: int) -> None:
    """All heads of keys, on all cores."""
    for place in prange(keys.shape[1] * keys.shape[2]):
        attend(out, queries, keys, values, window, np.intp(place))  # as the others do: it is compiled once


@parallel
def attend_by_tiles(out: np.ndarray, queries: np.ndarray, keys: np.ndarray, values: np.ndarray, window: int) -> None:
    """The same, some queries at a time."""
    places, length = keys.shape[1] * keys.shape[2], queries.shape[1]
    for n in prange(places * ((length + QUERIES - 1) // QUERIES)):
        begin = n // places * QUERIES
        attend_many(out, queries, keys, values, window, n % places, begin, min(begin + QUERIES, length))


@serial
def attend(out: np.ndarray, queries: np.ndarray, keys: np.ndarray, values: np.ndarray, window: int, place: int | np.intp) -> None:
    """The queries of one head of keys, to out, which is zero."""
    length, n_heads, size = queries.shape[1:]
    positions, n_keys = keys.shape[0], keys.shape[2]
    group, scale = n_heads // n_keys, np.float32(1 / np.sqrt(size))
    b, kv = place // n_keys, place % n_keys
    highest, total = np.full((length, group), -np.inf, np.float32), np.zeros((length, group), np.float32)
    scores = np.empty(CHUNK, np.float32)
    for chunk in range(0, positions, CHUNK):
        for t in range(length):
            seen = positions - length + t + 1
            begin, end = max(chunk, seen - window), min(chunk + CHUNK, seen)
            for g in range(group if begin < end else 0):
                h = kv * group + g
                top = highest[t, g]
                for p in range(begin, end):
                    score = np.float32(0)
                    for i in range(size):
                        score += queries[b, t, h, i] * keys[p, b, kv, i]
                    scores[p - begin] = score * scale
                    top = max(top, scores[p - begin])
                less = exponential(highest[t, g] - top)
                highest[t, g] = top
                total[t, g] *= less
                for i in range(size):
                    out[b, t, h, i] *= less
                for p in range(end - begin):
                    scores[p] = exponential(scores[p] - top)
                    total[t, g] += scores[p]
                for p in range(begin, end):
                    for i in range(size):
                        out[b, t, h, i] += scores[p - begin] * values[p, b, kv, i]
    for t in range(length):
        for g in range(group):
            for i in range(size):
                out[b, t, kv * group + g, i] /= total[t, g]


@serial
def attend_many(
    out: np.ndarray, queries: np.ndarray, keys: np.ndarray, values: np.ndarray, window: int, place: int, first: int, end: int
) -> None:
    """Those from `first` to `end`: rows of queries times keys, and their shares times values."""
    length, n_heads, size = queries.shape[1:]
    positions, n_keys = keys.shape[0], keys.shape[2]
    group, b, kv = n_heads // n_keys, place // n_keys, place % n_keys
    rows = max(TILE, (end - first) * group)  # of which the last may ask nothing
    asked, scores, mixed = np.zeros((rows, size), np.float32), np.empty((rows, CHUNK), np.float32), np.empty((rows, size), np.float32)
    sums, highest, total = np.zeros((rows, size), np.float32), np.full(rows, -np.inf, np.float32), np.zeros(rows, np.float32)
    near, across = np.zeros((CHUNK, size), np.float32), np.zeros((size, CHUNK), np.float32)  # keys, and values the other way round
    for t in range(first, end):
        for g in range(group):
            for i in range(size):
                asked[(t - first) * group + g, i] = queries[b, t, kv * group + g, i] / np.float32(np.sqrt(size))
    earliest = max(0, positions - length + first + 1 - window)
    for chunk in range(earliest // CHUNK * CHUNK, positions - length + end, CHUNK):
        for p in range(min(CHUNK, positions - chunk)):
            for i in range(size):
                near[p, i], across[i, p] = keys[chunk + p, b, kv, i], values[chunk + p, b, kv, i]
        multiply(scores, asked, near)
        for row in range((end - first) * group):
            seen = positions - length + first + row // group + 1
            share(scores[row], max(0, seen - window - chunk), min(CHUNK, seen - chunk), sums[row], highest[row:], total[row:])
        multiply(mixed, scores, across)
        for row in range((end - first) * group):
            for i in range(size):
                sums[row, i] += mixed[row, i]
    for row in range((end - first) * group):
        for i in range(size):
            out[b, first + row // group, kv * group + row % group, i] = sums[row, i] / total[row]


@serial
def multiply(y: np.ndarray, x: np.ndarray, matrix: np.ndarray) -> None:
    """x (R, in) times a small matrix (out, in), to y (R, out), on one core; R is TILE or more, out COLUMNS or more."""
    for block in range(0, y.shape[1], COLUMNS):
        at = neighbours(min(block, y.shape[1] - COLUMNS))
        for start in range(0, x.shape[0], TILE):
            tile(y, at, x, min(start, x.shape[0] - TILE), matrix, at)


@serial
def share(scores: np.ndarray, begin: int, end: int, sums: np.ndarray, highest: np.ndarray, total: np.ndarray) -> None:
    """Scores (CHUNK,) of a query to what each weighs, nothing outside `begin` to `end`; what it summed up before, (D,), is rescaled."""
    top = highest[0]
    for p in range(begin, end):
        top = max(top, scores[p])
    less = exponential(highest[0] - top) if end > begin else np.float32(1)
    for i in range(sums.size):
        sums[i] *= less
    weight = np.float32(0)
    for p in range(scores.size):
        scores[p] = exponential(scores[p] - top) if begin <= p < end else np.float32(0)
        weight += scores[p]
    highest[0], total[0] = top, total[0] * less + weight
