"""A part of the corpus that other voices than Kokoro's speak, to be understood: `corpus.flite` and `corpus.strangers`."""

import argparse
import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile as sf

from codec.phones import RATE
from corpus.parts import finished

Speak = Callable[[str, str, random.Random], tuple[np.ndarray, dict]]  # text and voice to samples (n,), and what else is known of them


def command(part: str, voices: list[str], speak: Speak, purpose: str, count: int) -> None:
    """Sentences that nobody has spoken, half of them of rare words, said by the voices in turn; resumes where it was killed."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=count)
    args = parser.parse_args()
    audio = args.data / "audio"
    manifests = [path for path in audio.glob("manifest-*.jsonl") if path.stem != f"manifest-{part}"]
    spoken = {json.loads(line)["text"] for path in manifests for line in path.read_text().splitlines()}
    usual, rare = ((args.data / name).read_text().splitlines() for name in ("sentences.txt", "rare.txt"))
    rng = random.Random(part)
    texts = [*rng.sample([t for t in usual if t not in spoken], args.count // 2), *rng.sample(rare, args.count - args.count // 2)]
    (audio / part).mkdir(parents=True, exist_ok=True)
    done = finished(audio)
    with (audio / f"manifest-{part}.jsonl").open("a") as manifest:
        for n, text in enumerate(texts):
            voice, file = voices[n % len(voices)], f"{part}/{n:05d}.opus"
            if file in done:
                continue
            wave, known = speak(text, voice, random.Random(f"{part} {n}"))
            sf.write(audio / file, wave, RATE, format="OGG", subtype="OPUS", compression_level=0.88)
            entry = {"id": f"{part}-{n}", "file": file, "voice": voice, "seconds": round(len(wave) / RATE, 2), "text": text} | known
            manifest.write(json.dumps(entry, ensure_ascii=False) + "\n"), manifest.flush()
