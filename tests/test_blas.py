"""The fast BLAS: found, in place before MLX, really used, and never a reason to fail. Each look takes a process of its own."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux needs it")
ON_X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="MKL is for x86-64")

MULTIPLY = """
import json, logging, sys, time
{first}
import mlx.core as mx
mx.set_default_device(mx.cpu)
a, b = mx.ones((256, 1024)), mx.ones((1024, 1024))
mx.eval(a, b, a @ b)
times = []
for _ in range(3):
    start = time.perf_counter()
    mx.eval(a @ b)
    times.append(time.perf_counter() - start)
maps = open("/proc/self/maps").read()
print(json.dumps(dict(best=min(times), kernels="libmkl_core" in maps, right=(a @ b)[3, 3].item() == 1024)))
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)


def multiply(first: str) -> dict:
    return json.loads(run(MULTIPLY.format(first=first)).stdout)


@ON_X86
def test_importing_lfm_gives_mlx_a_fast_blas() -> None:
    slow, fast = multiply("pass"), multiply("import lfm")
    assert fast["right"]
    assert fast["kernels"]  # MKL loads them at the first product that it computes
    assert not slow["kernels"]
    assert fast["best"] < slow["best"] / 3


@ON_X86
def test_the_library_is_named_in_the_log() -> None:
    done = run("import logging; logging.basicConfig(level=logging.INFO); import lfm")
    assert "INFO:lfm.blas:BLAS: " in done.stderr
    assert "libmkl_rt" in done.stderr


def test_no_module_of_lfm_can_come_before_it() -> None:
    done = run("import lfm.model.lfm2, lfm.blas; print(lfm.blas.use_fast_blas.cache_info().currsize)")
    assert done.stdout.strip() == "1"
    assert "MLX was imported before" not in done.stderr


def test_too_late_is_a_warning() -> None:
    assert "Import lfm first" in run("import mlx.core; import lfm").stderr


NOTHING_FOUND = """
import ctypes
def refuse(name, mode=0): raise OSError(name)
ctypes.CDLL = refuse
import lfm
from lfm import blas
print(blas.use_fast_blas())
"""


def test_none_found_is_a_warning_with_the_remedy() -> None:
    done = run(NOTHING_FOUND)
    assert done.stdout.strip() == "None"
    assert "No fast BLAS was found" in done.stderr
    assert "Install" in done.stderr


PACKAGES = {
    "nvpl-blas": ("libnvpl_blas_lp64_seq.so.0", "libnvpl_blas_core.so.0", "libnvpl_blas_lp64_gomp.so.0"),
    "mkl": ("libmkl_core.so.3", "libmkl_rt.so.3"),
}


@pytest.mark.parametrize(
    ("machine", "expected"),
    [
        ("aarch64", ["libnvpl_blas_lp64_gomp.so.0", "libnvpl_blas_lp64_seq.so.0"]),
        ("x86_64", ["libmkl_rt.so.3"]),
        ("riscv64", []),
    ],
)
def test_the_installed_libraries_are_tried_in_order(machine: str, expected: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    from lfm import blas

    class Installed:
        def __init__(self, name: str) -> None:
            self.name = name

        def locate(self) -> Path:
            return Path(self.name)

    monkeypatch.setattr(blas.platform, "machine", lambda: machine)
    monkeypatch.setattr(blas, "files", lambda package: [Installed(name) for name in PACKAGES[package]])
    assert list(blas.candidates()) == [*expected, "libopenblas.so.0", "libblis.so.4"]


THREADS = """
import ctypes
import lfm
from lfm import blas
loaded = ctypes.CDLL(blas.use_fast_blas())
ask = next(getattr(loaded, ask) for _, ask in blas.THREADS if hasattr(loaded, ask))
for weights in (0, 70e6, 6e9, 70e6):
    if weights: blas.suit(weights)
    print(ask())
"""


@ON_X86
def test_a_small_model_takes_one_core_a_large_one_all() -> None:
    usual, small, large, again = map(int, run(THREADS).stdout.split())
    assert (small, large, again) == (1, usual, 1)


def test_a_library_without_an_answer_gets_all_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    from lfm import blas

    monkeypatch.setattr(blas.ctypes, "CDLL", lambda library: SimpleNamespace(ask=lambda: -1))
    assert blas.usual("a library of no one else", "ask") == len(os.sched_getaffinity(0))
