"""The networks: MLX only, no threads, files or tokenizer."""
