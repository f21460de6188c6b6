"""The head of the page: its name, a pill that says how the model is, and a notice where something is wrong with it."""

from html import escape

from lfm.status import ModelInfo, Status
from lfm.ui import figures

NOISE = "This model has random weights, so it answers with noise. Start the program with --model and a real checkpoint to talk."


def header(status: Status) -> str:
    colour, word = state(status)
    return (
        '<div class="head"><h1>LFM2 Audio</h1><p class="tagline">Speech that stays on this computer</p>'
        f'<div class="pill {colour}"><i class="dot"></i><b>{word}</b><span>{escape(detail(status))}</span></div></div>'
    )


def state(status: Status) -> tuple[str, str]:
    """The pill's colour and first words."""
    match status.state:
        case "ready":
            return "live", "Ready"
        case "busy":
            return "live", "Busy" if not status.waiting else f"Busy, {status.waiting} waiting"
        case "downloading":
            of = f" {status.done_bytes / 1e9:.1f} of {figures.amount(status.total_bytes)}" if status.total_bytes else ""
            return "waiting", f"Downloading{of}"
        case "loading":
            return "waiting", "Loading"
        case "failed" | "closed":
            return "blocked", "Needs attention"


def detail(status: Status) -> str:
    if status.state == "closed":
        return "The program has ended"
    if status.state == "failed" or status.model is None:
        return short(status.wanted)
    return summary(status.model)


def summary(model: ModelInfo) -> str:
    return f"{short(model.name)} · {model.precision} · {figures.amount(model.memory)}"


def short(name: str) -> str:
    """The last part of a folder or repository name."""
    return name.rstrip("/").rsplit("/", 1)[-1]


def notice(status: Status) -> str:
    """What is wrong with the model and what to do about it; empty when all is well."""
    if status.error:
        return banner("The model could not be loaded", status.error, "")
    if status.model and status.model.noise:
        return banner("Noise only", NOISE, "mild")
    return ""


def banner(title: str, remedy: str, kind: str) -> str:
    return f'<div class="notice {kind}" role="alert"><div><strong>{escape(title)}</strong><p>{escape(remedy)}</p></div></div>'
