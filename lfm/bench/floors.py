"""What the machine can do at best: bytes read a second, and multiply-adds a second, by the matrix products that the model is made of."""

import math
import statistics
from collections.abc import Callable
from time import perf_counter

import mlx.core as mx
import mlx.nn as nn

from lfm.columns import lay_by_columns
from lfm.config import ConformerConfig, Lfm2Config
from lfm.layout import parameters
from lfm.model.convolutions import CausalConvTranspose1d
from lfm.model.detokenizer import Detokenizer
from lfm.model.lfm_audio import LfmAudio
from lfm.model.mimi import Mimi

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

    def __init__(self, model: LfmAudio) -> None:
        stored = model.dtype if model.lfm.traceable else mx.bfloat16
        probes = nn.Sequential(*(nn.Linear(WIDTH, HEIGHT, bias=False) for _ in range(MATRICES)))
        probes.set_dtype(stored)
        if model.lfm.traceable:
            for probe in probes.layers:
                lay_by_columns(probe)
        else:
            from lfm.processor.replace import multiply_as_stored

            multiply_as_stored(probes)
        self._layers = probes.layers
        self._bytes = nbytes(probes)
        self._row, self._rows = mx.random.normal((1, WIDTH)).astype(model.dtype), mx.random.normal((ROWS, WIDTH)).astype(model.dtype)
        mx.eval(probes.parameters(), self._row, self._rows)

    def read(self) -> float:
        """Bytes a second that a matrix-vector product gets from memory."""
        return self._bytes / seconds(lambda: mx.eval([layer(self._row) for layer in self._layers]))

    def multiply(self) -> float:
        """Operations a second, a multiply-add being two."""
        return 2 * ROWS * WIDTH * HEIGHT / seconds(lambda: mx.eval(self._layers[0](self._rows)))


def beside(work: Work, floor: Callable[[], float], times: int) -> tuple[float, float]:
    """Time `work` in turn with a probe; the medians of seconds a call, and of those that the probe says it takes at best."""
    work()
    spent, floors = [], []
    for _ in range(times):
        floors.append(floor())
        spent.append(seconds(work))
    return statistics.median(spent), statistics.median(floors)


def nbytes(*modules: nn.Module) -> int:
    """Bytes of weights."""
    return sum(value.nbytes for module in modules for value in parameters(module).values())


def multiplied(*modules: nn.Module) -> int:
    """Numbers of all matrices, with each of which a row is multiplied."""
    return sum(value.size for module in modules for value in parameters(module).values() if value.ndim == 2)


def prefill_operations(config: Lfm2Config, positions: int, behind: int) -> int:
    """Operations of the backbone for some positions behind others; a multiply-add is two."""
    width = config.hidden_size
    attention = width * (config.n_heads + 2 * config.n_kv_heads) * (width // config.n_heads) + width**2
    weights = sum((4 * width**2 if kind == "conv" else attention) + 3 * width * config.ff_size for kind in config.layer_types)
    seen = positions * behind + positions * (positions + 1) // 2
    scores = sum(kind != "conv" for kind in config.layer_types) * 2 * seen * width  # by key, and the values they weigh
    return 2 * (positions * weights + scores)


def decoding(decoder: Mimi | Detokenizer, frames: int) -> tuple[int, int]:
    """Bytes of weights and operations that some frames cost, windows of attention left out; a multiply-add is two."""
    if isinstance(decoder, Detokenizer):
        return nbytes(decoder.lfm, decoder.lin), 2 * frames * decoder.upsample * multiplied(decoder.lfm, decoder.lin)
    projections = decoder.quantizer.rvq_first.output_proj, decoder.quantizer.rvq_rest.output_proj
    total, length = frames * multiplied(*projections), 2 * frames
    for layer in (decoder.decoder_transformer, *decoder.decoder.model):
        total += length * multiplied(layer)
        if isinstance(layer, CausalConvTranspose1d):
            length *= layer.stride
    return nbytes(*projections, decoder.decoder_transformer, decoder.decoder), 2 * total


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
