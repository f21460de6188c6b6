"""Whole requests, as a page makes them: how long until words and sound come, how fast they follow, what memory they take."""

import resource
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter

import mlx.core as mx

from lfm import prompts
from lfm.audio import SPEECH_RATE, Audio
from lfm.bench.parts import noise
from lfm.bench.report import Row
from lfm.checkpoint import LoadedModel
from lfm.errors import ContextFull
from lfm.events import Done, Event, Stats
from lfm.generate import TokenGenerator
from lfm.meter import Meter
from lfm.options import CHAT, SPEAK, TRANSCRIBE
from lfm.schedule import Sequential
from lfm.session import Session
from lfm.tasks import transcribe

QUESTION = 4.0  # seconds of sound
SENTENCE = "The ferry leaves at nine, and the last one back is at six."
TOKENS = 54  # of a reply: three rounds of 6 words and 12 frames
APP = Path(__file__).parents[2] / "app.py"


def never() -> bool:
    return False


class Requests:
    """Asks one loaded model what a page would ask.

    Args:
        costs: milliseconds of each part, by the names of their rows.
    """

    def __init__(self, loaded: LoadedModel, generator: TokenGenerator, costs: dict[str, float]) -> None:
        self.loaded, self.generator = loaded, generator
        self.question = Audio(noise(QUESTION, SPEECH_RATE), SPEECH_RATE)
        self.word = costs["backbone step"] + costs["text head"]
        self.sound = costs["depthformer frame"] + costs[f"{next(iter(loaded.decoders))}, a frame of 80 ms alone"]

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
        options = replace(CHAT, seed=1, max_tokens=TOKENS)
        last(self.session().reply(None, self.question, replace(options, max_tokens=8), None, never))  # warm
        stats = last(self.session().reply(None, self.question, options, None, never))
        yield from firsts(f"chat, question of {QUESTION:.0f} s", stats, self.loaded.config.interleaved_n_text * self.word + self.sound)
        yield from rates("chat", stats)

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

        said(4)  # warm
        stats = said(TOKENS)
        yield from firsts("speak", stats, self.sound)
        yield from rates("speak", stats)

    def recognition(self) -> Iterator[Row]:
        stats = last(transcribe(self.loaded, self.generator, self.question, TRANSCRIBE, never))
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


def firsts(name: str, stats: Stats, parts: float) -> Iterator[Row]:
    """When words and sound came; `parts` is what the parts before the first sound cost alone, in ms."""
    if stats.first_text is not None:
        yield Row(f"{name}, first text", 1e3 * stats.first_text, "ms")
    if stats.first_sound is None:
        yield Row(f"{name}, first sound", None, "ms", note="none came")
    else:
        yield Row(f"{name}, first sound", 1e3 * stats.first_sound, "ms")
        yield Row(f"{name}, first sound once the prompt is in", 1e3 * (stats.first_sound - stats.prompt_seconds), "ms", parts)


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
