"""How large the pocket is: the published config.json at a size that ships."""

from dataclasses import replace
from typing import Any

from lfm import sizes
from lfm.sizes import Size, config

TINY = replace(sizes.TINY, vocab=sizes.POCKET.vocab)  # for rehearsals
CONTEXT = 2048  # positions; training sees a few hundred


def config_json(size: Size) -> dict[str, Any]:
    """config.json; the table of codes is its own (unused) head, which saves its size once."""
    found = config(size)
    return found | {"tie_audio_embeddings": True, "lfm": found["lfm"] | {"max_position_embeddings": CONTEXT}}
