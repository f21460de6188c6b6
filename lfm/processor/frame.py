"""A frame in one loop: the same as `lfm/model/depthformer.py`, with no step outside between one codebook and the next."""

import numpy as np

from lfm.processor.compiled import serial
from lfm.processor.loops import answered, fed, normed
from lfm.processor.matrix import Matrix, height
from lfm.processor.products import taken, times

Layer = tuple[tuple, tuple]  # what `answered` and `fed` want beside x, turns and cache
Table = tuple[np.ndarray, float, Matrix, Matrix]  # a codebook's norm and epsilon, its embedding, its head


@serial
def frame(
    inputs: np.ndarray,
    temperature: float,
    top_k: int,
    uniform: np.ndarray,
    layers: tuple[Layer, ...],
    tables: tuple[Table, ...],
    cosines: np.ndarray,
    sines: np.ndarray,
    n_kv_heads: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (codebooks, C) to codes (codebooks,) and their logits (codebooks, n); uniform has a number for each of those."""
    codebooks = inputs.shape[0]
    cache = (len(layers), codebooks, 1, n_kv_heads, 2 * cosines.shape[1])
    keys, values = np.empty(cache, np.float32), np.empty(cache, np.float32)
    codes, logits = np.empty(codebooks, np.uint32), np.empty((codebooks, height(tables[0][3])), np.float32)
    x = inputs[:1]
    for book in range(codebooks):
        here = slice(book, book + 1)
        for n in range(len(layers)):
            attention, feed_forward = layers[n]
            x = answered(x.reshape(1, 1, -1), cosines[here], sines[here], keys[n], values[n], book, *attention)
            x = fed(x, *feed_forward).reshape(1, -1)
        norm, eps, table, head = tables[book]
        scores = times(normed(x, norm, eps), head)
        for i in range(logits.shape[1]):
            logits[book, i] = scores[0, i]
        codes[book] = drawn(logits[book], temperature, top_k, uniform[book])
        if book + 1 < codebooks:
            x = inputs[book + 1 : book + 2] + taken(codes[here], table)
    return codes, logits


@serial
def drawn(logits: np.ndarray, temperature: float, top_k: int, uniform: np.ndarray) -> int:
    """One of some logits (n,), as `lfm/sampling.py` draws it: the highest, once Gumbel's noise is added to the top k."""
    if temperature <= 0:
        return int(logits.argmax())
    scaled = logits / np.float32(temperature)
    least = kth(scaled, top_k) if 0 < top_k < scaled.size else np.float32(-np.inf)
    token, highest = 0, np.float32(-np.inf)
    for i in range(scaled.size):
        if scaled[i] >= least:
            noisy = scaled[i] - np.log(-np.log(uniform[i]))
            if noisy > highest:
                token, highest = i, noisy
    return token


@serial
def kth(numbers: np.ndarray, k: int) -> float:
    """The k-th largest, by the k largest so far, in order."""
    largest = np.full(k, -np.inf, np.float32)
    for number in numbers:
        if number > largest[k - 1]:
            at = k - 1
            while at > 0 and number > largest[at - 1]:
                largest[at] = largest[at - 1]
                at -= 1
            largest[at] = number
    return largest[k - 1]
