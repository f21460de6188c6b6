"""Quick measurements during training, on held-out sentences in the four spoken voices."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from moshi.models.compression import MimiModel
from pystoi import stoi

from codec.data import DELAY, FRAME, SILENCE, manifest, padded, read
from codec.model import PhoneHead
from codec.phones import SLOT, UNLABELLED, labels

SPOKEN = ("us_male", "us_female", "uk_male", "uk_female")


@dataclass
class Clip:
    """A held-out clip."""

    wav: np.ndarray  # (T,) whole frames
    slots: torch.Tensor  # (frames, 4) phone classes, delayed as in training


def held_out(data: Path, count: int) -> list[Clip]:
    """The first clips of the test part in the four voices."""
    clips = []
    for entry in by_sentence(manifest(data / "audio", ("test",)))[:count]:
        wav = padded(read(data / "audio" / entry["file"]))
        kinds = np.concatenate([np.full(DELAY, SILENCE, np.uint8), labels(entry, wav)])
        kinds = kinds[: len(wav) // SLOT].reshape(-1, FRAME // SLOT).astype(np.int64)
        clips.append(Clip(wav, torch.from_numpy(kinds)))
    return clips


def by_sentence(entries: list[dict]) -> list[dict]:
    """Those in the spoken voices; every voice and both kinds of sentence early in the list."""
    spoken = [e for e in entries if e["voice"] in SPOKEN]
    wordnet = [e for e in spoken if e["id"] < 700]
    everyday = [e for e in spoken if e["id"] >= 700]
    ordered = []
    for group in (wordnet, everyday):
        ranks = {v: 0 for v in SPOKEN}
        keyed = []
        for entry in sorted(group, key=lambda e: e["id"]):
            keyed.append((ranks[entry["voice"]], SPOKEN.index(entry["voice"]), entry))
            ranks[entry["voice"]] += 1
        ordered.append([e for *_, e in sorted(keyed, key=lambda k: k[:2])])
    pairs = zip(*ordered, strict=False)
    return [e for pair in pairs for e in pair]


def in_a_row(entries: list[dict], count: int) -> list[list[dict]]:
    """So many at a time of one voice, in their order; what is left of a voice is left out."""
    by_voice = defaultdict(list)
    for entry in entries:
        by_voice[entry["voice"]].append(entry)
    return [mine[first : first + count] for mine in by_voice.values() for first in range(0, len(mine) - count + 1, count)]


@torch.no_grad()
def roundtrip(mimi: MimiModel, wav: np.ndarray) -> np.ndarray:
    """decode(encode(x)) of (T,)."""
    codes = mimi.encode(torch.from_numpy(wav)[None, None].to(next(mimi.parameters()).device))
    return mimi.decode(codes)[0, 0, : len(wav)].cpu().numpy()


def mean_stoi(mimi: MimiModel, clips: list[Clip]) -> float:
    """Short-time objective intelligibility of the round trip."""
    mimi.eval()
    scores = [stoi(c.wav, roundtrip(mimi, c.wav), 24000) for c in clips]
    mimi.train()
    return float(np.mean(scores))


@torch.no_grad()
def slot_accuracy(mimi: MimiModel, head: PhoneHead, clips: list[Clip]) -> float:
    """Share of 20 ms slots whose phone the head reads off the semantic code."""
    right = total = 0
    mimi.eval()
    for clip in clips:
        latent = mimi._encode_to_unquantized_latent(torch.from_numpy(clip.wav)[None, None].to(next(mimi.parameters()).device))
        one = mimi.quantizer.rvq_first
        guess = head(one.vq.decode(one.vq.encode(one.input_proj(latent)))).argmax(-1)[0].cpu()
        known = clip.slots != UNLABELLED
        right += int((guess == clip.slots)[known].sum())
        total += int(known.sum())
    mimi.train()
    return right / total
