"""How large the pocket is: the published config.json at a size that ships."""

from typing import Any

from lfm.sizes import Size, config

TINY = Size(  # for rehearsals
    encoder=32,
    encoder_layers=1,
    encoder_heads=4,
    channels=8,
    hidden=64,
    heads=4,
    kv_heads=2,
    layers="ccaca",
    ff=192,
    ff_multiple=64,
    vocab=4096,
    depth=64,
    depth_layers=1,
)
CONTEXT = 2048  # positions; training sees a few hundred


def config_json(size: Size) -> dict[str, Any]:
    """config.json; the table of codes is its own (unused) head, which saves its size once."""
    found = config(size)
    return found | {"tie_audio_embeddings": True, "lfm": found["lfm"] | {"max_position_embeddings": CONTEXT}}
