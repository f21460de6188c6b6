"""What tests of the engine and of what it does ask, and how they wait for it."""

import time
from collections.abc import Callable

import numpy as np

from lfm.audio import Audio
from lfm.checkpoint import LoadedModel
from lfm.engine import Engine
from lfm.events import Done, Event
from lfm.generate import TokenGenerator
from lfm.options import GREEDY, Options
from lfm.session import Session
from lfm.status import Status

OPTIONS = Options(audio=GREEDY, max_tokens=40)
LONG = Options(audio=GREEDY, max_tokens=100_000)
SILENCE = Audio(np.full(16_000, 1e-4, np.float32), 16_000)


def never() -> bool:
    return False


def question(seed: int = 0, seconds: float = 1.0) -> Audio:
    return Audio((0.1 * np.random.default_rng(seed).normal(size=int(16_000 * seconds))).astype(np.float32), 16_000)


def session(loaded: LoadedModel) -> Session:
    return Session(loaded, TokenGenerator(loaded.model))


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
