"""The published Mimi architecture at the pocket's size, and its forward pass for training.

The modules are PyPI moshi's, so that what is trained is by construction what the loader expects.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from moshi.models.compression import MimiModel
from moshi.modules import SEANetDecoder, SEANetEncoder
from moshi.modules.transformer import ProjectedTransformer
from moshi.quantization import SplitResidualVectorQuantizer
from moshi.utils import compile
from safetensors.torch import load_file
from torch import Tensor, nn

from codec.phones import CLASSES
from codec.quantise import books, quantise

compile._compile_disabled = True  # moshi compiles small functions; that is slower on a CPU

BOOKS = 8
SAMPLE_RATE, FRAME_RATE = 24000, 12.5
WEIGHTS = "tokenizer-e351c8d8-checkpoint125.safetensors"


def config(filters: int, width: int, layers: int, code_width: int, context: int) -> dict:
    """The `mimi_config.json` of a size; the rest is as published."""
    return {
        "seanet": {
            "channels": 1,
            "dimension": width,
            "causal": True,
            "n_filters": filters,
            "n_residual_layers": 1,
            "activation": "ELU",
            "compress": 2,
            "dilation_base": 2,
            "disable_norm_outer_blocks": 0,
            "kernel_size": 7,
            "residual_kernel_size": 3,
            "last_kernel_size": 3,
            "norm": "none",
            "pad_mode": "constant",
            "ratios": [8, 6, 5, 4],
            "true_skip": True,
        },
        "transformer": {
            "d_model": width,
            "num_heads": 4,
            "num_layers": layers,
            "causal": True,
            "layer_scale": 0.01,
            "context": context,
            "conv_layout": True,
            "max_period": 10000,
            "gating": "none",
            "norm": "layer_norm",
            "positional_embedding": "rope",
            "dim_feedforward": 4 * width,
            "input_dimension": width,
            "output_dimensions": [width],
        },
        "quantizer": {
            "dimension": code_width,
            "n_q": BOOKS,
            "bins": 2048,
            "input_dimension": width,
            "output_dimension": width,
        },
        "num_codebooks": BOOKS,
        "sample_rate": SAMPLE_RATE,
        "frame_rate": FRAME_RATE,
    }


POCKET = config(filters=16, width=192, layers=3, code_width=64, context=50)
TINY = config(filters=2, width=16, layers=1, code_width=8, context=50)  # for rehearsals


def build(sizes: dict) -> MimiModel:
    """Mimi with fresh weights."""
    encoder, decoder = SEANetEncoder(**sizes["seanet"]), SEANetDecoder(**sizes["seanet"])
    return MimiModel(
        encoder,
        decoder,
        SplitResidualVectorQuantizer(**sizes["quantizer"]),
        channels=1,
        sample_rate=SAMPLE_RATE,
        frame_rate=FRAME_RATE,
        encoder_frame_rate=SAMPLE_RATE / encoder.hop_length,
        causal=True,
        resample_method="conv",
        encoder_transformer=ProjectedTransformer(**sizes["transformer"]),
        decoder_transformer=ProjectedTransformer(**sizes["transformer"]),
    )


@torch.no_grad()
def calibrate(mimi: MimiModel, wav: Tensor) -> None:
    """Scale every fresh convolution so that signals keep unit size on a batch (B, 1, T).

    PyTorch's default start shrinks a signal at every layer until the biases drown it; training
    then stays on "the mean spectrum" for hundreds of steps.
    """
    aims: dict[nn.Module, float] = {mimi.decoder.model[-1].conv.conv: float(wav.std())}
    for part in (mimi.encoder, mimi.decoder):
        aims |= {b.block[-1].conv.conv: 0.5 for b in part.model if hasattr(b, "block")}
    quantizer = mimi.quantizer
    aims |= {q.output_proj: 0.7 for q in (quantizer.rvq_first, quantizer.rvq_rest)}

    def rescale(module: nn.Module, inputs: tuple, out: Tensor) -> Tensor:
        factor = aims.get(module, 1.0) / float(out.std().clamp(min=1e-8))
        module.weight.mul_(factor)
        return out * factor

    hooks = []
    for module in mimi.modules():
        if isinstance(module, nn.Conv1d | nn.ConvTranspose1d):
            if module.bias is not None:
                module.bias.zero_()
            hooks.append(module.register_forward_hook(rescale))
    forward(mimi, wav, acoustic=7, keep=None)
    for hook in hooks:
        hook.remove()


def load(folder: Path) -> MimiModel:
    """The exported codec of a folder, ready to encode and decode."""
    mimi = build(json.loads((folder / "mimi_config.json").read_text()))
    weights = {k: v.float() for k, v in load_file(folder / WEIGHTS).items()}
    mimi.load_state_dict(weights)
    return mimi.eval()


@dataclass
class Coded:
    """What one training pass gives."""

    wav: Tensor  # (B, 1, T)
    first: Tensor  # (B, code width, frames) what the semantic book is to say
    first_quantised: Tensor  # the same after the book, straight-through
    rest: Tensor  # (B, code width, frames) what the acoustic books are to say
    penalty: Tensor  # commitment
    seen: list[tuple[Tensor, Tensor]]  # per book: residuals (N, D), codes (N,)


def forward(mimi: MimiModel, wav: Tensor, acoustic: int, keep: Tensor | None) -> Coded:
    """Encode, quantise with the first `acoustic` of the acoustic books, decode.

    `keep` (B, 1, 1) is true where a clip is decoded from its unquantised latent; None means that
    there are no codebooks yet.
    """
    latent = mimi._encode_to_unquantized_latent(wav)
    one, many = mimi.quantizer.rvq_first, mimi.quantizer.rvq_rest
    first, rest = one.input_proj(latent), many.input_proj(latent)
    if keep is None:
        out = decode(mimi, first, rest)[..., : wav.shape[-1]]
        return Coded(out, first, first, rest, latent.new_zeros(()), [])
    semantic, *others = books(mimi)
    a, b = quantise([semantic], first), quantise(others[:acoustic], rest)
    out = decode(mimi, torch.where(keep, first, a.vectors), torch.where(keep, rest, b.vectors))
    penalty = (a.penalty + acoustic * b.penalty) / (1 + acoustic)
    return Coded(out[..., : wav.shape[-1]], first, a.vectors, rest, penalty, a.seen + b.seen)


def decode(mimi: MimiModel, first: Tensor, rest: Tensor) -> Tensor:
    """Vectors of both splits (B, code width, frames) -> waveform (B, 1, T)."""
    quantizer = mimi.quantizer
    summed = quantizer.rvq_first.output_proj(first) + quantizer.rvq_rest.output_proj(rest)
    (summed,) = mimi.decoder_transformer(mimi._to_encoder_framerate(summed))
    return mimi.decoder(summed)


class PhoneHead(nn.Module):
    """Reads the phones of a frame's four slots off the semantic vector; dropped at export."""

    def __init__(self, code_width: int) -> None:
        super().__init__()
        self.classify = nn.Linear(code_width, 4 * CLASSES)

    def __call__(self, vectors: Tensor) -> Tensor:
        """(B, code width, frames) -> logits (B, frames, 4, classes)."""
        return self.classify(vectors.transpose(1, 2)).unflatten(-1, (4, CLASSES))
