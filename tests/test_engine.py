"""One thread owns MLX; any number of callers are served, stopped, abandoned and failed as they should be."""

import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lfm import computer
from lfm.audio import Audio
from lfm.chat import Chat
from lfm.engine import Engine
from lfm.errors import AudioError, CheckpointError, LfmError
from lfm.events import AudioChunk, Done, Event, Progress, TextDelta
from lfm.options import GREEDY, Options
from lfm.status import Status

OPTIONS = Options(audio=GREEDY, max_tokens=40)
LONG = Options(audio=GREEDY, max_tokens=100_000)


def question(seed: int = 0) -> Audio:
    return Audio((0.1 * np.random.default_rng(seed).normal(size=16_000)).astype(np.float32), 16_000)


@pytest.fixture
def engine(golden_folders: dict[str, Path]) -> Iterator[Engine]:
    engine = Engine(str(golden_folders["lfm25-tiny"]), dtype="float32")
    yield engine
    engine.close()


def until(engine: Engine, holds: Callable[[Status], bool]) -> Status:
    """Wait for the engine's status."""
    deadline = time.monotonic() + 30
    while not holds(status := engine.status):
        assert time.monotonic() < deadline, status
        time.sleep(0.01)
    return status


def last(events: list[Event]) -> Done:
    assert isinstance(events[-1], Done)
    assert sum(isinstance(event, Done) for event in events) == 1
    return events[-1]


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
    assert events == [last(events)] and last(events).reason == "cancelled"
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


def test_no_array_of_mlx_leaves_the_thread(engine: Engine) -> None:
    import mlx.core as mx

    def leaves(value: object) -> Iterator[object]:
        yield value
        for inner in vars(value).values() if hasattr(value, "__dict__") else ():
            yield from leaves(inner)

    chat = engine.chat()
    events = [*chat.reply(None, question(), OPTIONS), *engine.transcribe(question()), *engine.speak("hello", "US male", OPTIONS)]
    assert {type(event) for event in events} <= {TextDelta, AudioChunk, Progress, Done}
    assert not [leaf for event in events for leaf in leaves(event) if isinstance(leaf, mx.array)]
    assert all(e.pcm.dtype == np.int16 and e.pcm.ndim == 1 and len(e.pcm) for e in events if isinstance(e, AudioChunk))
    assert not [leaf for leaf in leaves(chat._key) if isinstance(leaf, mx.array)]


def test_conversations_of_two_callers_do_not_mix(engine: Engine) -> None:
    def sound(chat: Chat, seed: int) -> bytes:
        return b"".join(event.pcm.tobytes() for event in chat.reply(None, question(seed), OPTIONS) if isinstance(event, AudioChunk))

    alone = engine.chat()
    want = [sound(alone, 0), sound(alone, 1)]
    one, other = engine.chat(), engine.chat()
    got = [sound(one, 0)]
    sound(other, 2)
    got.append(sound(one, 1))
    assert got == want


def test_a_conversation_is_cleared_and_undone(engine: Engine) -> None:
    chat = engine.chat()
    list(chat.reply(None, question(0), OPTIONS))
    used = chat.used
    list(chat.reply(None, question(1), OPTIONS))
    assert chat.turns == 2 and chat.used > used > 0
    chat.undo()
    list(engine.transcribe(question(), OPTIONS))  # wait for the undo: same thread
    assert (chat.turns, chat.used) == (1, used)
    chat.clear()
    assert (chat.turns, chat.used) == (0, 0)
    list(chat.reply(None, question(0), OPTIONS))
    assert (chat.turns, chat.used) == (1, used)


def test_another_model_takes_the_place_of_the_first(engine: Engine, golden_folders: dict[str, Path]) -> None:
    assert engine.wait().family == "LFM2.5-Audio"
    chat = engine.chat()
    list(chat.reply(None, question(), OPTIONS))
    engine.load(str(golden_folders["lfm2-tiny"]))
    info = until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio").model
    assert info is not None and info.voices == () and info.decoders == ("Mimi",)
    assert last(list(chat.reply(None, question(), OPTIONS))).reason in ("length", "end")
    assert chat.turns == 1  # the new model has not heard what was said to the old one


