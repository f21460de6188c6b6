"""A checkpoint with random weights in the published layout: it says noise, and needs no download.

    python -m lfm.random_model FOLDER --size full

Tensors are drawn and written one at a time, so the full size takes little memory. Some rows of the heads are longer than
the rest, so that a reply begins to speak, falls silent and ends as a trained model's does.
"""

import argparse
import json
import math
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from lfm.published import Tensor, detokenizer_tensors, main_tensors, mimi_tensors
from lfm.sizes import SIZES, config, detokenizer_config, mimi_config

BLOCK = 1 << 22  # numbers drawn at a time
SEED = 4  # its tiny model says something before it ends a turn

CONTROL = {  # published ids
    0: "<|pad|>",
    1: "<|startoftext|>",
    2: "<|endoftext|>",
    6: "<|im_start|>",
    7: "<|im_end|>",
    128: "<|audio_start|>",
    129: "<|text_start|>",
    130: "<|text_end|>",
    131: "<|mixed_start|>",
    132: "<|mixed_end|>",
    133: "<|reserved_123|>",
}


def write(folder: Path, size: str = "tiny", seed: int = SEED) -> Path:
    """Write an LFM2.5-Audio checkpoint, with Mimi, detokenizer and tokenizer; `size` is "tiny", "pocket" or "full"."""
    chosen = SIZES[size]
    (folder / "audio_detokenizer").mkdir(parents=True, exist_ok=True)
    main = config(chosen)
    main["lfm"]["noise"] = True  # where the reference takes keys that it does not know
    write_json(folder / "config.json", main)
    write_json(folder / "audio_detokenizer" / "config.json", detokenizer_config(chosen))
    if size != "full":  # a published repository has none: its Mimi is the standard one
        write_json(folder / "mimi_config.json", mimi_config(chosen))
    write_tensors(folder / "model.safetensors", main_tensors(chosen), seed)
    write_tensors(folder / "audio_detokenizer" / "model.safetensors", detokenizer_tensors(chosen), seed)
    write_tensors(folder / "tokenizer-e351c8d8-checkpoint125.safetensors", mimi_tensors(chosen), seed)
    tokenizer(chosen.vocab).save(str(folder / "tokenizer.json"))
    return folder


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=1), encoding="utf-8")


def write_tensors(path: Path, tensors: Iterable[Tensor], seed: int) -> None:
    """A safetensors file in bfloat16: its header, then each tensor as it is drawn."""
    tensors = list(tensors)
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for tensor in tensors:
        start, end = end, end + 2 * math.prod(tensor.shape)
        header[tensor.name] = {"dtype": "BF16", "shape": tensor.shape, "data_offsets": [start, end]}
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with path.open("wb") as file:
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for tensor in tensors:
            for block in draw(tensor, seed):
                file.write(block.tobytes())


def draw(tensor: Tensor, seed: int) -> Iterable[np.ndarray]:
    """A tensor's numbers in blocks of whole rows, as bfloat16 bits; equal keys give equal numbers."""
    rows, columns = (tensor.shape or (1,))[0], math.prod(tensor.shape[1:])
    rng = np.random.default_rng([seed, zlib.crc32((tensor.key or tensor.name).encode())])
    step = max(1, BLOCK // columns)
    for first in range(0, rows, step):
        numbers = rng.standard_normal((min(step, rows - first), columns), dtype=np.float32)
        numbers = numbers * np.float32(tensor.std) + np.float32(tensor.mean)
        for row, factor in tensor.loud.items():
            if first <= row < first + len(numbers):
                numbers[row - first] *= factor
        yield (numbers.view(np.uint32) >> 16).astype(np.uint16)


def tokenizer(vocab_size: int) -> Tokenizer:
    """A byte-level BPE whose words are made of the alphabet's letters, as many as there are ids."""
    names = [CONTROL.get(i, f"<|unused_{i}|>") for i in range(max(CONTROL) + 1)]
    words = names + sorted(pre_tokenizers.ByteLevel.alphabet())
    letters = "etaoinshrdlcumwfgypbvkjxqz"
    merges: list[tuple[str, str]] = []
    pairs = [a + b for a in letters for b in letters]
    candidates = [(a, b) for a in letters for b in letters] + [("Ġ", pair) for pair in pairs] + [(a, b) for a in pairs for b in pairs]
    for left, right in candidates[: vocab_size - len(words)]:
        merges.append((left, right))
        words.append(left + right)
    result = Tokenizer(models.BPE(vocab={word: i for i, word in enumerate(words)}, merges=merges))
    result.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    result.decoder = decoders.ByteLevel()
    result.add_special_tokens([AddedToken(name, normalized=False, special=True) for name in names])
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description="Write a checkpoint with random weights in the published layout.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", choices=sorted(SIZES), default="tiny")
    parser.add_argument("--seed", type=int, default=SEED)
    arguments = parser.parse_args()
    write(arguments.folder, arguments.size, arguments.seed)


if __name__ == "__main__":
    main()
