"""What the model reads and says in each task, position by position, exactly as the engine feeds it at run time.

`language.check` compares these sequences with those that the engine's own conversation and schedules make.
"""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
import tokenizers

from codec.phones import SILENCE
from lfm import prompts
from lfm.config import END_OF_AUDIO
from lfm.tokenizer import Tokenizer

N_TEXT, N_AUDIO = 6, 12
VOICES = {"us_male": "US male", "us_female": "US female", "uk_male": "UK male", "uk_female": "UK female"}
DROPPED = 0.1  # share of merges left out of a text that is to be spoken, now and then: it teaches how words are spelled
END = -1  # the row of codes that is all end-of-audio
APART = 1000.0  # between the places of one turn and the next
ENDED = np.full(8, END_OF_AUDIO)


def positions(samples: int) -> int:
    """What the encoder says of so many samples."""
    return -(-(1 + samples // 160) // 8)


@dataclass
class Heard:
    """One clip on its way to the encoder."""

    start: int  # in the store of samples
    length: int
    speed: float
    lead: int
    total: int
    slots: np.ndarray  # (positions, 4) phones, by 20 ms
    progress: np.ndarray  # (positions,) share of the utterance that has been said, or -1
    words: np.ndarray  # (positions,) the token that is being said, or -1

    @property
    def positions(self) -> int:
        return positions(self.total)


@dataclass
class Told:
    """What an encoder would say of a clip that does not exist: its phones alone."""

    slots: np.ndarray  # (positions, 4) phones, by 20 ms
    progress: np.ndarray  # (positions,) share of the utterance that has been said
    words: np.ndarray  # (positions,) the token that is being said, or -1

    @property
    def positions(self) -> int:
        return len(self.slots)


@dataclass
class Sequence:
    """Positions in order. A position is predicted from the one before it where `said` is true."""

    length: int = 0
    text: list[tuple[int, np.ndarray, bool]] = field(default_factory=list)  # position of the first, ids, said
    heard: list[tuple[int, Heard]] = field(default_factory=list)
    told: list[tuple[int, Told]] = field(default_factory=list)
    spoken: list[tuple[int, np.ndarray]] = field(default_factory=list)  # position of the first, rows of the store of codes
    queries: list[tuple[int, np.ndarray]] = field(default_factory=list)  # position of the first, places looked for
    keys: list[tuple[int, np.ndarray]] = field(default_factory=list)  # position of the first, places to be found
    spelled: list[tuple[int, int, np.ndarray]] = field(default_factory=list)  # position and number of a text's tokens, its phones

    @property
    def ids(self) -> np.ndarray:
        """All of one that is words alone."""
        return np.concatenate([ids for _, ids, _ in self.text])

    def say(self, ids: np.ndarray | list[int], said: bool = False) -> None:
        self.text.append((self.length, np.asarray(ids, np.int64), said))
        self.length += len(ids)

    def hear(self, clip: Heard | Told, tokens: float = 0.0) -> None:
        """`tokens`: how many the clip's words are; its places count in them."""
        if isinstance(clip, Heard):
            self.heard.append((self.length, clip))
        else:
            self.told.append((self.length, clip))
        if tokens:
            self.keys.append((self.length, np.where(clip.progress < 0, -1, clip.progress * tokens)))
        self.length += clip.positions

    def speak(self, rows: np.ndarray) -> None:
        self.spoken.append((self.length, rows))
        self.length += len(rows)


class Texts:
    """Ids of texts, and where in the text each of them stands."""

    def __init__(self, path: Path, seed: int = 0) -> None:
        self.names = Tokenizer(path)
        self.plain = tokenizers.Tokenizer.from_file(str(path))
        self.plain.encode_special_tokens = True
        self.loose = tokenizers.Tokenizer.from_file(str(path))
        self.loose.encode_special_tokens = True
        self.loose.model.dropout = DROPPED
        self.template = cache(self.names.encode)

    def __call__(self, text: str, loose: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Ids (n,), and each one's place: the share of letters up to its middle, times n."""
        found = (self.loose if loose else self.plain).encode(text, add_special_tokens=False)
        letters = np.concatenate([[0], np.cumsum([c.isalnum() for c in text])])
        places = np.array([letters[a] + letters[b] for a, b in found.offsets], np.float32) / 2
        return np.array(found.ids, np.int64), places / max(1, letters[-1]) * len(found.ids)


class Builder:
    """Sequences of the tasks."""

    def __init__(self, texts: Texts) -> None:
        self.texts = texts
        self.names = texts.names

    def turn(self, sequence: Sequence, role: str, content: np.ndarray | Heard | Told | str, tokens: float = 0.0) -> None:
        """A whole turn of the system or the user."""
        sequence.say(self.texts.template(f"<|im_start|>{role}\n"))
        if isinstance(content, Heard | Told):
            sequence.hear(content, tokens)
        elif len(content):
            sequence.say(self.texts.template(content) if isinstance(content, str) else content)
        sequence.say(self.texts.template("<|im_end|>\n"))

    def begin(self, system: str) -> Sequence:
        sequence = Sequence()
        sequence.say([self.names.startoftext])
        self.turn(sequence, "system", system)
        return sequence

    def end(self, sequence: Sequence) -> None:
        """The model says that it has finished; the line break after it is the engine's."""
        sequence.say([self.names.im_end], said=True)
        sequence.say(self.texts.template("\n"))

    def transcribe(self, clip: Heard | Told, text: str) -> Sequence:
        ids, places = self.texts(text)
        sequence = self.begin("Perform ASR.")
        self.turn(sequence, "user", clip, len(ids))
        sequence.say(self.texts.template("<|im_start|>assistant\n"))
        sequence.queries.append((sequence.length - 1, places))
        sequence.say(ids, said=True)
        self.end(sequence)
        return sequence

    def pronounce(self, voice: str, text: str, phones: np.ndarray, loose: bool) -> tuple[Sequence, np.ndarray]:
        """What is to be spoken, with its phones (n,), and the places of its words."""
        ids, places = self.texts(text, loose)
        sequence = self.begin(f"Perform TTS. Use the {VOICES[voice]} voice.")
        first = sequence.length + len(self.texts.template("<|im_start|>user\n"))
        sequence.keys.append((first, places))
        sequence.spelled.append((first, len(ids), phones))
        self.turn(sequence, "user", ids)
        return sequence, places

    def to_say(self, voice: str, text: str) -> np.ndarray:
        """Ids (n,) of all that stands before the sound."""
        sequence, _ = self.pronounce(voice, text, np.zeros(0, np.uint8), loose=False)
        sequence.say([*self.texts.template("<|im_start|>assistant\n"), self.names.audio_start])
        return sequence.ids

    def speak(self, voice: str, text: str, phones: np.ndarray, rows: np.ndarray, progress: np.ndarray, loose: bool) -> Sequence:
        """`rows` of the store of codes, one a frame; `progress` (frames,) of the words."""
        sequence, places = self.pronounce(voice, text, phones, loose)
        sequence.say(self.texts.template("<|im_start|>assistant\n"))
        sequence.say([self.names.audio_start], said=True)
        sequence.queries.append((sequence.length - 1, progress * len(places)))
        sequence.speak(np.append(rows, END))
        self.end(sequence)
        return sequence

    def converse(self, turns: list[tuple[np.ndarray | Heard | Told, str, np.ndarray, np.ndarray]]) -> Sequence:
        """Turns of (question, answer, rows, progress of the answer's words)."""
        sequence = self.begin(prompts.CHAT)
        for number, (question, answer, rows, progress) in enumerate(turns):
            self.turn(sequence, "user", question)
            sequence.say(self.texts.template("<|im_start|>assistant\n"))
            ids, places = self.texts(answer)
            self.interleave(sequence, np.append(ids, self.names.text_end), np.append(rows, END), places, progress, APART * number)
            self.end(sequence)
        return sequence

    def look_up(self, question: np.ndarray | Told, answer: str, rows: np.ndarray) -> Sequence:
        """A question, an answer's first words, and the next ones behind the sound that comes between them."""
        sequence = self.begin(prompts.CHAT)
        self.turn(sequence, "user", question)
        sequence.say(self.texts.template("<|im_start|>assistant\n"))
        ids = np.append(self.texts(answer)[0], self.names.text_end)
        sequence.say(ids[:N_TEXT], said=True)
        if len(ids) > N_TEXT and len(rows) > N_AUDIO:
            sequence.speak(rows[:N_AUDIO])
            sequence.say(ids[N_TEXT : 2 * N_TEXT], said=True)
        return sequence

    def interleave(
        self, sequence: Sequence, ids: np.ndarray, rows: np.ndarray, places: np.ndarray, progress: np.ndarray, base: float
    ) -> None:
        """Six words, twelve frames, and over again; words that are out leave the rest to the frames."""
        frame = 0
        for word in range(0, len(ids), N_TEXT):
            block = ids[word : word + N_TEXT]
            sequence.keys.append((sequence.length, base + places[word : word + N_TEXT]))
            sequence.say(block, said=True)
            last = word + N_TEXT >= len(ids)
            count = len(rows) - frame if last else N_AUDIO
            if count > len(rows) - frame:
                raise ValueError("the words come later than their sound")
            sequence.queries.append((sequence.length - 1, base + progress[frame : frame + count] * len(places)))
            sequence.speak(rows[frame : frame + count])
            frame += count

    def reckon(self, sums: list[tuple[np.ndarray, str]]) -> Sequence:
        """One sum after another, with nothing around them: questions and answers."""
        sequence = Sequence()
        sequence.say([self.names.startoftext])
        for question, answer in sums:
            sequence.say(question)
            sequence.say(self.texts(f" {answer} ")[0], said=True)
        return sequence

    def read(self, text: str) -> Sequence:
        """Words alone."""
        sequence = Sequence()
        sequence.say([self.names.startoftext])
        sequence.say(self.texts(text)[0], said=True)
        return sequence


def being_said(ids: np.ndarray, places: np.ndarray, progress: np.ndarray, slots: np.ndarray) -> np.ndarray:
    """The token that sounds at each position, or -1 in silence.

    Args:
        ids, places: (n,) as `Texts` gives them.
        progress: (positions,) share of the utterance that has been said, or -1.
        slots: (positions, 4) phones.
    """
    nearest = np.abs(places - progress[:, None] * len(ids)).argmin(1)
    return np.where((progress >= 0) & (slots != SILENCE).any(1), ids[nearest], -1)


def on_time(places: np.ndarray, progress: np.ndarray, ahead: int = 2) -> bool:
    """Is each word of an answer written `ahead` frames before it is said?

    Args:
        places: (n,) of its tokens, as `Texts` gives them.
        progress: (frames,) of the words.
    """
    starts = np.searchsorted(progress * len(places), places - 0.5)
    written = np.arange(len(places)) // N_TEXT * N_AUDIO
    return bool((starts[N_TEXT:] >= written[N_TEXT:] + ahead).all()) and len(progress) + 1 > len(places) // N_TEXT * N_AUDIO
