"""A checkpoint's files, read and changed as whoever made or spoilt it would."""

import json
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx

MAIN = "model.safetensors"
DETOKENIZER = "audio_detokenizer/model.safetensors"
Tensors = dict[str, mx.array]


def read(folder: Path, file: str = MAIN) -> Tensors:
    tensors = mx.load(str(folder / file))
    assert isinstance(tensors, dict)
    mx.eval(tensors)
    return tensors


def change(folder: Path, edit: Callable[[Tensors], object], file: str = MAIN) -> None:
    tensors = read(folder, file)
    edit(tensors)
    mx.save_safetensors(str(folder / file), tensors)


def change_json(folder: Path, edit: Callable[[dict], object], file: str = "config.json") -> None:
    raw = json.loads((folder / file).read_text())
    edit(raw)
    (folder / file).write_text(json.dumps(raw))
