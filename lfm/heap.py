"""The C library's heap on Linux keeps some of what was freed, so that the pages of large arrays are not fetched anew for each of them."""

import contextlib
import ctypes
import os
import sys

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3  # mallopt's names for them, in glibc's malloc.h
KEPT = 128 << 20  # bytes at the end of the heap; more goes back to the system
LARGEST = 32 << 20  # bytes of an array that lies in it, which is glibc's bound; left alone it learns a smaller one from what is freed


def keep_freed() -> None:
    """Where the C library can be told so, and the user has not told it something else."""
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    with contextlib.suppress(OSError, AttributeError):  # another C library than glibc
        library = ctypes.CDLL(None)
        library.mallopt(MMAP_THRESHOLD, LARGEST)
        library.mallopt(TRIM_THRESHOLD, KEPT)
