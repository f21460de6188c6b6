"""Begin from a checkpoint that was exported, where the data it was made with is gone: what later stages read of it.

    python -m language.shipped ../pocket --data DATA
        -> DATA/codec/export/, DATA/language/tokenizer.json, DATA/language/start/ (for `language.train --start`)

The heads that help training were dropped at export: they are learned again, with all else held still.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from codec.model import WEIGHTS as MIMI
from language.export import sharpened
from language.saying import SHARPER
from lfm.quantization import Quantization
from lfm.weights import read_json

DETOKENIZER = "audio_detokenizer"


def unpacked(path: Path, config: dict[str, Any]) -> dict[str, Tensor]:
    """All tensors of a file, in single precision."""
    arrays, packed = mx.load(str(path)), Quantization.from_config(config)
    assert isinstance(arrays, dict)
    out = {}
    for name, value in arrays.items():
        stem, _, part = name.rpartition(".")
        if part in ("scales", "biases"):
            continue
        if part == "weight" and f"{stem}.scales" in arrays:
            how = packed.by_path.get(stem, packed.default)
            assert how is not None
            scales, biases = (arrays[f"{stem}.{n}"].astype(mx.float32) for n in ("scales", "biases"))
            value = mx.dequantize(value, scales, biases, how.group_size, how.bits)
            value = value[..., None] if "pointwise_conv" in stem else value  # packed without their single tap
        out[name] = torch.from_numpy(np.array(value.astype(mx.float32)))
    return out


def decoders(checkpoint: Path, export: Path) -> None:
    """Codec and detokenizer as `codec.export` and `detokenizer.train --export` leave them."""
    for config, weights in (("mimi_config.json", MIMI), (f"{DETOKENIZER}/config.json", f"{DETOKENIZER}/model.safetensors")):
        (export / weights).parent.mkdir(parents=True, exist_ok=True)
        raw = read_json(checkpoint / config)
        save_file(unpacked(checkpoint / weights, raw), export / weights, {"format": "pt"})
        (export / config).write_text(json.dumps({k: v for k, v in raw.items() if not k.startswith("quantization")}, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    decoders(args.checkpoint, args.data / "codec" / "export")
    start = args.data / "language" / "start"
    start.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.checkpoint / "tokenizer.json", args.data / "language")
    weights = unpacked(args.checkpoint / "model.safetensors", read_json(args.checkpoint / "config.json"))
    save_file(sharpened(weights, 1 / SHARPER), start / "weights-0.safetensors")
    (start / "state.json").write_text(json.dumps({"step": 0, "spent": 0.0}))


if __name__ == "__main__":
    main()
