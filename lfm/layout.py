"""Where a checkpoint keeps what a module of ours holds: names, order of rows, order of axes.

One way only, from our parameter to the names of its parts on disk, so that a missing or misshapen tensor is reported
by its published name. The axes follow from the kind of module that wants the tensor, never from a shape.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_flatten

from lfm.model.convolutions import CausalConv1d, CausalConvTranspose1d, StridedConv1d
from lfm.model.fast_cpu import HeadNorm
from lfm.model.lfm2 import Attention, Block, ShortConv, SwiGLU
from lfm.model.mimi import ResidualQuantizer
from lfm.model.weighted import DepthwiseKernel

Rule = tuple[str, ...]  # a pattern, and what it becomes: several names are the parts whose rows follow one another


@dataclass(frozen=True)
class Layout:
    """How one kind of file names and lays out its tensors."""

    rules: tuple[Rule, ...]
    unused: str  # names that inference never needs
    channels_last: bool = False  # convolutions as MLX has them: (out, kernel…, in) instead of (out, in, kernel…)

    def names(self, path: str) -> list[str]:
        """The parts of one of our parameters, on disk."""
        names = [path]
        for pattern, *replacements in self.rules:
            names = [re.sub(pattern, new, name) for name in names for new in (replacements if re.search(pattern, name) else [r"\g<0>"])]
        return names


HEADS: Rule = (r"\.qk_layernorm\.", ".q_layernorm.", ".k_layernorm.")
FUSED: tuple[Rule, ...] = (
    (r"\.self_attn\.qkv_proj\.", ".self_attn.q_proj.", ".self_attn.k_proj.", ".self_attn.v_proj."),
    (r"\.feed_forward\.w13\.", ".feed_forward.w1.", ".feed_forward.w3."),
)
BUFFERS = r"codebook_offsets|audio_loss_weights|.*\.(num_batches_tracked|inv_freq|freqs|freqs_cis)|.*pos_enc\.pe"
UNUSED = rf"audio_embedding\.(embedding_norm|to_logits)\..*|{BUFFERS}"

PUBLISHED = Layout(
    rules=(
        HEADS,
        (r"^(depthformer\..*)\.self_attn\.([qk]_layernorm)\.", r"\1.operator.bounded_attention.\2."),
        (r"^(depthformer\..*)\.self_attn\.", r"\1.operator."),
        (r"^audio_embedding\.", "audio_embedding.embedding."),
        *FUSED,
    ),
    unused=UNUSED,
)

CONVERTED = Layout(  # mlx-audio's lfm_audio, as in the mlx-community repositories
    rules=(
        HEADS,
        *FUSED,
        (r"^audio_embedding\.", "audio_embedding.embedding."),
        (r"^audio_adapter\.model\.", "audio_adapter.layers."),
        (r"^depthformer\.layers\.", "audio_head.depthformer.blocks."),
        (r"^(audio_head\..*)\.self_attn\.out_proj\.", r"\1.attn.o_proj."),
        (r"^(audio_head\..*)\.self_attn\.([qk])_layernorm\.", r"\1.attn.\2_norm."),
        (r"^(audio_head\..*)\.self_attn\.", r"\1.attn."),
        (r"^(audio_head\..*)\.operator_norm\.", r"\1.attn_norm."),
        (r"^(audio_head\..*)\.feed_forward\.", r"\1.ffn."),
        (r"^conformer\.", "audio_encoder."),
        (r"^(audio_encoder\..*)\.norm_feed_forward([12])\.", r"\1.ff\2_norm."),
        (r"^(audio_encoder\..*)\.feed_forward([12])\.", r"\1.ff\2."),
        (r"^(audio_encoder\..*)\.norm_self_att\.", r"\1.attn_norm."),
        (r"^(audio_encoder\..*)\.norm_conv\.", r"\1.conv_norm."),
        (r"^(audio_encoder\..*)\.norm_out\.", r"\1.final_norm."),
        (r"^(audio_encoder\..*)\.self_attn\.linear_(q|k|v|pos)\.", r"\1.attn.\2_proj."),
        (r"^(audio_encoder\..*)\.self_attn\.linear_out\.", r"\1.attn.out_proj."),
        (r"^(audio_encoder\..*)\.self_attn\.pos_bias_", r"\1.attn.pos_bias_"),
        (r"^(audio_encoder\..*)\.conv\.batch_norm\.", r"\1.conv.norm."),
    ),
    unused=UNUSED,
    channels_last=True,
)

DETOKENIZER = Layout(rules=(HEADS, *FUSED), unused=r"lfm\.embed_tokens\.weight|istft\.window")

MIMI = Layout(
    rules=(
        (r"^(downsample|upsample)\.(convtr|conv)\.", r"\1.\2.\2.\2."),
        (r"^((?:en|de)coder\.model\..*\d)\.bias$", r"\1.conv.bias"),
        (r"^((?:en|de)coder\..*)\.(convtr|conv)\.", r"\1.\2.\2."),
        (r"\.self_attn\.in_proj\.weight$", ".self_attn.in_proj_weight"),
    ),
    unused=r"quantizer\.rvq_(first|rest)\.vq\.layers\.\d+\._codebook\..*",
)


@dataclass(frozen=True)
class Slot:
    """One parameter of a module, and where it comes from."""

    path: str  # in our module
    names: list[str]  # on disk
    module: nn.Module  # that has it
    parent: nn.Module | None
    value: mx.array  # as initialised, not evaluated: its shape is what is wanted

    @property
    def rows(self) -> list[int] | None:
        """How many rows each part has; None for a single part."""
        if len(self.names) == 1:
            return None
        match self.parent:
            case Attention() as attention if isinstance(self.module, HeadNorm):
                return [attention.n_heads, attention.n_kv_heads]
            case Attention() as attention:
                kv = attention.n_kv_heads * attention.head_dim
                return [attention.n_heads * attention.head_dim, kv, kv]
            case SwiGLU():
                return [self.value.shape[0] // 2] * 2
        raise TypeError(f"{self.path}: how {type(self.parent).__name__} is split is not known")


def parameters(model: nn.Module) -> dict[str, mx.array]:
    """All of a module's parameters, by path."""
    return dict(tree_flatten(model.parameters()))  # type: ignore[arg-type]


