"""Freed memory is kept for the next arrays, and only so much of it. Each look takes a process of its own."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told")

ROUNDS = """
import json, resource
{first}
import numpy as np

def held() -> int:
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

def round(arrays: int) -> None:
    several = [np.ones(12 << 17) for _ in range(arrays)]  # 12 MB each

for _ in range(3):
    round(5)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
round(5)
faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
small = held()
round(50)
print(json.dumps(dict(faults=faults, grown=held() - small)))
"""


def look(first: str, **settings: str) -> dict[str, int]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")} | settings
    code = ROUNDS.format(first=first)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT, env=environment)
    return json.loads(done.stdout)


def test_pages_are_fetched_once() -> None:
    assert look("import lfm")["faults"] < 100
    assert look("pass")["faults"] > 1000


def test_much_of_it_goes_back_to_the_system() -> None:
    assert look("import lfm")["grown"] < 130 << 20  # of 600 MB


def test_what_the_user_says_holds() -> None:
    assert look("import lfm", MALLOC_TRIM_THRESHOLD_="100000")["faults"] > 1000
