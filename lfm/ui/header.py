"""The head of the page: its name, a pill that says how the model is, the list that it opens, and a notice where something is wrong."""

import time
from html import escape
from typing import Any

import gradio as gr

from lfm.catalogue import title
from lfm.status import ModelInfo, Status
from lfm.ui import figures
from lfm.ui.backend import Backend
from lfm.ui.models import listed, memory_left
from lfm.ui.parts import drawn
from lfm.ui.place import Place
from lfm.ui.visitor import Visitor

NOISE = "This model has random weights, so it answers with noise. Choose a real one to talk."
FIXED = "The model is fixed on this page. Run the program on a computer of your own to choose another."
HINT = "Another model begins a new conversation."
LOOK_EVERY = 2.0  # seconds between two looks into the cache of downloads, which may be large
SOON = 3.0  # seconds of preparing, of which nothing need be said
SHORT = {"bfloat16": "bf16", "float16": "fp16"}
View = dict[str, Any]


class Header:
    """Builds the head and says what it shows."""

    def __init__(self, engine: Backend, place: Place) -> None:
        self.engine = engine
        self.fixed = place.fixed
        self._cached: tuple[float, dict[str, int]] = (-LOOK_EVERY, {})  # when it was looked up last

        def act(asked: dict[str, str]) -> View:
            """What a press in the list asks for, and the list after it."""
            said = "" if self.fixed else self.act(str(asked["what"]), str(asked["name"]).strip())
            return self.view(said=said)

        self.html = drawn("header", self.view(), elem_id="head", server_functions=[act], tagline=place.tagline)
        self.trouble = gr.HTML(notice(engine.status), elem_id="trouble")

    def act(self, what: str, name: str) -> str:
        """Do what the list asks for; what to say under the field."""
        if not name:
            return "Write a folder of this computer, or a repository such as LiquidAI/LFM2-Audio-1.5B."
        if what == "cancel":
            self.engine.cancel_download(name)
        elif what in ("download", "continue") and self.engine.status.model is not None:
            self.engine.download(name)
        else:
            self.engine.load(name)
        return ""

    def shown(self, visitor: Visitor) -> dict[Any, Any]:
        """The updates that bring a visitor's page up to date."""
        status = self.engine.status
        text = notice(status) or new_conversation(visitor, status.model)
        return {self.html: self.view(visitor), self.trouble: text}

    def view(self, visitor: Visitor | None = None, said: str = "") -> View:
        """All that header.js shows. Under the field stands what became of the name that was last written there, if no row says it."""
        status = self.engine.status
        colour, word = state(status, visitor)
        if time.monotonic() - self._cached[0] > LOOK_EVERY:
            self._cached = (time.monotonic(), self.engine.cached())
        rows = listed(status, self._cached[1], self.fixed)
        if not said and status.failed not in [row["name"] for row in rows]:
            said = status.error
        return {
            "pill": {"colour": colour, "word": word, "amount": amount(status), "detail": detail(status)},
            "free": memory_left(),
            "rows": rows,
            "said": said,
            "hint": FIXED if self.fixed else HINT,
            "fixed": self.fixed,
        }


def state(status: Status, visitor: Visitor | None) -> tuple[str, str]:
    """The pill's colour and first words."""
    match status.state:
        case "ready":
            return "live", "Ready"
        case "busy":
            place = queue_place(visitor)
            return ("waiting", f"Busy, {place}") if place else ("live", "Busy")
        case "downloading":
            return "waiting", "Downloading"
        case "loading":
            return "waiting", "Loading"
        case "failed" | "closed":
            return "blocked", "Needs attention"


def amount(status: Status) -> str:
    """`1.2 of 2.9 GB`, of a download without which nothing goes on."""
    return figures.of(status.download.done, status.download.total) if status.state == "downloading" and status.download else ""


def queue_place(visitor: Visitor | None) -> str:
    """`you are next`, where this visitor's request waits for another's."""
    last = visitor.feed.messages[-1] if visitor and visitor.feed and visitor.feed.messages else {}
    hint = str(last.get("hint", "")) if last.get("state") == "Queued" else ""
    return hint[:1].lower() + hint[1:]


def detail(status: Status) -> str:
    if status.state == "closed":
        return "The program has ended"
    if status.state == "failed":
        return status.error.partition(":")[0].partition(".")[0] if "memory" in status.error else title(status.failed or status.wanted)
    if status.prepares_since is not None and time.monotonic() - status.prepares_since > SOON:
        return "The first answers take longer, this once"
    return summary(status.model) if status.model else title(status.wanted)


def summary(model: ModelInfo) -> str:
    return f"{title(model.name)} · {SHORT.get(model.precision, model.precision)} · {figures.amount(model.memory)}"


def notice(status: Status) -> str:
    """What is wrong with the model and what to do about it; empty when all is well."""
    choose = '<button type="button" class="choose">Choose a model</button>'
    if status.error and status.model is None:
        return banner(f"{title(status.failed) or 'The model'} could not be loaded", status.error, "", choose)
    if status.error and status.model:
        remedy = f"{status.error} Until then {title(status.model.name)} answers."
        return banner(f"{title(status.failed)} could not be loaded", remedy, "mild", choose)
    if status.model and status.model.noise:
        return banner("Noise only", NOISE, "mild", choose)
    return ""


def new_conversation(visitor: Visitor, model: ModelInfo | None) -> str:
    """Said where a conversation was held with another model than the one that would answer now."""
    if model is None or not visitor.turns or visitor.turns[-1].model in (None, model):
        return ""
    return banner("A new conversation", f"{title(model.name)} answers now. It has not heard what was said before.", "mild")


def banner(heading: str, remedy: str, kind: str, button: str = "") -> str:
    close = '<button type="button" class="close" aria-label="Close">&times;</button>' if kind == "mild" else ""
    words = f"<strong>{escape(heading)}</strong><p>{escape(remedy)}</p>"
    return f'<div class="notice {kind}" role="alert"><div>{words}</div>{button}{close}</div>'
