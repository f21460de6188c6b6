"""Carry the decoders' training to another machine: codes, recordings as they were spoken, the export and the encoder that listens.

python -m decoders.bundle --data DATA --out BUNDLE [--name codec] [--listener run]     gather
python -m decoders.bundle --data DATA --unpack BUNDLE                                  there: a DATA to train in

The recordings are in BUNDLE/audio-*.tar, each under 38 MB, all else in BUNDLE/rest: they may be carried one by one, the rest last.
"""

import argparse
import json
import shutil
import tarfile
import zlib
from pathlib import Path

import numpy as np
import torch

from codec.data import FRAME
from codec.model import BOOKS, load
from training import device

PART = 37e6  # bytes of a tar
ENCODER = ("model.conformer.", "helps.heard.")  # what listens
BATCH = 64  # clips in one pass, at most


def gather(data: Path, name: str, listener: str, out: Path, megabytes: float) -> None:
    """Clips in a fixed order until so much is full."""
    rest = out / "rest"
    shutil.copytree(data / name / "export", rest / "export", dirs_exist_ok=True)
    for kind, folder in (("codes", data / name / "codes"), ("drawn", data / "language" / "drawn")):
        (rest / kind).mkdir(exist_ok=True)
        shutil.copy(folder / "index.jsonl", rest / kind), shutil.copy(folder / "codes", rest / kind)
    weights = torch.load(data / "language" / listener / "last.pt", map_location="cpu", weights_only=True)["model"]
    torch.save({"model": {n: w.half() for n, w in weights.items() if n.startswith(ENCODER)}}, rest / "listener.pt")
    files, size, parts = {entry["file"] for kind in ("codes", "drawn") for entry in index(rest / kind)}, 0.0, {}
    for file in sorted(files, key=lambda file: zlib.crc32(file.encode())):
        size += (data / "audio" / file).stat().st_size
        if size < 1e6 * megabytes:
            parts.setdefault(int(size / PART), []).append(file)
    for n, part in parts.items():
        with tarfile.open(out / f"audio-{n}.tar", "w") as tar:
            for file in part:
                tar.add(data / "audio" / file, file)
    taken = {file for part in parts.values() for file in part}
    for kind in ("codes", "drawn"):
        lines = "".join(json.dumps(entry) + "\n" for entry in index(rest / kind) if entry["file"] in taken)
        (rest / kind / "index.jsonl").write_text(lines)
    print(f"{out}: {len(taken)} clips, {sum(p.stat().st_size for p in out.rglob('*') if p.is_file()) / 1e6:.1f} MB")


def index(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]


def unpack(bundle: Path, data: Path) -> None:
    for path in bundle.glob("audio-*.tar"):
        with tarfile.open(path) as tar:
            tar.extractall(data / "audio", filter="data")
    if (bundle / "rest").exists():
        for kind, folder in (("export", "codec/export"), ("codes", "codec/codes"), ("drawn", "language/drawn")):
            shutil.copytree(bundle / "rest" / kind, data / folder, dirs_exist_ok=True)
        (data / "language" / "run").mkdir(parents=True, exist_ok=True)
        shutil.copy(bundle / "rest" / "listener.pt", data / "language" / "run" / "last.pt")
        for folder in ("codec/codes", "language/drawn"):
            sound(data / "codec" / "export", data / folder)


@torch.no_grad()
def sound(export: Path, folder: Path) -> None:
    """What Mimi makes of the codes, which is too large to be carried: the file `waves`."""
    on = device()
    mimi = load(export).to(on)
    codes = np.memmap(folder / "codes", np.uint16, "r").reshape(-1, BOOKS)
    waves = np.memmap(folder / "waves", np.int16, "w+", shape=len(codes) * FRAME)
    clips = sorted(index(folder), key=lambda e: e["frames"])
    for first in range(0, len(clips), BATCH):
        part = clips[first : first + BATCH]
        rows = [torch.from_numpy(codes[e["start"] : e["start"] + e["frames"]].astype(np.int64)) for e in part]
        made = mimi.decode(torch.nn.utils.rnn.pad_sequence(rows, batch_first=True).mT.to(on))[:, 0].clamp(-1, 1)
        for entry, wave in zip(part, (made * 32767).short().cpu().numpy(), strict=True):
            waves[entry["start"] * FRAME : (entry["start"] + entry["frames"]) * FRAME] = wave[: entry["frames"] * FRAME]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--listener", default="run", help="folder under DATA/language")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--megabytes", type=float, default=100, help="of recordings")
    parser.add_argument("--unpack", type=Path)
    args = parser.parse_args()
    if args.unpack:
        unpack(args.unpack, args.data)
    else:
        gather(args.data, args.name, args.listener, args.out, args.megabytes)


if __name__ == "__main__":
    main()
