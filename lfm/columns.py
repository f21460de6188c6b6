"""How matrices lie in a processor's memory: one row is multiplied sooner by a matrix whose longer side lies together.

MLX takes it either way, so that only loading knows of it; `lfm/bench/TRIED.md` has the measurements.
"""

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm import blas
from lfm.model.fast_cpu import quick
from lfm.model.lfm_audio import LfmAudio

SHORT = 1024  # numbers in a row of a matrix: up to here several rows lose nothing by it


def lay_out(model: LfmAudio) -> None:
    """Lay a model's matrices as its steps read them. A frame is made a row at a time; the backbone reads prompts too."""
    lay_by_columns(model.depthformer, model.depth_linear, *model.depth_embeddings)
    if model.hidden_size <= SHORT:
        lay_by_columns(*model.lfm.layers)


def lay_by_columns(*modules: nn.Module) -> None:
    """The matrices of modules, and of all inside them."""
    for part in (part for module in modules for part in module.modules()):
        if isinstance(part, nn.Linear | nn.Embedding):
            part.weight = by_columns(part.weight)


def by_columns(matrix: mx.array) -> mx.array:
    """A matrix (out, in) as it is, its columns together in memory where they are longer than its rows.

    One row is then multiplied by it up to 1.4 times as fast. Some rows take up to 1.7 times as long where its rows are not SHORT.
    """
    rows, columns = matrix.shape
    if rows <= columns or not quick(matrix) or blas.reads_rows():
        return matrix
    return mx.array(np.ascontiguousarray(np.asarray(matrix).T)).T  # MLX takes ten times as long to copy it so
