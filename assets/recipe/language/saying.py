"""The model reads sentences out while it trains, many at once, each code drawn: what it learns from is what it says by then."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from corpus import sentences
from language.data import EVERYDAY
from language.losses import READ_OUT
from language.model import LanguageModel
from language.sequences import VOICES, Builder
from language.store import Store, held_out
from lfm.config import END_OF_AUDIO
from lfm2 import Past

SHARPER = 6.0  # logits of codes, as exported: the published temperatures then draw almost the likeliest, which is what a small model knows
LONGEST = 160  # frames
AT_LEAST = 4  # frames: less is no sentence
POOL = 64  # batches that sentences of one length are looked for in


@dataclass
class Asked:
    """Prompts of one length, and what is to be heard behind each."""

    ids: np.ndarray  # (B, n)
    texts: list[str]


@dataclass
class Said:
    """Prompts, and what was said behind them; what comes after an end is nothing's."""

    ids: Tensor  # (B, n)
    texts: list[str]
    codes: Tensor  # (B, F, 8)
    frames: np.ndarray  # (B,) how many of them are one's own

    def __getitem__(self, rows: np.ndarray) -> "Said":
        some, frames = torch.from_numpy(rows).to(self.ids.device), self.frames[rows]
        return Said(self.ids[some], [self.texts[n] for n in rows], self.codes[some, : frames.max()], frames)

    def finished(self) -> "Said":
        """Those that end, by length."""
        rows = np.argsort(self.frames, kind="stable")
        return self[rows[(self.frames[rows] >= AT_LEAST) & (self.frames[rows] < LONGEST)]]

    def batches(self, size: int) -> Iterator["Said"]:
        """Of like length."""
        for first in range(0, len(self.frames) - size + 1, size):
            yield self[np.arange(first, first + size)]


def asked(store: Store, build: Builder, rows: int, seed: int, held: bool = False) -> Iterator[Asked]:
    """Endlessly, sentences of the pack in the four voices; `held`: those that are never trained on."""
    rng, grammatical = random.Random(seed), {*sentences.grammatical(random.Random(sentences.SEED))}
    every = [s for s in store.sentences if held_out(s) == held]
    everyday = [s for s in every if s in grammatical]
    while True:
        alike: dict[int, list[tuple[np.ndarray, str]]] = {}
        for _ in range(POOL * rows):
            text = rng.choice(everyday if rng.random() < EVERYDAY else every)
            ids = build.to_say(rng.choice([*VOICES]), text)
            alike.setdefault(len(ids), []).append((ids, text))
        found = [some[i : i + rows] for some in alike.values() for i in range(0, len(some) - rows + 1, rows)]
        rng.shuffle(found)
        yield from (Asked(np.array([ids for ids, _ in some]), [text for _, text in some]) for some in found)


def still(centroids: Tensor) -> Tensor:
    """(8, 2048, 64) -> (8,): of each book the code that changes least."""
    return centroids.square().sum(-1).argmin(-1)


@torch.no_grad()
def said(model: LanguageModel, prompts: Asked, quiet: Tensor) -> Said:
    """What a model says behind prompts; `quiet` (8,): what the books hold that are not drawn."""
    ids = torch.from_numpy(prompts.ids).to(quiet.device)
    past: list[Past] = [{} for _ in model.lfm.layers]
    x = model.lfm.embed_tokens(ids)
    every, ended = [], torch.zeros(len(ids), dtype=torch.bool, device=quiet.device)
    while len(every) < LONGEST and not ended.all():
        hidden = model.lfm(x, past)[:, -1]
        codes = quiet.repeat(len(ids), 1)
        for book in range(READ_OUT):
            codes[:, book] = drawn(model.frames(hidden, codes, book + 1)[book][:, : END_OF_AUDIO + (book == 0)])
        every.append(codes)
        ended |= codes[:, 0] == END_OF_AUDIO
        x = model.spoken(codes)[:, None]
    codes = torch.stack(every, 1)
    going = (codes[:, :, 0] != END_OF_AUDIO).cummin(1).values
    return Said(ids, prompts.texts, codes, going.sum(1).cpu().numpy())


def drawn(logits: Tensor) -> Tensor:
    """(N, codes) -> (N,), as the shipped model draws."""
    return torch.multinomial((SHARPER * logits.float()).softmax(-1), 1)[:, 0]
