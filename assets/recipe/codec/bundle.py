"""Carry the codec's training to another machine: its clips as joined Opus files, its weights in half precision.

python -m codec.bundle --data DATA --out BUNDLE [--megabytes 40]     gather
python -m codec.bundle --data DATA --unpack BUNDLE                   there: a DATA to train in, with `codec.train --start BUNDLE/start.pt`
"""

import argparse
import json
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile as sf

from codec.data import Clips, manifest
from codec.measure import by_sentence

RATE, QUALITY = 24_000, 0.93  # libsndfile's scale: about 23 kbit/s
GROUP = 200  # clips in one file
PARTS = ("spoken", "heard")
TEST = 16  # held-out clips that are measured on the way


def gather(data: Path, name: str, out: Path, megabytes: float) -> None:
    """The four voices first, then one other clip in eight, until the folder is full."""
    from codec.trainer import Trainer

    trainer = Trainer(json.loads((data / name / "mimi_config.json").read_text()), 0)
    trainer.load(data / name / "last.pt")
    out.mkdir(parents=True, exist_ok=True)
    trainer.save_small(out / "start.pt")
    shutil.copy(data / name / "mimi_config.json", out)
    for entry in by_sentence(manifest(data / "audio", ("test",)))[:TEST]:
        path = out / "audio" / entry["file"]
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(data / "audio" / entry["file"], path)
        with (out / "audio" / "manifest-test-0.jsonl").open("a") as lines:
            lines.write(json.dumps(entry) + "\n")

    clips = Clips(data, PARTS, "codec")
    spoken = [e for e in clips.index if e["file"].startswith("spoken/")]
    others = [e for e in clips.index if not e["file"].startswith("spoken/")]
    chosen = spoken + others[: len(spoken) // 7]
    size, index, slots = 0, [], []
    for first in range(0, len(chosen), GROUP):
        if size > megabytes * 1e6:
            print(f"full: {len(chosen) - first} clips are left out")
            break
        group = chosen[first : first + GROUP]
        wave = np.concatenate([clips.samples[e["start"] : e["start"] + e["length"]] for e in group])
        path = out / f"clips-{len(index):03d}.opus"
        sf.write(path, wave, RATE, format="OGG", subtype="OPUS", compression_level=QUALITY)
        index.append({"name": path.name, "clips": [(e["file"], e["length"]) for e in group]})
        slots += [clips.slots[e["start"] // 480 : (e["start"] + e["length"]) // 480] for e in group]
        size += path.stat().st_size
    (out / "index.json").write_text(json.dumps(index))
    np.savez_compressed(out / "slots.npz", slots=np.concatenate(slots))
    print(f"{out}: {sum(p.stat().st_size for p in out.rglob('*') if p.is_file()) / 1e6:.1f} MB")


def unpack(bundle: Path, data: Path) -> None:
    """The cache that `codec.data.Clips` would have made."""
    cache = data / "cache" / "codec"
    cache.mkdir(parents=True, exist_ok=True)
    shutil.copytree(bundle / "audio", data / "audio", dirs_exist_ok=True)
    index = json.loads((bundle / "index.json").read_text())
    with ThreadPoolExecutor() as pool:
        waves = pool.map(lambda group: sf.read(bundle / group["name"], dtype="int16")[0], index)
        np.concatenate([*waves]).tofile(cache / "samples")
    np.load(bundle / "slots.npz")["slots"].tofile(cache / "slots")
    start = 0
    with (cache / "index.jsonl").open("w") as lines:
        for file, length in (clip for group in index for clip in group["clips"]):
            lines.write(json.dumps({"file": file, "start": start, "length": length}) + "\n")
            start += length


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--unpack", type=Path)
    parser.add_argument("--megabytes", type=float, default=40)
    args = parser.parse_args()
    if args.unpack:
        unpack(args.unpack, args.data)
    else:
        gather(args.data, args.name, args.out, args.megabytes)


if __name__ == "__main__":
    main()
