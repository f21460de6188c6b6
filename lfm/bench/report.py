"""A table for the eye and JSON for programs, of the same rows."""

import json
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any

HEADINGS = ("", "measured", "unit", "floor", "of the floor")


@dataclass(frozen=True)
class Row:
    """One figure; `floor` is what the machine would need at best, in the same unit."""

    name: str
    value: float | None  # None: it could not be measured, and `note` says why
    unit: str
    floor: float | None = None
    note: str = ""

    def cells(self) -> tuple[str, ...]:
        if self.value is None:
            return self.name, "-", self.unit, "", self.note
        floor = "" if self.floor is None else figure(self.floor)
        share = "" if self.floor is None else f"{100 * self.floor / self.value:.0f} %"
        return self.name, figure(self.value), self.unit, floor, " ".join(filter(None, (share, self.note)))


def figure(value: float) -> str:
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def table(rows: list[Row]) -> Iterator[str]:
    """Lines with columns of equal width."""
    cells = [HEADINGS, *(row.cells() for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(HEADINGS))]
    for name, value, unit, floor, share in cells:
        yield f"{name:{widths[0]}}  {value:>{widths[1]}} {unit:{widths[2]}}  {floor:>{widths[3]}}  {share}".rstrip()


def machine() -> dict[str, Any]:
    """Where it ran."""
    import mlx.core as mx

    device = mx.default_device()
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "device": str(device.type).removeprefix("DeviceType."),
        "device_name": str(mx.device_info().get("device_name", "")) or platform.processor(),
        "python": platform.python_version(),
        "mlx": version("mlx"),
    }


def as_json(model: dict[str, Any], rows: list[Row]) -> str:
    return json.dumps({"machine": machine(), "model": model, "rows": [asdict(row) for row in rows]}, indent=1)
