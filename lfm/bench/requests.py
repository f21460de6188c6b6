"""Whole requests, as a page makes them: how long until words and sound come, how fast they follow, what memory they take."""

import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from time import perf_counter

import mlx.core as mx

from lfm import prompts
from lfm.audio import SPEECH_RATE, Audio
from lfm.bench.floors import seconds
from lfm.bench.report import Row
from lfm.bench.works import Works, noise
from lfm.errors import ContextFull
from lfm.events import Done, Event, Stats
from lfm.meter import Meter
from lfm.options import CHAT, SPEAK, TRANSCRIBE
from lfm.schedule import Sequential
from lfm.session import Session
from lfm.tasks import transcribe

QUESTION = 4.0  # seconds of sound
SENTENCE = "The ferry leaves at nine, and the last one back is at six."
TIMES = 3  # that a first sound is waited for
TOKENS = 54  # of a reply: three rounds of 6 words and 12 frames
APP = Path(__file__).parents[2] / "app.py"


def never() -> bool:
    return False


class Requests:
    """Asks one loaded model what a page would ask."""

    def __init__(self, works: Works) -> None:
        self.loaded, self.generator, self.works = works.loaded, works.generator, works
        self.question = Audio(noise(QUESTION, SPEECH_RATE), SPEECH_RATE)

    def session(self) -> Session:
        return Session(self.loaded, self.generator)

    def rows(self, turns: int) -> Iterator[Row]:
        mx.reset_peak_memory()
        yield from self.chat()
        yield from self.speech()
        yield from self.recognition()
        yield from self.memory(turns)

    def chat(self) -> Iterator[Row]:
        """A spoken question, answered by words and sound in turn."""

        def asked(tokens: int) -> Stats:
            return last(self.session().reply(None, self.question, replace(CHAT, seed=1, max_tokens=tokens), None, never))

        words = self.loaded.config.interleaved_n_text
        yield from self.firsts(f"chat, question of {QUESTION:.0f} s", partial(asked, words + 1), words)
        yield from rates("chat", asked(TOKENS))

    def speech(self) -> Iterator[Row]:
        """A sentence, the step into speech taken: whether this model would have taken it does not matter here."""

        def said(tokens: int) -> Stats:
            session, names = self.session(), self.loaded.tokenizer
            voice = self.loaded.info.voices[0] if self.loaded.info.voices else ""
            session.begin(SENTENCE, None, prompts.speak(self.loaded.info, voice))
            session.conversation.word(names.audio_start)
            schedule = Sequential(names.audio_start, names.im_end)
            schedule.after_word(names.audio_start)
            return last(session.answer(schedule, replace(SPEAK, seed=1, max_tokens=tokens), never, Meter()))

        yield from self.firsts("speak", partial(said, 1), 0)
        yield from rates("speak", said(TOKENS))

    def firsts(self, name: str, ask: Callable[[], Stats], words: int) -> Iterator[Row]:
        """When words and sound came, beside the parts before the first sound: so many words, a frame, and its sound, in turn with it."""
        word = self.works.step(), self.works.head()
        sound = self.works.frame(), self.works.decoder(next(iter(self.loaded.decoders)), 1)
        parts, told = [], []
        ask()  # what is compiled, is
        for _ in range(TIMES):
            parts.append(words * sum(map(seconds, word)) + sum(map(seconds, sound)))
            told.append(ask())
        if texts := [stats.first_text for stats in told if stats.first_text is not None]:
            yield Row(f"{name}, first text", 1e3 * median(texts), "ms")
        sounds = [(stats.first_sound, stats.first_sound - stats.prompt_seconds) for stats in told if stats.first_sound is not None]
        if not sounds:
            yield Row(f"{name}, first sound", None, "ms", note="none came")
            return
        whole, once_in = (1e3 * median(each) for each in zip(*sounds, strict=True))
        yield Row(f"{name}, first sound", whole, "ms")
        yield Row(f"{name}, first sound once the prompt is in", once_in, "ms", 1e3 * median(parts))

    def recognition(self) -> Iterator[Row]:
        stats = last(transcribe(self.loaded, self.generator, self.question, replace(TRANSCRIBE, seed=1), never))
        yield Row("transcribe, seconds a second of sound", stats.real_time_factor, "", note=f"{stats.text_tokens} words")

    def memory(self, turns: int) -> Iterator[Row]:
        """A conversation of many short turns, and conversations side by side."""
        session, options = self.session(), replace(CHAT, seed=1, max_tokens=8)
        early, growth = 0, 0
        for turn in range(turns):
            try:
                last(session.reply("Go on.", None, options, None, never))
            except ContextFull:  # a small model's conversation is shorter than that
                turns = turn
                break
            if turn == min(9, turns - 1):
                early, growth = mx.get_active_memory(), session.state.nbytes
        late, growth = mx.get_active_memory(), session.state.nbytes - growth
        weights = self.loaded.info.memory
        yield Row("weights", weights / 1e6, "MB")
        yield Row(f"in use after {turns} turns", late / 1e6, "MB", weights / 1e6)
        yield Row("growth since turn 10, but for the conversation's state", (late - early - growth) / 1e6, "MB")
        yield Row("state of that conversation", session.state.nbytes / 1e6, "MB", note=f"{len(session.conversation)} positions")
        yield Row("most in use during these requests", mx.get_peak_memory() / 1e6, "MB", weights / 1e6)


def last(events: Iterator[Event]) -> Stats:
    """Hear a request to its end."""
    *_, done = events
    assert isinstance(done, Done)
    return done.stats


def rates(name: str, stats: Stats) -> Iterator[Row]:
    """How fast the reply came once the prompt was in."""
    spent = stats.seconds - stats.prompt_seconds
    yield Row(f"{name}, frames of 80 ms a second", stats.audio_frames / spent, "", note="12.5 is real time")
    yield Row(f"{name}, words and frames a second", (stats.text_tokens + stats.audio_frames) / spent, "")
    if stats.real_time_factor is not None:
        yield Row(f"{name}, seconds a second of sound", stats.real_time_factor, "")


def start_to_ready(folder: Path) -> Iterator[Row]:
    """The page's program from its start to the word Ready, and the most memory it took until then."""
    command = [sys.executable, str(APP), "--model", str(folder)]
    began = perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        ready = any(line.startswith("Ready") for line in program.stdout)
        spent = perf_counter() - began
        program.terminate()
    yield Row("start of app.py to Ready", spent if ready else None, "s", note="" if ready else "it did not start")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    yield Row("most memory of app.py", most * (1 if sys.platform == "darwin" else 1024) / 1e6, "MB")
