"""Which matrices lie by columns on a CPU, and that no number depends on it."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm.checkpoint import LoadedModel
from lfm.columns import lay_by_columns
from lfm.layout import parameters

pytestmark = pytest.mark.usefixtures("on_cpu")


def lies_by_columns(matrix: mx.array) -> bool:
    """Do its columns lie together?"""
    return np.asarray(matrix).strides[0] == matrix.itemsize


@pytest.mark.parametrize("shape", [(80, 48), (48, 80)])
def test_how_a_matrix_lies_in_memory_changes_no_number(shape: tuple[int, int]) -> None:
    layer, table = nn.Linear(shape[1], shape[0]), nn.Embedding(*shape)
    x, ids = mx.random.normal((1, shape[1]), key=mx.random.key(0)), mx.array([3, 0, 7])
    before = layer(x), table.as_linear(x), table(ids)
    lay_by_columns(layer)
    lay_by_columns(table)
    assert lies_by_columns(layer.weight) and lies_by_columns(table.weight)
    for one, other in zip(before, (layer(x), table.as_linear(x), table(ids)), strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_what_is_read_a_row_at_a_time_lies_so(lfm25: LoadedModel) -> None:
    laid = {path for path, value in parameters(lfm25.model).items() if value.ndim == 2 and lies_by_columns(value)}
    assert {"lfm.layers.0.feed_forward.w13.weight", "depthformer.layers.0.feed_forward.w13.weight", "depth_linear.weight"} <= laid
    assert "lfm.layers.0.feed_forward.w2.weight" not in laid  # it is wider than high
    assert "lfm.embed_tokens.weight" not in laid  # words are looked up in it one row at a time


def test_what_the_detokenizer_reads_six_rows_at_a_time_lies_so_and_what_mimi_does_not(lfm25: LoadedModel) -> None:
    laid = {
        (name, path)
        for name, decoder in lfm25.decoders.items()
        for path, value in parameters(decoder).items()
        if value.ndim == 2 and min(value.shape) > 1 and lies_by_columns(value)
    }
    assert {("Detokenizer", f"lfm.layers.0.feed_forward.{part}.weight") for part in ("w13", "w2")} <= laid
    assert ("Detokenizer", "lin.weight") in laid and ("Detokenizer", "emb.emb.weight") not in laid
    assert "Mimi" not in {name for name, _ in laid}
