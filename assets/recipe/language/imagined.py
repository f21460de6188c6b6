"""Sentences that nobody spoke, as a voice might have: phones as long as it made them somewhere.

A few hours of speech hold few of the words of the language, and a model knows them by heart long before it can spell the others out.
How those are pronounced costs nothing to know.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from codec.phones import SILENCE, UNLABELLED
from language.store import Store, held_out

UNSPOKEN = ("rare.txt", "definitions.txt")  # texts that no clip is of, which the voices say
TOLD = ("used.txt",)  # texts that nothing says: they are only told in phones
ENOUGH = 4  # lengths from which on their middle says something
EDGE = 254  # before the first phone and after the last
Found = dict[tuple[int, ...], list[int]]


class Voice:
    """How long a voice's phones are, and where its frames sound like what."""

    def __init__(self) -> None:
        self.lengths: Found = defaultdict(list)

    def learn(self, slots: np.ndarray) -> None:
        """One clip: phones by 20 ms (n,)."""
        starts = np.flatnonzero(np.diff(slots, prepend=EDGE))
        counts = np.diff(starts, append=len(slots)).tolist()
        kinds = [EDGE, *slots[starts].tolist(), EDGE]
        for i, count in enumerate(counts):
            for key in contexts(*kinds[i : i + 3]):
                self.lengths[key].append(count)


def contexts(before: int, kind: int, after: int) -> Iterator[tuple[int, ...]]:
    """Where a phone stands, the closest description first."""
    yield before, kind, after
    yield kind, after
    yield (kind,)


def known(found: Found, keys: Iterator[tuple[int, ...]]) -> list[int]:
    """What is found under the closest description that has been met often enough, or at all."""
    several = [some for key in keys if (some := found.get(key))]
    return next((some for some in several if len(some) >= ENOUGH), several[-1] if several else [])


class Pronounced(dict[tuple[str, str], np.ndarray]):
    """What `language.pronounce` found: phones by text and accent."""

    def __init__(self, path: Path) -> None:
        kept = np.load(path)
        kinds = np.split(kept["kinds"], kept["ends"][:-1])
        super().__init__({(text, accent(i)): k for i, (text, k) in enumerate(zip(kept["texts"].tolist(), kinds, strict=True))})


class Imagination:
    """Texts of which the pronunciation is known, as the voices of some clips would say them; none that is held out."""

    def __init__(self, store: Store, clips: list[dict]) -> None:
        unwanted = {c["text"] for c in store.clips.values() if held_out(c["file"])}
        self.accents: dict[str, str] = {}
        self.kinds: dict[str, list[int]] = {}
        for (text, spoken_in), sounds in Pronounced(store.pack / "pronounced.npz").items():
            if text not in unwanted and UNLABELLED not in sounds:
                self.accents[text], self.kinds[text] = spoken_in, merged(sounds)
        self.voices: dict[str, Voice] = defaultdict(Voice)
        for clip in clips:
            self.voices[clip["file"].split("/")[1]].learn(store.phones(clip))

    def slots(self, rng: random.Random, text: str, even: bool = False) -> tuple[str, np.ndarray] | None:
        """Who says it, and the phones by 20 ms, some as long as any, or all of middle length; None where the voice lacks a sound."""
        name = rng.choice([v for v in self.voices if v.startswith(self.accents[text])])
        slots = self.spread(name, self.kinds[text], None if even else rng)
        return None if slots is None else (name, slots)

    def spread(self, name: str, kinds: list[int], rng: random.Random | None = None) -> np.ndarray | None:
        """Phones by 20 ms, as long as the voice made some or, without `rng`, of middle length; None where it lacks one."""
        around = [EDGE, *kinds, EDGE]
        lengths = self.voices[name].lengths
        several = [known(lengths, contexts(*around[i : i + 3])) for i in range(len(around) - 2)]
        if not all(several):
            return None
        counts = [rng.choice(some) if rng else int(np.median(some)) for some in several]
        return np.repeat(np.array(kinds, np.uint8), counts)


def accent(line: int) -> str:
    """Of a line of the sentences."""
    return ("us", "uk")[line % 2]


def merged(kinds: np.ndarray) -> list[int]:
    """Pauses that follow each other are one."""
    return [int(k) for i, k in enumerate(kinds) if k != SILENCE or i == 0 or kinds[i - 1] != SILENCE]
