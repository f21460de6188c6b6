"""One user's conversation: what was said in, events out. Runs on the MLX thread, knows no threads."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from time import perf_counter

import mlx.core as mx
import numpy as np

from lfm import prompts
from lfm.audio import SPEECH_RATE, Audio, audible, resample, to_int16
from lfm.checkpoint import LoadedModel
from lfm.conversation import Conversation, Segment, Spoken
from lfm.errors import ContextFull, LfmError
from lfm.events import AudioChunk, Event, TextDelta
from lfm.generate import Frame, Stopped, TokenGenerator, Word
from lfm.mel import log_mel
from lfm.meter import Meter, Reason
from lfm.model.state import State
from lfm.options import Options
from lfm.pieces import worded
from lfm.rendering import Renderer
from lfm.schedule import Interleaved, Schedule
from lfm.search import search
from lfm.tokenizer import TextStream

ROOM_TO_ANSWER = 64  # positions that must be free for a turn to begin
LOST = sys.maxsize  # Mark.fed where the state of that moment is not known any more


@dataclass(frozen=True)
class Mark:
    """A point in a conversation to come back to."""

    segments: int
    fed: int
    state: dict[int, object]


class Session:
    """A conversation whose state in the model is kept, so that a turn costs only its own tokens."""

    def __init__(self, loaded: LoadedModel, generator: TokenGenerator) -> None:
        self.loaded, self.generator = loaded, generator
        self.conversation = Conversation(loaded.tokenizer)
        self.state = State()
        self.fed = 0  # segments that are in the state
        self.turns: list[Mark] = []
        self.before = 0  # turns before the latest question
        self.opening = 0  # segments before the first question

    def reply(
        self, text: str | None, audio: Audio | None, options: Options, system: str | None, stopped: Stopped, again: bool = False
    ) -> Iterator[Event]:
        """Answer one turn of the user: words, a recording, or both; `again`: in place of the latest.

        Raises:
            ContextFull: the turn does not fit any more; the conversation is as it was.
            AudioError: the recording cannot be used; the conversation is as it was.
        """
        segments, turns = self._take_back(self.before if again else len(self.turns))
        self.before = len(self.turns)
        try:
            yield from self._reply(text, audio, options, system, stopped)
        finally:
            if len(self.turns) == self.before:  # nothing was said
                self.conversation.segments += segments
                self.turns += turns

    def _reply(self, text: str | None, audio: Audio | None, options: Options, system: str | None, stopped: Stopped) -> Iterator[Event]:
        if audio is None and not (text or "").strip():
            raise LfmError("Say or type something first.")
        if audio is not None:
            audible(audio)
        text = worded(text or "", self.loaded.info) or text
        self.begin(text or "", None if audio is None else hear(audio, self.loaded), system or prompts.CHAT)
        config, names = self.loaded.config, self.loaded.tokenizer
        schedule = Interleaved(config.interleaved_n_text, config.interleaved_n_audio, names.text_end, names.im_end)
        asked = len(self.conversation.segments)
        try:
            yield from self.answer(schedule, options, stopped, Meter())
            mx.eval(self.state.arrays())  # a CPU has the last step still before it, and the next question need not wait for that
        except Exception:
            self.state, self.fed = State(), 0  # what it holds is unknown: the next turn re-encodes
            raise
        finally:
            if len(self.conversation.segments) == asked:
                self.undo()  # nothing was said: as if nothing had been asked
            else:
                self.conversation.close()

    def answer(self, schedule: Schedule, options: Options, stopped: Stopped, meter: Meter) -> Iterator[Event]:
        """Feed what is unread, then speak; every word and frame is put into the conversation as it is yielded."""
        hidden = self._read(stopped, meter)
        if hidden is None:
            yield meter.done("cancelled")
            return
        options = replace(options, max_tokens=self._room(options))
        render = Renderer(self.loaded.decoder(options.decoder)) if options.with_audio else None
        text = self.loaded.tokenizer.stream()
        reason: Reason = "length"
        for token in self.generator.generate(hidden, self.state, schedule, options, render):
            self.fed += 1
            match token:
                case Word(word):
                    if render is not None:
                        yield from self._sound(render.rest(), meter)
                    yield from self._word(word, text, meter)
                    finished = isinstance(schedule, Interleaved) and word == schedule.text_end and not options.with_audio
                    if word == self.loaded.tokenizer.im_end or finished:
                        reason = "end"
                        break
                case Frame(codes, sound):
                    self.conversation.frame(codes)
                    meter.add(audio_frames=1)
                    if render is not None and token.ended:
                        yield from self._sound(render.finish(ended=True), meter)
                    elif sound is not None:
                        yield from self._sound(sound, meter)
            if stopped():
                reason = "cancelled"
                break
        if render is not None and reason != "cancelled":
            yield from self._sound(render.finish(ended=False), meter)
        yield meter.done(reason)

    def write(self, beams: int, options: Options, stopped: Stopped, meter: Meter) -> Iterator[Event]:
        """Feed what is unread, then write the likeliest of several texts; the next turn feeds its words."""
        hidden = self._read(stopped, meter)
        if hidden is None:
            yield meter.done("cancelled")
            return
        text, end = self.loaded.tokenizer.stream(), self.loaded.tokenizer.im_end
        reason: Reason = "length"
        room, lexicon = self._room(options), self.loaded.lexicon
        for word in search(self.generator.model, hidden, self.state, end, beams, room, stopped, lexicon):
            yield from self._word(word.id, text, meter)
            if word.id == end:
                reason = "end"
        if reason == "length" and stopped():  # the search looks for itself, since words may take long to be certain
            reason = "cancelled"
        yield meter.done(reason)

    def _read(self, stopped: Stopped, meter: Meter) -> mx.array | None:
        """Feed what is unread; the hidden state behind it, (hidden,), or None when stopped on the way."""
        unread = self.conversation.segments[self.fed :]
        meter.add(prompt_tokens=sum(map(len, unread)))
        began = perf_counter()
        hidden = self.generator.prefill(unread, self.state, stopped)
        meter.add(prompt_seconds=perf_counter() - began)
        if hidden is not None:
            self.fed = len(self.conversation.segments)
        return hidden

    def _room(self, options: Options) -> int:
        """How many words and frames an answer may have; the turn's end takes two positions."""
        return min(options.max_tokens, self.loaded.info.context - len(self.conversation) - 2)

    def _word(self, word: int, text: TextStream, meter: Meter) -> Iterator[TextDelta]:
        self.conversation.word(word)
        meter.add(text_tokens=1)
        if delta := text.step(word):
            meter.first("first_text")
            yield TextDelta(delta)

    def _sound(self, samples: np.ndarray, meter: Meter) -> Iterator[AudioChunk]:
        if len(samples):
            meter.first("first_sound")
            rate = self.loaded.sample_rate
            meter.add(audio_seconds=len(samples) / rate)
            yield AudioChunk(to_int16(samples), rate)

    def begin(self, text: str, mel: np.ndarray | None, system: str) -> None:
        """Put the user's turn into the conversation and open the answer.

        Raises:
            ContextFull: it does not fit any more; the conversation is as it was.
        """
        self.turns.append(self._mark())
        if len(self.turns) == 1:
            self.conversation.turn("system", system)
            self.opening = len(self.conversation.segments)
        self.conversation.open("user")
        if mel is not None:
            self.conversation.hear(mel)
        self.conversation.say(text)
        self.conversation.close()
        self.conversation.open("assistant")
        used, context = len(self.conversation), self.loaded.info.context
        if used + ROOM_TO_ANSWER > context:
            first = len(self.turns) == 1
            self.undo()
            if first:
                raise ContextFull(f"This is too long for one question: {used} of {context} positions. Ask with less.")
            raise ContextFull(f"The conversation is full: {used} of {context} positions. Start a new one, or keep only the last turns.")

    def _mark(self) -> Mark:
        return Mark(len(self.conversation.segments), self.fed, self.state.mark())

    def spoken(self) -> Iterator[np.ndarray]:
        """All frames that were spoken, in order."""
        return (codes for segment in self.conversation.segments if isinstance(segment, Spoken) for codes in segment.codes)

    def _take_back(self, turns: int) -> tuple[list[Segment], list[Mark]]:
        """Undo all but the first turns; what was taken, to be put back."""
        segments, marks = list(self.conversation.segments), list(self.turns)
        while len(self.turns) > turns:
            self.undo()
        return segments[len(self.conversation.segments) :], marks[len(self.turns) :]

    def shorten(self) -> None:
        """Forget the first turns, so that half of the context is free; the rest is encoded anew at the next turn."""
        if not self.turns:
            return
        segments = self.conversation.segments
        room = self.loaded.info.context // 2 - sum(map(len, segments[: self.opening]))
        starts = [self.opening, *(mark.segments for mark in self.turns[1:])]
        drop = sum(sum(map(len, segments[start:])) > room for start in starts)
        gone = [*starts, len(segments)][drop] - self.opening
        del segments[self.opening : self.opening + gone]
        self.turns = [self.turns[0], *(Mark(start - gone, LOST, {}) for start in starts[drop + 1 :])]
        self.state, self.fed = State(), 0
        if drop == len(starts):
            self.undo()
        self.before = len(self.turns)

    def undo(self) -> None:
        """Forget the last turn, question and answer."""
        if not self.turns:
            return
        mark = self.turns.pop()
        del self.conversation.segments[mark.segments :]
        if mark.fed <= self.fed:
            self.state.rewind(mark.state)
            self.fed = mark.fed
        else:  # the state was lost in between
            self.state, self.fed = State(), 0


def hear(audio: Audio, loaded: LoadedModel) -> np.ndarray:
    """A recording as the encoder takes it, (T, features)."""
    return log_mel(resample(audio, SPEECH_RATE).samples, loaded.config.mel)
