"""Tensors on disk: one safetensors file or its shards, checked before anything is read, then read one tensor at a time."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from lfm.errors import CheckpointError


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        CheckpointError: the file is missing, or it is no JSON object.
    """
    if not path.is_file():
        raise CheckpointError(f"{path.parent} has no {path.name}. Give a folder that holds a whole LFM2-Audio checkpoint.")
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path} cannot be read as JSON ({error}). Download it again.") from error
    if not isinstance(raw, dict):
        raise CheckpointError(f"{path} holds no JSON object. Download it again.")
    return raw


@dataclass(frozen=True)
class Entry:
    """One tensor, as a file's header describes it."""

    file: Path
    shape: tuple[int, ...]
    dtype: str  # as safetensors names it: BF16, F32, U32


def read_header(path: Path) -> dict[str, Entry]:
    """The tensors of a safetensors file, by name.

    Raises:
        CheckpointError: the file is missing, cut short, or something else.
    """
    if not path.is_file():
        raise CheckpointError(f"{path.parent} has no {path.name}. Download the checkpoint again.")
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        if start == b"version ":
            raise CheckpointError(f"{path} is a Git LFS pointer, not the file itself. Run `git lfs pull` in its repository.")
        length = int.from_bytes(start, "little")
        if size < 8 or 8 + length > size:
            raise CheckpointError(f"{path} is cut short ({size} bytes) or no safetensors file. Download it again.")
        try:
            header = json.loads(file.read(length))
            header.pop("__metadata__", None)
            end = max((info["data_offsets"][1] for info in header.values()), default=0)
            entries = {name: Entry(path, tuple(info["shape"]), info["dtype"]) for name, info in header.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise CheckpointError(f"{path} is no safetensors file ({error!r}). Download it again.") from error
    if size < 8 + length + end:
        raise CheckpointError(f"{path} is cut short: it has {size} of {8 + length + end} bytes. Download it again.")
    return entries


class Tensors:
    """The tensors of `model.safetensors`, of its shards, or of another file; lazily read, each handed out once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.entries: dict[str, Entry] = {}
        for file in self._files():
            self.entries |= read_header(file)
        self._arrays: dict[str, mx.array] = {}
        self._opened: set[Path] = set()

    def _files(self) -> list[Path]:
        index = self.path.with_name(self.path.name + ".index.json")
        if self.path.is_file() or not index.is_file():
            return [self.path]
        shards = read_json(index).get("weight_map")
        if not isinstance(shards, dict):
            raise CheckpointError(f"{index} has no weight_map. Download it again.")
        return [self.path.with_name(name) for name in sorted(set(shards.values()))]

    def __contains__(self, name: str) -> bool:
        return name in self.entries

    def shape(self, name: str) -> tuple[int, ...]:
        return self.entries[name].shape

    def rename(self, old: str, new: str) -> None:
        """Let what is stored as `old` be known as `new`, in place of any tensor of that name."""
        self._open(self.entries[old].file)
        self._arrays[new] = self._arrays.pop(old)
        self.entries[new] = self.entries.pop(old)

    def take(self, name: str) -> mx.array:
        """A tensor, not yet evaluated; the caller's reference is the only one."""
        self._open(self.entries[name].file)
        return self._arrays.pop(name)

    def _open(self, file: Path) -> None:
        if file in self._opened:
            return
        self._opened.add(file)
        try:
            arrays = mx.load(str(file))
        except RuntimeError as error:
            raise CheckpointError(f"{file} cannot be read ({error}). Download it again.") from error
        assert isinstance(arrays, dict)
        for name, array in arrays.items():
            self._arrays.setdefault(name, array)
