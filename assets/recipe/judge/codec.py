"""The codec's rows of the table: held-out sentences in the four voices, through codes and back.

    python -m judge.codec --data DATA [--clips 100] [--detokenizer]    (reads DATA/codec/export)

Runs the reference modules; the rows measured through the MLX engine come with the engine.
"""

import argparse
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf
import torch

from codec.data import manifest, padded, read
from codec.measure import SPOKEN, by_sentence, roundtrip
from codec.model import load
from judge.instruments import Whisper, intelligibility, naturalness, word_errors

Vocoder = Callable[[np.ndarray], np.ndarray]  # (T,) -> (T,)
HEAD = f"{'':22}{'clips':>6}{'STOI':>8}{'WER %':>8}{'DNSMOS':>8}{'silent %':>9}{'clipped':>8}"


@dataclass
class Judged:
    """One clip and what the instruments say of it."""

    entry: dict
    made: np.ndarray
    stoi: float
    quality: float
    heard: str


def judge(entry: dict, real: np.ndarray, made: np.ndarray, whisper: Whisper) -> Judged:
    return Judged(entry, made, intelligibility(real, made), naturalness(made), whisper(made))


def row(name: str, clips: list[Judged]) -> str:
    """One line of the table."""
    stoi, quality = np.mean([c.stoi for c in clips]), np.mean([c.quality for c in clips])
    errors = 100 * word_errors([c.entry["text"] for c in clips], [c.heard for c in clips])
    joined = np.concatenate([c.made for c in clips])
    silent, clipped = 100 * np.mean(np.abs(joined) < 1e-3), int(np.sum(np.abs(joined) >= 1.0))
    numbers = f"{stoi:8.3f}{errors:8.1f}{quality:8.2f}{silent:9.1f}{clipped:8d}"
    return f"{name:22}{len(clips):6d}{numbers}"


def rows(name: str, clips: list[Judged]) -> list[str]:
    """All clips, each kind of sentence and each voice."""
    groups = {
        "": clips,
        "WordNet": [c for c in clips if c.entry["id"] < 700],
        "everyday": [c for c in clips if c.entry["id"] >= 700],
    } | {v: [c for c in clips if c.entry["voice"] == v] for v in SPOKEN}
    return [row(f"{name} {group}", of_group) for group, of_group in groups.items() if of_group]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--name", default="codec", help="folder under DATA")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--detokenizer", action="store_true", help="judge it too")
    args = parser.parse_args()

    folder = args.data / args.name / "export"
    entries = by_sentence(manifest(args.data / "audio", ("test",)))[: args.clips]
    real = [padded(read(args.data / "audio" / e["file"])) for e in entries]
    mimi = load(folder)
    made: dict[str, Vocoder] = {"Mimi": lambda wav: roundtrip(mimi, wav)}
    if args.detokenizer:
        from detokenizer.model import load as load_detokenizer

        detokenizer = load_detokenizer(folder / "audio_detokenizer")

        @torch.no_grad()
        def through(wav: np.ndarray) -> np.ndarray:
            codes = mimi.encode(torch.from_numpy(wav)[None, None])
            return detokenizer(codes)[0, : len(wav)].numpy()

        made["detokenizer"] = through

    whisper = Whisper(args.data / "whisper")

    def judged(clips: list[np.ndarray]) -> list[Judged]:
        triples = zip(entries, real, clips, strict=True)
        return [judge(e, r, m, whisper) for e, r, m in triples]

    table = [HEAD, *rows("original", judged(real))]
    for name, vocoder in made.items():
        clips = [np.clip(vocoder(wav), -1, 1) for wav in real]
        table += rows(name, judged(clips))
        listen = args.data / args.name / "listen" / name
        listen.mkdir(parents=True, exist_ok=True)
        for entry, wav in zip(entries[:12], clips[:12], strict=True):
            sf.write(listen / f"{entry['voice']}-{entry['id']:04d}.wav", wav, 24000)
    text = "\n".join(table)
    print(text)
    (args.data / args.name / "table.txt").write_text(text + "\n")


if __name__ == "__main__":
    main()
