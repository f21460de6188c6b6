"""The codec's vectors of every clip that has codes, before they are quantised.

python -m voices.vectors --data DATA      -> DATA/voices/vectors.npy, in the order of DATA/codec/codes
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn.utils.rnn import pad_sequence

from codec.data import padded, read
from codec.model import load
from voices.model import VECTORS

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    codec = load(args.data / "codec" / "export")
    split = codec.quantizer
    index = [json.loads(line) for line in (args.data / "codec" / "codes" / "index.jsonl").read_text().splitlines()]
    found = np.zeros((sum(e["frames"] for e in index), VECTORS), np.float16)
    index.sort(key=lambda e: e["frames"])
    began = time.monotonic()
    for first in range(0, len(index), BATCH):
        clips = index[first : first + BATCH]
        waves = [torch.from_numpy(padded(read(args.data / "audio" / e["file"]))) for e in clips]
        with torch.no_grad():
            latent = codec._encode_to_unquantized_latent(pad_sequence(waves, batch_first=True)[:, None])
            vectors = torch.cat([split.rvq_first.input_proj(latent), split.rvq_rest.input_proj(latent)], 1).mT.numpy()
        for clip, made in zip(clips, vectors, strict=True):
            found[clip["start"] : clip["start"] + clip["frames"]] = made[: clip["frames"]]
        if first // BATCH % 50 == 0:
            print(f"{first}/{len(index)} clips, {time.monotonic() - began:.0f} s", flush=True)
    (args.data / "voices").mkdir(exist_ok=True)
    np.save(args.data / "voices" / "vectors.npy", found)


if __name__ == "__main__":
    main()
