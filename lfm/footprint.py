"""How much memory a checkpoint takes once it is loaded, told from its files' headers."""

import math
from collections.abc import Iterator
from pathlib import Path

import mlx.core as mx

from lfm import blas, computer
from lfm.errors import LfmError
from lfm.quantization import Quantization
from lfm.weights import read_header, read_json

SHARED = 64  # numbers that share a scale in `lfm.processor`; what is packed in smaller groups is unpacked there


def check_memory(folder: Path, dtype: str | None = None, held: int = 0) -> None:
    """Raise LfmError when a checkpoint cannot fit; `held`: bytes that will be freed before it is loaded."""
    memory = computer.memory()
    if memory is None:
        return
    need = needed(folder, dtype)
    if need > memory.usable + held:
        have = (memory.usable + held) / 1e9
        raise LfmError(
            f"Not enough memory for this model: it needs about {need / 1e9:.1f} GB, {have:.1f} GB are free. "
            "Choose a smaller one, or close other programs."
        )


def needed(folder: Path, dtype: str | None = None) -> int:
    """Bytes of weights."""
    on_cpu = mx.default_device() == mx.cpu
    if on_cpu and dtype in (None, "float32") and is_large(folder):
        return as_stored(folder)
    if on_cpu or dtype == "float32":
        return unpacked(folder)
    return sum(path.stat().st_size for path in _files(folder))


def is_large(folder: Path) -> bool:
    """Does a CPU multiply by its matrices as they are stored?"""
    return unpacked(folder) > blas.SMALL


def unpacked(folder: Path) -> int:
    """Bytes in float32."""
    return 4 * sum(size for _, size, _ in _numbers(folder))


def as_stored(folder: Path) -> int:
    """Bytes where packed numbers stay packed, and others take what they take in the file."""
    return int(sum(size * width for _, size, width in _numbers(folder)))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.safetensors") if path.is_file()]


def _numbers(folder: Path) -> Iterator[tuple[str, int, float]]:
    """Each tensor's name, how many numbers it stands for, and the bytes that one takes as `lfm.processor` has it."""
    quantization = Quantization.from_config(read_json(folder / "config.json"))
    for path in _files(folder):
        entries = read_header(path)
        for name, entry in entries.items():
            owner, _, part = name.rpartition(".")
            if f"{owner}.scales" not in entries:
                yield name, math.prod(entry.shape), 2 if entry.dtype == "BF16" else 4
            elif part == "scales" and (packing := quantization.by_path.get(owner, quantization.default)):
                width = 4 if packing.group_size < SHARED else 0.5 if packing.bits == 4 else 1
                yield name, math.prod(entry.shape) * packing.group_size, width
