"""The list of models: each with its cost, where it is, and the one thing that can be done with it."""

from pathlib import Path
from typing import Any

from lfm import computer
from lfm.catalogue import Model, models, recommended, title
from lfm.status import Download, Status
from lfm.ui import figures

Row = dict[str, Any]


def known(name: str) -> bool:
    """Whether a model is one of the list's own."""
    return any(model.name == name for model in models())


def memory_left() -> str:
    memory = computer.memory()
    return f"Memory free: {memory.free / 1e9:.1f} of {memory.total / 1e9:.0f} GB" if memory else ""


def listed(status: Status, cached: dict[str, int], fixed: bool) -> list[Row]:
    """The rows: the catalogue, and whatever else is in use, on its way or in the cache."""
    memory = computer.memory()
    total = memory.total if memory else None
    best = recommended(computer.backend(), total)
    extra = [status.model.name if status.model else "", status.wanted, *(each.name for each in status.downloads), *cached]
    rows = [row(model.name, model, status, cached, best, total) for model in models()]
    rows += [row(name, None, status, cached, best, total) for name in dict.fromkeys(extra) if name and not known(name)]
    if fixed:
        rows = [each | {"action": each["action"] if each["action"] == "in use" else ""} for each in rows]
    return rows


def row(name: str, model: Model | None, status: Status, cached: dict[str, int], best: str, total: int | None) -> Row:
    action, note, share, trouble = progress(name, status, cached)
    needs = model.needs(computer.backend()) if model else 0
    if not note and total is not None and needs > total:
        note = "More than this computer's memory"
    elif not note:
        note = "Recommended for this computer" if name == best else model.note if model else where(name)
    size = cached.get(name) or (model.size if model else 0)
    return {
        "name": name,
        "title": model.title if model else title(name),
        "note": note,
        "size": figures.amount(size) if size else "",
        "needs": f"needs {needs / 1e9:g} GB" if needs else "",
        "action": action,
        "share": share,
        "trouble": trouble,
    }


def progress(name: str, status: Status, cached: dict[str, int]) -> tuple[str, str, float | None, bool]:
    """What can be done with a model now, a note, the share of it that has come, and whether the note is about trouble."""
    download = next((each for each in status.downloads if each.name == name), None)
    if download and download.error:
        return "continue", f"The download stopped at {figures.of(download.done, download.total)}. What has come is kept.", None, True
    if download:
        return "cancel", arriving(download), download.done / download.total, False
    if status.model and status.model.name == name:
        return "in use", "", None, False
    if status.wanted == name and status.state != "failed":
        return "", "Begins when the reply has ended" if status.state == "busy" else "Loading", None, False
    here = name in cached or Path(name).expanduser().is_dir() or name == "random"
    if status.failed == name:
        return "again", status.error, None, True
    return "use" if here else "download", "", None, False


def arriving(download: Download) -> str:
    """`1.3 of 3.2 GB, 2 min left`."""
    amount = figures.of(download.done, download.total)
    if not download.rate:
        return amount
    seconds = (download.total - download.done) / download.rate
    return f"{amount}, {seconds / 60:.0f} min left" if seconds > 90 else f"{amount}, {seconds:.0f} s left"


def where(name: str) -> str:
    if name == "random":
        return "Random weights: noise, to see the page"
    return "A folder on this computer" if Path(name).expanduser().is_dir() else name
