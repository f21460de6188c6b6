"""What a first request would wait for is made before it comes, and never at the cost of one who has come already."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lfm.engine import Engine
from lfm.events import Done, TextDelta
from tests.asking import until

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS

pytestmark = pytest.mark.skipif(mx.default_device() != mx.cpu, reason="only a CPU's kernels are made by a compiler of the machine's")

ROOT = Path(__file__).parents[1]
POCKET = ROOT / "assets" / "pocket"

FIRST_REQUESTS = """
import json, os, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
from lfm.audio import Audio
from lfm.checkpoint import load
from lfm.generate import TokenGenerator
from lfm.options import CHAT, SPEAK, TRANSCRIBE
from lfm.rehearsal import rehearsal
from lfm.session import Session
from lfm.tasks import speak, transcribe

def kernels():
    return sorted(path.name for path in Path(os.environ["TMPDIR"]).rglob("*.so"))

loaded = load(Path(sys.argv[1]))
generator = TokenGenerator(loaded.model)
for _ in rehearsal(loaded, generator):
    pass
before, heard, never = kernels(), Audio(0.1 * np.random.default_rng(0).standard_normal(72_000, np.float32), 24_000), lambda: False
list(transcribe(loaded, generator, heard, TRANSCRIBE, never))
list(speak(loaded, generator, "Hello there, how are you?", "UK male", SPEAK, never))
for decoder in loaded.decoders:
    list(Session(loaded, generator).reply("Who are you?", heard, replace(CHAT, seed=1, max_tokens=40, decoder=decoder), None, never))
print(json.dumps([before, kernels()]))
"""


@pytest.mark.skipif(sys.platform != "linux" or not shutil.which("g++"), reason="elsewhere no kernel is compiled on the way")
def test_after_it_the_first_requests_compile_nothing(tmp_path: Path) -> None:
    environment = os.environ | {"TMPDIR": str(tmp_path)}  # where MLX keeps its kernels: none is there yet
    command = [sys.executable, "-c", FIRST_REQUESTS, str(POCKET)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    before, after = json.loads(done.stdout.splitlines()[-1])
    assert len(before) > 20
    assert after == before


def test_who_asks_meanwhile_is_served_between_two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, asked, steps = threading.Event(), threading.Event(), []

    def slow(loaded: object, generator: object) -> Iterator[None]:
        begun.set()
        assert asked.wait(20)
        while len(steps) < 1000:
            steps.append(len(steps))
            yield

    monkeypatch.setattr("lfm.rehearsal.rehearsal", slow)
    engine = Engine(str(POCKET))
    try:
        engine.wait()
        assert engine.status.prepares_since is None
        engine.rehearse()
        assert begun.wait(20)
        assert engine.status.prepares_since is not None
        stream = engine.chat().reply("Hello.")
        threading.Timer(0.5, asked.set).start()
        taken = next(len(steps) for event in stream if isinstance(event, TextDelta))
        *_, last = stream
        assert isinstance(last, Done) and last.reason == "end"
        assert taken == 1
        until(engine, lambda status: status.prepares_since is None)
    finally:
        asked.set()
        engine.close()


def test_a_model_that_goes_takes_its_rehearsal_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, steps = threading.Event(), []

    def endless(loaded: object, generator: object) -> Iterator[None]:
        while True:
            steps.append(0)
            begun.set()
            yield

    monkeypatch.setattr("lfm.rehearsal.rehearsal", endless)
    engine = Engine(str(POCKET))
    engine.wait()
    assert not begun.wait(0.2)  # the page may still be starting
    engine.rehearse()
    assert begun.wait(20)
    engine.close()  # returns, for nothing is left to do
    count = len(steps)
    assert not threading.Event().wait(0.2) and len(steps) == count


def test_one_that_breaks_is_over(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def broken(loaded: object, generator: object) -> Iterator[None]:
        yield
        raise OSError("no room for kernels")

    monkeypatch.setattr("lfm.rehearsal.rehearsal", broken)
    engine = Engine(str(POCKET))
    try:
        engine.wait()
        engine.rehearse()
        assert isinstance([*engine.chat().reply("Hello.")][-1], Done)
        until(engine, lambda status: status.prepares_since is None)  # else the page would speak of it for ever
        assert "no room for kernels" in caplog.text
    finally:
        engine.close()
