"""Which model a config.json describes: one of ours, and of which family, or somebody else's."""

from collections.abc import Mapping
from typing import Any, Literal

from lfm.config import LfmAudioConfig
from lfm.errors import CheckpointError

Family = Literal["LFM2-Audio", "LFM2.5-Audio", "LFM2.5-Audio-JP"]

ARCHITECTURE = "Lfm2AudioForConditionalGeneration"
MODEL_TYPES = ("lfm_audio", "lfm2_audio")  # mlx-audio's conversions; transformers
SECTIONS = ("preprocessor", "encoder", "lfm", "depthformer")

VOICES: dict[Family, tuple[str, ...]] = {
    "LFM2-Audio": (),
    "LFM2.5-Audio": ("US male", "US female", "UK male", "UK female"),
    "LFM2.5-Audio-JP": ("Japanese",),
}


def identify(raw: Mapping[str, Any], where: str) -> None:
    """Raise CheckpointError unless `raw`, the config.json of `where`, is that of an LFM2-Audio model."""
    named = raw.get("architectures") or []
    model_type = raw.get("model_type")
    if ARCHITECTURE in named or model_type in MODEL_TYPES or (not named and not model_type and all(s in raw for s in SECTIONS)):
        return
    found = ", ".join(str(name) for name in (*named, model_type) if name) or "of an unknown kind"
    remedy = "Choose LiquidAI/LFM2-Audio-1.5B, LiquidAI/LFM2.5-Audio-1.5B or a conversion of one."
    if "lfm3" in found.lower():
        raise CheckpointError(f"{where} is an LFM3 model ({found}), which has another architecture and is not supported. {remedy}")
    if "lfm2" in found.lower():
        raise CheckpointError(f"{where} is an LFM2 model without sound ({found}). {remedy}")
    raise CheckpointError(f"{where} is no LFM2-Audio model: it is {found}. {remedy}")


def family_of(config: LfmAudioConfig, has_detokenizer: bool) -> Family:
    """The published families differ in how they interleave and in what they ship."""
    if (config.interleaved_n_text, config.interleaved_n_audio) == (6, 9):
        return "LFM2.5-Audio-JP"
    return "LFM2.5-Audio" if has_detokenizer else "LFM2-Audio"
