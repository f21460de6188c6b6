"""What the training stages share: two half batches at once on a CPU, averaged weights, safe checkpoints."""

import math
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from torch import Tensor, nn

Job = Callable[[slice], tuple[Tensor, Sequence[Tensor], object]]


def two_threads() -> ThreadPoolExecutor:
    """Python's, each with one of OpenMP's."""
    return ThreadPoolExecutor(2, initializer=torch.set_num_threads, initargs=(1,))


class Halves:
    """Runs the two halves of a batch in two Python threads.

    On two cores this is 1.4 times as fast as one batch in two OpenMP threads, which wait for each
    other at every operation, and other programs disturb it far less.
    """

    def __init__(self, params: list[nn.Parameter]) -> None:
        torch.set_num_threads(1)
        self.params = params
        self.pool = two_threads()

    def __call__(self, job: Job, size: int) -> tuple[Tensor, list[object]]:
        """Leaves the mean gradient on the parameters; mean loss terms, and what else came out of each half."""
        half = size // 2
        jobs = [self.pool.submit(job, s) for s in (slice(0, half), slice(half, size))]
        (a, grads, out), (b, more, also) = (j.result() for j in jobs)
        for p, g, h in zip(self.params, grads, more, strict=True):
            p.grad = g.add_(h).mul_(0.5)
        return (a + b) / 2, [out, also]


class Whole:
    """The same on a GPU, where a batch is run at once."""

    def __init__(self, params: list[nn.Parameter]) -> None:
        self.params = params

    def __call__(self, job: Job, size: int) -> tuple[Tensor, list[object]]:
        terms, grads, out = job(slice(0, size))
        for p, g in zip(self.params, grads, strict=True):
            p.grad = g
        return terms, [out]


def device() -> torch.device:
    """A GPU where there is one."""
    if not torch.cuda.is_available():
        return torch.device("cpu")
    torch.set_float32_matmul_precision("high")  # ten bits of each factor are enough to learn from
    return torch.device("cuda")


def multiplies_bfloat16(device: torch.device) -> bool:
    """Whether bfloat16 products are faster than float32 ones: a GPU, or a CPU with instructions for them."""
    if device.type != "cpu":
        return True
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and bool({"avx512_bf16", "amx_bf16", "bf16"} & set(cpu.read_text().split()))


def move_average(average: nn.Module, live: nn.Module, step: int, slow: float = 0.999) -> None:
    """One step of the averaged weights; fast at first."""
    keep = min(slow, (step + 1) / (step + 10))
    torch._foreach_lerp_([*average.parameters()], [*live.parameters()], 1 - keep)


def mean(several: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Of weights, by name, in single precision."""
    return {name: torch.stack([one[name].float() for one in several]).mean(0) for name in several[0]}


def save(state: dict, path: Path) -> None:
    """Written beside and renamed, so that a kill leaves the last good one."""
    new = path.with_suffix(".new")
    torch.save(state, new)
    new.replace(path)


class Clock:
    """When to stop: after so many seconds, or when asked to (SIGTERM, Ctrl-C)."""

    def __init__(self, seconds: float = math.inf) -> None:
        self.began, self.seconds, self.asked = time.monotonic(), seconds, False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self.ask)

    def ask(self, *_: object) -> None:
        self.asked = True

    @property
    def run(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began

    @property
    def over(self) -> bool:
        return self.asked or self.run > self.seconds
