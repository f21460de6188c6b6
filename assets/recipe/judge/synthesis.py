"""Synthesis rows: does our speech say the sentence, in the right voice, and does it end?"""

from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile as sf
from resemblyzer import VoiceEncoder

from codec.data import manifest, read
from codec.measure import SPOKEN, by_sentence, in_a_row
from judge.engine import RATE, Result, Row, gathered, percent
from judge.instruments import Whisper, naturalness, resampled, word_errors
from language.sequences import VOICES
from lfm.engine import Engine
from lfm.options import SPEAK, DecoderName

PACE = 17.7  # letters that Kokoro says in a second
PAIRED = 80  # sentences that are said two by two as well
SHORT, LONG, SPARE = 0.5, 1.6, 1.0  # of the expected length, and seconds for pauses


def failed(text: str, made: Result, heard: str) -> str:
    """Why an utterance does not end where its sentence does, or nothing."""
    expected, seconds = len(text) / PACE, len(made.sound) / RATE
    if made.reason != "end" or seconds > LONG * expected + SPARE:
        return "endless"
    if seconds < SHORT * expected:
        return "cut short"
    words = heard.lower().split()
    twice = any(words[i : i + 3] == words[i + 3 : i + 6] for i in range(len(words) - 5))
    return "repeated" if twice else ""


def embeddings(encoder: VoiceEncoder, data: Path) -> dict[str, np.ndarray]:
    """Each spoken voice: the mean over its test clips."""
    found = {}
    for voice in SPOKEN:
        clips = [c for c in manifest(data / "audio", ("test",)) if c["voice"] == voice][:20]
        mean = np.mean([encoder.embed_utterance(resampled(read(data / "audio" / c["file"]))) for c in clips], 0)
        found[voice] = mean / np.linalg.norm(mean)
    return found


def rows(engine: Engine, data: Path, count: int, decoder: DecoderName | None, whisper: Whisper, listen: Path) -> list[Row]:
    """`count` sentences of test.txt, both kinds and all voices alike; the first twelve are kept to listen to."""
    encoder = VoiceEncoder("cpu", verbose=False)
    known = embeddings(encoder, data)
    entries = by_sentence(manifest(data / "audio", ("test",)))[:count]
    listen.mkdir(parents=True, exist_ok=True)
    how = replace(SPEAK, decoder=decoder)
    heard, originals, failures, nearest, likeness, quality = [], [], [], [], [], []
    for n, entry in enumerate(entries):
        made = gathered(engine.speak(entry["text"], VOICES[entry["voice"]], replace(how, seed=n)))
        if n < 12:
            sf.write(listen / f"speak-{entry['voice']}-{entry['id']:04d}.wav", made.sound, RATE)
        heard.append(whisper(made.sound) if len(made.sound) > RATE // 5 else "")
        originals.append(whisper(read(data / "audio" / entry["file"])))
        failures.append(failed(entry["text"], made, heard[-1]))
        if len(made.sound) > RATE // 2:
            vector = encoder.embed_utterance(resampled(made.sound))
            close = {voice: float(vector @ own) for voice, own in known.items()}
            nearest.append(max(close, key=close.__getitem__) == entry["voice"])
            likeness.append(close[entry["voice"]])
            quality.append(naturalness(made.sound))
    said = [e["text"] for e in entries]
    for text, what in zip(said, heard, strict=True):
        print(f"  asked {text!r}\n  heard {what!r}")
    pairs = in_a_row(entries[:PAIRED], 2)
    both = [f"{one['text']} {other['text']}" for one, other in pairs]
    heard_both = [
        whisper(gathered(engine.speak(text, VOICES[one["voice"]], replace(how, seed=1))).sound)
        for text, (one, _) in zip(both, pairs, strict=True)
    ]
    print(f"  failures: { {f: failures.count(f) for f in set(failures) if f} }")
    return [
        Row("TTS: Whisper's word errors on our speech", percent(word_errors(said, heard)), "<= 12 %", len(said)),
        Row("  on the originals of the same sentences", percent(word_errors(said, originals)), "about 4 %", len(said)),
        Row("  on ours, two sentences at a time", percent(word_errors(both, heard_both)), "reported", len(both)),
        Row("TTS: DNSMOS overall", f"{np.mean(quality or [0]):.2f}", "reported", len(quality)),
        Row("TTS: the right voice is the nearest", percent(float(np.mean(nearest or [0]))), "100 %", len(nearest)),
        Row("TTS: cosine to its own voice", f"{np.mean(likeness or [0]):.3f}", ">= 0.85", len(likeness)),
        Row("TTS: cut short, repeated or endless", percent(float(np.mean([bool(f) for f in failures]))), "<= 1 %", len(failures)),
    ]
