"""LFM2-Audio in MLX: talk with it, have it transcribe, have it speak."""

from lfm.blas import use_fast_blas

use_fast_blas()  # it has to be there before anything imports mlx
