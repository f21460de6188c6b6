"""The Transcribe tab: a recording, files or an example in, their words out."""

import shutil
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr

from lfm import audio
from lfm.errors import LfmError
from lfm.events import Done, Progress, TextDelta
from lfm.status import ModelInfo
from lfm.ui.backend import Backend
from lfm.ui.examples import Example, examples
from lfm.ui.merge import merged
from lfm.ui.microphone import microphone, recording
from lfm.ui.parts import ANSWERED, drawn
from lfm.ui.player import Player
from lfm.ui.sheet import File, Sheet
from lfm.ui.starters import HEARS, limits
from lfm.ui.take import new_file
from lfm.ui.trouble import UNEXPECTED, explained
from lfm.ui.visitor import Visitor

Updates = dict[Any, Any]


class Transcribe:
    """Builds the tab and answers its events."""

    def __init__(self, engine: Backend, visitor: gr.State, player: Player) -> None:
        self.engine = engine
        self.player = player
        self.bar = player.bar
        self._sheets: WeakKeyDictionary[Visitor, Sheet] = WeakKeyDictionary()
        with gr.Row(elem_classes="two"):
            with gr.Column(elem_classes="left", min_width=0):
                button = microphone("Record", "Press to finish", elem_id="record-button")
                self.drop = gr.File(
                    elem_id="drop", label="Audio files", file_count="multiple", file_types=["audio"],
                    show_label=False, container=False, height=116,
                )  # fmt: skip
                self.list = drawn("files", {}, elem_id="files")
                with gr.Column(elem_id="examples", min_width=0, visible=bool(examples())) as self.examples:
                    gr.HTML('<p class="caption">Or try one of these</p>', apply_default_css=False)
                    with gr.Row(elem_classes="chips"):
                        chips = [(gr.Button(each.label, scale=0, min_width=0, elem_classes="chip"), each) for each in examples()]
                self.limits = limits(HEARS, engine.status.model)
            with gr.Column(elem_classes="right", min_width=0, elem_id="transcript-side"):
                self.head = drawn("transcript", {}, elem_id="transcript")
                self.text = gr.Textbox(
                    elem_id="words", label="Transcript", show_label=False, container=False, interactive=False,
                    lines=1, max_lines=1000, visible=False,
                )  # fmt: skip
                self.foot = gr.HTML(elem_id="checked", apply_default_css=False)

        outputs = [self.list, self.head, self.text, self.foot, player.bar, self.drop]
        begun = [
            self.drop.upload(self.dropped, [visitor, self.drop], outputs, **ANSWERED),
            button.utterance(self.recorded, visitor, outputs, **ANSWERED),
            self.list.again(self.repeated, visitor, outputs, **ANSWERED),
            *(chip.click(self.tried(example), visitor, outputs, **ANSWERED) for chip, example in chips),
        ]
        for event in begun:  # Gradio repeats the last update when all is over, which undoes what was picked meanwhile
            event.then(self.current, visitor, outputs, **ANSWERED)
        self.list.pick(self.picked, visitor, outputs, **ANSWERED)
        self.list.clear(self.cleared, visitor, outputs, **ANSWERED)

    def follow(self, model: ModelInfo) -> Updates:
        """The examples are in English."""
        english = bool(examples()) and model.family != "LFM2.5-Audio-JP"
        return {self.examples: gr.Column(visible=english), self.limits: limits(HEARS, model)}

    # --- what the visitor does ---

    def dropped(self, visitor: Visitor, paths: list[str], request: gr.Request) -> Iterator[Updates]:
        yield from self.add(visitor, [File(path, Path(path).name) for path in paths], request)

    def recorded(self, visitor: Visitor, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        count = sum(file.name.startswith("Recording") for file in self.sheet(visitor).files)
        yield from self.add(visitor, [File(recording(event), f"Recording {count + 1}")], request)

    def tried(self, example: Example) -> Any:
        def run(visitor: Visitor, request: gr.Request) -> Iterator[Updates]:
            path = new_file(example.path.name)
            shutil.copy(example.path, path)  # to where the page may play it from
            yield from self.add(visitor, [File(str(path), example.title, example.text)], request)

        return run

    def picked(self, visitor: Visitor, event: gr.EventData) -> Updates:
        self.sheet(visitor).pick(int(event.index))
        return self.current(visitor)

    def cleared(self, visitor: Visitor) -> Updates:
        visitor.stop()
        self._sheets[visitor] = Sheet()
        return self.shown(self._sheets[visitor])

    def repeated(self, visitor: Visitor, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        sheet = self.sheet(visitor)
        if sheet.again(int(event.index)):
            yield from self.work(visitor, sheet, request)
        else:
            yield self.shown(sheet)

    def add(self, visitor: Visitor, files: list[File], request: gr.Request) -> Iterator[Updates]:
        """Begin with them, or let them wait for those that are being worked off already."""
        sheet = self.sheet(visitor)
        begin = sheet.add(files)
        yield {self.drop: None} | self.shown(sheet)
        if begin:
            yield from self.work(visitor, sheet, request)

    # --- the work ---

    def sheet(self, visitor: Visitor) -> Sheet:
        return self._sheets.setdefault(visitor, Sheet())

    def work(self, visitor: Visitor, sheet: Sheet, request: gr.Request) -> Iterator[Updates]:
        """Each file in turn; one that cannot be read does not keep the others from it."""
        visitor.stop()
        finished = False
        try:
            with explained(), visitor.turn(request) as cancelled, self.player.feed() as feed:
                visitor.feed = feed
                yield {self.bar: feed.begin("Transcribing", self.engine.status)}
                done = Done("end")
                while not cancelled.is_set():
                    file = sheet.next()
                    if finished := file is None:
                        break
                    if model := self.engine.status.model:
                        file.longest = model.longest
                    yield self.shown(sheet)
                    try:
                        events = self.engine.transcribe(audio.load(file.path), cancelled=cancelled)
                        for event in merged(feed.queued(events)):
                            feed.now("Transcribing")
                            done = event if isinstance(event, Done) else done
                            heard(file, event)
                            yield self.shown(sheet)
                    except LfmError as error:
                        file.state, file.trouble = "Failed", str(error)
                    except Exception:
                        file.state, file.trouble = "Failed", UNEXPECTED
                        raise
                feed.done(done)
        finally:
            if not finished:  # else somebody may have begun anew
                sheet.stop()
        yield self.shown(sheet)

    def current(self, visitor: Visitor) -> Updates:
        return self.shown(self.sheet(visitor))

    def shown(self, sheet: Sheet) -> Updates:
        head = sheet.head()
        return {
            self.list: sheet.list(),
            self.head: head,
            self.text: gr.Textbox(sheet.text(), visible=bool(sheet.files)),
            self.foot: foot(head),
        }


def heard(file: File, event: object) -> None:
    """Put down what the engine says of a file."""
    match event:
        case TextDelta():
            file.text += event.text
        case Progress():
            file.heard = event.done
        case Done():
            file.state = "Stopped" if event.reason == "cancelled" else "Done"
            file.heard, file.took = event.stats.audio_seconds, event.stats.seconds


def foot(head: dict[str, Any]) -> str:
    """Under the words: what was really said, where that is known, or how a long file was heard."""
    if checked := head.get("checked"):
        return f"<h3>Reference</h3><p>{escape(checked['text'])}</p><p class='rate'>{checked['rate']}</p>"
    return f"<p>{head['note']}</p>" if head.get("note") else ""
