"""A folder to a model: config, weights, decoders of sound and tokenizer, or one sentence about what is wrong."""

import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import mlx.core as mx
import mlx.nn as nn

from lfm import blas
from lfm.columns import lay_out
from lfm.config import DetokenizerConfig, LfmAudioConfig, MimiConfig
from lfm.errors import CheckpointError, ConfigError, LfmError
from lfm.family import VOICES, family_of, identify
from lfm.footprint import is_large
from lfm.layout import CONVERTED, DETOKENIZER, MIMI, PUBLISHED, Layout, Slot, codebooks, parameters, relayout, slots
from lfm.lexicon import Lexicon, lexicon_of
from lfm.model.detokenizer import Detokenizer
from lfm.model.fast_cpu import HeadNorm
from lfm.model.lfm_audio import LfmAudio
from lfm.model.mimi import Mimi, ResidualQuantizer
from lfm.options import DecoderName
from lfm.quantization import Quantization, dequantize, quantize_as_stored
from lfm.status import ModelInfo
from lfm.tokenizer import Tokenizer
from lfm.weights import Tensors, read_json
from lfm.wishes import wishes_of

CONTEXT = 32_768  # as the model card says; config.json's 128,000 is what RoPE was made for, not what was trained
MIMI_FILE = "tokenizer-e351c8d8-checkpoint125.safetensors"
DETOKENIZER_FOLDER = "audio_detokenizer"
DTYPES = {"float32": mx.float32, "bfloat16": mx.bfloat16, "float16": mx.float16}
SHOWN = 3  # names in a message

Config = TypeVar("Config")


@dataclass(frozen=True)
class LoadedModel:
    """All that answering takes. Made, used and dropped on one thread."""

    model: LfmAudio
    decoders: dict[DecoderName, Mimi | Detokenizer]  # the default one first
    tokenizer: Tokenizer
    config: LfmAudioConfig
    info: ModelInfo
    beams: int = 1  # texts that recognition keeps side by side
    lexicon: Lexicon | None = None  # words that it prefers

    def decoder(self, name: DecoderName | None = None) -> Mimi | Detokenizer:
        """The one of that name, or the default."""
        if name is not None and name not in self.decoders:
            raise LfmError(f"{self.info.name} has no {name}. Choose {' or '.join(self.decoders)}.")
        return self.decoders[name or next(iter(self.decoders))]

    @property
    def sample_rate(self) -> int:
        """Of the sound that every decoder makes."""
        return self.decoder().sample_rate


