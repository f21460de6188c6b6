"""How large the pocket is: the published config.json at a size that ships."""

from typing import Any

from lfm.sizes import Size, config

POCKET = Size(  # widths are multiples of 32, so that every matrix can be stored in groups of 8-bit numbers
    encoder=160,
    encoder_layers=5,
    encoder_heads=4,
    channels=32,
    hidden=256,
    heads=8,
    kv_heads=4,
    layers="ccaccaca",
    ff=960,
    ff_multiple=64,
    vocab=4096,
    depth=128,
    depth_layers=2,
)
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
