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

from codec.data import manifest, padded, read
from codec.model import BOOKS, WEIGHTS, load

log = logging.getLogger(__name__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--parts", nargs="+", default=["spoken", "replies"])
    parser.add_argument("--first", type=int, help="only so many clips")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    torch.set_num_threads(2)

    export = args.data / args.name / "export"
    out = args.data / args.name / "codes"
    out.mkdir(exist_ok=True)
    mark = hashlib.sha256((export / WEIGHTS).read_bytes()).hexdigest()
    made_by = out / "made_by"
    if made_by.exists() and made_by.read_text() != mark:
        raise SystemExit(f"{out} holds codes of another export: remove it to encode again")
    made_by.write_text(mark)

    mimi = load(export)
    codes_path, waves_path, index_path = (out / n for n in ("codes", "waves", "index.jsonl"))
    for path in (codes_path, waves_path, index_path):
        path.touch()
    done = [json.loads(line) for line in index_path.read_text().splitlines()]
    frames = sum(e["frames"] for e in done)
    have = {e["file"] for e in done}
    todo = [e for e in manifest(args.data / "audio", tuple(args.parts)) if e["file"] not in have]
    todo = todo[: args.first]
    began = time.monotonic()
    with codes_path.open("r+b") as c, waves_path.open("r+b") as w, index_path.open("a") as index:
        c.truncate(frames * BOOKS * 2), w.truncate(frames * 1920 * 2)
        c.seek(0, 2), w.seek(0, 2)
        for n, entry in enumerate(todo, 1):
            wav = padded(read(args.data / "audio" / entry["file"]))
            with torch.no_grad():
                codes = mimi.encode(torch.from_numpy(wav)[None, None])
                made = mimi.decode(codes)[0, 0].clamp(-1, 1).numpy()
            c.write(codes[0].T.numpy().astype(np.uint16).tobytes()), c.flush()
            w.write((made * 32767).astype(np.int16).tobytes()), w.flush()
            count = codes.shape[-1]
            small = {"file": entry["file"], "start": frames, "frames": count}
            index.write(json.dumps(small) + "\n"), index.flush()
            frames += count
            if n % 200 == 0 or n == len(todo):
                left = (time.monotonic() - began) / n * (len(todo) - n)
                log.info("%d/%d clips, %.0f s left", n, len(todo), left)


if __name__ == "__main__":
    main()
