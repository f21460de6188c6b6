"""Which sequences training sees: tasks, clips and conversations drawn from the packed corpus, endlessly.

A worker only lays out integers. Samples and codes stay in two stores on the device, where clips are rendered and codes looked up.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Self, TypeVar

import numpy as np

from codec.phones import SILENCE
from corpus import chat, sentences
from language.imagined import Imagination
from language.sequences import Builder, Heard, Sequence, Texts, Told, being_said, on_time
from language.store import RATE, SLOT, SLOTS, Store, held_out, of_frames, progress, sounded

T = TypeVar("T")

STRANGE = 0.08  # share of the questions that are any sentence at all, which is politely refused
EVERYDAY = 0.3  # share of the everyday sentences besides those that chance draws; with 0.75 they were known by heart, and not heard
JOINED, LONGEST = 0.25, 9.0  # chance that another clip follows one to be transcribed, and seconds of both
VOICED, TOLD = 0.4, 0.5  # share of the questions that are heard, and of the others that are told in phones
SUMS = 6  # one after another
FIGURES = 0.3  # share of the typed sums that are typed in figures


@dataclass(frozen=True)
class Mix:
    """Shares of the tasks."""

    @classmethod
    def only(cls, task: str) -> Self:
        return cls(**{name: float(name == task) for name in vars(cls())})

    speak: float = 0.18
    imagine: float = 0.11
    spell: float = 0.12  # how a text is pronounced, without saying it
    transcribe: float = 0.18
    tell: float = 0.05  # to be transcribed, but told in phones: nothing has to be heard
    chat: float = 0.20
    look_up: float = 0.08  # the first words of an answer, without sound: a third of the work of a whole one
    reckon: float = 0.07  # addition and its kin want a hundred thousand examples: the shortest there can be
    read: float = 0.01


class Sampler:
    """Draws one sequence after another; `part` is train or tune."""

    def __init__(self, store: Store, part: str, mix: Mix, seed: int, vary: bool = True) -> None:
        self.store, self.part, self.mix, self.vary = store, part, mix, vary
        self.rng = random.Random(f"{part} {seed}")
        self.build = Builder(Texts(store.pack / "tokenizer.json"))
        mine = [c for c in store.clips.values() if held_out(c["file"]) == (part != "train")]
        self.to_speak = [c for c in mine if "frames" in c and c["file"].startswith("spoken/")]
        asked = [c for c in store.clips.values() if c["file"].startswith(f"questions/{part}/")]
        self.to_hear = [c for c in mine if "samples" in c and not c["file"].startswith("questions/")] + asked
        self.everyday = {*sentences.grammatical(random.Random(sentences.SEED)), *(c["text"] for c in asked)}
        self.everyday_to_speak = [c for c in self.to_speak if c["text"] in self.everyday]
        self.everyday_to_hear = [c for c in self.to_hear if c["text"] in self.everyday]
        self.follower = {c["samples"][0]: c for c in self.to_hear}
        self.asked = {c["id"]: c for c in asked if "samples" in c}
        self.answers = self.takes()
        self.conversations, self.drills, self.sums = chat.dialogues(part, seed), chat.drills(part, seed), chat.drills(part, seed, sums=True)
        self.strangers = [c for c in self.to_hear if not c["text"].endswith("?") and c["file"].startswith("heard/")]
        self.refusal = chat.reply(chat.OUT)

    def drawn(self, every: list[T], everyday: list[T]) -> T:
        """One of them, an everyday one more often."""
        return self.rng.choice(everyday if everyday and self.rng.random() < EVERYDAY else every)

    @cached_property
    def imagined(self) -> Imagination:
        """The four voices as they are in the clips of this part; it says nothing that is held out."""
        store, kept = self.store, {c["text"] for c in self.store.clips.values() if held_out(c["file"])}
        found = Imagination(store.pack / "pronounced.npz", kept)
        for clip in self.to_speak:
            start, count = clip["slots"]
            rows = self.rows(clip)
            found.voices[clip["file"].split("/")[1]].learn(store.slots[start : start + count], rows, store.framed[rows])
        return found

    @cached_property
    def unspoken(self) -> tuple[list[str], list[str]]:
        """Sentences of which the pronunciation is known, and the everyday ones."""
        known = [s for s in self.store.sentences if s in self.imagined.kinds]
        return known, [s for s in known if s in self.everyday]

    def takes(self) -> dict[str, list[dict]]:
        """The takes of each answer whose words are always written before they are said."""
        found: dict[str, list[dict]] = {}
        for clip in self.store.clips.values():
            if clip["file"].startswith("replies/") and "frames" in clip:
                _, places = self.build.texts(clip["text"])
                if on_time(places, self.of_frames(clip)):
                    found.setdefault(clip["id"], []).append(clip)
        return found

    def of_frames(self, clip: dict) -> np.ndarray:
        start, count = clip["slots"]
        return of_frames(self.store.progress[start : start + count], clip["frames"][1])

    def phones(self, clip: dict) -> np.ndarray:
        start, count = clip["slots"]
        return sounded(self.store.slots[start : start + count])

    def rows(self, clip: dict) -> np.ndarray:
        start, count = clip["frames"]
        return np.arange(start, start + count)

    def heard(self, *clips: dict) -> Heard:
        """Clips that follow each other in the store, with silent ends and, where things vary, at another speed."""
        start, length = clips[0]["samples"][0], sum(c["samples"][1] for c in clips)
        rng, vary = self.rng, self.vary
        speed = rng.uniform(0.87, 1.15) if vary and rng.random() < 0.7 else 1.0
        lead = int(rng.uniform(0, 0.5) * RATE) if vary else 0
        total = lead + int(length / speed) + (int(rng.uniform(0, 0.5) * RATE) if vary else 0)
        positions = -(-(1 + total // 160) // 8)
        slots, progress = self.labelled(clips)
        middles = (np.arange(positions * SLOTS) + 0.5) * SLOT
        slot = ((middles - lead) * speed // SLOT).astype(np.int64)
        inside = (slot >= 0) & (slot < len(slots))
        phones = np.where(inside, slots[np.clip(slot, 0, len(slots) - 1)], SILENCE).reshape(-1, SLOTS)
        middle = slot.reshape(-1, SLOTS)[:, 2]
        known = (middle >= 0) & (middle < len(slots))
        share = np.where(known, progress[np.clip(middle, 0, len(slots) - 1)], -1).astype(np.float32)
        words = being_said(*self.build.texts(" ".join(c["text"] for c in clips)), share, phones)
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
        while self.vary and len(clips) < 3 and self.rng.random() < JOINED:
            after = self.follower.get(sum(clips[-1]["samples"]))
            if after is None or sum(c["samples"][1] for c in clips) + after["samples"][1] > LONGEST * RATE:
                break
            clips.append(after)
        return clips

    def typed(self, line: chat.Line) -> str:
        """A question as people type it."""
        text, rng = line.text, self.rng
        if not self.vary:
            return text
        if len(line.value) == 4 and rng.random() < FIGURES:
            for word, figure in zip(line.value[:2], line.value[2:], strict=True):
                text = re.sub(rf"\b{re.escape(word)}\b", figure, text, count=1, flags=re.IGNORECASE)
        if rng.random() < 0.3:
            text = text.lower()
        if rng.random() < 0.3:
            text = re.sub(r"[,.?!]", "", text)
        if rng.random() < 0.15 and len(text) > 5:
            i = rng.randrange(len(text) - 1)
            text = text[:i] + rng.choice(["", text[i + 1] + text[i], text[i] * 2]) + text[i + 2 - (rng.random() < 0.5) :]
        return text

    def conversation(self) -> Sequence | None:
        """The next dialogue whose clips exist; None where one lacks its answer's sound."""
        turns = []
        for turn in next(self.conversations):
            asked, answer = turn.line, turn.reply
            if self.strangers and not turns and self.rng.random() < STRANGE:
                question = self.heard(self.rng.choice(self.strangers))
                answer = self.refusal
            elif asked.id in self.asked and self.rng.random() < VOICED:
                question = self.heard(self.asked[asked.id])
            elif self.vary and self.rng.random() < TOLD and (told := self.told(asked.text)):
                question = told
            else:
                question = self.build.texts(self.typed(asked))[0]
            if answer.id not in self.answers:
                return None
            clip = self.rng.choice(self.answers[answer.id])
            turns.append((question, answer.text, self.rows(clip), self.of_frames(clip)))
            if answer is self.refusal:
                break  # what comes next was written for another answer
        return self.build.converse(turns)

    def look_up(self) -> Sequence:
        """A single question of any value, told or typed, and how its answer begins."""
        turn = next(self.drills)
        told = self.told(turn.line.text) if self.vary and self.rng.random() < TOLD else None
        return self.build.look_up(told or self.build.texts(self.typed(turn.line))[0], turn.reply.text)

    def reckon(self) -> Sequence:
        """Sums, typed."""
        turns = [next(self.sums) for _ in range(SUMS)]
        return self.build.reckon([(self.build.texts(self.typed(t.line))[0], t.reply.text) for t in turns])

    def sentence(self) -> str:
        """One that anybody could say."""
        return self.drawn(*self.unspoken)

    def imagine(self, text: str) -> Sequence | None:
        """Synthesis of a sentence that nobody said."""
        said = self.imagined.slots(self.rng, text)
        rows = said and self.imagined.rows(self.rng, *said)
        if said is None or rows is None:
            return None
        voice, slots = said
        place = of_frames(progress(slots), len(rows))
        sequence = self.build.speak(voice, text, sounded(slots), rows, place, self.rng.random() < 0.5)
        sequence.imagined = True
        return sequence

    def spell(self, text: str) -> Sequence | None:
        """How any sentence is pronounced."""
        said = self.imagined.slots(self.rng, text)
        return self.build.pronounce(said[0], text, sounded(said[1]), self.vary and self.rng.random() < 0.5)[0] if said else None

    def told(self, text: str) -> Told | None:
        """A text as its phones, with silent ends."""
        if text not in self.imagined.kinds or not (said := self.imagined.slots(self.rng, text)):
            return None
        ends = [np.full(self.rng.randrange(25), SILENCE, np.uint8) for _ in range(2)]
        slots = np.concatenate([ends[0], said[1], ends[1], np.full(SLOTS, SILENCE, np.uint8)])
        slots = slots[: len(slots) // SLOTS * SLOTS]
        phones, share = slots.reshape(-1, SLOTS), progress(slots)[2::SLOTS]
        return Told(phones, share, being_said(*self.build.texts(text), share, phones))

    def __call__(self) -> Sequence:
        mix = self.mix
        for _ in range(10_000):
            task = self.rng.choices([*vars(mix)], [*vars(mix).values()])[0]
            if task == "speak" and self.to_speak:
                clip = self.drawn(self.to_speak, self.everyday_to_speak)
                voice = clip["file"].split("/")[1]
                loose = self.vary and self.rng.random() < 0.5
                return self.build.speak(voice, clip["text"], self.phones(clip), self.rows(clip), self.of_frames(clip), loose)
            if task == "imagine" and (made := self.imagine(self.sentence())):
                return made
            if task == "spell" and (made := self.spell(self.sentence())):
                return made
            if task == "tell" and (told := self.told(text := self.sentence())):
                return self.build.transcribe(told, text)
            if task == "transcribe" and self.to_hear:
                clips = self.followed(self.drawn(self.to_hear, self.everyday_to_hear))
                return self.build.transcribe(self.heard(*clips), " ".join(c["text"] for c in clips))
            if task == "chat" and (made := self.conversation()):
                return made
            if task == "look_up":
                return self.look_up()
            if task == "reckon":
                return self.reckon()
            if task == "read":
                return self.build.read(self.rng.choice(self.store.sentences))
        raise RuntimeError("the pack holds nothing to train these tasks on")


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
