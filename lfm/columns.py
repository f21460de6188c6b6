"""How matrices lie in a processor's memory: one row is multiplied sooner by a matrix whose longer side lies together.

MLX takes it either way, so that only loading knows of it; `lfm/bench/TRIED.md` has the measurements.
"""

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.model.formulas import quick
from lfm.model.lfm_audio import LfmAudio


def lay_out(model: LfmAudio) -> None:
    """Lay a small model's matrices as its steps read them; a large one's are read by loops, as they are (`lfm.processor`)."""
    lay_by_columns(*model.lfm.layers, model.depthformer, model.depth_linear, *model.depth_embeddings)


def lay_by_columns(*modules: nn.Module) -> None:
    """The matrices of modules, and of all inside them."""
    for part in (part for module in modules for part in module.modules()):
        if isinstance(part, nn.Linear | nn.Embedding):
            part.weight = by_columns(part.weight)


def by_columns(matrix: mx.array) -> mx.array:
    """A matrix (out, in) as it is, its columns together in memory where they are longer than its rows.

    One row is then multiplied by it up to 1.4 times as fast.
    """
    rows, columns = matrix.shape
    if rows <= columns or not quick(matrix):
        return matrix
    return mx.array(np.ascontiguousarray(np.asarray(matrix).T)).T  # MLX takes ten times as long to copy it so
