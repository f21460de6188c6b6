"""Which sequences training sees: tasks, clips and conversations drawn from the packed corpus, endlessly.

A worker only lays out integers. Samples and codes stay in two stores on the device, where clips are rendered and codes looked up.
"""

import random
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np

from codec.phones import SILENCE
from corpus import chat, sentences
from corpus.chat import Line, Turn
from corpus.typed import typed
from language.imagined import Imagination
from language.listening import Listening
from language.sequences import Builder, Sequence, Texts, Told, being_said, on_time
from language.store import SLOTS, Store, held_out, progress, sounded

STRANGE = 0.08  # share of the questions that are any sentence at all, which is politely refused
# share of the everyday sentences where nobody spoke them: said, and told in phones; clips of them are known by heart soon enough
EVERYDAY, EASY = 0.3, 0.1
AT_ONCE = (1, 1, 2, 3)  # sentences that are told: one alone costs a prompt
ONLY_TOLD = 0.4  # share of those of what is told that nothing says
VOICED, TOLD = 0.8, 0.5  # share of the questions with a clip that are heard, and of the others that are told in phones
ALOUD = 0.1  # share of the conversations that are one question with a clip
SUMS = 6  # one after another
FOLLOWING = ("about", "again", "more")  # topics that need a turn before


@dataclass(frozen=True)
class Mix:
    """Shares of the tasks."""

    @classmethod
    def only(cls, task: str) -> Self:
        return cls(**{name: float(name == task) for name in vars(cls())})

    speak: float = 0.0  # recordings' codes could not be learned
    imagine: float = 0.28  # of any sentence, as the voices would say it
    spell: float = 0.02  # how a text is pronounced, without saying it
    transcribe: float = 0.22
    tell: float = 0.24  # to be transcribed, but told in phones: nothing has to be heard
    chat: float = 0.17
    look_up: float = 0.05  # the first words of an answer: half of the work of a whole one
    reckon: float = 0.02  # addition and its kin want a hundred thousand examples: the shortest there can be
    read: float = 0.0


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
        self.heard = Listening(store, self.to_hear, self.build.texts, self.rng, vary)
        self.asked = {c["id"]: c for c in asked if "samples" in c}
        self.aloud = [q for q in (*chat.all_lines(), *chat.aloud()) if q.id in self.asked and q.topic not in FOLLOWING]
        self.answers = self.takes()
        self.conversations, self.drills, self.sums = chat.dialogues(part, seed), chat.drills(part, seed), chat.drills(part, seed, sums=True)
        self.strangers = [c for c in self.to_hear if not c["text"].endswith("?") and c["file"].startswith("heard/")]
        self.refusal = chat.reply(chat.OUT)

    @cached_property
    def imagined(self) -> Imagination:
        """How long the four voices make their phones in the clips of this part."""
        return Imagination(self.store, self.to_speak)

    @cached_property
    def made_up(self) -> dict[str, dict]:
        """The clips that nobody spoke, by text."""
        return {c["text"]: c for c in self.store.clips.values() if c["file"].startswith("imagined/")} if self.part == "train" else {}

    @cached_property
    def unspoken(self) -> tuple[list[str], list[str]]:
        """Sentences of which the pronunciation is known, and the everyday ones."""
        known = [s for s in self.store.sentences if s in self.imagined.kinds]
        return known, [s for s in known if s in self.everyday]

    @cached_property
    def sayable(self) -> tuple[list[str], list[str]]:
        """Those of them that the voices say."""
        every, everyday = ([s for s in some if s in self.made_up] for some in self.unspoken)
        return every, everyday

    @cached_property
    def only_told(self) -> list[str]:
        """Sentences that are there for it."""
        return [s for s in self.store.only_told if s in self.imagined.kinds]

    def takes(self) -> dict[str, dict]:
        """One take of each answer, of those whose words are always written before they are said."""
        found: dict[str, dict] = {}
        for clip in self.store.clips.values():
            if clip["file"].startswith("replies/") and "frames" in clip:
                _, places = self.build.texts(clip["text"])
                if on_time(places, self.store.said(clip)):
                    found.setdefault(clip["id"], clip)
        return found

    def typed(self, line: Line) -> np.ndarray:
        """Ids of a question, as people type it where things vary."""
        return self.build.texts(typed(line, self.rng) if self.vary else line.text)[0]

    def said(self, clip: dict) -> Sequence:
        """Synthesis of a clip."""
        voice, phones = clip["file"].split("/")[1], sounded(self.store.phones(clip))
        loose = self.vary and self.rng.random() < 0.5
        return self.build.speak(voice, clip["text"], phones, self.store.rows(clip), self.store.said(clip), loose)

    def speak(self) -> Sequence | None:
        """Synthesis of what somebody said."""
        return self.said(self.rng.choice(self.to_speak)) if self.to_speak else None

    def imagine(self) -> Sequence | None:
        """Synthesis of what nobody said."""
        return self.said(self.made_up[self.sentence(*self.sayable, EVERYDAY)]) if self.sayable[0] else None

    def transcribe(self) -> Sequence | None:
        """Recognition of one clip or some that follow each other."""
        if not self.to_hear:
            return None
        clip = self.rng.choice(self.to_hear)
        clips = self.heard.followed(clip) if self.vary else [clip]
        return self.build.transcribe(self.heard(*clips), " ".join(c["text"] for c in clips))

    def dialogue(self) -> list[Turn]:
        """The next one, or one question that somebody asked aloud."""
        if self.vary and self.aloud and self.rng.random() < ALOUD:
            asked = self.rng.choice(self.aloud)
            return [Turn(asked, chat.Answerer()(asked))]
        return next(self.conversations)

    def chat(self) -> Sequence | None:
        """The next dialogue whose clips exist; None where one lacks its answer's sound."""
        turns = []
        for turn in self.dialogue():
            asked, answer = turn.line, turn.reply
            if self.strangers and not turns and self.rng.random() < STRANGE:
                question = self.heard(self.rng.choice(self.strangers))
                answer = self.refusal
            elif asked.id in self.asked and self.rng.random() < VOICED:
                question = self.heard(self.asked[asked.id])
            elif self.vary and self.rng.random() < TOLD and (told := self.told(asked.text)):
                question = told
            else:
                question = self.typed(asked)
            if answer.id not in self.answers:
                return None
            clip = self.answers[answer.id]
            turns.append((question, answer.text, self.store.rows(clip), self.store.said(clip)))
            if answer is self.refusal:
                break  # what comes next was written for another answer
        return self.build.converse(turns)

    def look_up(self) -> Sequence:
        """A single question of any value, told or typed, and how its answer begins."""
        turn = next(self.drills)
        told = self.told(turn.line.text) if self.vary and self.rng.random() < TOLD else None
        take = self.answers.get(turn.reply.id)
        rows = self.store.rows(take) if take else np.zeros(0, np.int64)
        return self.build.look_up(told or self.typed(turn.line), turn.reply.text, rows)

    def reckon(self) -> Sequence:
        """Sums, typed."""
        turns = [next(self.sums) for _ in range(SUMS)]
        return self.build.reckon([(self.typed(t.line), t.reply.text) for t in turns])

    def sentence(self, every: list[str], everyday: list[str], easy: float) -> str:
        """One of them; `easy`: the share of the everyday ones."""
        return self.rng.choice(everyday if everyday and self.rng.random() < easy else every)

    def spell(self) -> Sequence | None:
        """How any sentence is pronounced."""
        text = self.sentence(*self.unspoken, EVERYDAY)
        said = self.imagined.slots(self.rng, text)
        return self.build.pronounce(said[0], text, sounded(said[1]), self.vary and self.rng.random() < 0.5)[0] if said else None

    def silence(self) -> np.ndarray:
        """Up to half a second of it, by 20 ms."""
        return np.full(self.rng.randrange(25), SILENCE, np.uint8)

    def told(self, *texts: str) -> Told | None:
        """Texts one after another as their phones, with silence before and behind each."""
        said = [self.imagined.slots(self.rng, text) for text in texts if text in self.imagined.kinds]
        if len(said) < len(texts) or not all(said):
            return None
        parts = [self.silence()]
        for one in filter(None, said):
            parts += [one[1], self.silence()]
        slots = np.concatenate([*parts, np.full(SLOTS, SILENCE, np.uint8)])
        slots = slots[: len(slots) // SLOTS * SLOTS]
        phones, share = slots.reshape(-1, SLOTS), progress(slots)[2::SLOTS]
        return Told(phones, share, being_said(*self.build.texts(" ".join(texts)), share, phones))

    def tell(self) -> Sequence | None:
        """Recognition of any sentences, told in phones; they have to be of words that are new, or are known by heart."""
        every, everyday = self.unspoken
        both = (every, self.only_told or every)
        count = self.rng.choice(AT_ONCE) if self.vary else 1
        texts = [self.sentence(both[self.rng.random() < ONLY_TOLD], everyday, EASY) for _ in range(count)]
        return self.build.transcribe(told, " ".join(texts)) if (told := self.told(*texts)) else None

    def read(self) -> Sequence:
        return self.build.read(self.rng.choice(self.store.sentences))

    def __call__(self) -> Sequence:
        tasks, shares = [*vars(self.mix)], [*vars(self.mix).values()]
        for _ in range(10_000):
            if made := getattr(self, self.rng.choices(tasks, shares)[0])():
                return made
        raise RuntimeError("the pack holds nothing to train these tasks on")
