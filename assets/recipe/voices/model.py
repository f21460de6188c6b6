"""Phones by 20 ms -> the codec's vectors by 80 ms, before they are quantised: an average of how a voice says them."""

import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.phones import CLASSES, UNLABELLED
from language.store import CODEC_DELAY, SLOTS

VOICES = ("us_female", "us_male", "uk_female", "uk_male")
VECTORS = 128  # 64 of the semantic split, 64 of the acoustic one
PLACE, WHERE = 4, 4  # features
FOLDS = 2  # of the clips: what a decoder learns from is said by a model that has not heard it


class Utterance(NamedTuple):
    """What a voice is to say, by frame."""

    phones: np.ndarray  # (F, 4) classes
    place: np.ndarray  # (F, 4, PLACE) where in its phone each 20 ms stands
    where: np.ndarray  # (F, WHERE) where in the utterance each frame stands
    voice: int

    @classmethod
    def of(cls, slots: np.ndarray, frames: int, voice: str) -> "Utterance":
        """From phones by 20 ms (n,)."""
        starts = np.flatnonzero(np.diff(slots.astype(int), prepend=-1))
        lengths = np.diff(starts, append=len(slots))
        phone = np.repeat(np.arange(len(starts)), lengths)
        gone = np.arange(len(slots)) - starts[phone]
        left = lengths[phone] - gone - 1
        place = np.stack([gone / lengths[phone], np.log1p(gone), np.log1p(left), np.log(lengths[phone])], -1)
        at = np.clip(np.arange(frames * SLOTS) - CODEC_DELAY, 0, len(slots) - 1)
        phones = np.where(slots == UNLABELLED, CLASSES, slots)[at].reshape(-1, SLOTS)
        frame, left = np.arange(frames), np.arange(frames)[::-1]
        where = np.stack([np.exp(-frame / 6), np.exp(-left / 6), frame / max(1, frames - 1), np.full(frames, frames / 60)], -1)
        return cls(phones, place[at].reshape(-1, SLOTS, PLACE), where, VOICES.index(voice))


class Together(NamedTuple):
    """Utterances of one batch, padded."""

    phones: Tensor  # (B, F, 4)
    place: Tensor  # (B, F, 4, PLACE)
    where: Tensor  # (B, F, WHERE)
    voice: Tensor  # (B,)
    real: Tensor  # (B, F, 1) 1 where a frame is, else 0

    @classmethod
    def of(cls, said: list[Utterance]) -> "Together":
        return cls(
            padded([u.phones for u in said], torch.long),
            padded([u.place for u in said], torch.float32),
            padded([u.where for u in said], torch.float32),
            torch.tensor([u.voice for u in said]),
            padded([np.ones((len(u.phones), 1)) for u in said], torch.float32),
        )


def padded(parts: list[np.ndarray], kind: torch.dtype) -> Tensor:
    return nn.utils.rnn.pad_sequence([torch.from_numpy(p).to(kind) for p in parts], batch_first=True)


class Block(nn.Module):
    """ConvNeXt's, along time (2201.03545)."""

    def __init__(self, width: int, dropout: float, taps: int = 7) -> None:
        super().__init__()
        self.near = nn.Conv1d(width, width, taps, padding=taps // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.wide, self.narrow = nn.Linear(width, 3 * width), nn.Linear(3 * width, width)
        nn.init.normal_(self.narrow.weight, std=0.01)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        y = self.near((x * real).mT).mT
        return x + self.narrow(self.dropout(F.gelu(self.wide(self.norm(y)))))


class VoiceModel(nn.Module):
    """Vectors in units of their spread."""

    def __init__(self, width: int = 320, blocks: int = 6, narrow: int = 64, dropout: float = 0.2) -> None:
        super().__init__()
        self.phone, self.place = nn.Embedding(CLASSES + 1, narrow), nn.Linear(PLACE, narrow)
        self.frame, self.where = nn.Linear(SLOTS * narrow, width), nn.Linear(WHERE, width)
        self.voice = nn.Embedding(len(VOICES), width)
        self.blocks = nn.ModuleList(Block(width, dropout) for _ in range(blocks))
        self.norm, self.out = nn.LayerNorm(width), nn.Linear(width, VECTORS)
        self.register_buffer("mean", torch.zeros(VECTORS))
        self.register_buffer("spread", torch.ones(VECTORS))

    def forward(self, said: Together) -> Tensor:
        """(B, F, 128), less the mean, in spreads."""
        x = self.frame((self.phone(said.phones) + self.place(said.place)).flatten(-2))
        x = x + self.voice(said.voice)[:, None] + self.where(said.where)
        for block in self.blocks:
            x = block(x, said.real)
        return self.out(self.norm(x))


def fold(file: str) -> int:
    """Which of the FOLDS a clip is in; -1 for the conversation's answers, which everybody may have heard: they are known by heart."""
    return zlib.crc32(file.encode()) // 60 % FOLDS if file.startswith("spoken/") else -1


class Chorus(nn.Module):
    """The mean of what several say, of the same clips: each errs in its own way on what it has not heard."""

    def __init__(self, models: list[VoiceModel]) -> None:
        super().__init__()
        self.models = nn.ModuleList(models)

    def forward(self, said: Together) -> Tensor:
        """(B, F, 128), as the codec has them."""
        return torch.stack([model(said).float() * model.spread + model.mean for model in self.models]).mean(0)


def weights(data: Path, without: int | None = None, seed: int | str = 1) -> Path:
    """Where `voices.train` keeps them; "*" for all seeds."""
    return data / "voices" / f"{'all' if without is None else f'without-{without}'}-{seed}.pt"


def trained(data: Path, without: int | None = None) -> Chorus:
    """As `voices.train` left them, one for each seed."""
    every = weights(data, without, "*")
    paths = sorted(every.parent.glob(every.name))
    if not paths:
        raise SystemExit(f"{every} is not there: run voices.train before this")
    models = [VoiceModel().eval() for _ in paths]
    for model, path in zip(models, paths, strict=True):
        model.load_state_dict(torch.load(path, weights_only=True)["model"])
    return Chorus(models)
