"""The button that records: hold it, or press it once and once more. The recording itself is in microphone.js."""

from pathlib import Path

import gradio as gr
from gradio.utils import get_upload_folder

from lfm.ui.parts import drawn


def microphone(idle: str, recording: str, elem_id: str, min_width: int = 184, hands_free: bool = False) -> gr.HTML:
    """A record button with its words; its event `utterance` carries the `path` of a recording.

    `hands_free`: it follows the switch of that name.
    """
    words = {"idle": idle, "recording": recording}
    return drawn("microphone", elem_id=elem_id, elem_classes="microphone", min_width=min_width, hands_free=hands_free, **words)


def recording(event: gr.EventData) -> str:
    """The path that an `utterance` carries. It comes from the browser, so it may only name a file that was uploaded."""
    path = Path(str(event.path)).resolve()
    if not path.is_relative_to(Path(get_upload_folder()).resolve()) or not path.is_file():
        raise gr.Error("The recording did not arrive. Try again.", print_exception=False)
    return str(path)
