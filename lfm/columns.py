"""How matrices lie in a processor's memory: few rows are multiplied sooner by a matrix whose columns lie together.

MLX takes it either way, so that only loading knows of it; `lfm/bench/TRIED.md` has the measurements.
"""

from collections.abc import Iterable
from types import UnionType
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from lfm.model.detokenizer import Detokenizer
from lfm.model.formulas import quick
from lfm.model.lfm_audio import LfmAudio


def lay_out(model: LfmAudio, decoders: Iterable[nn.Module]) -> None:
    """Lay a small model's matrices as its steps read them; a large one's are read by loops, as they are (`lfm.processor`).

    One row wants it of those that are higher than wide, which it is then multiplied by up to 1.4 times as fast; the six rows of the
    detokenizer want it of all, and the two of Mimi of none.
    """
    for layer in matrices(nn.Linear | nn.Embedding, *model.lfm.layers, model.depthformer, model.depth_linear, *model.depth_embeddings):
        if layer.weight.shape[0] > layer.weight.shape[1]:
            lay_by_columns(layer)
    for layer in matrices(nn.Linear, *(decoder for decoder in decoders if isinstance(decoder, Detokenizer))):
        lay_by_columns(layer)


def matrices(kind: UnionType | type, *modules: nn.Module) -> list[Any]:
    """Those of a kind, in modules and in all inside them."""
    return [part for module in modules for part in module.modules() if isinstance(part, kind)]


def lay_by_columns(layer: Any) -> None:
    """A layer's matrix (out, in) as it is, its columns together in memory."""
    if quick(layer.weight):
        layer.weight = mx.array(np.ascontiguousarray(np.asarray(layer.weight).T)).T  # MLX takes ten times as long to copy it so
