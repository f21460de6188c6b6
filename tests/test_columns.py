"""Which matrices lie by columns on a CPU, and that no number depends on it."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm import blas, columns
from lfm.checkpoint import LoadedModel
from lfm.columns import SHORT, lay_by_columns, lay_out
from lfm.layout import parameters
from lfm.model.lfm_audio import LfmAudio

pytestmark = pytest.mark.usefixtures("on_cpu")


@pytest.fixture(autouse=True)
def wants_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """As most libraries do, whichever is installed here."""
    monkeypatch.setattr(blas, "reads_rows", lambda: False)


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


@pytest.mark.parametrize("short", [SHORT, 1])
def test_what_reads_prompts_lies_so_in_small_models_alone(short: int, lfm25: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "SHORT", short)
    model = LfmAudio(lfm25.config)
    lay_out(model)
    laid = {path for path, value in parameters(model).items() if value.ndim == 2 and lies_by_columns(value)}
    assert {"depthformer.layers.0.feed_forward.w13.weight", "depth_linear.weight", "depth_embeddings.0.embedding.weight"} <= laid
    assert ("lfm.layers.0.feed_forward.w13.weight" in laid) == (short == SHORT)
    assert "lfm.embed_tokens.weight" not in laid  # words are looked up in it one row at a time


def test_a_library_that_reads_rows_as_fast_gets_them_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "reads_rows", lambda: True)
    layer = nn.Linear(48, 80)
    lay_by_columns(layer)
    assert not lies_by_columns(layer.weight)