def slots(model: nn.Module, layout: Layout) -> Iterator[Slot]:
    """Every parameter of `model`."""
    modules = dict(model.named_modules())
    operators = {
        f"{path}.operator": f"{path}.conv" if isinstance(block.operator, ShortConv) else f"{path}.self_attn"
        for path, block in modules.items()
        if isinstance(block, Block)
    }
    for path, value in parameters(model).items():
        owner, _, key = path.rpartition(".")
        above = owner.rpartition(".")[0]
        stem = operators.get(owner, operators.get(above, above) + owner[len(above) :])
        module = modules[owner]
        if isinstance(module, ResidualQuantizer) and key == "codebooks":
            names = [f"{stem}.vq.layers.{i}._codebook.{part}" for i in range(value.shape[0]) for part in ("embedding_sum", "cluster_usage")]
        else:
            names = layout.names(f"{stem}.{key}")
        yield Slot(path, names, module, modules.get(above), value)


def relayout(slot: Slot, tensor: mx.array, channels_last: bool) -> mx.array:
    """A tensor's axes in the order that the module wants.

    Raises:
        ValueError: the tensor has other axes than such a module's tensor has.
    """
    if isinstance(slot.parent, CausalConvTranspose1d):
        return upsampling(tensor, slot.parent.stride)
    if not slot.path.endswith(".weight"):
        return tensor
    match slot.module:
        case nn.Conv2d():
            return tensor if channels_last else mx.contiguous(mx.moveaxis(tensor, 1, -1))  # a view would be copied at every call
        case DepthwiseKernel():  # (channels, 1, kernel)
            return mx.squeeze(tensor, -1 if channels_last else 1)
        case nn.Linear() if tensor.ndim > 2:  # a convolution, by what each output sees
            tensor = tensor if channels_last else mx.moveaxis(tensor, 1, -1)
            kernel = (slot.parent.kernel,) if isinstance(slot.parent, CausalConv1d | StridedConv1d) else (1,) * (tensor.ndim - 2)
            if tensor.shape[1:-1] != kernel:
                raise ValueError(f"{tensor.shape} is another kernel")
            return mx.contiguous(tap_by_tap(tensor) if isinstance(slot.parent, CausalConv1d) else tensor.flatten(1))
    return tensor


def tap_by_tap(tensor: mx.array) -> mx.array:
    """A convolution's weight (out, kernel, in) -> (kernel out, in), the oldest input's tap first."""
    return tensor.swapaxes(0, 1).flatten(0, 1)


def upsampling(tensor: mx.array, stride: int) -> mx.array:
    """A transposed convolution's weight (in, out, 2 stride) or bias (out,) -> (stride out, 2 in), older input first, or (stride out,)."""
    if tensor.ndim == 1:
        return mx.tile(tensor, stride)
    new_then_old = tensor.reshape(*tensor.shape[:2], 2, stride)
    return mx.contiguous(new_then_old[:, :, ::-1].transpose(3, 1, 2, 0)).reshape(-1, 2 * len(tensor))


def codebooks(parts: list[mx.array]) -> mx.array:
    """Sums and usages in turn, (bins, C) and (bins,) -> tables (n, bins, C), as moshi's EuclideanCodebook has them."""
    sums = [part.astype(mx.float32) for part in parts[::2]]
    usages = [mx.maximum(part.astype(mx.float32), 1e-5) for part in parts[1::2]]
    return mx.stack([total / usage[:, None] for total, usage in zip(sums, usages, strict=True)])
