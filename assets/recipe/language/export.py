"""Write the whole checkpoint in the published layout, its matrices in 8 bits as the engine's loader reads them.

    python -m language.export --data DATA --run DATA/language/run --out assets/pocket [--start SMALL]

Needs torch and mlx in one environment. The weights come from the run's last checkpoint or, with --start, from those saved small. What was
written is loaded by the engine and compared with PyTorch's numbers on the same stored weights.
"""

import argparse
import json
import re
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from codec.model import WEIGHTS as MIMI
from language import small
from language.compare import compare
from language.model import LanguageModel
from language.saying import SHARPER
from language.sizes import TINY
from lfm.published import main_tensors
from lfm.sizes import POCKET, Size
from lfm.wishes import GENERATION

BITS = 8
FEWER, TABLES = 6, ("audio_embedding", "depth_embeddings", "emb.emb")  # tables of codes: half of all numbers, and they forgive more
GROUPS = (128, 64, 32)
FEW = 32  # rows: not worth it
WISHES = {
    "words_alone": True,  # it met no figures and no signs (`lfm.wording`)
    "num_beams": 4,  # texts that recognition keeps side by side (`lfm.search`); eight were no better
    "one_sentence_at_a_time": True,  # all that it learned to say; it stops behind the first, and babbles on where its full stop lacks
    "seconds_at_a_time": 8,  # it heard two sentences at most; of five, a quarter of what it writes down is wrong
}
KEPT = ("depth_linear", "pre_encode.conv")  # not packed: small, and heard


def weights(run: Path, start: Path | None) -> dict[str, Tensor]:
    """The averaged weights, by published name."""
    if start is not None:
        return small.read(start)[0]
    return {k: v.float() for k, v in torch.load(run / "last.pt", map_location="cpu", weights_only=True)["average"].items()}


def sharpened(tensors: dict[str, Tensor], by: float = SHARPER) -> dict[str, Tensor]:
    """With the heads of the codebooks scaled; their norms are used by nothing else."""
    heads = re.compile(r"depth_embeddings\.\d\.embedding_norm\.weight")
    return {name: value * by if heads.fullmatch(name) else value for name, value in tensors.items()}


def packing(name: str, value: Tensor) -> dict[str, int] | None:
    """How a tensor is packed; None: it is not."""
    width = value.shape[1] if value.ndim == 2 or name.endswith(("pointwise_conv1.weight", "pointwise_conv2.weight")) else 0
    stem = name.removesuffix(".weight")
    group = next((g for g in GROUPS if width and width % g == 0), None)
    if group is None or stem == name or len(value) < FEW or any(k in name for k in KEPT):
        return None
    return {"group_size": group, "bits": FEWER if stem.startswith(TABLES) else BITS}


def stored(tensors: dict[str, Tensor]) -> tuple[dict[str, mx.array], dict, dict[str, Tensor]]:
    """Tensors as they go to disk, the `quantization` section, and what the engine will make of them."""
    out: dict[str, mx.array] = {}
    ways: dict[str, dict[str, int]] = {}
    read: dict[str, Tensor] = {}
    for name, value in tensors.items():
        how = packing(name, value)
        if how is None:
            kind = mx.float32 if value.ndim < 2 else mx.bfloat16
            out[name] = mx.array(value.numpy()).astype(kind)
            read[name] = torch.from_numpy(np.array(out[name].astype(mx.float32)))
            continue
        stem = name.removesuffix(".weight")
        matrix = mx.array(value.reshape(len(value), -1).numpy())
        whole, scales, biases = mx.quantize(matrix, **how)
        scales, biases = scales.astype(mx.float16), biases.astype(mx.float16)
        out |= {name: whole, f"{stem}.scales": scales, f"{stem}.biases": biases}
        ways[stem] = how
        back = mx.dequantize(whole, scales.astype(mx.float32), biases.astype(mx.float32), **how)
        read[name] = torch.from_numpy(np.array(back)).reshape(value.shape)
    if not ways:
        return out, {}, read
    usual = max(ways.values(), key=[*ways.values()].count)
    section = usual | {stem: how for stem, how in ways.items() if how != usual}
    return out, {"quantization": section}, read


def check_names(tensors: dict[str, Tensor], size: Size) -> None:
    """The published names and shapes, all but heads that are another tensor's twin, and counters."""
    twins = ("to_logits.weight", "num_batches_tracked", "codebook_offsets", "audio_loss_weights")
    wanted = {t.name: t.shape for t in main_tensors(size) if not t.name.endswith(twins)}
    found = {name: tuple(value.shape) for name, value in tensors.items()}
    assert found == wanted, f"not as published: {sorted(found.items() ^ wanted.items())[:6]}"


def write_decoders(data: Path, codec: str, out: Path) -> None:
    """The codec and, where there is one, the detokenizer."""
    source = data / codec / "export"
    for config, weights_file in (("mimi_config.json", MIMI), ("audio_detokenizer/config.json", "audio_detokenizer/model.safetensors")):
        if not (source / config).exists():
            continue
        (out / config).parent.mkdir(exist_ok=True)
        tensors = {k: v.float() for k, v in load_file(source / weights_file).items()}
        arrays, section, _ = stored(tensors)
        (out / config).write_text(json.dumps(json.loads((source / config).read_text()) | section, indent=1))
        mx.save_safetensors(str(out / weights_file), arrays, {"format": "pt"})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--start", type=Path, help="weights saved small, instead of the run's checkpoint")
    parser.add_argument("--pack", type=Path, help="instead of DATA/language/pack")
    parser.add_argument("--codec", default="codec", help="folder under DATA")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--tiny", action="store_true")
    args = parser.parse_args()

    args.out.mkdir(parents=True, exist_ok=True)
    config = json.loads((args.run / "config.json").read_text())
    tensors = sharpened(weights(args.run, args.start))
    check_names(tensors, TINY if args.tiny else POCKET)
    arrays, section, read = stored(tensors)
    mx.save_safetensors(str(args.out / "model.safetensors"), arrays, {"format": "pt"})
    (args.out / "config.json").write_text(json.dumps(config | section, indent=1))
    (args.out / GENERATION).write_text(json.dumps(WISHES) + "\n")
    shutil.copy(args.data / "language" / "tokenizer.json", args.out)
    write_decoders(args.data, args.codec, args.out)

    model = LanguageModel(config).eval()
    for name, value in (("as trained", tensors), ("as stored", read)):
        model.load_state_dict(value)
        found = compare(model, args.out, args.pack or args.data / "language" / "pack")
        print(
            f"engine against PyTorch, weights {name}: logits differ by {found.worst:.1e}, {found.same} of {found.count} greedy tokens agree"
        )
    assert found.worst < 1e-3 and found.same == found.count, "the engine computes something else"
    sizes = {p.relative_to(args.out): p.stat().st_size / 1e6 for p in sorted(args.out.rglob("*")) if p.is_file()}
    print("\n".join(f"{size:7.2f} MB  {name}" for name, size in sizes.items()))
    print(f"{sum(sizes.values()):7.2f} MB  in all")


if __name__ == "__main__":
    main()
