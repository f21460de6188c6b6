"""The kernels that MLX compiles for an NVIDIA card, a minute's work and more, stay for the next start.

MLX keeps them among temporary files, where a reboot takes them and another user's folder keeps them out.
"""

import contextlib
import os
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

NVIDIA = Path("/dev/nvidia0")  # the first card


def keep_kernels() -> None:
    """Where there is a card, and the user has not said where they go. One version's are not another's."""
    if not NVIDIA.exists() or "MLX_PTX_CACHE_DIR" in os.environ:
        return
    cache = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"))
    with contextlib.suppress(OSError, PackageNotFoundError):  # a home that cannot be written to: MLX's own place, then
        folder = cache / "lfm" / "kernels" / version("mlx")
        folder.mkdir(parents=True, exist_ok=True)
        os.environ["MLX_PTX_CACHE_DIR"] = str(folder)
