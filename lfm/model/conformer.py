"""FastConformer: log-mel frames at 100 Hz to vectors at 12.5 Hz, and the adapter to the backbone's width.

Names and arithmetic as NVIDIA NeMo's ConformerEncoder with dw_striding and rel_pos; one clip at a time, so nothing is masked.
"""

import math

import mlx.core as mx
import mlx.nn as nn

from lfm.config import ConformerConfig
from lfm.model.fast_cpu import BLOCK, Strided, attend, mlx_array
from lfm.model.formulas import quick, sigmoid, silu
from lfm.model.weighted import DepthwiseKernel


class Subsampling(nn.Module):
    """Three strided convolutions over time and frequency: an eighth of the frames."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        channels = config.conv_channels
        self.conv = [Strided(1, channels), nn.ReLU()]
        for _ in range(2):
            self.conv += [Strided(channels, channels, groups=channels), nn.Linear(channels, channels), nn.ReLU()]
        bins = config.feat_in
        for _ in range(3):
            bins = (bins + 1) // 2
        self.out = nn.Linear(channels * bins, config.d_model)

    def __call__(self, mel: mx.array) -> mx.array:
        """(1, T, features) -> (1, ceil(T / 8), d_model)."""
        length = -(-mel.shape[1] // 8)
        block = BLOCK if quick(mel) else length
        blocks = [self.rows(len(self.conv), mel, first, min(first + block, length)) for first in range(0, length, block)]
        x = mx.concatenate(blocks, axis=1).transpose(0, 1, 3, 2)  # the checkpoint flattens channels before bins
        return self.out(x.reshape(*x.shape[:2], -1))

    def rows(self, layers: int, mel: mx.array, first: int, end: int) -> mx.array:
        """Some rows of what the first `layers` make of it, from no more of it than they see: a block stays in the cache."""
        if layers == 0:
            return mel[:, first:end, :, None]
        layer = self.conv[layers - 1]
        if not isinstance(layer, Strided):
            return layer(self.rows(layers - 1, mel, first, end))
        size = mel.shape[1]
        for below in self.conv[: layers - 1]:
            size = (size + 1) // 2 if isinstance(below, Strided) else size
        top, bottom = 2 * first - 1, 2 * end  # a row beyond the edge is zero
        x = self.rows(layers - 1, mel, max(top, 0), min(bottom, size))
        return layer(mx.pad(x, [(0, 0), (int(top < 0), int(bottom > size)), (1, 1), (0, 0)]))


class FeedForward(nn.Module):
    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.linear1 = nn.Linear(config.d_model, config.ff_size)
        self.linear2 = nn.Linear(config.ff_size, config.d_model)

    def __call__(self, x: mx.array) -> mx.array:
        return self.linear2(silu(self.linear1(x)))


class RelPosAttention(nn.Module):
    """Attention with Transformer-XL's relative positions (arXiv 1901.02860, appendix B)."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        dim, self.n_heads = config.d_model, config.n_heads
        self.head_dim = dim // config.n_heads
        self.linear_q = nn.Linear(dim, dim)
        self.linear_k = nn.Linear(dim, dim)
        self.linear_v = nn.Linear(dim, dim)
        self.linear_out = nn.Linear(dim, dim)
        self.linear_pos = nn.Linear(dim, dim, bias=False)
        self.pos_bias_u = mx.zeros((self.n_heads, self.head_dim))
        self.pos_bias_v = mx.zeros((self.n_heads, self.head_dim))

    def _heads(self, x: mx.array) -> mx.array:
        return x.reshape(*x.shape[:2], self.n_heads, self.head_dim).transpose(0, 2, 1, 3)

    def __call__(self, x: mx.array, positions: mx.array) -> mx.array:
        """x (1, T, C), positions (1, 2T - 1, C) -> (1, T, C)."""
        scale = self.head_dim**-0.5
        queries, keys, values = self._heads(self.linear_q(x)), self._heads(self.linear_k(x)), self._heads(self.linear_v(x))
        relative = self._heads(self.linear_pos(positions))
        by_position = (queries + self.pos_bias_v[:, None]) @ relative.swapaxes(-1, -2)
        bias = scale * shift(by_position)
        out = attend(queries + self.pos_bias_u[:, None], keys, values, scale, bias)
        return self.linear_out(out.transpose(0, 2, 1, 3).reshape(x.shape))


