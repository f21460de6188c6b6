"""The models that the page offers, and which of them suits this computer. Sizes are near enough to choose by."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path

from lfm.computer import Backend

POCKET = Path(__file__).parents[1] / "assets" / "pocket"  # the small model that comes with the program
FULL = "LiquidAI/LFM2.5-Audio-1.5B"

PARAMETERS = 1_463_000_000
UNPACKED = 185_000_000  # of them, what a quantised conversion leaves in 16 bits
DECODERS = 700_000_000  # bytes of Mimi and detokenizer, float32 everywhere
ROOM = 400_000_000  # bytes for the conversation and the program


@dataclass(frozen=True, kw_only=True)
class Model:
    """One line of the list."""

    name: str  # as Engine.load takes it: a repository or a folder
    title: str
    note: str
    size: int  # bytes to download
    bits: int = 16
    parameters: int = PARAMETERS
    decoders: int = DECODERS

    def needs(self, backend: Backend) -> int:
        """Bytes of memory, to the next half GB."""
        if self.parameters < UNPACKED:  # a small model, which a CPU has in float32
            weights = (4 if backend == "CPU" else 2) * self.parameters
        else:  # a group of 64 packed numbers has a scale and a bias of 16 bits each; a CPU makes other than four bits bytes
            bits = 16 if self.bits == 16 else 8.5 if backend == "CPU" and self.bits != 4 else self.bits + 0.5
            weights = ((self.parameters - UNPACKED) * bits + UNPACKED * 16) / 8
        return ceil((weights + self.decoders + ROOM) / 5e8) * 500_000_000


PUBLISHED = (
    Model(name="mlx-community/LFM2.5-Audio-1.5B-4bit", title="LFM2.5-Audio, 4-bit", note="Smallest download", size=1_800_000_000, bits=4),
    Model(name="mlx-community/LFM2.5-Audio-1.5B-8bit", title="LFM2.5-Audio, 8-bit", note="Smaller download", size=2_400_000_000, bits=8),
    Model(name=FULL, title="LFM2.5-Audio, bf16", note="As LiquidAI published it", size=3_500_000_000),
    Model(name="LiquidAI/LFM2-Audio-1.5B", title="LFM2-Audio", note="Describe the voice you want", size=3_330_000_000),
    Model(name="LiquidAI/LFM2.5-Audio-1.5B-JP", title="LFM2.5-Audio-JP", note="Japanese", size=3_500_000_000),
)


def models(pocket: Path | None = None) -> tuple[Model, ...]:
    """What can be chosen; the pocket model where it is there."""
    pocket = pocket or POCKET
    if not (pocket / "config.json").is_file():
        return PUBLISHED
    size = sum(path.stat().st_size for path in pocket.rglob("*") if path.is_file())
    small = Model(
        name=str(pocket), title="Pocket", note="Small and quick, for trying the page", size=size, parameters=size // 2, decoders=size * 2
    )
    return (small, *PUBLISHED)


def recommended(backend: Backend, total: int | None, pocket: Path | None = None) -> str:
    """The name of the model to begin with: on a GPU the most exact that takes at most half of `total` bytes, on a CPU a quick one."""
    pocket = pocket or POCKET
    if backend == "CPU" and (pocket / "config.json").is_file():
        return str(pocket)
    if backend == "CPU" or total is None:
        return FULL
    best_first = sorted((model for model in PUBLISHED if model.title.startswith("LFM2.5-Audio,")), key=lambda model: -model.bits)
    fitting = [model for model in best_first if 2 * model.needs(backend) <= total]
    return (fitting or best_first[-1:])[0].name


def title(name: str) -> str:
    """What the page calls a model: without its precision, which the page says beside it."""
    for model in models():
        if model.name == name:
            return model.title.split(",")[0]
    return name.rstrip("/").rsplit("/", 1)[-1]
