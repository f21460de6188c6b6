"""LFM2-Audio in MLX: talk with it, have it transcribe, have it speak."""
