"""The Transcribe tab: a recording or files in, their words out."""

from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr

from lfm import audio
from lfm.errors import AudioError
from lfm.events import Done, Progress, TextDelta
from lfm.ui import figures
from lfm.ui.backend import Backend
from lfm.ui.merge import merged
from lfm.ui.microphone import microphone, recording
from lfm.ui.player import Player
from lfm.ui.take import new_file
from lfm.ui.trouble import explained
from lfm.ui.visitor import Visitor

EMPTY = '<div class="empty"><h2>No transcript yet</h2><p>Record, or drop a file. The words appear here while it listens.</p></div>'
COPY = "(text) => { navigator.clipboard.writeText(text); }"
Updates = dict[Any, Any]


class Sheet:
    """The files of one request: which are done, which waits, and all words so far."""

    def __init__(self, paths: list[str]) -> None:
        self.names = [Path(path).name for path in paths]
        self.states = ["Waiting"] * len(paths)
        self.texts = [""] * len(paths)
        self.heard = self.took = 0.0  # seconds

    @property
    def text(self) -> str:
        """One file's words as they are; of several, each under its name."""
        if len(self.names) == 1:
            return self.texts[0]
        return "\n\n".join(f"{name}\n{text.strip()}" for name, text in zip(self.names, self.texts, strict=True) if text)

    def list(self) -> str:
        rows = (
            f'<li class="{state.split()[0].lower()}"><span>{escape(name)}</span><span>{escape(state)}</span></li>'
            for name, state in zip(self.names, self.states, strict=True)
        )
        return f'<ul class="files">{"".join(rows)}</ul>'

    def head(self) -> str:
        title = self.names[0] if len(self.names) == 1 else f"{len(self.names)} files"
        return f'<h2>{escape(title)}</h2><p class="figures">{self.speed() or "&nbsp;"}</p>'

    def speed(self) -> str:
        """`18.4 s of sound in 2.7 s, 6.8 times real time`."""
        if not self.took:
            return ""
        return f"{self.heard:.1f} s of sound in {self.took:.1f} s, {figures.times(self.heard / self.took)} real time"


class Transcribe:
    """Builds the tab and answers its events."""

    def __init__(self, engine: Backend, visitor: gr.State, player: Player) -> None:
        self.engine = engine
        self.player = player
        self.bar = player.bar
        with gr.Row(elem_classes="two"):
            with gr.Column(elem_classes="left", min_width=0):
                button = microphone("Record", "Press to finish", elem_id="record-button")
                self.files = gr.File(
                    elem_id="drop", label="Audio files", file_count="multiple", file_types=["audio"],
                    show_label=False, container=False, height=116,
                )  # fmt: skip
                self.list = gr.HTML(elem_id="files")
            with gr.Column(elem_classes="right", min_width=0):
                with gr.Row(elem_classes="title"):
                    self.head = gr.HTML(EMPTY, elem_id="transcript-head")
                    self.copy = gr.Button("Copy", visible=False, scale=0, min_width=0, elem_classes="small")
                    self.save = gr.DownloadButton("Save as text", visible=False, scale=0, min_width=0, elem_classes="small")
                self.text = gr.Textbox(
                    elem_id="transcript", label="Transcript", show_label=False, container=False, interactive=False,
                    lines=1, max_lines=1000, visible=False,
                )  # fmt: skip

        outputs = [self.list, self.head, self.copy, self.save, self.text, player.bar, self.files]
        how: dict[str, Any] = {
            "concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple",
        }  # fmt: skip
        self.files.upload(self.dropped, [visitor, self.files], outputs, **how)
        button.utterance(self.recorded, visitor, outputs, **how)
        self.copy.click(None, self.text, js=COPY, api_visibility="private")

    def dropped(self, visitor: Visitor, paths: list[str], request: gr.Request) -> Iterator[Updates]:
        yield from self.run(visitor, paths, request)

    def recorded(self, visitor: Visitor, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        yield from self.run(visitor, [recording(event)], request)

    def run(self, visitor: Visitor, paths: list[str], request: gr.Request) -> Iterator[Updates]:
        """Each file in turn; one that cannot be read does not keep the others from it."""
        visitor.stop()
        with explained(), visitor.turn(request) as cancelled, self.player.feed() as feed:
            visitor.feed = feed
            sheet = Sheet(paths)
            start = feed.begin("Transcribing", self.engine.status)
            hidden = {self.copy: gr.Button(visible=False), self.save: gr.DownloadButton(visible=False)}
            yield {self.bar: start, self.files: None} | hidden | self.shown(sheet)
            done = Done("cancelled")
            for index, path in enumerate(paths):
                if cancelled.is_set():
                    break
                try:
                    heard = audio.load(path)
                except AudioError as error:
                    sheet.states[index] = str(error)
                    continue
                for event in merged(self.engine.transcribe(heard, cancelled=cancelled)):
                    match event:
                        case TextDelta():
                            sheet.texts[index] += event.text
                        case Progress():
                            sheet.states[index] = f"Transcribing {100 * event.done / event.total:.0f} %"
                        case Done():
                            done = event
                            sheet.states[index] = "Done" if event.reason != "cancelled" else "Stopped"
                            sheet.heard += event.stats.audio_seconds
                            sheet.took += event.stats.seconds
                    feed.now("Transcribing")
                    yield self.shown(sheet)
            buttons = {self.save: saved(sheet), self.copy: gr.Button(visible=bool(sheet.text))}
            feed.done(done)
            yield buttons | self.shown(sheet)

    def shown(self, sheet: Sheet) -> Updates:
        return {self.list: sheet.list(), self.head: sheet.head(), self.text: gr.Textbox(sheet.text, visible=True)}


def saved(sheet: Sheet) -> Any:
    """The button that saves the words, once there are any."""
    if not sheet.text.strip():
        return gr.DownloadButton(visible=False)
    path = new_file(f"{Path(sheet.names[0]).stem}.txt")
    path.write_text(sheet.text.strip() + "\n", encoding="utf-8")
    return gr.DownloadButton(value=str(path), visible=True)
