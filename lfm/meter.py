"""What one request took and made, counted while it runs."""

from dataclasses import replace
from time import perf_counter
from typing import Literal

from lfm.events import Done, Stats

Reason = Literal["end", "length", "cancelled"]


class Meter:
    """Figures of one request, from the moment it got the model."""

    def __init__(self) -> None:
        self.start = perf_counter()
        self.stats = Stats()

    def add(self, **more: int | float) -> None:
        self.stats = replace(self.stats, **{key: getattr(self.stats, key) + value for key, value in more.items()})

    def first(self, name: str) -> None:
        """Note the time of the first text or sound."""
        if getattr(self.stats, name) is None:
            self.stats = replace(self.stats, **{name: perf_counter() - self.start})

    def done(self, reason: Reason) -> Done:
        return Done(reason, replace(self.stats, seconds=perf_counter() - self.start))
