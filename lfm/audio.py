"""Sound in and out: any wav, flac, ogg or mp3 file to mono float32, any rate to another, how loud it is, int16 to wav. numpy only."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from lfm.errors import AudioError

SPEECH_RATE = 16_000  # what the model hears
SILENT = -70.0  # dB: quieter than any room, so a microphone that is off
PAUSE = 35.0  # dB below what is said there is only the room


@dataclass(frozen=True)
class Audio:
    """Mono sound: samples (n,) float32 in [-1, 1]."""

    samples: np.ndarray
    sample_rate: int

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


def load(path: str | Path) -> Audio:
    """Read a sound file; several channels are averaged.

    Raises:
        AudioError: the file is missing, empty or in a format that libsndfile does not read.
    """
    name = Path(path).name
    try:
        samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        raise AudioError(f"Could not read {name}. Try a WAV, MP3, FLAC or OGG file.") from error
    if not len(samples):
        raise AudioError(f"{name} holds no sound.")
    return mono(samples, rate)


def mono(samples: np.ndarray, sample_rate: int) -> Audio:
    """Integer or float samples, (n,) or (n, channels), as Audio; integers are scaled by their type's range.

    Raises:
        AudioError: there is no finite sound in it.
    """
    if np.issubdtype(samples.dtype, np.integer):
        samples = samples / -float(np.iinfo(samples.dtype).min)
    samples = samples.astype(np.float32)
    if samples.ndim == 2:
        samples = samples.mean(axis=1)
    if not len(samples) or not np.isfinite(samples).all():
        raise AudioError("The recording holds no usable sound. Check which microphone the browser uses.")
    return Audio(samples, sample_rate)


def loudness(audio: Audio) -> list[float]:
    """Of the loudest 20 ms of each second, in dB of full scale."""
    rate = audio.sample_rate
    return [_loudest(audio.samples[start : start + rate], rate // 50) for start in range(0, len(audio.samples), rate)]


def _loudest(samples: np.ndarray, frame: int) -> float:
    frame = min(len(samples), frame)
    power = np.square(samples[: len(samples) // frame * frame]).reshape(-1, frame).mean(axis=1).max()
    return 10 * float(np.log10(power + 1e-20))


def audible(audio: Audio) -> None:
    """Raise AudioError where nothing can be heard: a model would make words up."""
    if max(loudness(audio), default=-math.inf) < SILENT:
        raise AudioError("The recording is silent. Choose another, or check that the microphone is on and the one that the browser uses.")


def quietest_speech(audio: Audio) -> float:
    """What anything said in it reaches, in dB: PAUSE below the third loudest of its seconds, so that a slammed door does not count."""
    return max(SILENT, sorted(loudness(audio))[-3:][0] - PAUSE)


def resample(audio: Audio, sample_rate: int) -> Audio:
    """The same sound at another rate."""
    if audio.sample_rate == sample_rate:
        return audio
    import soxr  # 150 ms to import, and not every request needs it

    return Audio(soxr.resample(audio.samples, audio.sample_rate, sample_rate), sample_rate)


def joined(sounds: list[Audio], pause: float = 0.5) -> Audio:
    """One after the other, with a pause of so many seconds between them, at the rate of the first."""
    rate = sounds[0].sample_rate
    silence = np.zeros(int(pause * rate), np.float32)
    pieces = [piece for sound in sounds for piece in (silence, resample(sound, rate).samples)]
    return Audio(np.concatenate(pieces[1:]), rate)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """Float samples to int16, clipped."""
    return np.clip(np.rint(samples * 32767.0), -32768, 32767).astype(np.int16)


def write_wav(path: str | Path, pcm: np.ndarray, sample_rate: int) -> None:
    """Write int16 mono samples."""
    soundfile.write(path, pcm, sample_rate, subtype="PCM_16", format="WAV")
