"""Causal convolutions give what MLX's give, whole and in pieces; weights are laid out as they are read from a checkpoint."""

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm.layout import tap_by_tap, upsampling
from lfm.model.convolutions import CausalConv1d, CausalConvTranspose1d, StridedConv1d, Upsample
from lfm.model.state import State


def noise(*shape: int) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(sum(shape)))


def in_pieces(layer: Any, x: mx.array) -> mx.array:
    """Two positions first, then four at a time."""
    state = State()
    return mx.concatenate([layer(x[:, :2], state), *(layer(x[:, i : i + 4], state) for i in range(2, x.shape[1], 4))], axis=1)


@pytest.mark.parametrize("kernel", [1, 3, 7])
def test_a_convolution_is_a_product_of_all_inputs_with_all_taps(kernel: int) -> None:
    layer, weight, x = CausalConv1d(12, 20, kernel), noise(20, kernel, 12), noise(2, 34, 12)
    layer.conv.weight, layer.bias = tap_by_tap(weight), noise(20)
    want = mx.conv1d(mx.pad(x, [(0, 0), (kernel - 1, 0), (0, 0)]), weight) + layer.bias
    np.testing.assert_allclose(layer(x), want, atol=1e-5)
    np.testing.assert_allclose(in_pieces(layer, x), layer(x), atol=1e-5)


@pytest.mark.parametrize("edge", [False, True])
@pytest.mark.parametrize(("kernel", "stride", "bias"), [(4, 2, True), (12, 2, False)])
def test_a_strided_convolution_is_a_product_with_what_each_output_sees(kernel: int, stride: int, bias: bool, edge: bool) -> None:
    layer, x = StridedConv1d(12, 20, kernel, stride, bias=bias, edge=edge), noise(2, 34, 12)
    before = mx.repeat(x[:, :1] if edge else mx.zeros((2, 1, 12)), kernel - stride, axis=1)
    want = mx.conv1d(mx.concatenate([before, x], axis=1), layer.conv.weight.reshape(20, kernel, 12), stride)
    want = want + layer.conv.bias if bias else want
    np.testing.assert_allclose(layer(x), want, atol=1e-5)
    np.testing.assert_allclose(in_pieces(layer, x), layer(x), atol=1e-5)


@pytest.mark.parametrize("stride", [2, 5])
def test_a_transposed_convolution_is_a_product_with_two_inputs(stride: int) -> None:
    layer, weight, bias, x = CausalConvTranspose1d(12, 20, stride), noise(12, 20, 2 * stride), noise(20), noise(2, 34, 12)
    layer.convtr.weight, layer.convtr.bias = upsampling(weight, stride), upsampling(bias, stride)
    want = mx.conv_transpose1d(x, weight.transpose(1, 2, 0), stride)[:, : 34 * stride] + bias
    np.testing.assert_allclose(layer(x), want, atol=1e-5)
    np.testing.assert_allclose(in_pieces(layer, x), layer(x), atol=1e-5)


def test_twice_the_positions_channel_by_channel() -> None:
    layer, x = Upsample(12), noise(2, 34, 12)
    layer.convtr.weight = noise(12, 4)
    alone = nn.ConvTranspose1d(1, 1, 4, stride=2, bias=False)
    for channel in range(12):
        alone.weight = layer.convtr.weight[None, channel, :, None]
        np.testing.assert_allclose(layer(x)[..., channel], alone(x[..., channel, None])[:, :68, 0], atol=1e-5)
    np.testing.assert_allclose(in_pieces(layer, x), layer(x), atol=1e-5)
