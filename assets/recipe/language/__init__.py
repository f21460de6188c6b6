"""The language model's stage. It shares the engine's prompts, conversation and sizes, so it needs the repository itself."""

import sys
from pathlib import Path

REPOSITORY = Path(__file__).parents[3]
if str(REPOSITORY) not in sys.path:
    sys.path.append(str(REPOSITORY))

import lfm  # noqa: E402, F401 (before anything imports mlx: it brings a fast BLAS)
