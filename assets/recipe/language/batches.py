"""Sequences laid into one batch: flat places of words, frames and heard positions, and what is to be predicted from where."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from language.data import Mix, Sampler
from language.hearing import Renderings
from language.sequences import Sequence
from language.store import Store


@dataclass
class Batch:
    """Places count through the batch row by row: sequence * length + position."""

    rows: int
    length: int
    longest: int  # samples of the longest clip
    guided: bool  # something is looked for
    word_place: Tensor  # (W,) of every word
    words: Tensor  # (W,) ids
    word_from: Tensor  # (w,) places from which the words of the next line are predicted
    word_next: Tensor  # (w,)
    frame_place: Tensor  # (F,) of every frame
    frames: Tensor  # (F,) rows of the store of codes; each is predicted from the place before it
    heard_place: Tensor  # (H,) of every heard position
    heard_row: Tensor  # (H,) clip
    heard_column: Tensor  # (H,) position in the clip
    heard_phones: Tensor  # (H, 4)
    heard_words: Tensor  # (H,) the token being said, or -1
    told_place: Tensor  # (T,) of every position that is told in phones
    told_phones: Tensor  # (T, 4)
    told_words: Tensor  # (T,) the token being said, or -1
    spelled_place: Tensor  # (S,) of the words of each text that is to be pronounced
    spelled_words: Tensor  # (n,) how many those are, by text
    phones: Tensor  # (p,) how they are pronounced
    spelled_phones: Tensor  # (n,) how many phones that is, by text
    clips: Tensor  # (N, 5) float64: start, length, speed, lead, total
    query: Tensor  # (rows, length) the place in the text that is looked for, or -1
    key: Tensor  # (rows, length) the place in the text that stands there, or -1

    def to(self, device: torch.device) -> "Batch":
        moved = (getattr(self, f.name) for f in fields(self))
        return Batch(*(m.to(device, non_blocking=True) if isinstance(m, Tensor) else m for m in moved))

    def renderings(self) -> Renderings:
        return Renderings.of(self.clips, self.longest)


def joined(parts: list[np.ndarray], *shape: int) -> Tensor:
    return torch.from_numpy(np.concatenate(parts).astype(np.int64)) if parts else torch.zeros(0, *shape, dtype=torch.long)


def laid_out(sequences: list[Sequence]) -> Batch:
    """One batch of them."""
    rows, length = len(sequences), max(s.length for s in sequences)
    words, spoken, heard, told = ([], [], []), ([], []), ([], [], [], [], []), ([], [], [])
    spelled: tuple[list, ...] = ([], [], [], [])
    said: tuple[list, list] = ([], [])
    clips: list[tuple[float, ...]] = []
    query, key = np.full((rows, length), -1, np.float32), np.full((rows, length), -1, np.float32)
    for row, sequence in enumerate(sequences):
        base = row * length
        for first, ids, predicted in sequence.text:
            places = base + first + np.arange(len(ids))
            words[0].append(places), words[1].append(ids)
            if predicted:
                said[0].append(places - 1), said[1].append(ids)
        for first, frames in sequence.spoken:
            spoken[0].append(base + first + np.arange(len(frames))), spoken[1].append(frames)
        for first, clip in sequence.heard:
            heard[0].append(base + first + np.arange(clip.positions)), heard[1].append(np.full(clip.positions, len(clips)))
            heard[2].append(np.arange(clip.positions)), heard[3].append(clip.slots), heard[4].append(clip.words)
            clips.append((clip.start, clip.length, clip.speed, clip.lead, clip.total))
        for first, clip in sequence.told:
            told[0].append(base + first + np.arange(clip.positions)), told[1].append(clip.slots), told[2].append(clip.words)
        for first, count, phones in sequence.spelled:
            spelled[0].append(base + first + np.arange(count)), spelled[1].append([count])
            spelled[2].append(phones), spelled[3].append([len(phones)])
        for table, found in ((query, sequence.queries), (key, sequence.keys)):
            for first, places in found:
                table[row, first : first + len(places)] = places
    described = torch.tensor(clips, dtype=torch.float64).reshape(-1, 5)
    placed = (*map(joined, words[:2]), *map(joined, said), *map(joined, spoken))
    placed += (*map(joined, heard[:3]), joined(heard[3], 4), joined(heard[4]), joined(told[0]), joined(told[1], 4), joined(told[2]))
    placed += (*map(joined, spelled),)
    longest = max((int(c[-1]) for c in clips), default=0)
    return Batch(rows, length, longest, bool((query >= 0).any()), *placed, described, torch.from_numpy(query), torch.from_numpy(key))


def groups(sampler: Sampler, positions: int, pool: int = 12) -> Iterator[list[Sequence]]:
    """Sequences of like length, together at most `positions` with their padding, in random order."""
    while True:
        drawn = sorted((sampler() for _ in range(pool * positions // 80)), key=lambda s: -s.length)
        batches: list[list[Sequence]] = [[]]
        for sequence in drawn:
            if batches[-1] and (len(batches[-1]) + 1) * batches[-1][0].length > positions:
                batches.append([])
            batches[-1].append(sequence)
        if len(batches) > 1:
            batches.pop()  # the shortest ones, perhaps few
        sampler.rng.shuffle(batches)
        yield from batches


class Stream(IterableDataset):
    """Endless batches, differently seeded in each worker."""

    def __init__(self, store: Store, part: str, mix: Mix, positions: int, seed: int) -> None:
        self.store, self.part, self.mix, self.positions, self.seed = store, part, mix, positions, seed

    def __iter__(self) -> Iterator[Batch]:
        worker = get_worker_info()
        sampler = Sampler(self.store, self.part, self.mix, self.seed * 1000 + (worker.id if worker else 0))
        for group in groups(sampler, self.positions):
            yield laid_out(group)


def stream(store: Store, mix: Mix, positions: int, seed: int, workers: int) -> Iterator[Batch]:
    """Training batches, laid out ahead of their use."""
    dataset = Stream(store, "train", mix, positions, seed)
    return iter(DataLoader(dataset, batch_size=None, num_workers=workers, prefetch_factor=8 if workers else None))


def fixed(store: Store, mix: Mix, positions: int, count: int) -> list[Batch]:
    """The same few batches of held-out clips every time, undisturbed."""
    sampler = Sampler(store, "tune", mix, 0, vary=False)
    found = groups(sampler, positions, pool=count + 1)
    return [laid_out(next(found)) for _ in range(count)]
