"""What the language model draws after the voices' right codes, and the codec's sound of it: decoders learn how it should have sounded.

python -m language.drawn --data DATA      -> DATA/language/drawn/{codes, waves, index.jsonl}, as codec.encode leaves its own
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from codec.data import FRAME
from codec.model import load
from language.batches import laid_out
from language.data import Mix, Sampler
from language.losses import SOUNDING, Losses
from language.sequences import Sequence
from language.store import Store
from language.trainer import Trainer
from lfm.config import END_OF_AUDIO
from lfm.sizes import POCKET

BATCH, LIKELIEST = 24, 64
COOLEST, WARMEST = 0.4, 0.7  # temperatures


@torch.no_grad()
def draw(judge: Losses, sequences: list[Sequence]) -> list[np.ndarray]:
    """Codes (F, 8) of what each sequence says; every other clip keeps its first codebook."""
    batch = laid_out(sequences)
    right = judge.codes[batch.frames]
    row = batch.frame_place // batch.length
    temperature = torch.empty(batch.rows, 1).uniform_(COOLEST, WARMEST)[row]
    with torch.autocast("cpu", torch.bfloat16):
        hidden = judge.model.lfm(judge.embedded(batch)[0]).flatten(0, 1)[batch.frame_place - 1]
    codes = right.clone()
    for book in range(SOUNDING):
        logits = judge.model.frames(hidden.float(), codes, books=book + 1)[book]
        likely, which = logits[:, :END_OF_AUDIO].topk(LIKELIEST)
        got = which.gather(1, torch.multinomial((likely / temperature).softmax(-1), 1))[:, 0]
        codes[:, book] = torch.where(row % 2 == 0, right[:, 0], got) if book == 0 else got
    sounds = right[:, 0] != END_OF_AUDIO
    return [codes[(row == n) & sounds].numpy() for n in range(batch.rows)]


def sound(codec: torch.nn.Module, codes: list[np.ndarray]) -> list[np.ndarray]:
    """int16; the codec is causal, so padding changes nothing before it."""
    together = torch.nn.utils.rnn.pad_sequence([*map(torch.from_numpy, codes)], batch_first=True)
    with torch.no_grad():
        made: Tensor = codec.decode(together.mT)[:, 0].clamp(-1, 1)
    return [(wave[: len(row) * FRAME] * 32767).astype(np.int16) for wave, row in zip(made.numpy(), codes, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(1)
    store, codec = Store(args.data / "language" / "pack"), load(args.data / "codec" / "export")
    trainer = Trainer(POCKET, store, args.data / "language" / "run", 1, 0.0)
    trainer.resume(None)
    sampler = Sampler(store, "train", Mix.only("speak"), 1, vary=False)
    clips = sorted(sampler.to_speak, key=lambda c: c["frames"][1])
    out, done = args.data / "language" / "drawn", 0
    out.mkdir(exist_ok=True)
    with (out / "codes").open("wb") as codes, (out / "waves").open("wb") as waves, (out / "index.jsonl").open("w") as index:
        for first in range(0, len(clips), BATCH):
            part = clips[first : first + BATCH]
            drawn = draw(trainer.judge, [sampler.said(c) for c in part])
            for clip, row, wave in zip(part, drawn, sound(codec, drawn), strict=True):
                codes.write(row.astype(np.uint16).tobytes()), waves.write(wave.tobytes())
                index.write(json.dumps({"file": clip["file"], "start": done, "frames": len(row)}) + "\n")
                done += len(row)
    print(f"{out}: {done} frames of {len(clips)} clips")


if __name__ == "__main__":
    main()
