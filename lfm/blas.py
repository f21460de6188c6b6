"""A fast BLAS under MLX on a Linux CPU, in place before MLX is first imported.

MLX's Linux wheel brings the reference BLAS, ten to a hundred times slower than a tuned one. It takes cblas_sgemm and its
kin from whatever the process loaded first with global symbols, so a library that defines them is loaded here.
"""

import ctypes
import logging
import os
import platform
import sys
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

log = logging.getLogger(__name__)

SMALL = 300e6  # bytes of weights; with fewer, a product is over before a second thread has taken its part, and the browser wants a core
THREADS = (  # how each library is told how many to take, and says how many it takes by itself
    ("MKL_Set_Num_Threads", "MKL_Get_Max_Threads"),
    ("bli_thread_set_num_threads", "bli_thread_get_num_threads"),
    ("nvpl_blas_set_num_threads", "nvpl_blas_get_max_threads"),
    ("openblas_set_num_threads", "openblas_get_num_threads"),
)

PACKAGES = {  # machine: the package that requirements.txt brings, and its libraries, best first
    "x86_64": ("mkl", ("libmkl_rt.so",)),
    "aarch64": ("nvpl-blas", ("libnvpl_blas_lp64_gomp.so", "libnvpl_blas_lp64_seq.so")),
}
SYSTEM = ("libopenblas.so.0", "libblis.so.4")  # what a distribution may have


@cache
def use_fast_blas() -> str | None:
    """Load the best BLAS there is, once. The library's path or name; None where MLX needs none, or nothing was found."""
    if sys.platform != "linux":
        return None
    if "mlx.core" in sys.modules:
        log.warning("MLX was imported before lfm, so its own slow BLAS stays. Import lfm first.")
        return None
    # MKL's threads would spin for 200 ms after each product, and what else runs here, the browser, would stand still for seconds.
    os.environ.setdefault("KMP_BLOCKTIME", "1")
    for library in candidates():
        if "nvpl" in library and " atomics" not in processor():
            continue  # made for Armv8.1; on an older processor it ends the process
        if "gomp" in library and not loads("libgomp.so.1"):
            log.warning("The system has no libgomp.so.1, so matrix products take one core. Install libgomp1.")
            continue  # without an OpenMP it ends the process
        if loads(library):
            log.info("BLAS: %s", library)
            return library
    package, _ = PACKAGES.get(platform.machine(), ("libopenblas0", ()))
    log.warning("No fast BLAS was found: on a CPU the model will be slow. Install %s.", package)
    return None


def suit(weights: int) -> None:
    """Let products take as many threads as pay for a model of so many bytes."""
    library = use_fast_blas()
    if library is None:
        return
    loaded = ctypes.CDLL(library)
    for tell, ask in THREADS:
        if hasattr(loaded, tell):
            every = usual(library, ask)
            getattr(loaded, tell)(1 if weights < SMALL else every)


@cache
def usual(library: str, ask: str) -> int:
    """How many threads it takes unless told otherwise; all cores where it has no answer of its own, as free BLIS has none."""
    threads = getattr(ctypes.CDLL(library), ask)()
    return threads if threads > 0 else len(os.sched_getaffinity(0))


def candidates() -> Iterator[str]:
    """Paths from the installed package, then names for the system's loader."""
    if platform.machine() in PACKAGES:
        yield from installed(*PACKAGES[platform.machine()])
    yield from SYSTEM


def installed(package: str, names: tuple[str, ...]) -> Iterator[str]:
    """Paths of a package's libraries; none where it is not installed."""
    try:
        paths = files(package) or []
    except PackageNotFoundError:
        return
    for name in names:
        yield from (str(path.locate()) for path in paths if path.name.startswith(name))


def processor() -> str:
    """What Linux says of it."""
    return Path("/proc/cpuinfo").read_text()


def loads(library: str) -> bool:
    """Load a library so that what is loaded later sees its symbols."""
    try:
        ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
    except OSError as error:
        log.debug("%s: %s", library, error)
        return False
    return True