def shift(scores: mx.array) -> mx.array:
    """Scores by distance, (1, H, T, 2T - 1) from T - 1 down to 1 - T, to scores by key, (1, H, T, T)."""
    batch, heads, length, distances = scores.shape
    padded = mx.pad(scores, [(0, 0), (0, 0), (0, 0), (1, 0)])
    rows = padded.reshape(batch, heads, distances + 1, length)[:, :, 1:]
    return rows.reshape(batch, heads, length, distances)[..., :length]


def positional_encoding(length: int, dim: int) -> mx.array:
    """Sines and cosines of the distances length - 1 … 1 - length, (1, 2 length - 1, dim)."""
    distance = mx.arange(length - 1, -length, -1, dtype=mx.float32)[:, None]
    angle = distance * mx.exp(mx.arange(0, dim, 2, dtype=mx.float32) * -(math.log(10_000.0) / dim))
    return mx.stack([mx.sin(angle), mx.cos(angle)], axis=-1).reshape(1, -1, dim)


class Convolution(nn.Module):
    """Gate, depthwise convolution centred on each position, norm, projection."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.reach = (config.conv_kernel - 1) // 2
        self.pointwise_conv1 = nn.Linear(config.d_model, 2 * config.d_model)
        self.depthwise_conv = DepthwiseKernel(config.d_model, config.conv_kernel, bias=True)
        self.batch_norm = nn.BatchNorm(config.d_model)
        self.pointwise_conv2 = nn.Linear(config.d_model, config.d_model)

    def __call__(self, x: mx.array) -> mx.array:
        value, gate = mx.split(self.pointwise_conv1(x), 2, axis=-1)
        x = value * sigmoid(gate)
        padded = mx.pad(x, [(0, 0), (self.reach, self.reach), (0, 0)])
        return self.pointwise_conv2(silu(self.batch_norm(self.depthwise_conv(padded))))


class ConformerLayer(nn.Module):
    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.norm_feed_forward1 = nn.LayerNorm(config.d_model)
        self.feed_forward1 = FeedForward(config)
        self.norm_self_att = nn.LayerNorm(config.d_model)
        self.self_attn = RelPosAttention(config)
        self.norm_conv = nn.LayerNorm(config.d_model)
        self.conv = Convolution(config)
        self.norm_feed_forward2 = nn.LayerNorm(config.d_model)
        self.feed_forward2 = FeedForward(config)
        self.norm_out = nn.LayerNorm(config.d_model)

    def __call__(self, x: mx.array, positions: mx.array) -> mx.array:
        x = x + 0.5 * self.feed_forward1(self.norm_feed_forward1(x))
        x = x + self.self_attn(self.norm_self_att(x), positions)
        x = x + self.conv(self.norm_conv(x))
        x = x + 0.5 * self.feed_forward2(self.norm_feed_forward2(x))
        return self.norm_out(x)


class Conformer(nn.Module):
    """The encoder of what is heard."""

    def __init__(self, config: ConformerConfig) -> None:
        super().__init__()
        self.dim = config.d_model
        self.pre_encode = Subsampling(config)
        self.layers = [ConformerLayer(config) for _ in range(config.n_layers)]

    def __call__(self, mel: mx.array) -> mx.array:
        """One clip, (1, T, features) with T >= 9 -> (1, ceil(T / 8), d_model)."""
        x = self.pre_encode(mel)
        positions = positional_encoding(x.shape[1], self.dim).astype(x.dtype)
        for layer in self.layers:
            x = layer(x, positions)
        return mlx_array(x)


class Adapter(nn.Module):
    """Encoder width to backbone width."""

    def __init__(self, dim: int, hidden_size: int) -> None:
        super().__init__()
        self.model = [nn.LayerNorm(dim), nn.Linear(dim, hidden_size), nn.GELU(), nn.Linear(hidden_size, hidden_size)]

    def __call__(self, x: mx.array) -> mx.array:
        """(1, T, dim) -> (1, T, hidden_size)."""
        for layer in self.model:
            x = layer(x)
        return x
