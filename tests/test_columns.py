"""Which matrices lie by columns on a CPU, and that no number depends on it."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm.checkpoint import LoadedModel
from lfm.columns import lay_by_columns, lay_out
from lfm.layout import parameters
from lfm.model.lfm_audio import LfmAudio

pytestmark = pytest.mark.usefixtures("on_cpu")


def lies_by_columns(matrix: mx.array) -> bool:
    """Do its columns lie together?"""
    return np.asarray(matrix).strides[0] == matrix.itemsize


@pytest.mark.parametrize("shape", [(80, 48), (48, 80)])
def test_how_a_matrix_lies_in_memory_changes_no_number(shape: tuple[int, int]) -> None:
    layer, table = nn.Linear(shape[1], shape[0]), nn.Embedding(*shape)
    x, ids = mx.random.normal((1, shape[1]), key=mx.random.key(0)), mx.array([3, 0, 7])
    before = layer(x), table.as_linear(x), table(ids)
    lay_by_columns(layer, table)
    assert lies_by_columns(layer.weight) == lies_by_columns(table.weight) == (shape[0] > shape[1])
    for one, other in zip(before, (layer(x), table.as_linear(x), table(ids)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_what_is_read_a_row_at_a_time_lies_so(lfm25: LoadedModel) -> None:
    model = LfmAudio(lfm25.config)
    lay_out(model)
    laid = {path for path, value in parameters(model).items() if value.ndim == 2 and lies_by_columns(value)}
    assert {"lfm.layers.0.feed_forward.w13.weight", "depthformer.layers.0.feed_forward.w13.weight", "depth_linear.weight"} <= laid
    assert "lfm.embed_tokens.weight" not in laid  # words are looked up in it one row at a time
