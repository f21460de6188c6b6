"""What tests of the engine ask it, and how they wait for it."""

import time
from collections.abc import Callable

import numpy as np

from lfm.audio import Audio
from lfm.engine import Engine
from lfm.events import Done, Event
from lfm.options import GREEDY, Options
from lfm.status import Status

OPTIONS = Options(audio=GREEDY, max_tokens=40)
LONG = Options(audio=GREEDY, max_tokens=100_000)


def question(seed: int = 0) -> Audio:
    return Audio((0.1 * np.random.default_rng(seed).normal(size=16_000)).astype(np.float32), 16_000)


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
