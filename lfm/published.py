"""The published files in full: every tensor's name and shape, at any size, and how large its random numbers should be."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

from lfm.config import AUDIO_VOCAB, END_OF_AUDIO, swiglu_size
from lfm.sizes import CODEBOOKS, CODES, RATIOS, STORED_CODEBOOKS, Size

LOUD_TOKENS = {7: 2.2, 128: 8.0, 130: 2.0}  # <|im_end|>, <|audio_start|>, <|text_end|>: rows of the text head, so much longer
LOUD_CODES = {END_OF_AUDIO: 3.0}


@dataclass(frozen=True)
class Tensor:
    """A tensor to be drawn."""

    name: str
    shape: tuple[int, ...]
    std: float
    mean: float = 0.0
    loud: dict[int, float] = field(default_factory=dict)  # rows to be multiplied
    key: str = ""  # instead of the name, of another tensor with the same numbers


def weight(name: str, *shape: int, gain: float = 1.0) -> Tensor:
    """A matrix or a kernel (out, in, …) that keeps the size of what goes through it."""
    return Tensor(f"{name}.weight", shape, gain / math.sqrt(math.prod(shape[1:])))


def linear(name: str, *shape: int, gain: float = 1.0) -> Iterator[Tensor]:
    """The same with a bias."""
    yield weight(name, *shape, gain=gain)
    yield Tensor(f"{name}.bias", shape[:1], 0.02)


def norm(name: str, dim: int, bias: bool = False) -> Iterator[Tensor]:
    yield Tensor(f"{name}.weight", (dim,), 0.1, mean=1.0)
    if bias:
        yield Tensor(f"{name}.bias", (dim,), 0.02)


def main_tensors(size: Size) -> Iterator[Tensor]:
    """model.safetensors."""
    yield from conformer(size)
    yield from norm("audio_adapter.model.0", size.encoder, bias=True)
    yield from linear("audio_adapter.model.1", size.hidden, size.encoder)
    yield from linear("audio_adapter.model.3", size.hidden, size.hidden)
    yield Tensor("lfm.embed_tokens.weight", (size.vocab, size.hidden), size.hidden**-0.5, loud=LOUD_TOKENS)
    yield from norm("lfm.embedding_norm", size.hidden)
    yield from lfm2(size.layers, size.hidden, size.heads, size.kv_heads, effective(size.ff, size))
    yield from shared_embedding("audio_embedding", CODEBOOKS * AUDIO_VOCAB, size.hidden, tied=False)
    yield from linear("depth_linear", CODEBOOKS * size.depth, size.hidden)
    for i in range(CODEBOOKS):
        yield from shared_embedding(f"depth_embeddings.{i}", AUDIO_VOCAB, size.depth, tied=True)
    head, ff = size.depth // 32, swiglu_size({"block_ff_dim": 4 * size.depth}, "depthformer")
    for i in range(size.depth_layers):
        name = f"depthformer.layers.{i}"
        yield weight(f"{name}.operator.qkv_proj", 48 * head, size.depth)  # 32 heads of queries, 8 of keys, 8 of values
        yield weight(f"{name}.operator.out_proj", size.depth, size.depth)
        yield from norm(f"{name}.operator.bounded_attention.q_layernorm", head)
        yield from norm(f"{name}.operator.bounded_attention.k_layernorm", head)
        yield from feed_forward(name, size.depth, ff)
    yield Tensor("codebook_offsets", (CODEBOOKS,), 0.0)
    yield Tensor("audio_loss_weights", (CODEBOOKS,), 0.0, mean=1.0)


def effective(ff: int, size: Size) -> int:
    return swiglu_size({"block_ff_dim": ff, "block_multiple_of": size.ff_multiple}, "published")


def shared_embedding(name: str, rows: int, dim: int, tied: bool) -> Iterator[Tensor]:
    loud = LOUD_CODES if tied else {}
    yield Tensor(f"{name}.embedding.weight", (rows, dim), dim**-0.5, loud=loud)
    yield from norm(f"{name}.embedding_norm", dim)
    yield Tensor(f"{name}.to_logits.weight", (rows, dim), dim**-0.5, loud=loud, key=f"{name}.embedding.weight" if tied else "")


def feed_forward(name: str, dim: int, ff: int) -> Iterator[Tensor]:
    """The gated half of an LFM2 block, and the norms of both halves."""
    yield from norm(f"{name}.operator_norm", dim)
    yield from norm(f"{name}.ffn_norm", dim)
    yield weight(f"{name}.feed_forward.w1", ff, dim)
    yield weight(f"{name}.feed_forward.w3", ff, dim)
    yield weight(f"{name}.feed_forward.w2", dim, ff)


def lfm2(layers: str, dim: int, heads: int, kv_heads: int, ff: int) -> Iterator[Tensor]:
    head = dim // heads
    for i, kind in enumerate(layers):
        name = f"lfm.layers.{i}"
        if kind == "c":
            yield weight(f"{name}.conv.in_proj", 3 * dim, dim)
            yield weight(f"{name}.conv.conv", dim, 1, 3)
            yield weight(f"{name}.conv.out_proj", dim, dim)
        else:
            yield weight(f"{name}.self_attn.q_proj", dim, dim)
            yield weight(f"{name}.self_attn.k_proj", kv_heads * head, dim)
            yield weight(f"{name}.self_attn.v_proj", kv_heads * head, dim)
            yield weight(f"{name}.self_attn.out_proj", dim, dim)
            yield from norm(f"{name}.self_attn.q_layernorm", head)
            yield from norm(f"{name}.self_attn.k_layernorm", head)
        yield from feed_forward(name, dim, ff)


def conformer(size: Size) -> Iterator[Tensor]:
    dim, channels = size.encoder, size.channels
    for i, inputs, kernel in ((0, 1, 3), (2, 1, 3), (3, channels, 1), (5, 1, 3), (6, channels, 1)):
        yield from linear(f"conformer.pre_encode.conv.{i}", channels, inputs, kernel, kernel, gain=1.4)
    yield from linear("conformer.pre_encode.out", dim, channels * 16)
    for i in range(size.encoder_layers):
        name = f"conformer.layers.{i}"
        for part in ("norm_feed_forward1", "norm_self_att", "norm_conv", "norm_feed_forward2", "norm_out", "conv.batch_norm"):
            yield from norm(f"{name}.{part}", dim, bias=True)
        for part in ("feed_forward1", "feed_forward2"):
            yield from linear(f"{name}.{part}.linear1", 4 * dim, dim)
            yield from linear(f"{name}.{part}.linear2", dim, 4 * dim)
        for part in ("q", "k", "v", "out"):
            yield from linear(f"{name}.self_attn.linear_{part}", dim, dim)
        yield weight(f"{name}.self_attn.linear_pos", dim, dim)
        for part in ("u", "v"):
            yield Tensor(f"{name}.self_attn.pos_bias_{part}", (size.encoder_heads, dim // size.encoder_heads), 0.1)
        yield from linear(f"{name}.conv.pointwise_conv1", 2 * dim, dim, 1)
        yield from linear(f"{name}.conv.depthwise_conv", dim, 1, 9)
        yield from linear(f"{name}.conv.pointwise_conv2", dim, dim, 1)
        yield Tensor(f"{name}.conv.batch_norm.running_mean", (dim,), 0.1)
        yield Tensor(f"{name}.conv.batch_norm.running_var", (dim,), 0.05, mean=0.5)
        yield Tensor(f"{name}.conv.batch_norm.num_batches_tracked", (), 0.0)


def detokenizer_tensors(size: Size) -> Iterator[Tensor]:
    """audio_detokenizer/model.safetensors."""
    dim = size.detokenizer
    yield Tensor("emb.emb.weight", (CODEBOOKS * CODES, dim), 1.0)
    yield Tensor("lfm.embed_tokens.weight", (size.vocab, dim), 0.02)
    yield from norm("lfm.embedding_norm", dim)
    yield from lfm2(size.detokenizer_layers, dim, size.detokenizer_heads, size.detokenizer_heads // 2, effective(size.detokenizer_ff, size))
    yield from linear("lin", 1282, dim, gain=0.8)
    yield Tensor("istft.window", (1280,), 0.0, mean=1.0)


def mimi_tensors(size: Size) -> Iterator[Tensor]:
    """tokenizer-e351c8d8-checkpoint125.safetensors."""
    dim, width = size.codec, size.codec_filters
    yield from linear("encoder.model.0.conv.conv", width, 1, 7)
    for i, ratio in enumerate(reversed(RATIOS)):
        yield from residual(f"encoder.model.{3 * i + 1}", width)
        yield from linear(f"encoder.model.{3 * i + 3}.conv.conv", 2 * width, width, 2 * ratio, gain=1.4)
        width *= 2
    yield from linear("encoder.model.14.conv.conv", dim, width, 3, gain=1.4)
    for side in ("encoder", "decoder"):
        for i in range(size.codec_layers):
            yield from codec_layer(f"{side}_transformer.transformer.layers.{i}", dim, size.codec_ff)
    yield weight("downsample.conv.conv.conv", dim, dim, 4)
    yield Tensor("upsample.convtr.convtr.convtr.weight", (dim, 1, 4), 0.7)
    for name, stored in (("rvq_first", 1), ("rvq_rest", STORED_CODEBOOKS - 1)):
        yield weight(f"quantizer.{name}.input_proj", size.codec_dim, dim, 1)
        yield weight(f"quantizer.{name}.output_proj", dim, size.codec_dim, 1)
        for i in range(stored):
            codebook = f"quantizer.{name}.vq.layers.{i}._codebook"
            yield Tensor(f"{codebook}._initialized", (1,), 0.0, mean=1.0)
            yield Tensor(f"{codebook}.cluster_usage", (CODES,), 0.3, mean=3.0)
            yield Tensor(f"{codebook}.embedding_sum", (CODES, size.codec_dim), 2.0)
    yield from linear("decoder.model.0.conv.conv", width, dim, 7)
    for i, ratio in enumerate(RATIOS):
        yield Tensor(f"decoder.model.{3 * i + 2}.convtr.convtr.weight", (width, width // 2, 2 * ratio), (2 * width) ** -0.5)
        width //= 2
        yield Tensor(f"decoder.model.{3 * i + 2}.convtr.convtr.bias", (width,), 0.02)
        yield from residual(f"decoder.model.{3 * i + 3}", width)
    yield from linear("decoder.model.14.conv.conv", 1, width, 3, gain=0.1)


def residual(name: str, width: int) -> Iterator[Tensor]:
    yield from linear(f"{name}.block.1.conv.conv", width // 2, width, 3)
    yield from linear(f"{name}.block.3.conv.conv", width, width // 2, 1)


def codec_layer(name: str, dim: int, ff: int) -> Iterator[Tensor]:
    yield from norm(f"{name}.norm1", dim, bias=True)
    yield from norm(f"{name}.norm2", dim, bias=True)
    yield Tensor(f"{name}.self_attn.in_proj_weight", (3 * dim, dim), dim**-0.5)
    yield weight(f"{name}.self_attn.out_proj", dim, dim)
    yield weight(f"{name}.linear1", ff, dim)
    yield weight(f"{name}.linear2", dim, ff)
    yield Tensor(f"{name}.layer_scale_1.scale", (dim,), 0.02, mean=0.1)
    yield Tensor(f"{name}.layer_scale_2.scale", (dim,), 0.02, mean=0.1)
