"""The published audio detokenizer (an LFM2 that draws spectra) at any size, for training.

liquid-audio's class fixes the width at 512; this one reads it. Attribute names are the checkpoint's.
On the reference's tiny checkpoint its output differs from the golden one by 3e-8.
"""

import json
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file
from torch import Tensor, nn

BOOKS, BINS = 8, 2048
N_FFT, HOP = 1280, 320
PER_FRAME = 6  # spectra of a 12.5 Hz frame
POCKET = {
    "architectures": ["Lfm2ForCausalLM"],
    "model_type": "lfm2",
    "hidden_size": 192,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 3,
    "intermediate_size": 960,  # two thirds of it after the adjustment: 640
    "block_auto_adjust_ff_dim": True,
    "block_ffn_dim_multiplier": 1.0,
    "block_multiple_of": 8,
    "layer_types": ["conv", "conv", "sliding_attention", "conv", "sliding_attention", "conv"],
    "sliding_window": 30,
    "norm_eps": 1e-05,
    "rope_theta": 1000000.0,
    "conv_L_cache": 3,
    "conv_bias": False,
    "vocab_size": 8,  # lfm.embed_tokens is never read
    "output_size": N_FFT + 2,
    "max_position_embeddings": 128000,
}
TINY = POCKET | {
    "hidden_size": 32,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "intermediate_size": 96,
}


class Conv(nn.Module):
    """Gated short convolution."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        width, self.taps = c["hidden_size"], c["conv_L_cache"]
        self.in_proj = nn.Linear(width, 3 * width, bias=False)
        self.conv = nn.Conv1d(width, width, self.taps, groups=width, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)

    def __call__(self, x: Tensor, mask: Tensor) -> Tensor:
        gate, out_gate, x = self.in_proj(x).chunk(3, -1)
        x = F.pad((gate * x).mT, (self.taps - 1, 0))
        return self.out_proj(out_gate * self.conv(x).mT)


class Attention(nn.Module):
    """Grouped-query attention with normalised queries and keys and rotary positions."""

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

    def rotate(self, x: Tensor) -> Tensor:
        """(B, heads, L, size), first half against second half."""
        half = self.size // 2
        freqs = self.theta ** (-torch.arange(half) / half)
        angle = torch.arange(x.shape[2])[:, None] * freqs
        a, b = x[..., :half], x[..., half:]
        cos, sin = angle.cos(), angle.sin()
        return torch.cat([a * cos - b * sin, b * cos + a * sin], -1)

    def __call__(self, x: Tensor, mask: Tensor) -> Tensor:
        q = self.q_layernorm(self.q_proj(x).unflatten(-1, (self.heads, -1)))
        k = self.k_layernorm(self.k_proj(x).unflatten(-1, (self.kv_heads, -1)))
        v = self.v_proj(x).unflatten(-1, (self.kv_heads, -1))
        q, k, v = (t.transpose(1, 2) for t in (q, k, v))
        groups = self.heads // self.kv_heads
        k, v = (t.repeat_interleave(groups, 1) for t in (self.rotate(k), v))
        out = F.scaled_dot_product_attention(self.rotate(q), k, v, attn_mask=mask)
        return self.out_proj(out.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """SwiGLU."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        width, inner = c["hidden_size"], int(2 * c["intermediate_size"] / 3)
        inner = -(-inner // c["block_multiple_of"]) * c["block_multiple_of"]
        self.w1 = nn.Linear(width, inner, bias=False)
        self.w3 = nn.Linear(width, inner, bias=False)
        self.w2 = nn.Linear(inner, width, bias=False)

    def __call__(self, x: Tensor) -> Tensor:
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    """Convolution or attention, then a feed-forward layer, both with residuals."""

    def __init__(self, c: dict, kind: str) -> None:
        super().__init__()
        if kind == "conv":
            self.conv = Conv(c)
        else:
            self.self_attn = Attention(c)
        self.feed_forward = FeedForward(c)
        self.operator_norm = nn.RMSNorm(c["hidden_size"], c["norm_eps"])
        self.ffn_norm = nn.RMSNorm(c["hidden_size"], c["norm_eps"])

    def __call__(self, x: Tensor, mask: Tensor) -> Tensor:
        operator = self.conv if hasattr(self, "conv") else self.self_attn
        x = x + operator(self.operator_norm(x), mask)
        return x + self.feed_forward(self.ffn_norm(x))


class Backbone(nn.Module):
    def __init__(self, c: dict) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(c["vocab_size"], c["hidden_size"])
        self.layers = nn.ModuleList(Block(c, kind) for kind in c["layer_types"])
        self.embedding_norm = nn.RMSNorm(c["hidden_size"], c["norm_eps"])
        self.window = c["sliding_window"]

    def __call__(self, x: Tensor) -> Tensor:
        place = torch.arange(x.shape[1])
        back = place[:, None] - place
        mask = (back >= 0) & (back < self.window)
        for layer in self.layers:
            x = layer(x, mask)
        return self.embedding_norm(x)


class FusedEmbedding(nn.Module):
    """Mean of the eight codes' rows."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.emb = nn.Embedding(BOOKS * BINS, width)

    def __call__(self, codes: Tensor) -> Tensor:
        """(B, 8, frames) -> (B, frames, width)."""
        return self.emb(codes + torch.arange(BOOKS)[:, None] * BINS).mean(1)


class ISTFT(nn.Module):
    """Overlap-add with "same" padding, as in Vocos."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(N_FFT))

    def __call__(self, spectra: Tensor) -> Tensor:
        """Complex (B, bins, L) -> (B, L * HOP)."""
        count = spectra.shape[2]
        length, cut = (count - 1) * HOP + N_FFT, (N_FFT - HOP) // 2

        def add(pieces: Tensor) -> Tensor:
            summed = F.fold(pieces, (1, length), (1, N_FFT), stride=(1, HOP))
            return summed[:, 0, 0, cut:-cut]

        pieces = torch.fft.irfft(spectra, N_FFT, dim=1) * self.window[:, None]
        weight = self.window.square()[None, :, None].expand(1, -1, count)
        return add(pieces) / add(weight)


class Detokenizer(nn.Module):
    """Codes -> waveform."""

    def __init__(self, c: dict) -> None:
        super().__init__()
        self.emb = FusedEmbedding(c["hidden_size"])
        self.lfm = Backbone(c)
        self.lin = nn.Linear(c["hidden_size"], c["output_size"])  # log magnitudes, then angles
        self.istft = ISTFT()

    def __call__(self, codes: Tensor, loudest: float | None = None) -> Tensor:
        """(B, 8, frames) -> (B, frames * 1920); `loudest` clamps log magnitudes in training."""
        x = self.lfm(self.emb(codes).repeat_interleave(PER_FRAME, 1))
        log_size, angle = self.lin(x).mT.chunk(2, 1)
        if loudest is not None:
            log_size = log_size.clamp(max=loudest)
        return self.istft(torch.polar(log_size.exp(), angle.contiguous()))


def load(folder: Path) -> Detokenizer:
    """The exported detokenizer of a folder."""
    model = Detokenizer(json.loads((folder / "config.json").read_text()))
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({k: v.float() for k, v in weights.items()})
    return model.eval()
