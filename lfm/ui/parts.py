"""What the tabs are put together from: parts drawn by a script of their own, how their events are answered, where files are served."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import gradio as gr

HERE = Path(__file__).parent

# An event that may take its time. Such are answered in order: none overtakes what another said before it. Nobody is held back:
# requests wait for each other in their visitor's turn and in the engine.
ANSWERED: dict[str, Any] = {
    "concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple",
}  # fmt: skip
ASIDE: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}  # one that is answered at once


def drawn(name: str, value: Any = None, **more: Any) -> gr.HTML:
    """The part whose template and script are NAME.html and NAME.js; what else `gr.HTML` takes."""
    template, script = ((HERE / f"{name}.{kind}").read_text() for kind in ("html", "js"))
    return gr.HTML(value, html_template=template, js_on_load=script, apply_default_css=False, **more)


def url(path: str | Path) -> str:
    """Where Gradio serves a file of its folder, relative to the page."""
    return f"gradio_api/file={quote(str(path))}"
