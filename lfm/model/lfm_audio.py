"""The whole model: three ways in (text, what is heard, what was spoken), one backbone, two heads (a word, a frame)."""

import mlx.core as mx
import mlx.nn as nn

from lfm.config import AUDIO_VOCAB, END_OF_AUDIO, LfmAudioConfig
from lfm.model.conformer import Adapter, Conformer
from lfm.model.depthformer import DepthEmbedding, Depthformer, Sample
from lfm.model.lfm2 import Lfm2LM
from lfm.model.state import State
from lfm.model.weighted import Embedding, Linear


class LfmAudio(nn.Module):
    """LFM2-Audio without its decoder of sound."""

    def __init__(self, config: LfmAudioConfig) -> None:
        super().__init__()
        self.hidden_size = hidden = config.lfm.hidden_size
        self.codebooks = config.codebooks
        self.conformer = Conformer(config.encoder)
        self.audio_adapter = Adapter(config.encoder.d_model, hidden)
        self.lfm = Lfm2LM(config.lfm)
        self.audio_embedding = Embedding(config.codebooks * AUDIO_VOCAB, hidden)
        self.depth_linear = Linear(hidden, config.codebooks * config.depthformer.hidden_size)
        self.depthformer = Depthformer(config.depthformer)
        self.depth_embeddings = [DepthEmbedding(config.depthformer, config.depth_tied) for _ in range(config.codebooks)]
        self._offsets = mx.arange(config.codebooks) * AUDIO_VOCAB

    @property
    def dtype(self) -> mx.Dtype:
        """Of activations: that of the final norm, which is never quantised."""
        return self.lfm.embedding_norm.weight.dtype

    def embed_text(self, ids: mx.array) -> mx.array:
        """(n,) -> (1, n, hidden)."""
        return self.lfm.embed_tokens(ids)[None]

    def embed_heard(self, mel: mx.array) -> mx.array:
        """One clip alone, (T, features) -> (1, ceil(T / 8), hidden)."""
        return self.audio_adapter(self.conformer(mel[None].astype(self.dtype)))

    def embed_spoken(self, codes: mx.array) -> mx.array:
        """(n, codebooks) -> (1, n, hidden): the sum over a frame's codes."""
        return self.audio_embedding(codes + self._offsets).sum(axis=1)[None]

    def __call__(self, embeddings: mx.array, state: State | None = None) -> mx.array:
        """(B, n, hidden) -> (B, n, hidden)."""
        return self.lfm(embeddings, state)

    def text_logits(self, hidden: mx.array) -> mx.array:
        """(..., hidden) -> (..., vocab)."""
        rows = hidden.reshape(-1, hidden.shape[-1])  # a packed product on CUDA wants a matrix
        return self.lfm.embed_tokens.as_linear(rows).reshape(*hidden.shape[:-1], -1)

    def audio_frame(self, hidden: mx.array, sample: Sample) -> mx.array:
        """(hidden,) -> codes (codebooks,); end-of-audio in the first codebook makes the whole frame end-of-audio."""
        codes, _ = self.frame_and_logits(hidden, sample)
        return mx.where(codes[0] == END_OF_AUDIO, END_OF_AUDIO, codes)

    def frame_and_logits(self, hidden: mx.array, sample: Sample) -> tuple[mx.array, mx.array]:
        """(hidden,) -> codes (codebooks,) as drawn, and their logits (codebooks, 2049)."""
        inputs = self.depth_linear(hidden[None]).reshape(self.codebooks, -1)  # a matrix here too
        return self.depthformer.frame(inputs, self.depth_embeddings, sample)
