"""Other voices to be understood: Debian's flite, whose four are made of recordings of people, speaks sentences that Kokoro has not.

    python -m corpus.flite --data DATA [--count 5000]      -> DATA/audio/flite/, in the form of `corpus.speak`

Half of them are of rare words. It tells when each phone ends, in its own alphabet. Run it when Kokoro has spoken; it resumes where it was
killed.
"""
# ruff: noqa: RUF001 (these are the phonemes)

import random
import subprocess
import tempfile

import numpy as np
import soundfile as sf
import soxr

from codec.phones import EARLY, RATE, UNIT
from corpus.others import command

VOICES = {"slt": 170, "rms": 95, "awb": 125, "kal16": 105}  # and about how high they speak, in Hz
PHONES = dict(
    aa="ɑ", ae="æ", ah="ʌ", ao="ɔ", aw="W", ax="ə", ay="I", b="b", ch="ʧ", d="d", dh="ð", dx="ɾ", eh="ɛ", er="ɜɹ", ey="A", f="f", g="ɡ",
    hh="h", ih="ɪ", iy="i", jh="ʤ", k="k", l="l", m="m", n="n", ng="ŋ", ow="O", oy="Y", p="p", r="ɹ", s="s", sh="ʃ", t="t", th="θ",
    uh="ʊ", uw="u", v="v", w="w", y="j", z="z", zh="ʒ", pau=",",
)  # fmt: skip


def speak(text: str, voice: str, rng: random.Random) -> tuple[np.ndarray, dict]:
    """Samples (n,) at 24 kHz, and what `codec.phones.labels` reads of them."""
    height, pace = VOICES[voice] * rng.uniform(0.85, 1.2), rng.uniform(0.85, 1.25)
    how = ["--setf", f"int_f0_target_mean={height:.0f}", "--setf", f"duration_stretch={pace:.2f}"]
    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        command = ["flite", "-voice", voice, *how, "-psdur", "-t", text, "-o", file.name]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        wave, rate = sf.read(file.name, dtype="float32")
    symbols, durations, before = "", [], 0.0
    for name, end in (phone.split(":") for phone in told.split()):
        phones = PHONES[name]
        symbols += phones
        durations += [(float(end) - before) * RATE / UNIT / len(phones)] * len(phones)
        before = float(end)
    rounded = [round(units, 2) for units in durations]
    timing = {"phonemes": symbols[1:-1], "durations": rounded, "trim": -EARLY}  # the first and the last are silence
    return soxr.resample(wave, rate, RATE), timing


if __name__ == "__main__":
    command("flite", [*VOICES], speak, __doc__.splitlines()[0], 5000)
