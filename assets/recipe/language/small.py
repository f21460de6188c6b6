"""Weights alone, in half precision and in files that can be sent: what a run leaves, another begins with, and export reads."""

import json
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

PART = 14e6  # bytes of a file
HELPS = "helps."  # before the names of what is dropped at export


def read(folder: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The model's and those of the helps, in single precision; without helps, as `language.shipped` leaves them, the second is empty."""
    paths = sorted(folder.glob("weights-*.safetensors"))
    if not paths:
        raise SystemExit(f"{folder} holds no weights: `language.train --small` and `language.shipped` leave such folders")
    found = {name: value.float() for path in paths for name, value in load_file(path).items()}
    helps = {name.removeprefix(HELPS): found.pop(name) for name in [*found] if name.startswith(HELPS)}
    return found, helps


def write(folder: Path, model: dict[str, Tensor], helps: dict[str, Tensor], step: int, spent: float) -> None:
    """And how far its schedule had got."""
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[dict[str, Tensor]] = [{}]
    for name, value in (model | {HELPS + name: value for name, value in helps.items()}).items():
        if sum(v.nbytes for v in parts[-1].values()) + 2 * value.numel() > PART:
            parts.append({})
        parts[-1][name] = value.to(torch.float16).cpu().contiguous()
    for n, part in enumerate(parts):
        save_file(part, folder / f"weights-{n}.safetensors")
    (folder / "state.json").write_text(json.dumps({"step": step, "spent": spent}))
