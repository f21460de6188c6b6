"""A clip on its way to the encoder: where its samples lie, how fast it is played, and what is said at each position."""

import random

import numpy as np

from codec.phones import SILENCE
from language.sequences import Heard, Texts, being_said, positions
from language.store import RATE, SLOT, SLOTS, Store

JOINED, LONGEST = 0.25, 9.0  # chance that another clip follows one to be transcribed, and seconds of both


class Listening:
    """Clips as they are heard; with `vary`, at another speed and with silent ends."""

    def __init__(self, store: Store, clips: list[dict], texts: Texts, rng: random.Random, vary: bool) -> None:
        self.store, self.texts, self.rng, self.vary = store, texts, rng, vary
        self.follower = {c["samples"][0]: c for c in clips}

    def __call__(self, *clips: dict) -> Heard:
        """Clips that follow each other in the store."""
        start, length = clips[0]["samples"][0], sum(c["samples"][1] for c in clips)
        rng, vary = self.rng, self.vary
        speed = rng.uniform(0.87, 1.15) if vary and rng.random() < 0.7 else 1.0
        lead = int(rng.uniform(0, 0.5) * RATE) if vary else 0
        total = lead + int(length / speed) + (int(rng.uniform(0, 0.5) * RATE) if vary else 0)
        slots, progress = self.labelled(clips)
        middles = (np.arange(positions(total) * SLOTS) + 0.5) * SLOT
        slot = ((middles - lead) * speed // SLOT).astype(np.int64)
        inside = (slot >= 0) & (slot < len(slots))
        phones = np.where(inside, slots[np.clip(slot, 0, len(slots) - 1)], SILENCE).reshape(-1, SLOTS)
        middle = slot.reshape(-1, SLOTS)[:, 2]
        known = (middle >= 0) & (middle < len(slots))
        share = np.where(known, progress[np.clip(middle, 0, len(slots) - 1)], -1).astype(np.float32)
        words = being_said(*self.texts(" ".join(c["text"] for c in clips)), share, phones)
        return Heard(start, length, speed, lead, total, phones, share, words)

    def labelled(self, clips: tuple[dict, ...]) -> tuple[np.ndarray, np.ndarray]:
        """Phones and progress of clips one after another, by 20 ms."""
        letters = np.cumsum([0, *(sum(map(str.isalnum, c["text"])) for c in clips)])
        phones, progress, end = [], [], 0
        for clip, before, after in zip(clips, letters, letters[1:], strict=False):
            start, count = clip["slots"]
            end += clip["samples"][1]
            place = start + np.clip(np.arange(end // SLOT - sum(map(len, phones))), 0, count - 1)
            phones.append(self.store.slots[place])
            progress.append((before + self.store.progress[place] * (after - before)) / letters[-1])
        return np.concatenate(phones), np.concatenate(progress)

    def followed(self, clip: dict) -> list[dict]:
        """A clip and, now and then, one or two that follow it in the store."""
        clips = [clip]
        while len(clips) < 3 and self.rng.random() < JOINED:
            after = self.follower.get(sum(clips[-1]["samples"]))
            if after is None or sum(c["samples"][1] for c in clips) + after["samples"][1] > LONGEST * RATE:
                break
            clips.append(after)
        return clips
