"""An engine without a model: the same interface as lfm.engine.Engine, text and a sine out, as fast as it is told to be."""

import threading
import time
from collections.abc import Iterator

import numpy as np

from lfm.audio import Audio
from lfm.events import AudioChunk, Done, Event, OtherDecoding, Progress, Queued, Stats, TextDelta
from lfm.options import CHAT, SPEAK, TRANSCRIBE, Options
from lfm.status import ModelInfo, Status

RATE = 24_000
FRAME = 1920  # samples, 80 ms
TEXT = "Start early in Alfama before the trams fill up and take the ferry for a long lunch by the water"
WORDS = TEXT.split()

LFM25 = ModelInfo(
    name="LiquidAI/LFM2.5-Audio-1.5B", family="LFM2.5-Audio", precision="bfloat16", parameters=1_460_000_000, memory=2_920_000_000,
    decoders=("Detokenizer", "Mimi"), voices=("US male", "US female", "UK male", "UK female"), context=4096,
)  # fmt: skip
LFM2 = ModelInfo(
    name="LiquidAI/LFM2-Audio-1.5B", family="LFM2-Audio", precision="bfloat16", parameters=1_450_000_000, memory=2_900_000_000,
    decoders=("Mimi",), voices=(), context=4096,
)  # fmt: skip


def tone(samples: int) -> np.ndarray:
    """A quiet 220 Hz sine that never repeats a sample pattern at a piece's border."""
    t = np.arange(samples) / RATE
    return np.rint(6000 * np.sin(2 * np.pi * 220.5 * t)).astype(np.int16)


class FakeEngine:
    """First come, first served, like the real one."""

    def __init__(self) -> None:
        self._line: list[threading.Event] = []  # requests in their order, the first of them running
        self.reset()

    def reset(self) -> None:
        """As new: an LFM2.5 that answers two seconds of sound at once."""
        self.model = LFM25
        self.state: Status | None = None  # set it to pretend
        self.speed = 0.0  # seconds of sound made in a second; 0: at once
        self.sound = tone(2 * RATE)
        self.prefill = 0.0  # seconds of silence before the first event
        self.gate = threading.Event()  # closed, requests wait at their beginning
        self.gate.set()
        self.hiccup = (0.0, 0.0)  # after so many seconds of sound, so many seconds of nothing
        self.error: Exception | None = None  # raised after the prefill
        self.asked: list[dict[str, object]] = []  # every request
        self.ended: list[tuple[str, float]] = []  # reason and time of every end
        self.stats = Stats()  # of the latest request
        self.models = {LFM25.name: LFM25, LFM2.name: LFM2}  # that can be loaded
        self.loads: list[str] = []  # asked for
        self.downloads: list[str] = []

    @property
    def status(self) -> Status:
        line = len(self._line)
        return self.state or Status(state="busy" if line else "ready", model=self.model, waiting=max(0, line - 1))

    def load(self, model: str, revision: str | None = None) -> None:
        """Another model at once, by its name; the same voices."""
        self.loads.append(model)
        if model in self.models:
            self.model = self.models[model]

    def download(self, model: str) -> None:
        self.downloads.append(model)

    def cancel_download(self, model: str) -> None:
        self.downloads.remove(model)

    def cached(self) -> dict[str, int]:
        return {LFM2.name: 3_330_000_000}

    def chat(self) -> "FakeChat":
        return FakeChat(self)

    def transcribe(self, audio: Audio, options: Options = TRANSCRIBE, cancelled: threading.Event | None = None) -> Iterator[Event]:
        self.asked.append({"task": "transcribe", "audio": audio, "options": options})
        yield from self.run(cancelled or threading.Event(), with_sound=False, heard=audio)

    def speak(self, text: str, voice: str, options: Options = SPEAK, cancelled: threading.Event | None = None) -> Iterator[Event]:
        self.asked.append({"task": "speak", "text": text, "voice": voice, "options": options})
        for event in self.run(cancelled or threading.Event(), with_text=False):
            if isinstance(event, Done) and options.compare and event.reason != "cancelled":
                yield OtherDecoding(-self.sound, RATE)  # upside down, which is heard as the same and can be told apart
            yield event

    def run(
        self, cancelled: threading.Event, with_text: bool = True, with_sound: bool = True, heard: Audio | None = None
    ) -> Iterator[Event]:
        """A word before every second frame until the sound has ended."""
        self._line.append(cancelled)
        told = 0
        try:
            while ahead := self._line.index(cancelled):
                if cancelled.wait(0.02):
                    yield self.end("cancelled", Stats())
                    return
                if ahead != told:
                    yield Queued(told := ahead)
            if told:
                yield Queued(0)
            yield from self.work(cancelled, with_text, with_sound, heard)
        finally:
            self._line.remove(cancelled)

    def work(self, cancelled: threading.Event, with_text: bool, with_sound: bool, heard: Audio | None) -> Iterator[Event]:
        began, sound, speed = time.monotonic(), self.sound, self.speed  # a test may set others for the request after this
        while not self.gate.wait(0.02) and not cancelled.is_set():
            pass
        cancelled.wait(self.prefill)
        if self.error:
            raise self.error
        spoken = words = 0
        for start in range(0, len(sound), FRAME):
            if speed:
                due = began + self.prefill + (start + FRAME) / RATE / speed
                cancelled.wait(max(0.0, due - time.monotonic()))
            if cancelled.is_set():
                break
            if self.hiccup[1] and start >= self.hiccup[0] * RATE:
                late, self.hiccup = self.hiccup[1], (0.0, 0.0)
                cancelled.wait(late)
                began += late
            if with_text and words < len(WORDS) and start // FRAME % 2 == 0:
                yield TextDelta((" " if words else "") + WORDS[words])
                words += 1
            if heard:
                yield Progress(heard.seconds * min(1.0, (start + FRAME) / len(sound)), heard.seconds)
            if with_sound:
                spoken += len(sound[start : start + FRAME])
                yield AudioChunk(sound[start : start + FRAME], RATE)
        seconds = time.monotonic() - began
        audio_seconds = heard.seconds if heard else spoken / RATE
        first_sound = self.prefill + 0.08 if with_sound and spoken else None
        frames = spoken // FRAME
        stats = Stats(text_tokens=words, audio_frames=frames, first_sound=first_sound, seconds=seconds, audio_seconds=audio_seconds)
        yield self.end("cancelled" if cancelled.is_set() else "end", stats)

    def end(self, reason: str, stats: Stats) -> Done:
        self.ended.append((reason, time.time()))
        self.stats = stats
        return Done("cancelled" if reason == "cancelled" else "end", stats)

    def close(self) -> None:
        pass


class FakeChat:
    """A conversation that counts its turns."""

    def __init__(self, engine: FakeEngine) -> None:
        self._engine = engine
        self._cancelled = threading.Event()
        self.turns = self.shortened = 0

    @property
    def used(self) -> int:
        return 200 * self.turns

    def reply(
        self, text: str | None = None, audio: Audio | None = None, options: Options = CHAT, system: str | None = None, again: bool = False
    ) -> Iterator[Event]:
        self._engine.asked.append(
            {"task": "chat", "chat": self, "text": text, "audio": audio, "options": options, "system": system, "again": again}
        )
        self._cancelled = cancelled = threading.Event()
        try:
            yield from self._engine.run(cancelled, with_sound=options.with_audio)
            self.turns += not again
        finally:
            cancelled.set()

    def cancel(self) -> None:
        self._cancelled.set()

    def clear(self) -> None:
        self.turns = 0

    def shorten(self) -> None:
        self.turns = 1
        self.shortened += 1