def load(folder: Path, dtype: str | None = None, name: str = "", as_stored: bool | None = None) -> LoadedModel:
    """Read a checkpoint, published or converted by mlx-audio.

    Weights are bfloat16 on a GPU, where quantised ones stay quantised. A CPU computes in float32, and a large model's matrices stay as
    they are stored. The decoders of sound compute in float32 everywhere, as in the reference: they are small, and a phase in bfloat16
    is heard.

    Args:
        dtype: of the weights and activations, instead of the backend's: float32, bfloat16 or float16.
        name: what the user called it, for the page; the folder's by default.
        as_stored: multiply by matrices as they are stored, with `lfm.processor`; by default where a CPU has a large model.

    Raises:
        CheckpointError: something is missing, damaged or of another model.
        ConfigError: it asks for something that is not implemented.
    """
    on_cpu = mx.default_device() == mx.cpu
    wanted = _dtype(dtype or ("float32" if on_cpu else "bfloat16"))
    raw = read_json(folder / "config.json")
    identify(raw, str(folder))
    config = _parse(folder / "config.json", LfmAudioConfig.from_dict, raw)
    tokenizer = Tokenizer(folder / "tokenizer.json")

    tensors = Tensors(folder / "model.safetensors")
    converted = any(key.startswith("audio_encoder.") for key in tensors.entries)
    layout = CONVERTED if converted else PUBLISHED
    quantization = Quantization.from_config(raw)
    if as_stored is None:
        as_stored = on_cpu and wanted == mx.float32 and is_large(folder)
    model = LfmAudio(config)
    if config.depth_tied:
        use_last_of_tied(tensors)
    if as_stored or not on_cpu:
        quantize_as_stored(model, layout, tensors, quantization)
    fill(model, tensors, layout, wanted, quantization, as_stored)

    decoders: dict[DecoderName, Mimi | Detokenizer] = {}
    if (folder / DETOKENIZER_FOLDER).is_dir():
        decoders["Detokenizer"] = _detokenizer(folder / DETOKENIZER_FOLDER, as_stored)
    if (folder / MIMI_FILE).is_file():
        decoders["Mimi"] = _mimi(folder, config.codebooks)
    if not decoders:
        raise CheckpointError(f"{folder} has neither {DETOKENIZER_FOLDER}/ nor {MIMI_FILE}: one is needed for sound. Download it again.")
    if as_stored:
        from lfm.processor.replace import multiply_as_stored  # Numba takes half a second to import

        multiply_as_stored(model, *decoders.values())
    else:
        lay_out(model, decoders.values())
    mx.clear_cache()  # what the conversion of dtypes left behind

    wishes = wishes_of(folder)
    family = family_of(config, "Detokenizer" in decoders)
    bits = [module.bits for module in model.modules() if hasattr(module, "scales")]
    kind = str(model.lfm.embed_tokens.weight.dtype).removeprefix("mlx.core.")
    info = ModelInfo(
        name=name or str(folder),
        family=family,
        precision=f"{max(bits)}-bit" if bits else kind,
        parameters=_count(model),
        memory=sum(value.nbytes for module in (model, *decoders.values()) for value in parameters(module).values()),
        decoders=tuple(decoders),
        voices=VOICES[family],
        context=min(CONTEXT, config.lfm.context),
        device=str(mx.device_info().get("device_name", "")),
        noise=bool(raw["lfm"].get("noise", False)),
        words_alone=wishes.words_alone,
        one_by_one=wishes.one_by_one,
        longest=wishes.longest,
    )
    if on_cpu:
        blas.suit(info.memory)
    return LoadedModel(model, decoders, tokenizer, config, info, wishes.beams, lexicon_of(folder, lambda token: tokenizer.decode([token])))


def keep_resident(weights: int) -> None:
    """Ask macOS to keep so many bytes of weights in memory while nobody talks."""
    if mx.metal.is_available():
        with contextlib.suppress(RuntimeError, ValueError):  # before macOS 15 it cannot, and all else works
            mx.set_wired_limit(min(weights, int(mx.device_info()["max_recommended_working_set_size"])))


def fill(module: nn.Module, tensors: Tensors, layout: Layout, dtype: mx.Dtype, quantization: Quantization, as_stored: bool = False) -> None:
    """Give every parameter of `module` its value, evaluated one at a time so that no file is held twice.

    Args:
        dtype: what numbers become, but matrices in bfloat16 where those stay `as_stored`.

    Raises:
        CheckpointError: a tensor is missing, left over or of another shape.
    """
    wanted = list(slots(module, layout))
    needed = {name for slot in wanted for name in slot.names}
    _report(tensors, "has no {names}. Download it again, or check that config.json belongs to it.", needed - tensors.entries.keys())
    packed = {f"{name.removesuffix('.weight')}.{part}" for name in needed for part in ("scales", "biases") if name.endswith(".weight")}
    left = [name for name in tensors.entries if name not in needed | packed and not re.fullmatch(layout.unused, name)]
    _report(tensors, "holds {names}, for which this model has no place. Is it a checkpoint of another model?", left)
    values = []
    for slot in wanted:
        value = _value(slot, tensors, layout, quantization)
        matrix = slot.path.endswith("weight") and isinstance(slot.module, nn.Linear | nn.Embedding)
        stays = as_stored and matrix and value.dtype == mx.bfloat16
        if mx.issubdtype(value.dtype, mx.floating) and not stays:  # packed weights are integers
            value = value.astype(dtype)
        mx.eval(value)
        values.append((slot.path, value))
    module.load_weights(values, strict=False)
    module.eval()  # the batch norm of the encoder uses what it was trained with


