"""What the machine can do at best: bytes read a second, and multiply-adds a second, by MLX's own matrix products."""

import math
import statistics
from collections.abc import Callable
from time import perf_counter

import mlx.core as mx
import mlx.nn as nn

from lfm.columns import by_columns
from lfm.config import ConformerConfig
from lfm.layout import parameters

WIDTH, HEIGHT = 2048, 8192  # of the probe's matrices; the shape of a feed-forward at the published size
MATRICES = 6  # together far more than a cache holds
ROWS = 512  # of the probe for operations: as in a prefill

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """How long one call takes."""
    start = perf_counter()
    work()
    return perf_counter() - start


class Probe:
    """Matrix products whose cost is all reading, or all arithmetic."""

    def __init__(self, dtype: mx.Dtype) -> None:
        self._matrices = [by_columns(mx.random.normal((HEIGHT, WIDTH)).astype(dtype)) for _ in range(MATRICES)]
        self._row = mx.random.normal((1, WIDTH)).astype(dtype)
        self._rows = mx.random.normal((ROWS, WIDTH)).astype(dtype)
        mx.eval(self._matrices, self._row, self._rows)

    def read(self) -> float:
        """Bytes a second that a matrix-vector product gets from memory."""
        spent = seconds(lambda: mx.eval([self._row @ matrix.T for matrix in self._matrices]))
        return sum(matrix.nbytes for matrix in self._matrices) / spent

    def multiply(self) -> float:
        """Operations a second, a multiply-add being two."""
        spent = seconds(lambda: mx.eval(self._rows @ self._matrices[0].T))
        return 2 * ROWS * WIDTH * HEIGHT / spent


def beside(work: Work, rate: Callable[[], float], times: int) -> tuple[float, float]:
    """Time `work` in turn with a probe; the medians of seconds a call and of the probe's rate."""
    work()
    spent, rates = [], []
    for _ in range(times):
        rates.append(rate())
        spent.append(seconds(work))
    return statistics.median(spent), statistics.median(rates)


def nbytes(*modules: nn.Module) -> int:
    """Bytes of weights."""
    return sum(value.nbytes for module in modules for value in parameters(module).values())


def encoder_operations(config: ConformerConfig, hidden: int, frames: int) -> int:
    """Operations of encoder and adapter for one clip of `frames` mel frames; a multiply-add is two."""
    channels, dim, ff = config.conv_channels, config.d_model, config.ff_size
    total, length, bins = 0, frames, config.feat_in
    for i in range(3):
        length, bins = math.ceil(length / 2), math.ceil(bins / 2)
        total += length * bins * (channels * 9 if i == 0 else channels * (9 + channels))
    total += length * channels * bins * dim
    layer = 4 * dim * ff + 4 * dim * dim + 3 * dim * dim + dim * config.conv_kernel  # both feed-forwards, attention, convolution
    distances = 2 * length - 1
    scores = length * distances * dim + 2 * length * length * dim  # by distance, by key, and the values they weigh
    total += config.n_layers * (length * layer + distances * dim * dim + scores)
    total += length * (dim * hidden + hidden * hidden)
    return 2 * total
