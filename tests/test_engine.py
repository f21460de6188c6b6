"""One thread owns MLX; any number of callers are served, stopped, abandoned and failed as they should be."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lfm import blas
from lfm.audio import Audio
from lfm.chat import Chat
from lfm.engine import Engine
from lfm.errors import AudioError
from lfm.events import AudioChunk, Done, Event, Progress, Queued, TextDelta
from tests.asking import LONG, OPTIONS, last, question, until


@pytest.fixture(params=[blas.SMALL, 0], ids=["MLX's modules", "loops"])
def engine(request: pytest.FixtureRequest, golden_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """With a small LFM2.5-Audio, and with the same as if it were large."""
    monkeypatch.setattr(blas, "SMALL", request.param)
    engine = Engine(str(golden_folders["lfm25-tiny"]), dtype="float32")
    yield engine
    engine.close()


def sound_of(events: list[Event]) -> bytes:
    return b"".join(event.pcm.tobytes() for event in events if isinstance(event, AudioChunk))


def test_four_callers_at_once_one_cancels_one_abandons_one_fails_one_finishes(engine: Engine) -> None:
    outcome: dict[str, Any] = {}
    engine.wait()

    def cancels() -> None:
        chat, events = engine.chat(), []
        for event in chat.reply(None, question(), LONG):
            events.append(event)
            if isinstance(event, AudioChunk):
                chat.cancel()
        outcome["cancels"] = last(events)

    def abandons() -> None:
        for event in engine.chat().reply(None, question(), LONG):
            if isinstance(event, AudioChunk):
                break
        outcome["abandons"] = True

    def fails() -> None:
        try:
            list(engine.transcribe(Audio(np.zeros(100, np.float32), 16_000)))
        except AudioError as error:
            outcome["fails"] = str(error)

    def finishes() -> None:
        outcome["finishes"] = last(list(engine.chat().reply(None, question(), OPTIONS)))

    callers = [threading.Thread(target=caller) for caller in (cancels, abandons, fails, finishes)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join(timeout=60)
    assert outcome["cancels"].reason == "cancelled"
    assert outcome["abandons"]
    assert "Hold the button" in outcome["fails"]
    assert outcome["finishes"].reason == "length" and outcome["finishes"].stats.first_sound > 0
    until(engine, lambda status: (status.state, status.waiting) == ("ready", 0))


def test_cancelling_stops_within_one_token(engine: Engine) -> None:
    chat = engine.chat()
    after: list[Event] = []
    stream = chat.reply(None, question(), LONG)
    for event in stream:
        if isinstance(event, AudioChunk):
            break
    chat.cancel()
    time.sleep(0.2)  # what was under way arrives
    after = list(stream)
    assert last(after).reason == "cancelled"
    before = last(after).stats
    assert before.audio_frames + before.text_tokens < 100_000


def test_one_who_waits_can_leave_the_queue_at_once(engine: Engine) -> None:
    engine.wait()
    first, second = engine.chat(), engine.chat()
    running = first.reply(None, question(), LONG)
    next(running)
    timer = threading.Timer(0.2, second.cancel)
    timer.start()
    events = list(second.reply(None, question(), OPTIONS))
    assert events == [Queued(1), last(events)] and last(events).reason == "cancelled"
    assert last(events).stats.queued < 5
    assert engine.status.state == "busy"
    running.close()
    assert last(list(second.reply(None, question(), OPTIONS))).reason == "length"


def test_the_queue_is_counted(engine: Engine) -> None:
    engine.wait()
    running = engine.chat().reply(None, question(), LONG)
    next(running)
    waiting = [threading.Thread(target=lambda: list(engine.chat().reply("hello", None, OPTIONS))) for _ in range(2)]
    for thread in waiting:
        thread.start()
    until(engine, lambda status: (status.state, status.waiting) == ("busy", 2))
    running.close()
    for thread in waiting:
        thread.join(timeout=60)
    until(engine, lambda status: (status.state, status.waiting) == ("ready", 0))


def test_one_event_may_cancel_several_requests_and_is_left_as_it_was(engine: Engine) -> None:
    cancelled = threading.Event()
    for _ in range(2):
        assert last(list(engine.transcribe(question(), OPTIONS, cancelled))).reason != "cancelled"
    cancelled.set()
    assert last(list(engine.transcribe(question(), OPTIONS, cancelled))).reason == "cancelled"


def test_no_array_of_mlx_leaves_the_thread(engine: Engine) -> None:
    import mlx.core as mx

    def leaves(value: object) -> Iterator[object]:
        yield value
        for inner in vars(value).values() if hasattr(value, "__dict__") else ():
            yield from leaves(inner)

    chat = engine.chat()
    events = [*chat.reply(None, question(), OPTIONS), *engine.transcribe(question()), *engine.speak("hello", "US male", OPTIONS)]
    assert {type(event) for event in events} <= {Queued, TextDelta, AudioChunk, Progress, Done}
    assert not [leaf for event in events for leaf in leaves(event) if isinstance(leaf, mx.array)]
    assert all(e.pcm.dtype == np.int16 and e.pcm.ndim == 1 and len(e.pcm) for e in events if isinstance(e, AudioChunk))
    assert not [leaf for leaf in leaves(chat._key) if isinstance(leaf, mx.array)]


def test_conversations_of_two_callers_do_not_mix(engine: Engine) -> None:
    def sound(chat: Chat, seed: int) -> bytes:
        return sound_of(list(chat.reply(None, question(seed), OPTIONS)))

    alone = engine.chat()
    want = [sound(alone, 0), sound(alone, 1)]
    one, other = engine.chat(), engine.chat()
    got = [sound(one, 0)]
    sound(other, 2)
    got.append(sound(one, 1))
    assert got == want


def test_a_question_is_asked_again_and_a_conversation_cleared(engine: Engine) -> None:
    chat = engine.chat()
    list(chat.reply(None, question(0), OPTIONS))
    used = chat.used
    first = list(chat.reply(None, question(1), OPTIONS))
    assert chat.turns == 2 and chat.used > used > 0
    both = chat.used
    again = list(chat.reply(None, question(1), OPTIONS, again=True))
    assert (chat.turns, chat.used) == (2, both)
    assert sound_of(again) == sound_of(first)
    chat.clear()
    assert (chat.turns, chat.used) == (0, 0)
    list(chat.reply(None, question(0), OPTIONS, again=True))  # there is none to take back
    assert (chat.turns, chat.used) == (1, used)


def test_who_waits_is_told_how_many_are_ahead(engine: Engine) -> None:
    engine.wait()
    running = engine.chat().reply(None, question(), LONG)
    assert not isinstance(next(running), Queued)
    second, third = engine.chat(), engine.chat()
    waiting = second.reply("hello", None, LONG)
    assert next(waiting) == Queued(1)
    last_in_line = third.reply("hello", None, OPTIONS)
    assert next(last_in_line) == Queued(2)
    second.cancel()
    assert isinstance(list(waiting)[-1], Done)
    assert next(last_in_line) == Queued(1)
    running.close()
    assert last(list(last_in_line)).reason == "length"
    until(engine, lambda status: (status.state, status.waiting) == ("ready", 0))


PROGRAM = """
import sys, numpy as np
from lfm.engine import Engine
from lfm.audio import Audio
from lfm.events import AudioChunk
engine = Engine(sys.argv[1])
for event in engine.chat().reply(None, Audio(np.random.default_rng(0).normal(size=16000).astype("float32"), 16000)):
    if isinstance(event, AudioChunk):
        break
{close}
print("spoke", flush=True)
"""


@pytest.mark.parametrize("close", ["engine.close()", "engine.close(); engine.close()"])
def test_a_process_that_spoke_exits_cleanly(golden_folders: dict[str, Path], close: str) -> None:
    program = [sys.executable, "-c", PROGRAM.format(close=close), str(golden_folders["lfm25-tiny"])]
    result = subprocess.run(program, capture_output=True, text=True, timeout=60, cwd=Path(__file__).parents[1])
    assert (result.returncode, result.stdout) == (0, "spoke\n"), result.stderr
