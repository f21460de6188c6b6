"""Quantised weights as mlx-lm and mlx-audio write them: packed integers, with scales and biases for groups of a row."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Self

import mlx.core as mx
import mlx.nn as nn

from lfm.errors import CheckpointError, ConfigError
from lfm.layout import Layout, parameters, slots
from lfm.weights import Tensors

log = logging.getLogger(__name__)

BITS = (2, 3, 4, 5, 6, 8)
GROUP_SIZES = (32, 64, 128)
FED = (1, 64)  # positions at once: a step, and a prompt


@dataclass(frozen=True)
class Packing:
    """How one tensor is packed."""

    group_size: int
    bits: int

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any], where: str) -> Self:
        group_size, bits, mode = raw.get("group_size"), raw.get("bits"), raw.get("mode", "affine")
        if mode != "affine" or bits not in BITS or group_size not in GROUP_SIZES:
            raise ConfigError(
                f"{where} asks for mode {mode!r}, {bits!r} bits in groups of {group_size!r}; supported are mode 'affine', "
                f"{BITS} bits, groups of {GROUP_SIZES}. Choose a 4, 5, 6 or 8 bit conversion."
            )
        return cls(group_size, bits)


@dataclass(frozen=True)
class Quantization:
    """What config.json says of it: a default, and tensors that differ, by the file's names."""

    default: Packing | None = None
    by_path: Mapping[str, Packing] = field(default_factory=dict)

    @classmethod
    def from_config(cls, raw: Mapping[str, Any]) -> Self:
        section = raw.get("quantization")
        if not isinstance(section, dict):
            return cls()
        by_path = {key: Packing.from_dict(value, f"quantization.{key}") for key, value in section.items() if isinstance(value, dict)}
        return cls(Packing.from_dict({"mode": raw.get("quantization_mode", "affine"), **section}, "quantization"), by_path)

    def packing(self, stem: str, tensors: Tensors) -> Packing | None:
        """Of the tensor `stem`.weight; None for one that is not quantised.

        Raises:
            CheckpointError: it is quantised and config.json does not say how, or says something else.
        """
        if f"{stem}.scales" not in tensors:
            return None
        found = self.by_path.get(stem, self.default)
        if found is None:
            raise CheckpointError(f"{tensors.path}: {stem} is quantised, but config.json has no `quantization`. Download it again.")
        width = tensors.shape(f"{stem}.weight")[-1] * 32
        if width != tensors.shape(f"{stem}.scales")[-1] * found.group_size * found.bits or f"{stem}.biases" not in tensors:
            raise CheckpointError(f"{tensors.path}: {stem} is not quantised as config.json says ({found}). Download it again.")
        return found


def quantize_as_stored(model: nn.Module, layout: Layout, tensors: Tensors, quantization: Quantization) -> None:
    """Make quantised modules of those whose tensors are. Left to be dequantised: parts packed in different ways, what is not multiplied."""
    stems = {slot.path: [name.removesuffix(".weight") for name in slot.names] for slot in slots(model, layout)}

    def packing(path: str, module: nn.Module) -> dict[str, int] | bool:
        if not hasattr(module, "to_quantized"):
            return False
        first, *others = (quantization.packing(stem, tensors) for stem in stems[f"{path}.weight"])
        if first is None or any(other != first for other in others):
            return False
        rows, columns = parameters(module)["weight"].shape
        if not multiplied(rows, columns, first):
            return False
        return {"group_size": first.group_size, "bits": first.bits}

    nn.quantize(model, class_predicate=packing)


@cache
def multiplied(rows: int, columns: int, packing: Packing) -> bool:
    """Does this backend multiply by such a matrix as it is? MLX for CUDA does not for every shape, and says so only when asked to."""
    if mx.metal.is_available() or mx.default_device() == mx.cpu:  # a CPU's own loops do (lfm.processor)
        return True
    group_size, bits = packing.group_size, packing.bits
    packed, scales, biases = mx.quantize(mx.zeros((rows, columns), mx.bfloat16), group_size, bits)
    fed = [mx.zeros((n, columns), mx.bfloat16) for n in FED]
    try:
        mx.eval([mx.quantized_matmul(x, packed, scales, biases, True, group_size, bits) for x in fed])
    except RuntimeError as error:
        log.info("Unpacked, for it cannot be multiplied: %s", error)
        return False
    return True


def dequantize(name: str, tensors: Tensors, quantization: Quantization) -> mx.array:
    """A tensor; a packed one unpacked, in float32."""
    stem = name.removesuffix(".weight")
    packing = quantization.packing(stem, tensors) if stem != name else None
    if packing is None:
        return tensors.take(name)
    scales, biases = (tensors.take(f"{stem}.{part}").astype(mx.float32) for part in ("scales", "biases"))
    return mx.dequantize(tensors.take(name), scales, biases, packing.group_size, packing.bits)
