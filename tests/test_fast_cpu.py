"""The CPU's own way to multiply, to squash, to turn and to attend gives what MLX's gives."""

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from lfm.checkpoint import LoadedModel
from lfm.model.conformer import Subsampling
from lfm.model.fast_cpu import BLOCK, FEW_POSITIONS, FEW_SCORES, TURNS, RMSNorm, RoPE, Strided, attend
from lfm.model.formulas import ELU, FEW_NUMBERS, exp_of_negative, polar, sigmoid, silu


def noise(*shape: int) -> mx.array:
    return mx.random.normal(shape, key=mx.random.key(sum(shape)))


@pytest.mark.parametrize("size", [(21, 18), (140, 66)])
def test_every_second_place_of_a_depthwise_convolution(size: tuple[int, int]) -> None:
    layer = Strided(24, 24, groups=24)
    x = noise(1, *size, 24)
    np.testing.assert_allclose(layer(x), nn.Conv2d.__call__(layer, x), atol=1e-5)


@pytest.mark.parametrize("frames", [9, 16, 8 * BLOCK, 8 * BLOCK + 1, 24 * BLOCK - 3])
def test_the_encoder_begins_the_same_in_blocks_and_at_once(frames: int, lfm25: LoadedModel) -> None:
    layer: Subsampling = lfm25.model.conformer.pre_encode
    mel = noise(1, frames, 128)
    length = -(-frames // 8)
    whole = layer.rows(len(layer.conv), mel, 0, length).transpose(0, 1, 3, 2)
    np.testing.assert_allclose(layer(mel), layer.out(whole.reshape(1, length, -1)), atol=1e-5)


def test_the_logistic_function_is_exact_to_float32() -> None:
    x = mx.concatenate([mx.linspace(-30, 30, 100_000), mx.array([-1e4, -0.0, 0.0, 1e4, -mx.inf, mx.inf])])
    want = 1 / (1 + np.exp(-np.clip(np.array(x, np.float64), -700, 700)))
    assert x.size > FEW_NUMBERS
    np.testing.assert_allclose(sigmoid(x), want, atol=3e-7)
    np.testing.assert_allclose(silu(x[:-2]), np.array(x[:-2]) * want[:-2], rtol=1e-6, atol=3e-5)


def test_the_exponential_linear_unit_is_exact_to_float32() -> None:
    x = mx.concatenate([mx.linspace(-30, 30, 100_000), mx.array([-1e4, -1e-6, 0.0, 1e4])])
    want = np.where(np.array(x) > 0, np.array(x), np.expm1(np.minimum(np.array(x, np.float64), 0)))
    assert x.size > FEW_NUMBERS
    np.testing.assert_allclose(ELU()(x), want, rtol=1e-6, atol=3e-7)


def test_the_exponential_of_what_is_negative_keeps_its_digits_where_many_are_added_up() -> None:
    x = mx.linspace(-20.7, 0, 100_000)
    want = np.exp(np.array(x, np.float64))
    np.testing.assert_allclose(exp_of_negative(x), want, rtol=5e-4)
    np.testing.assert_allclose(exp_of_negative(x[x.size // 2 :]), want[x.size // 2 :], rtol=5e-6)
    np.testing.assert_array_equal(exp_of_negative(mx.array([-1e3, -1e30, -mx.inf, 0.0])), [0, 0, 0, 1])


def test_complex_numbers_of_size_and_angle() -> None:
    angle = mx.concatenate([mx.linspace(-40, 40, 100_000), mx.linspace(-3000, 3000, 100_000)])
    assert angle.size > FEW_NUMBERS
    np.testing.assert_allclose(polar(mx.ones_like(angle), angle), np.exp(1j * np.array(angle, np.float64)), atol=8e-7)
    few = polar(mx.array([2.0, 0.0]), mx.array([1.0, 1e4]))
    np.testing.assert_allclose(few, [2 * np.exp(1j), 0], atol=1e-6)


def test_a_norm_is_mlx_s() -> None:
    layer = RMSNorm(64)
    layer.weight = noise(64)
    x = 3 * noise(2, 5, 64)
    np.testing.assert_allclose(layer(x), nn.RMSNorm.__call__(layer, x), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("pairwise", [True, False])
@pytest.mark.parametrize(("offset", "length"), [(0, 1), (7, 1), (900, FEW_POSITIONS), (TURNS - 3, FEW_POSITIONS), (3, FEW_POSITIONS + 1)])
def test_positions_are_turned_as_mlx_turns_them(offset: int, length: int, pairwise: bool) -> None:
    layer = RoPE(32, traditional=pairwise, base=1e6)
    x = noise(1, 4, length, 32)
    turned, want = layer(x, layer.at(offset, x.shape[2], x.dtype)), nn.RoPE.__call__(layer, x, offset=offset)
    np.testing.assert_allclose(turned, want, atol=2e-4 if offset > 100 else 1e-5)
    halves = x.astype(mx.float16)
    want = nn.RoPE.__call__(layer, halves, offset=offset)
    np.testing.assert_array_equal(layer(halves, layer.at(offset, halves.shape[2], halves.dtype)), want)


@pytest.mark.parametrize("mask", [None, "causal", "boolean", "added"])
@pytest.mark.parametrize("length", [1, 40])
def test_attention_is_mlx_s(length: int, mask: str | None) -> None:
    queries, keys, values = 4 * noise(1, 8, length, 16), noise(1, 2, 700, 16), noise(1, 2, 700, 16) + 1
    assert 8 * length * 700 > FEW_SCORES
    seen = mx.arange(700)[None] <= mx.arange(700 - length, 700)[:, None]
    masks = {None: None, "causal": "causal", "boolean": seen, "added": noise(1, 8, length, 700)}
    want = mx.fast.scaled_dot_product_attention(queries, keys, values, scale=0.25, mask=masks[mask])
    np.testing.assert_allclose(attend(queries, keys, values, 0.25, masks[mask]), want, rtol=1e-5, atol=1e-5)


def test_what_is_masked_counts_for_nothing_even_in_a_long_history() -> None:
    queries, keys = noise(1, 1, 1, 8), noise(1, 1, 20_000, 8)
    values = mx.concatenate([mx.ones((1, 1, 3, 8)), mx.full((1, 1, 19_997, 8), 1e6)], axis=2)
    out = attend(queries, keys, values, 1.0, (mx.arange(20_000) < 3)[None])
    np.testing.assert_allclose(out, np.ones((1, 1, 1, 8)), rtol=1e-5)
