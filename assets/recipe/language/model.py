"""The published architecture for training: batches of sequences of words, heard clips and spoken frames, in PyTorch.

Attribute names are the checkpoint's. `language.check` holds its numbers against the engine's.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from language.conformer import Conformer
from lfm.config import AUDIO_VOCAB, swiglu_size
from lfm.sizes import CODEBOOKS
from lfm2 import Backbone, attend

DEPTH_HEADS, DEPTH_KV_HEADS, THETA, EPS = 32, 8, 1e6, 1e-5  # constants of the reference


class Table(nn.Module):
    """An embedding that is its own head; the norm belongs to the head."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(rows, width)
        self.embedding_norm = nn.RMSNorm(width, EPS)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)


class DepthAttention(nn.Module):
    """Over the codebooks of one frame; rotation of neighbours."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.size = width // DEPTH_HEADS
        self.qkv_proj = nn.Linear(width, (DEPTH_HEADS + 2 * DEPTH_KV_HEADS) * self.size, bias=False)
        self.out_proj = nn.Linear(width, width, bias=False)
        self.bounded_attention = nn.ModuleDict({f"{n}_layernorm": nn.RMSNorm(self.size, EPS) for n in "qk"})

    def rotate(self, x: Tensor) -> Tensor:
        """(N, T, heads, size)."""
        half = self.size // 2
        angle = torch.arange(x.shape[1], device=x.device)[:, None] * THETA ** (-torch.arange(half, device=x.device) / half)
        cos, sin = angle.cos()[:, None].to(x.dtype), angle.sin()[:, None].to(x.dtype)
        a, b = x[..., ::2], x[..., 1::2]
        return torch.stack([a * cos - b * sin, b * cos + a * sin], -1).flatten(-2)

    def __call__(self, x: Tensor) -> Tensor:
        heads = self.qkv_proj(x).unflatten(-1, (-1, self.size))
        q, k, v = heads.split([DEPTH_HEADS, DEPTH_KV_HEADS, DEPTH_KV_HEADS], 2)
        norms = self.bounded_attention
        q, k = self.rotate(norms["q_layernorm"](q)), self.rotate(norms["k_layernorm"](k))
        q, k, v = (t.transpose(1, 2).to(v.dtype) for t in (q, k, v))
        k, v = (t.repeat_interleave(DEPTH_HEADS // DEPTH_KV_HEADS, 1) for t in (k, v))
        return self.out_proj(attend(q, k, v).transpose(1, 2).flatten(2))


class DepthBlock(nn.Module):
    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        inner = swiglu_size({"block_ff_dim": 4 * width}, "depthformer")
        self.operator = DepthAttention(width)
        self.operator_norm, self.ffn_norm = nn.RMSNorm(width, EPS), nn.RMSNorm(width, EPS)
        self.feed_forward = nn.ModuleDict(
            {
                "w1": nn.Linear(width, inner, bias=False),
                "w3": nn.Linear(width, inner, bias=False),
                "w2": nn.Linear(inner, width, bias=False),
            }
        )
        for last in (self.operator.out_proj, self.feed_forward["w2"]):
            nn.init.normal_(last.weight, std=(2 * layers * last.in_features) ** -0.5)

    def __call__(self, x: Tensor) -> Tensor:
        x = x + self.operator(self.operator_norm(x))
        y, ff = self.ffn_norm(x), self.feed_forward
        return x + ff["w2"](F.silu(ff["w1"](y)) * ff["w3"](y))


class LanguageModel(nn.Module):
    """Everything but the decoder of sound."""

    def __init__(self, c: dict, dropout: float = 0.0) -> None:
        super().__init__()
        hidden, encoder, depth = c["lfm"]["hidden_size"], c["encoder"]["d_model"], c["depthformer"]["dim"]
        self.conformer = Conformer(c["encoder"] | {"dropout": dropout, "dropout_att": dropout})
        self.audio_adapter = nn.ModuleDict(
            {"model": nn.Sequential(nn.LayerNorm(encoder), nn.Linear(encoder, hidden), nn.GELU(), nn.Linear(hidden, hidden))}
        )
        self.lfm = Backbone(c["lfm"], dropout)
        self.audio_embedding = Table(CODEBOOKS * AUDIO_VOCAB, hidden)
        self.depth_linear = nn.Linear(hidden, CODEBOOKS * depth)
        layers = c["depthformer"]["layers"]
        self.depthformer = nn.ModuleDict({"layers": nn.ModuleList(DepthBlock(depth, layers) for _ in range(layers))})
        self.depth_embeddings = nn.ModuleList(Table(AUDIO_VOCAB, depth) for _ in range(CODEBOOKS))
        self.register_buffer("offsets", torch.arange(CODEBOOKS) * AUDIO_VOCAB, persistent=False)
        nn.init.normal_(self.lfm.embed_tokens.weight, std=hidden**-0.5)
        for block in self.lfm.layers:
            operator = block.conv if hasattr(block, "conv") else block.self_attn
            for last in (operator.out_proj, block.feed_forward.w2):
                nn.init.normal_(last.weight, std=1 / math.sqrt(2 * len(self.lfm.layers) * last.in_features))

    def heard(self, mel: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Clips (B, T, 128) -> what the encoder says (B, T / 8, C), and the same at the backbone's width."""
        encoded = self.conformer(mel, lengths)
        return encoded, self.audio_adapter["model"](encoded)

    def spoken(self, codes: Tensor) -> Tensor:
        """(N, 8) -> (N, hidden)."""
        return F.embedding_bag(codes + self.offsets, self.audio_embedding.embedding.weight, mode="sum")

    def words(self, hidden: Tensor) -> Tensor:
        """(N, hidden) -> logits (N, vocabulary)."""
        return F.linear(hidden, self.lfm.embed_tokens.weight)

    def frames(self, hidden: Tensor, codes: Tensor, books: int = CODEBOOKS) -> list[Tensor]:
        """Logits (N, 2049) of each of the first `books` codebooks, given the right codes (N, 8) before it."""
        share = self.depth_linear(hidden).unflatten(-1, (CODEBOOKS, -1))[:, :books]
        said = [torch.zeros_like(share[:, 0]), *(t.embedding(codes[:, i]) for i, t in enumerate(self.depth_embeddings[: books - 1]))]
        x = share + torch.stack(said, 1)
        for layer in self.depthformer["layers"]:
            x = layer(x)
        return [F.linear(t.embedding_norm(x[:, i]), t.embedding.weight) for i, t in enumerate(self.depth_embeddings[:books])]
