"""LFM2-Audio in MLX: talk with it, have it transcribe, have it speak."""

import os

from lfm.blas import use_fast_blas
from lfm.heap import keep_freed
from lfm.kernels import keep_kernels

# All have to be there before anything imports mlx.
use_fast_blas()
keep_freed()
keep_kernels()
os.environ.setdefault("MLX_ENABLE_TF32", "0")  # else a GPU's float32 products have ten bits: sound is 4e-3 of its peak off, not 2e-6
