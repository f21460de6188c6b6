"""How the loops of this package are compiled, kept for the next start, and spread over the cores. To be imported before them.

They copy numbers one by one: a part of an array set at once takes Numba seconds to compile, for the words of its error.
"""

import logging
import os
import platform
from hashlib import sha256
from pathlib import Path

import numba
from llvmlite import binding

from lfm import blas, computer
from lfm.kernels import cache_folder

log = logging.getLogger(__name__)

# The order and rounding of a sum are free, so that a loop takes several numbers at once.
SUMS = {"reassoc", "contract", "nsz", "arcp", "afn"}


def find_threads() -> None:
    """Let Numba find the TBB that comes with MKL, or the system's OpenMP. Its own threads wake too slowly for small matrices.

    TBB first: once an OpenMP that is not Intel's is there, MKL takes it too, and its threads then spin where those of others would run.
    """
    if not any(map(blas.loads, (*blas.installed("tbb", ("libtbb.so.12",)), "libgomp.so.1"))):
        log.warning("The system has no libgomp.so.1, so the model is slower than it could be. Install libgomp1.")


def _cache() -> bool:
    """May what is compiled be kept? A folder a version of the sources: Numba looks for changes only in the file of what is called."""
    sources = sorted(Path(__file__).parent.glob("*.py"))
    folder = cache_folder("loops", sha256(b"".join(source.read_bytes() for source in sources)).hexdigest()[:16])
    if folder is not None and not numba.config.CACHE_DIR:  # type: ignore[attr-defined]
        numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    return folder is not None


os.environ.setdefault("NUMBA_OPT", "2")  # the loops are as fast as with 3, and compiled in four fifths of the time
find_threads()
# This starts them, too; a loop that was kept would not, and end the program.
numba.set_num_threads(min(computer.cores(), numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]
# Registers that hold several numbers: 16 of AVX2, 32 of AVX-512 and NEON.
REGISTERS = 16 if platform.machine() == "x86_64" and not binding.get_host_cpu_features().get("avx512f") else 32
KEPT = _cache()
serial = numba.njit(nogil=True, cache=KEPT, fastmath=SUMS)
parallel = numba.njit(nogil=True, cache=KEPT, fastmath=SUMS, parallel=True)
inline = numba.njit(inline="always")