def _value(slot: Slot, tensors: Tensors, layout: Layout, quantization: Quantization) -> mx.array:
    """What a slot wants, from its parts on disk."""
    shapes = ", ".join(f"{name} {tensors.shape(name)}" for name in slot.names[:SHOWN])
    error = CheckpointError(
        f"{tensors.path}: {shapes} does not fit config.json, which asks for {slot.value.shape} as {slot.path}. "
        "Check that both files belong together."
    )
    keep = "scales" in slot.module
    parts = [tensors.take(name) if keep else dequantize(name, tensors, quantization) for name in slot.names]
    try:
        if isinstance(slot.module, ResidualQuantizer) and slot.path.endswith("codebooks"):
            value = codebooks(parts)
        elif isinstance(slot.module, HeadNorm) and slot.rows:  # heads of a kind share one on disk
            value = mx.concatenate([mx.broadcast_to(part, (heads, *part.shape)) for heads, part in zip(slot.rows, parts, strict=True)])
        else:
            parts = [relayout(slot, part, layout.channels_last) for part in parts]
            if slot.rows and [len(part) for part in parts] != slot.rows:
                raise error
            value = parts[0] if len(parts) == 1 else mx.concatenate(parts)
    except ValueError:
        raise error from None
    if value.shape != slot.value.shape:
        raise error
    return value


def use_last_of_tied(tensors: Tensors) -> None:
    """Where a codebook's table is its head too, a file may hold both: the reference keeps the one it loads last, the head."""
    for name in list(tensors.entries):
        if match := re.fullmatch(r"(depth_embeddings\.\d+)\.to_logits\.(.+)", name):
            tensors.rename(name, f"{match[1]}.embedding.{match[2]}")


def _detokenizer(folder: Path, as_stored: bool) -> Detokenizer:
    raw = read_json(folder / "config.json")
    detokenizer = Detokenizer(_parse(folder / "config.json", DetokenizerConfig.from_dict, raw))
    fill(detokenizer, Tensors(folder / "model.safetensors"), DETOKENIZER, mx.float32, Quantization.from_config(raw), as_stored)
    return detokenizer


def _mimi(folder: Path, n_codebooks: int) -> Mimi:
    path = folder / "mimi_config.json"
    raw = read_json(path) if path.is_file() else {}
    config = _parse(path, MimiConfig.from_dict, raw) if raw else MimiConfig()
    mimi = Mimi(replace(config, codebooks=n_codebooks))
    fill(mimi, Tensors(folder / MIMI_FILE), MIMI, mx.float32, Quantization.from_config(raw))
    return mimi


def _parse(path: Path, parse: Callable[[dict[str, Any]], Config], raw: dict[str, Any]) -> Config:
    """A config dataclass from JSON; a value of a wrong kind is a ConfigError too."""
    try:
        return parse(raw)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path} has a value missing or of a wrong kind ({error!r}). Download it again.") from error


def _dtype(name: str) -> mx.Dtype:
    if name not in DTYPES:
        raise ConfigError(f"{name!r} is no dtype for the weights. Choose one of {', '.join(DTYPES)}.")
    return DTYPES[name]


def _report(tensors: Tensors, message: str, names: set[str] | list[str]) -> None:
    """Raise CheckpointError naming the first few of `names`, if there are any."""
    if names:
        first = ", ".join(sorted(names)[:SHOWN])
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        raise CheckpointError(f"{tensors.path} {message.format(names=first + more)}")


def _count(model: nn.Module) -> int:
    """Parameters, a quantised weight counting for what it stands for, and what heads share once."""
    modules, total = dict(model.named_modules()), 0
    for path, value in parameters(model).items():
        owner, _, key = path.rpartition(".")
        module = modules[owner]
        if isinstance(module, HeadNorm):
            total += 2 * value.shape[1]
        elif "scales" not in module or key == "bias":
            total += value.size
        elif key == "scales":
            total += value.size * module.group_size
    return total
