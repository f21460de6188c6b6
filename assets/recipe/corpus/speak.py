"""Speak one part of the corpus into Ogg Opus files and a manifest. Resumes where it was killed.

    python -m corpus.speak PART --data DATA --voices VOICES --worker 0 --workers 2 [--first N] [--torch]

Several single-threaded workers share one data folder. A line of the manifest is written after its
file is complete, so a clip cut off half-way is simply made again.
"""

import argparse
import json
import logging
import time
from pathlib import Path

import soundfile as sf

from corpus.kokoro import RATE, Kokoro
from corpus.parts import PARTS, finished

log = logging.getLogger(__name__)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=list(PARTS))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--voices", type=Path, required=True, help="folder of Kokoro's *.bin")
    parser.add_argument("--worker", type=int, default=0)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--torch", action="store_true", help="2.5 times as fast on a processor with AMX; needs PyTorch")
    parser.add_argument("--first", type=int, help="only the first N clips of the part")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")

    audio = args.data / "audio"
    done = finished(audio)
    clips = list(PARTS[args.part](args.data))[: args.first]
    todo = [c for c in clips[args.worker :: args.workers] if f"{c.file}.opus" not in done]
    log.info("%s: %d clips, %d for this worker to make", args.part, len(clips), len(todo))
    if not todo:
        return
    kokoro = Kokoro(args.voices, torch=args.torch)
    began, seconds = time.monotonic(), 0.0
    with (audio / f"manifest-{args.part}-{args.worker}.jsonl").open("a") as manifest:
        for n, clip in enumerate(todo, 1):
            path = audio / f"{clip.file}.opus"
            path.parent.mkdir(parents=True, exist_ok=True)
            wav, timing = kokoro(clip.text, clip.blend, clip.speed)
            sf.write(path, wav, RATE, format="OGG", subtype="OPUS", compression_level=0.88)
            entry = {
                "id": clip.id,
                "file": f"{clip.file}.opus",
                "voice": path.parent.name,
                "blend": clip.blend,
                "speed": clip.speed,
                "seconds": round(len(wav) / RATE, 2),
                "text": clip.text,
                **timing,
            }
            manifest.write(json.dumps(entry, ensure_ascii=False) + "\n")
            manifest.flush()
            seconds += len(wav) / RATE
            if n % 100 == 0 or n == len(todo):
                pace = (time.monotonic() - began) / n
                rest = pace * (len(todo) - n)
                log.info("%d/%d, %.0f s of speech, %.0f s left", n, len(todo), seconds, rest)


if __name__ == "__main__":
    main()
