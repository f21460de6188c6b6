"""Drawing one token from its logits, with no look at them on the host."""

import mlx.core as mx

from lfm.options import Sampling


def draw(logits: mx.array, sampling: Sampling, key: mx.array) -> mx.array:
    """(vocab,) -> token (). Filters apply in the order top-k, top-p, min-p; what ties with the last one kept is kept too."""
    if sampling.greedy:
        return mx.argmax(logits, axis=-1)
    logits = logits.astype(mx.float32)
    if sampling.temperature != 1:
        logits = logits / sampling.temperature
    if 0 < sampling.top_k < logits.shape[-1]:
        logits = keep(logits, mx.topk(logits, sampling.top_k).min())
    if sampling.top_p < 1:
        logits = keep(logits, nucleus(logits, sampling.top_p))
    if sampling.min_p > 0:
        logits = keep(logits, logits.max() + mx.log(mx.array(sampling.min_p)))
    return mx.random.categorical(logits, key=key)


class Draws:
    """A draw for each codebook of a frame, in order. The temperature is an array, so that moving it compiles nothing anew."""

    def __init__(self, sampling: Sampling, keys: mx.array, temperature: mx.array) -> None:
        self.sampling, self.keys, self.temperature = sampling, keys, temperature  # greedy or of temperature 1, (codebooks, 2), ()
        self._remaining = iter(keys)

    def __call__(self, logits: mx.array) -> mx.array:
        """(vocab,) -> token ()."""
        key = next(self._remaining)
        return draw(logits if self.sampling.greedy else logits.astype(mx.float32) / self.temperature, self.sampling, key)


def keep(logits: mx.array, least: mx.array) -> mx.array:
    """Rule out what lies below `least`."""
    return mx.where(logits < least, -mx.inf, logits)


def nucleus(logits: mx.array, share: float) -> mx.array:
    """The smallest logit among the likeliest that together hold `share`."""
    ordered = -mx.sort(-logits)
    probabilities = mx.softmax(ordered)
    before = mx.cumsum(probabilities) - probabilities
    return mx.where(before < share, ordered, mx.inf).min()
