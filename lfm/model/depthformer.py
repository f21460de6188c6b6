"""One hidden state of the backbone to one frame of codes: each codebook is chosen knowing those before it."""

from collections.abc import Callable

import mlx.core as mx
import mlx.nn as nn

from lfm.config import AUDIO_VOCAB, Lfm2Config
from lfm.model.fast_cpu import RMSNorm
from lfm.model.lfm2 import Lfm2Stack
from lfm.model.state import State
from lfm.model.weighted import Embedding, Linear

Sample = Callable[[mx.array], mx.array]  # logits (vocab,) -> token ()


class DepthEmbedding(nn.Module):
    """One codebook's table, which is also its head; the norm belongs to the head alone."""

    def __init__(self, config: Lfm2Config, tied: bool) -> None:
        super().__init__()
        self.embedding = Embedding(AUDIO_VOCAB, config.hidden_size)
        self.embedding_norm = RMSNorm(config.hidden_size, eps=config.norm_eps)
        if not tied:
            self.to_logits = Linear(config.hidden_size, AUDIO_VOCAB, bias=False)

    def logits(self, x: mx.array) -> mx.array:
        """(B, T, C) -> (B, T, 2049)."""
        x = self.embedding_norm(x)
        return self.to_logits(x) if "to_logits" in self else self.embedding.as_linear(x)


class Depthformer(Lfm2Stack):
    """The blocks that are gone through once for each codebook."""

    def frame(self, inputs: mx.array, tables: list[DepthEmbedding], sample: Sample) -> tuple[mx.array, mx.array]:
        """Choose the codes of one frame, in order, without a look at any on the host.

        Args:
            inputs: (codebooks, C), the hidden state's share for each codebook.
        Returns:
            codes (codebooks,) and the logits they were drawn from (codebooks, 2049).
        """
        state = State()
        codes: list[mx.array] = []
        seen: list[mx.array] = []
        x = inputs[0]
        for i, table in enumerate(tables):
            logits = table.logits(self(x[None, None], state))[0, 0]
            code = sample(logits)
            codes.append(code)
            seen.append(logits)
            if i + 1 < len(tables):
                x = inputs[i + 1] + table.embedding(code[None])[0]
        return mx.stack(codes), mx.stack(seen)