def test_a_model_that_is_not_there_leaves_the_one_that_is(engine: Engine) -> None:
    engine.wait()
    engine.load("/no/such/folder")
    status = until(engine, lambda status: bool(status.error))
    assert status.state == "ready" and status.model is not None
    assert last(list(engine.chat().reply("hello", None, OPTIONS)))


def test_a_model_that_breaks_while_it_loads_brings_back_the_one_before(
    engine: Engine, golden_folders: dict[str, Path], tmp_path: Path
) -> None:
    before = engine.wait()
    shutil.copytree(golden_folders["lfm2-tiny"], tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\0" * 100)
    engine.load(str(tmp_path / "broken"))
    status = until(engine, lambda status: bool(status.error) and status.state == "ready")
    assert status.model == before and status.failed == str(tmp_path / "broken")
    assert "model.safetensors" in status.error and not status.wanted
    assert last(list(engine.chat().reply("hello", None, OPTIONS)))
    engine.load(str(golden_folders["lfm2-tiny"]))
    assert not until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio").error


def test_a_first_model_that_cannot_be_had_is_replaced_by_another(golden_folders: dict[str, Path]) -> None:
    engine = Engine("/no/such/folder", fallback=str(golden_folders["lfm2-tiny"]))
    assert engine.wait().family == "LFM2-Audio"
    assert engine.status.failed == "/no/such/folder" in engine.status.error
    engine.close()


def test_a_switch_waits_for_the_reply_that_runs(engine: Engine, golden_folders: dict[str, Path]) -> None:
    engine.wait()
    running = engine.chat().reply(None, question(), LONG)
    next(running)
    engine.load(str(golden_folders["lfm2-tiny"]))
    for _ in range(5):
        next(running)
    assert engine.status.state == "busy" and engine.status.wanted == str(golden_folders["lfm2-tiny"])
    running.close()
    until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio")
    assert engine.status.wanted == ""


def test_only_the_latest_choice_is_loaded(engine: Engine, golden_folders: dict[str, Path]) -> None:
    engine.wait()
    running = engine.chat().reply(None, question(), LONG)
    next(running)
    engine.load("/no/such/folder")
    engine.load(str(golden_folders["lfm2-tiny"]))
    running.close()
    status = until(engine, lambda status: status.model is not None and status.model.family == "LFM2-Audio")
    assert not status.error


def test_a_model_too_large_for_the_memory_leaves_the_one_that_is(
    engine: Engine, golden_folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = engine.wait()
    monkeypatch.setattr(computer, "memory", lambda: computer.Memory(1_000_000, 0))
    engine.load(str(golden_folders["lfm2-tiny"]))
    engine.load("random")
    status = until(engine, lambda status: bool(status.error))
    assert re.match(r"Not enough memory for this model: it needs about \d+\.\d GB, 0\.\d GB are free. Choose a smaller", status.error)
    assert status.model == before


def test_loading_errors_reach_whoever_waits() -> None:
    engine = Engine("/no/such/folder")
    with pytest.raises(LfmError, match="/no/such/folder"):
        engine.wait()
    with pytest.raises(LfmError):
        list(engine.transcribe(question()))
    assert engine.status.state == "failed" and "/no/such/folder" in engine.status.error
    engine.close()
    assert engine.status.state == "closed"


def test_a_broken_checkpoint_fails_with_its_own_words(tmp_path: Path, golden_folders: dict[str, Path]) -> None:
    shutil.copytree(golden_folders["lfm2-tiny"], tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"\0" * 100)
    engine = Engine(str(tmp_path / "broken"))
    with pytest.raises((LfmError, CheckpointError), match=r"model\.safetensors"):
        engine.wait()
    engine.close()


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
