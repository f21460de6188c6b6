"""What the codec's decoder makes of the voices' codes, beside the recordings of the same moments: decoders learn them from it.

python -m voices.sound --data DATA      -> DATA/voices/codes/{codes, waves, index.jsonl}, as codec.encode leaves its own
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch

from codec.data import FRAME
from codec.model import load
from language.store import Store

BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    store, codec = Store(args.data / "language" / "pack"), load(args.data / "codec" / "export")
    out = args.data / "voices" / "codes"
    out.mkdir(exist_ok=True)
    clips = [c for c in store.clips.values() if "frames" in c and not c["file"].startswith("imagined/")]
    clips.sort(key=lambda c: c["frames"][1])
    done = 0
    with (out / "codes").open("wb") as codes, (out / "waves").open("wb") as waves, (out / "index.jsonl").open("w") as index:
        for first in range(0, len(clips), BATCH):
            part = clips[first : first + BATCH]
            rows = [store.codes[store.rows(c)].astype(np.int64) for c in part]
            together = torch.nn.utils.rnn.pad_sequence([*map(torch.from_numpy, rows)], batch_first=True)
            with torch.no_grad():  # it is causal: padding changes nothing before it
                made = codec.decode(together.mT)[:, 0].clamp(-1, 1).numpy()
            for clip, row, sound in zip(part, rows, made, strict=True):
                codes.write(row.astype(np.uint16).tobytes())
                waves.write((sound[: len(row) * FRAME] * 32767).astype(np.int16).tobytes())
                index.write(json.dumps({"file": clip["file"], "start": done, "frames": len(row)}) + "\n")
                done += len(row)
    print(f"{out}: {done} frames of {len(clips)} clips")


if __name__ == "__main__":
    main()
