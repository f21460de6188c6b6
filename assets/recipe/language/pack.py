"""Gather all that the language model trains on into one small folder, which can be carried to another machine.

    python -m language.pack --data DATA [--megabytes 40] [--first N]      -> DATA/language/pack/

Codes and phones of what is spoken, 16 kHz Opus of what is heard, texts and tokenizer. Heard clips are added in a fixed order of
importance until the folder is full: questions, other voices (Kokoro's, then those of other makes), the four voices. Run it again when clips
were added.
"""

import argparse
import json
import shutil
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr

from codec.data import manifest, padded, read
from codec.model import BOOKS, load
from codec.phones import labels
from codec.quantise import books
from language.imagined import TOLD, UNSPOKEN
from language.store import write

RATE = 16_000
QUIET = 0.97  # libsndfile's scale: about 13 kbit/s
GROUP = 400  # clips in one file
HEARD = ("questions", "heard", "strangers", "flite", "spoken")  # what is listened to, in order of importance
SPOKEN = ("spoken", "replies")  # what is to be said: the parts that have codes


def small(entry: dict, phones: dict[str, tuple[int, int]]) -> dict:
    """What training needs to know of a clip."""
    start, count = phones[entry["file"]]
    return {"file": entry["file"], "text": entry["text"], "id": entry["id"], "slots": [start, count]}


def phone_store(audio: Path, entries: list[dict], cache: Path) -> tuple[np.ndarray, dict[str, tuple[int, int]]]:
    """Phones of every clip by 20 ms, one after another, and where each clip's are; those known before are kept."""
    have: dict[str, np.ndarray] = {}
    if cache.exists():
        kept = np.load(cache)
        have = dict(zip(kept["files"].tolist(), np.split(kept["slots"], kept["ends"][:-1]), strict=True))
    for entry in entries:
        if entry["file"] not in have:
            have[entry["file"]] = labels(entry, padded(read(audio / entry["file"])))
    counts = [len(s) for s in have.values()]
    ends = np.cumsum(counts)
    slots = np.concatenate([*have.values()])
    np.savez_compressed(cache, files=np.array([*have]), slots=slots, ends=ends)
    return slots, {file: (int(end) - count, count) for file, end, count in zip(have, ends, counts, strict=True)}


def listened(audio: Path, entries: list[dict], out: Path, budget: float) -> list[dict]:
    """Opus files of many clips each, until so many bytes are full; which clip is where, in samples."""
    index_path = out / "heard.jsonl"
    index = [json.loads(line) for line in index_path.read_text().splitlines()] if index_path.exists() else []
    done = {clip for group in index for clip, _ in group["clips"]}
    size = sum((out / group["name"]).stat().st_size for group in index)
    todo = [e for part in HEARD for e in entries if e["file"].split("/")[0] == part and e["file"] not in done]
    with index_path.open("a") as lines:
        for first in range(0, len(todo), GROUP):
            if size >= budget:
                print(f"full: {len(todo) - first} clips to be heard are left out")
                break
            waves = [soxr.resample(read(audio / e["file"]), 24_000, RATE) for e in todo[first : first + GROUP]]
            name = f"heard-{len(index):03d}.opus"
            sf.write(out / name, np.concatenate(waves), RATE, format="OGG", subtype="OPUS", compression_level=QUIET)
            files = [e["file"] for e in todo[first : first + GROUP]]
            index.append({"name": name, "clips": list(zip(files, map(len, waves), strict=True))})
            lines.write(json.dumps(index[-1]) + "\n"), lines.flush()
            size += (out / name).stat().st_size
    return index


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--codec", default="codec", help="folder under DATA with the codec's codes")
    parser.add_argument("--out", type=Path, help="instead of DATA/language/pack")
    parser.add_argument("--megabytes", type=float, default=40, help="of sound to be heard")
    parser.add_argument("--first", type=int, help="only the first N clips of each part")
    args = parser.parse_args()
    audio, codes = args.data / "audio", args.data / args.codec / "codes"
    out = args.out or args.data / "language" / "pack"
    out.mkdir(parents=True, exist_ok=True)
    shutil.copy(args.data / "language" / "tokenizer.json", out)
    shutil.copy(args.data / "language" / "pronounced.npz", out)
    for name, texts in (("sentences.txt", ("sentences.txt", *UNSPOKEN)), ("told.txt", TOLD)):
        (out / name).write_bytes(b"".join((args.data / text).read_bytes() for text in texts))

    entries = [e for part in (*HEARD, "replies") for e in manifest(audio, (part,))[: args.first]]
    entries = [e for e in entries if "questions/test/" not in e["file"]]
    slots, phones = phone_store(audio, entries, args.data / "language" / "phones.npz")
    known = {e["file"]: small(e, phones) for e in entries}

    coded = [json.loads(line) for line in (codes / "index.jsonl").read_text().splitlines()]
    coded = [c for c in coded if c["file"] in known]
    store = np.memmap(codes / "codes", np.uint16, "r").reshape(-1, BOOKS)
    rows, said = [], 0
    for clip in coded:
        known[clip["file"]]["frames"] = [said, clip["frames"]]
        rows.append(store[clip["start"] : clip["start"] + clip["frames"]])
        said += clip["frames"]
    centroids = np.stack([book.embedding.numpy() for book in books(load(args.data / args.codec / "export"))])

    place = 0
    for group in listened(audio, entries, out, args.megabytes * 1e6):
        for file, count in group["clips"]:
            if file in known:
                known[file]["samples"] = [place, count]
            place += count
    write(out, np.concatenate(rows), slots, centroids, known.values())
    heard = [c for c in known.values() if "samples" in c]
    hours = sum(c["samples"][1] for c in heard) / RATE / 3600
    size = sum(p.stat().st_size for p in out.iterdir()) / 1e6
    print(f"{out}: {size:.1f} MB; {len(coded)} clips to be said ({said * 0.08 / 3600:.2f} h), {len(heard)} heard ({hours:.2f} h)")


if __name__ == "__main__":
    main()
