"""What is made of weights once gives what MLX's layers give, and is made anew when the weight is another."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm.layout import parameters
from lfm.model.weighted import DepthwiseKernel, Embedding, Linear, once, transposed


def noise(*shape: int) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(sum(shape)))


@pytest.mark.parametrize("shape", [(48,), (6, 48), (1, 6, 48), (3, 6, 48), (1, 2, 6, 48)])
@pytest.mark.parametrize("bias", [False, True])
def test_a_layer_gives_what_mlx_s_gives(shape: tuple[int, ...], bias: bool) -> None:
    layer, x = Linear(48, 80, bias=bias), noise(*shape)
    np.testing.assert_allclose(layer(x), nn.Linear.__call__(layer, x), atol=1e-5)
    np.testing.assert_allclose(mx.compile(layer)(x), nn.Linear.__call__(layer, x), atol=1e-5)


@pytest.mark.parametrize("shape", [(48,), (1, 6, 48), (3, 6, 48)])
def test_a_table_as_a_head_too(shape: tuple[int, ...]) -> None:
    table, x = Embedding(80, 48), noise(*shape)
    np.testing.assert_allclose(table.as_linear(x), nn.Embedding.as_linear(table, x), atol=1e-5)


@pytest.mark.parametrize("length", [1, 6, 300])
def test_a_kernel_for_each_channel_is_a_convolution_in_groups(length: int) -> None:
    layer = DepthwiseKernel(24, 3, bias=True)
    layer.weight, layer.bias = noise(24, 3), noise(24)
    x = noise(2, length + 2, 24)
    np.testing.assert_allclose(layer(x), mx.conv1d(x, layer.weight[..., None], groups=24) + layer.bias, atol=1e-5)


def test_another_weight_is_another_product_and_nothing_made_is_a_parameter() -> None:
    layer, x = Linear(48, 80), noise(1, 6, 48)
    layer(x)
    layer.weight = noise(80, 48)
    np.testing.assert_allclose(layer(x), nn.Linear.__call__(layer, x), atol=1e-5)
    assert set(parameters(layer)) == {"weight", "bias"} and not layer.children()
    assert once(layer, transposed) is once(layer, transposed)
