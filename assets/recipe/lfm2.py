"""LFM2's block in PyTorch, for training: the backbone and the detokenizer are stacks of it. Names are the checkpoint's."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

import language  # noqa: F401 (makes lfm importable)
from lfm.config import swiglu_size

Past = dict[str, Tensor]  # what a layer keeps of the positions before: its convolution's last inputs, or keys and values


def joined(past: Past | None, name: str, x: Tensor, dim: int, keep: int = 0) -> Tensor:
    """What is kept and `x` behind it, which is kept in turn; `keep`: the last so many alone."""
    if past is None:
        return x
    if name in past:
        x = torch.cat([past[name], x], dim)
    past[name] = x.narrow(dim, x.shape[dim] - keep, keep) if keep else x
    return x


class Conv(nn.Module):
    """Gated short convolution."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        width, self.taps = c["hidden_size"], c["conv_L_cache"]
        self.in_proj = nn.Linear(width, 3 * width, bias=False)
        self.conv = nn.Conv1d(width, width, self.taps, groups=width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)

    def __call__(self, x: Tensor, window: int | None, past: Past | None) -> Tensor:
        gate, out_gate, x = self.in_proj(x).chunk(3, -1)
        length, before = x.shape[1], self.taps - 1
        padded = joined(past, "inputs", gate * x if past else F.pad(gate * x, (0, 0, before, 0)), 1, before)
        kernel = self.conv.weight[:, 0].to(padded.dtype)
        mixed = sum(padded[:, k : k + length] * kernel[:, k] for k in range(self.taps))
        return self.out_proj(out_gate * mixed)


@lru_cache(maxsize=64)
def turns(length: int, half: int, theta: float, device: torch.device) -> tuple[Tensor, Tensor]:
    """Cosines and sines of rotary positions, (length, half)."""
    freqs = theta ** (-torch.arange(half, device=device) / half)
    angle = torch.arange(length, device=device)[:, None] * freqs
    return angle.cos(), angle.sin()


@lru_cache(maxsize=64)
def band(length: int, window: int, device: torch.device) -> Tensor:
    """Which keys (columns) each query sees."""
    place = torch.arange(length, device=device)
    back = place[:, None] - place
    return (back >= 0) & (back < window)


def attend(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None) -> Tensor:
    """Causal attention (B, heads, L, size) -> the same; a single query sees all keys.

    On a CPU it is written out: PyTorch's own is made for long sequences, and its way back costs more than all the rest of a short one.
    """
    length = q.shape[2]
    if k.shape[2] == 1:
        return v
    if q.device.type != "cpu":
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=mask is None and length > 1)
    with torch.autocast("cpu", enabled=False):
        seen = band(length, length, q.device) if mask is None else mask
        scores = (q.float() @ k.float().mT) * q.shape[-1] ** -0.5
        return (scores.masked_fill(~seen, float("-inf")).softmax(-1) @ v.float()).to(v.dtype)


class Attention(nn.Module):
    """Causal grouped-query attention with normalised queries and keys and rotary positions."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        self.heads, self.kv_heads = c["num_attention_heads"], c["num_key_value_heads"]
        width = c["hidden_size"]
        self.size = width // self.heads
        self.theta = c["rope_theta"]
        self.q_proj = nn.Linear(width, width, bias=False)
        self.k_proj = nn.Linear(width, self.kv_heads * self.size, bias=False)
        self.v_proj = nn.Linear(width, self.kv_heads * self.size, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)
        self.q_layernorm = nn.RMSNorm(self.size, c["norm_eps"])
        self.k_layernorm = nn.RMSNorm(self.size, c["norm_eps"])
        self.watched: tuple[Tensor, Tensor, Tensor] | None = None  # input, queries and keys of the last pass, where `watch` is set
        self.watch = False

    def rotate(self, x: Tensor, first: int) -> Tensor:
        """(B, heads, L, size) from position `first` on, first half against second half."""
        half = self.size // 2
        cos, sin = (t[first:].to(x.dtype) for t in turns(first + x.shape[2], half, self.theta, x.device))
        a, b = x[..., :half], x[..., half:]
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def __call__(self, x: Tensor, window: int | None, past: Past | None) -> Tensor:
        q = self.q_layernorm(self.q_proj(x).unflatten(-1, (self.heads, -1)))
        k = self.k_layernorm(self.k_proj(x).unflatten(-1, (self.kv_heads, -1)))
        v = self.v_proj(x).unflatten(-1, (self.kv_heads, -1))
        q, k, v = (t.transpose(1, 2).to(v.dtype) for t in (q, k, v))
        first = past["keys"].shape[2] if past else 0
        q, k = self.rotate(q, first), self.rotate(k, first)
        k, v = joined(past, "keys", k, 2), joined(past, "values", v, 2)
        groups = self.heads // self.kv_heads
        k, v = (t.repeat_interleave(groups, 1) for t in (k, v))
        if self.watch:
            self.watched = x, q, k
        mask = None if window is None else band(x.shape[1], window, x.device)
        out = attend(q, k, v, mask)
        return self.out_proj(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        width, inner = c["hidden_size"], swiglu_size(c, "lfm2")
        self.w1 = nn.Linear(width, inner, bias=False)
        self.w3 = nn.Linear(width, inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)

    def __call__(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Convolution or attention, then a feed-forward layer, both with residuals."""

    def __init__(self, c: dict, kind: str, dropout: float) -> None:
        super().__init__()
        if kind == "conv":
            self.conv = Conv(c)
        else:
            self.self_attn = Attention(c)
        self.feed_forward = FeedForward(c)
        self.operator_norm = nn.RMSNorm(c["hidden_size"], c["norm_eps"])
        self.ffn_norm = nn.RMSNorm(c["hidden_size"], c["norm_eps"])
        self.dropout = nn.Dropout(dropout)

    def __call__(self, x: Tensor, window: int | None, past: Past | None) -> Tensor:
        operator = self.conv if hasattr(self, "conv") else self.self_attn
        x = x + self.dropout(operator(self.operator_norm(x), window, past))
        return x + self.dropout(self.feed_forward(self.ffn_norm(x)))


class Backbone(nn.Module):
    """The stack, its table of words and its final norm; with a sliding window where the config has one."""

    def __init__(self, c: dict, dropout: float = 0.0) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Block(c, kind, dropout) for kind in c["layer_types"])
        self.embedding_norm = nn.RMSNorm(c["hidden_size"], c["norm_eps"])
        self.window = c.get("sliding_window")

    def __call__(self, x: Tensor, past: list[Past] | None = None) -> Tensor:
        """(B, L, C) -> (B, L, C); `past`: a dict for each layer, empty at first, and one position at a time afterwards."""
        for number, layer in enumerate(self.layers):
            x = layer(x, self.window, None if past is None else past[number])
        return self.embedding_norm(x)
