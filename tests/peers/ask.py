"""What every peer's script shares: its arguments, and how the tokens of a reply are timed."""

import json
import sys
from collections.abc import Callable, Iterator
from time import perf_counter
from typing import Any

import numpy as np


def arguments() -> tuple[str, Any, str, int, float]:
    """Folder, question, dtype, tokens, seconds."""
    folder, question, dtype, tokens, seconds = sys.argv[1:]
    return folder, np.load(question), dtype, int(tokens), float(seconds)


def timed(kinds: Iterator[str], seconds: float) -> list[tuple[str, float]]:
    """How long each token took; stops after so many seconds, but not before there are words and frames."""
    found, began = [], perf_counter()
    last = began
    for kind in kinds:
        now = perf_counter()
        found.append((kind, now - last))
        last = now
        if now - began > seconds and sum(kind == "frame" for kind, _ in found) >= 2:
            break
    return found


def median_of_three(work: Callable[[], object]) -> float:
    """Seconds, after one call that does not count."""
    spent = []
    for _ in range(4):
        began = perf_counter()
        work()
        spent.append(perf_counter() - began)
    return sorted(spent[1:])[1]


def report(load: float, encoder: float, tokens: list[tuple[str, float]]) -> None:
    print(json.dumps({"load": load, "encoder": encoder, "tokens": tokens}))
