"""What is compiled for this machine stays for the next start, in the user's cache.

MLX keeps its kernels for an NVIDIA card, a minute's work and more, among temporary files, where a reboot takes them and another user's
folder keeps them out.
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
    with contextlib.suppress(PackageNotFoundError):
        folder = cache_folder("kernels", version("mlx"))
        if folder is not None:  # else MLX's own place
            os.environ["MLX_PTX_CACHE_DIR"] = str(folder)


def cache_folder(*names: str) -> Path | None:
    """A folder of ours in the user's cache; None in a home that cannot be written to."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")).joinpath("lfm", *names)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None
