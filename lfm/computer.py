"""What this computer has: where MLX will compute, and how much memory there is. Asked before MLX may be imported."""

import logging
import os
import platform
import re
import sys
from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from typing import Literal

import psutil

from lfm.kernels import NVIDIA

log = logging.getLogger(__name__)

Backend = Literal["Metal", "CUDA", "CPU"]

CGROUP = Path("/sys/fs/cgroup")  # a container's own limit, which psutil does not know


@dataclass(frozen=True)
class Memory:
    """Of the computer or, in a container, what it is allowed; bytes."""

    total: int
    free: int

    @property
    def usable(self) -> int:
        """What a model may take: macOS makes room by itself, Linux ends the program that asks for too much."""
        return self.total if sys.platform == "darwin" else self.free


@cache
def backend() -> Backend:
    """Where MLX will compute, from what is installed."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return "Metal"
    return "CUDA" if NVIDIA.exists() and _for_cuda() else "CPU"


def _for_cuda() -> bool:
    """Is MLX's library the one for CUDA? Its package and the one for processors put theirs in the same place, and the later stays."""
    packages = [each for each in distributions() if re.match(r"mlx[-_]cuda", each.name or "")]
    libraries = [file for package in packages for file in package.files or () if file.name == "libmlx.so"]
    if not libraries:
        return False
    paths = ((Path(str(file.locate())), file.size) for file in libraries)
    if any(path.exists() and path.stat().st_size == size for path, size in paths):
        return True
    name = packages[0].name
    log.warning("MLX for processors was installed over MLX for CUDA. Run: pip install --force-reinstall --no-deps %s", name)
    return False


def memory() -> Memory | None:
    """Memory that models are loaded into; None where it is not the computer's own but a graphics card's."""
    if backend() == "CUDA":
        return None
    now = psutil.virtual_memory()
    limit, used = (_bytes(CGROUP / f"memory.{name}") for name in ("max", "current"))
    if limit is None or used is None or limit >= now.total:
        return Memory(now.total, now.available)
    return Memory(limit, min(now.available, limit - used))


def cores() -> int:
    """How many this program may use at once: of a container's, what it is allowed, which may be less than it sees."""
    seen = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        share, period = (int(number) for number in (CGROUP / "cpu.max").read_text().split())
    except (OSError, ValueError):  # no such file, or no limit
        return seen
    return max(1, min(seen, round(share / period)))


def _bytes(path: Path) -> int | None:
    """The number in a control file; None where there is none, or no limit."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return None
