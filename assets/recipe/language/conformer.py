"""The published encoder (NeMo's FastConformer) for training: batches of clips of different lengths, in PyTorch.

What lies beyond a clip's end is zeroed wherever a convolution could see it, so that a clip in a batch is encoded as alone.
"""

import math
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

BINS = 16  # of the 128 mel bands, an eighth


class Subsampling(nn.Module):
    """Three strided convolutions over time and frequency."""

    def __init__(self, width: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(1, channels, 3, 2, 1), nn.ReLU()]
        for _ in range(2):
            layers += [nn.Conv2d(channels, channels, 3, 2, 1, groups=channels), nn.Conv2d(channels, channels, 1), nn.ReLU()]
        self.conv = nn.Sequential(*layers)
        self.out = nn.Linear(channels * BINS, width)

    def __call__(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, 128) and (B,) -> (B, ceil(T / 8), C) and the lengths of those."""
        x = mel[:, None]
        for layer in self.conv:
            if isinstance(layer, nn.Conv2d) and layer.kernel_size == (3, 3):
                lengths = (lengths + 1) // 2
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                x = x * within(lengths, x.shape[2])[:, None, :, None]
        return self.out(x.transpose(1, 2).flatten(2)), lengths


def within(lengths: Tensor, size: int) -> Tensor:
    """(B,) -> (B, size) bool."""
    return torch.arange(size, device=lengths.device) < lengths[:, None]


@lru_cache(maxsize=64)
def distances(length: int, width: int, device: torch.device) -> Tensor:
    """Sines and cosines of the distances length - 1 … 1 - length, (2 length - 1, width)."""
    distance = torch.arange(length - 1, -length, -1, device=device)[:, None]
    angle = distance * torch.exp(torch.arange(0, width, 2, device=device) * -(math.log(10_000.0) / width))
    return torch.stack([angle.sin(), angle.cos()], -1).flatten(1)


class RelPosAttention(nn.Module):
    """Attention with Transformer-XL's relative positions."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        for name in ("linear_q", "linear_k", "linear_v", "linear_out"):
            setattr(self, name, nn.Linear(width, width))
        self.linear_pos = nn.Linear(width, width, bias=False)
        self.pos_bias_u = nn.Parameter(torch.zeros(heads, width // heads))
        self.pos_bias_v = nn.Parameter(torch.zeros(heads, width // heads))
        self.dropout = dropout

    def split(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(-3, -2)

    def __call__(self, x: Tensor, valid: Tensor) -> Tensor:
        length, scale = x.shape[1], self.pos_bias_u.shape[1] ** -0.5
        q, k, v = self.split(self.linear_q(x)), self.split(self.linear_k(x)), self.split(self.linear_v(x))
        relative = self.split(self.linear_pos(distances(length, x.shape[2], x.device)))
        by_distance = (q + self.pos_bias_v[:, None]) @ relative.mT  # (B, H, T, 2T - 1)
        by_key = F.pad(by_distance, (1, 0)).unflatten(-1, (-1, length)).flatten(-2).view(*by_distance.shape[:2], 2 * length, length)
        by_key = by_key[:, :, 1:].reshape(by_distance.shape)[..., :length]
        scores = ((q + self.pos_bias_u[:, None]) @ k.mT + by_key) * scale
        chances = scores.float().masked_fill(~valid[:, None, None], -1e9).softmax(-1)
        chances = F.dropout(chances, self.dropout, self.training)
        return self.linear_out((chances.to(v.dtype) @ v).transpose(1, 2).flatten(2))


class BatchNorm(nn.Module):
    """Batch normalisation over the positions that exist; NeMo's counts padding too, which then shifts the averages."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(width)), nn.Parameter(torch.zeros(width))
        self.register_buffer("running_mean", torch.zeros(width))
        self.register_buffer("running_var", torch.ones(width))
        self.frozen = False

    def __call__(self, x: Tensor, valid: Tensor) -> Tensor:
        """(B, T, C) float32."""
        if self.training and not self.frozen:
            weight = valid[..., None].float()
            count = weight.sum()
            mean = (x * weight).sum((0, 1)) / count
            var = ((x - mean).square() * weight).sum((0, 1)) / count
            with torch.no_grad():
                self.running_mean.lerp_(mean, 0.01)
                self.running_var.lerp_(var, 0.01)
        else:
            mean, var = self.running_mean, self.running_var
        return (x - mean) * (var + 1e-5).rsqrt() * self.weight + self.bias


class Convolution(nn.Module):
    """Gate, depthwise convolution centred on each position, norm, projection."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        self.pointwise_conv1 = nn.Conv1d(width, 2 * width, 1)
        self.depthwise_conv = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.batch_norm = BatchNorm(width)
        self.pointwise_conv2 = nn.Conv1d(width, width, 1)

    def __call__(self, x: Tensor, valid: Tensor) -> Tensor:
        x = F.glu(F.linear(x, self.pointwise_conv1.weight[..., 0], self.pointwise_conv1.bias), -1)
        x = self.depthwise_conv((x * valid[..., None]).mT).mT
        x = F.silu(self.batch_norm(x.float(), valid))
        return F.linear(x, self.pointwise_conv2.weight[..., 0], self.pointwise_conv2.bias)


class FeedForward(nn.Module):
    def __init__(self, width: int, inner: int, dropout: float) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.dropout = nn.Dropout(dropout)

    def __call__(self, x: Tensor) -> Tensor:
        return self.linear2(self.dropout(F.silu(self.linear1(x))))


class Layer(nn.Module):
    def __init__(self, c: dict) -> None:
        super().__init__()
        width, dropout = c["d_model"], c["dropout"]
        self.norm_feed_forward1, self.norm_feed_forward2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.norm_self_att, self.norm_conv, self.norm_out = nn.LayerNorm(width), nn.LayerNorm(width), nn.LayerNorm(width)
        self.feed_forward1 = FeedForward(width, width * c["ff_expansion_factor"], dropout)
        self.feed_forward2 = FeedForward(width, width * c["ff_expansion_factor"], dropout)
        self.self_attn = RelPosAttention(width, c["n_heads"], c["dropout_att"])
        self.conv = Convolution(width, c["conv_kernel_size"])
        self.dropout = nn.Dropout(dropout)

    def __call__(self, x: Tensor, valid: Tensor) -> Tensor:
        x = x + 0.5 * self.dropout(self.feed_forward1(self.norm_feed_forward1(x)))
        x = x + self.dropout(self.self_attn(self.norm_self_att(x), valid))
        x = x + self.dropout(self.conv(self.norm_conv(x), valid))
        x = x + 0.5 * self.dropout(self.feed_forward2(self.norm_feed_forward2(x)))
        return self.norm_out(x)


class Conformer(nn.Module):
    """Log-mel at 100 Hz -> what is heard at 12.5 Hz."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        self.pre_encode = Subsampling(c["d_model"], c["subsampling_conv_channels"])
        self.layers = nn.ModuleList(Layer(c) for _ in range(c["n_layers"]))
        self.dropout = nn.Dropout(c["dropout_pre_encoder"])

    def __call__(self, mel: Tensor, lengths: Tensor) -> Tensor:
        """(B, T, 128), zero beyond `lengths` -> (B, ceil(T / 8), C)."""
        x, lengths = self.pre_encode(mel, lengths)
        x, valid = self.dropout(x), within(lengths, x.shape[1])
        for layer in self.layers:
            x = layer(x, valid)
        return x
