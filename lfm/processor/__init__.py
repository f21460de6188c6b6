"""LFM2 on a plain processor: MLX's modules keep the weights, loops that Numba compiles multiply by them as they are stored.

What is said or spoken is as fast as the weights can be read, and on a processor MLX multiplies fast by float32 alone: twice the bytes of a
published checkpoint, four times those of eight bits, eight times those of four. Small models stay with MLX, whose start need not wait for
Numba.
"""
