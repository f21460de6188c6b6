"""Pack a checkpoint's matrices into few bits, in the published layout, as the loader reads them back.

    python -m lfm quantize FOLDER TARGET --recipe mixed

The decoders of sound stay as they are: they are small, and their errors are heard.
"""

import argparse
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx

from lfm.errors import LfmError
from lfm.quantization import GROUP_SIZES
from lfm.weights import Tensors, read_json

MATRIX = r"(lfm|depthformer|depth_embeddings|depth_linear|audio_embedding|audio_adapter|conformer\.layers)\b.*(?<!norm)\.weight"
# What is read once a token keeps few bits; what forgives least, or is small, keeps more. The first pattern that fits counts.
MIXED = (
    (r"depth|audio_embedding", 8),  # a wrong code is heard
    (r"conformer|audio_adapter", 8),  # small beside the backbone, and read once a question
    (r"lfm\.embed_tokens", 6),  # the text head too
    (r"lfm\.layers\.\d+\.conv\.", 6),  # gates multiply: errors of both factors meet
    (r"", 4),
)
RECIPES: dict[str, Callable[[str], int]] = {
    **{f"{bits}bit": lambda stem, bits=bits: bits for bits in (4, 5, 6, 8)},
    "mixed": lambda stem: next(bits for pattern, bits in MIXED if re.match(pattern, stem)),
}


def group_size(columns: int) -> int | None:
    """64 where it divides the row, else what does; None: such a row cannot be packed."""
    return next((size for size in sorted(GROUP_SIZES, key=lambda size: abs(size - 64)) if columns % size == 0), None)


def quantize(source: Path, target: Path, recipe: str) -> Path:
    """Write `source` with its matrices packed.

    Raises:
        LfmError: the source is packed already, or there is no such recipe.
        CheckpointError: the source is no checkpoint.
    """
    if recipe not in RECIPES:
        raise LfmError(f"There is no recipe {recipe!r}. Choose one of: {', '.join(RECIPES)}.")
    config = read_json(source / "config.json")
    if "quantization" in config:
        raise LfmError(f"{source} is quantised already. Start from the bfloat16 checkpoint.")
    tensors = Tensors(source / "model.safetensors")
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("golden.*"), dirs_exist_ok=True)
    packed: dict[str, mx.array] = {}
    ways: dict[str, dict[str, int]] = {}
    for name in list(tensors.entries):
        shape, stem = tensors.shape(name), name.removesuffix(".weight")
        group = group_size(shape[1]) if len(shape) == 2 and re.fullmatch(MATRIX, name) else None
        if group is None:
            packed[name] = tensors.take(name)
            continue
        bits = RECIPES[recipe](stem)
        ways[stem] = {"group_size": group, "bits": bits}
        parts = mx.quantize(tensors.take(name), group, bits)
        mx.eval(parts)
        packed |= dict(zip((name, f"{stem}.scales", f"{stem}.biases"), parts, strict=True))
    usual = max(ways.values(), key=list(ways.values()).count)
    config["quantization"] = usual | {stem: way for stem, way in ways.items() if way != usual}
    for shard in target.glob("model*.safetensors*"):
        shard.unlink()
    mx.save_safetensors(str(target / "model.safetensors"), packed, {"format": "mlx"})
    (target / "config.json").write_text(json.dumps(config, indent=1), encoding="utf-8")
    return target


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m lfm quantize", description="Pack a checkpoint's matrices into few bits.")
    parser.add_argument("folder", type=Path, help="a checkpoint in the published layout")
    parser.add_argument("target", type=Path, help="the folder to write")
    parser.add_argument("--recipe", choices=RECIPES, default="mixed")
    chosen = parser.parse_args(argv)
    try:
        quantize(chosen.folder, chosen.target, chosen.recipe)
    except LfmError as error:
        parser.error(str(error))
    size = sum(path.stat().st_size for path in chosen.target.rglob("*.safetensors"))
    print(f"{chosen.target}: {size / 1e6:.0f} MB")
    return 0
