"""The CPU's own way to multiply and to squash gives what MLX's gives."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm.model.fast_cpu import FEW_NUMBERS, ROWS, Linear, sigmoid, silu


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("rows", [1, ROWS[0] - 1, ROWS[0], ROWS[-1], ROWS[-1] + 1])
def test_a_product_is_the_same_whichever_matrix_stands_left(rows: int, bias: bool) -> None:
    layer = Linear(48, 80, bias=bias)
    x = mx.random.normal((1, rows, 48), key=mx.random.key(rows))
    assert layer(x).shape == (1, rows, 80)
    np.testing.assert_allclose(layer(x), nn.Linear.__call__(layer, x), atol=1e-5)


def test_the_logistic_function_is_exact_to_float32() -> None:
    x = mx.concatenate([mx.linspace(-30, 30, 4 * FEW_NUMBERS), mx.array([-1e4, -0.0, 0.0, 1e4, -mx.inf, mx.inf])])
    want = 1 / (1 + np.exp(-np.clip(np.array(x, np.float64), -700, 700)))
    assert x.size > FEW_NUMBERS
    np.testing.assert_allclose(sigmoid(x), want, atol=3e-7)
    np.testing.assert_allclose(silu(x[:-2]), np.array(x[:-2]) * want[:-2], rtol=1e-6, atol=3e-5)


def test_quantised_layers_take_its_place() -> None:
    model = nn.Sequential(Linear(64, 32))
    nn.quantize(model, group_size=32, bits=8)
    assert isinstance(model.layers[0], nn.QuantizedLinear)
