"""Turn the corpus into codes with the exported codec. Resumes; run again when clips were added.

    python -m codec.encode --data DATA [--parts spoken replies] [--first N]
        -> DATA/codec/codes/{codes, waves, index.jsonl}

Codes are uint16, eight to a frame, clips one after another; `waves` is what the SEANet decoder
makes of them (int16), a target for the detokenizer's phase. The folder belongs to one export: it
is refused for another.
"""

import argparse
import hashlib
import json
import logging
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch.nn.utils.rnn import pad_sequence

from codec.data import FRAME, manifest, padded, read
from codec.model import BOOKS, WEIGHTS, load
from codec.quantise import books
from training import two_threads

log = logging.getLogger(__name__)

DECODER = ("upsample.", "decoder_transformer.", "decoder.")
BLOCK, BATCH = 512, 16  # clips in order; clips of like length in one pass


def makes_codes(export: Path) -> str:
    """A mark of the tensors that codes depend on; the decoder may be trained on."""
    found = hashlib.sha256()
    for name, value in sorted(load_file(export / WEIGHTS).items()):
        if not name.startswith(DECODER):
            found.update(name.encode() + value.view(torch.uint8).numpy().tobytes())
    return found.hexdigest()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--parts", nargs="+", default=["spoken", "replies"])
    parser.add_argument("--first", type=int, help="only so many clips")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(1)

    export = args.data / args.name / "export"
    out = args.data / args.name / "codes"
    out.mkdir(exist_ok=True)
    mark = makes_codes(export)
    made_by = out / "made_by"
    if made_by.exists() and made_by.read_text() != mark:
        raise SystemExit(f"{out} holds codes of another export: remove it to encode again")
    made_by.write_text(mark)

    mimi = load(export)
    for book in books(mimi):
        book.embedding  # noqa: B018  cached here, so that the threads only read
    codes_path, waves_path, index_path = (out / n for n in ("codes", "waves", "index.jsonl"))
    for path in (codes_path, waves_path, index_path):
        path.touch()
    done = [json.loads(line) for line in index_path.read_text().splitlines()]
    frames = sum(e["frames"] for e in done)
    have = {e["file"] for e in done}
    todo = [e for e in manifest(args.data / "audio", tuple(args.parts)) if e["file"] not in have]
    todo = todo[: args.first]

    def coded(batch: list[dict]) -> list[tuple[dict, np.ndarray, np.ndarray]]:
        """Each clip with its codes (frames, 8) and what they sound like; the codec is causal, so padding changes nothing before it."""
        wavs = [padded(read(args.data / "audio" / e["file"])) for e in batch]
        together = pad_sequence([*map(torch.from_numpy, wavs)], batch_first=True)
        with torch.no_grad():
            codes = mimi.encode(together[:, None])
            made = mimi.decode(codes)[:, 0].clamp(-1, 1).numpy()
        counts = [len(w) // FRAME for w in wavs]
        rows = codes.mT.numpy().astype(np.uint16)
        sound = (made * 32767).astype(np.int16)
        return [(e, r[:n], s[: n * FRAME]) for e, n, r, s in zip(batch, counts, rows, sound, strict=True)]

    began, made = time.monotonic(), 0
    pool = two_threads()
    with codes_path.open("r+b") as c, waves_path.open("r+b") as w, index_path.open("a") as index:
        c.truncate(frames * BOOKS * 2), w.truncate(frames * FRAME * 2)
        c.seek(0, 2), w.seek(0, 2)
        for first in range(0, len(todo), BLOCK):
            block = sorted(todo[first : first + BLOCK], key=lambda e: e["seconds"])
            for found in pool.map(coded, [block[i : i + BATCH] for i in range(0, len(block), BATCH)]):
                for entry, codes, sound in found:
                    c.write(codes.tobytes()), w.write(sound.tobytes())
                    index.write(json.dumps({"file": entry["file"], "start": frames, "frames": len(codes)}) + "\n")
                    frames += len(codes)
                c.flush(), w.flush(), index.flush()
            made += len(block)
            left = (time.monotonic() - began) / made * (len(todo) - made)
            log.info("%d/%d clips, %.0f s left", made, len(todo), left)


if __name__ == "__main__":
    main()
