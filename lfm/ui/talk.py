"""The Talk tab: a conversation by voice, by text, or by both at once."""

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import gradio as gr

from lfm import audio
from lfm.errors import ContextFull, LfmError
from lfm.events import AudioChunk, Done, TextDelta
from lfm.status import ModelInfo
from lfm.ui.backend import Backend
from lfm.ui.export import export
from lfm.ui.merge import merged
from lfm.ui.microphone import microphone, recording
from lfm.ui.parts import ANSWERED, drawn
from lfm.ui.player import Feed, Player
from lfm.ui.settings import Chosen, Settings, chosen
from lfm.ui.starters import starters
from lfm.ui.take import Take, new_file
from lfm.ui.trouble import UNEXPECTED, explained
from lfm.ui.turn import Answer, Sound, Turn
from lfm.ui.visitor import Notice, Visitor
from lfm.ui.words import recognised

NOTES = {"end": "", "length": "Cut off at the greatest length", "cancelled": "Stopped"}
log = logging.getLogger(__name__)
Message = dict[str, Any]
Updates = dict[Any, Any]


class Talk:
    """Builds the tab and answers its events."""

    def __init__(self, engine: Backend, visitor: gr.State, player: Player) -> None:
        self.engine = engine
        self.player = player
        with gr.Row(elem_id="talk"):
            with gr.Column(elem_id="conversation", min_width=0):
                self.chat = drawn("conversation", {"starters": starters(engine.status.model)}, elem_id="chat")
                with gr.Row(elem_id="composer"):
                    self.box = gr.MultimodalTextbox(
                        elem_id="box", label="Message", show_label=False, container=False, placeholder="Type a message",
                        sources=["upload"], file_types=["audio"], lines=1, max_lines=5, scale=1,
                    )  # fmt: skip
                    button = microphone("Hold to talk", "Release to send", elem_id="talk-button", hands_free=True)
            with gr.Column(elem_id="rail", scale=0, min_width=256):
                self.settings = Settings()
                drawn("handsfree", elem_id="hands")
                self.settings.advanced()
                with gr.Column(visible=False, elem_id="foot", min_width=0) as self.foot:
                    self.meter = gr.HTML(elem_id="meter")
                    with gr.Row(elem_classes="buttons"):
                        new = gr.Button("New conversation", min_width=0, elem_id="new")
                        save = gr.Button("Export", min_width=0, elem_id="export")
                self.file = gr.Textbox(visible="hidden", label="Exported file")

        self.outputs = outputs = [self.chat, player.bar, self.box, self.meter, self.foot]
        settings = self.settings.state
        asked = [
            self.box.submit(self.send, [visitor, self.box, settings], outputs, **ANSWERED),
            button.utterance(self.hear, [visitor, self.box, settings], outputs, **ANSWERED),
            self.chat.ask(self.example, [visitor, settings], outputs, **ANSWERED),
            self.chat.retry(self.again, [visitor, settings], outputs, **ANSWERED),
            self.chat.shorten(self.shorten, [visitor, settings], outputs, **ANSWERED),
        ]
        for event in asked:
            event.then(self.listen, visitor, self.chat, **ANSWERED)
        new.click(self.clear, visitor, outputs, **ANSWERED)
        save.click(self.export, visitor, self.file, **ANSWERED).then(None, self.file, None, js="lfm.exported", api_visibility="private")

    # --- events ---

    def send(self, visitor: Visitor, message: Message, settings: dict[str, Any], request: gr.Request) -> Iterator[Updates]:
        yield from self.ask(visitor, message["text"], message["files"], settings, request)

    def hear(
        self, visitor: Visitor, message: Message, settings: dict[str, Any], request: gr.Request, event: gr.EventData
    ) -> Iterator[Updates]:
        yield from self.ask(visitor, message["text"], [*message["files"], recording(event)], settings, request)

    def example(self, visitor: Visitor, settings: dict[str, Any], request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        yield from self.ask(visitor, str(event.text), [], settings, request)

    def again(self, visitor: Visitor, settings: dict[str, Any], request: gr.Request) -> Iterator[Updates]:
        """Another answer to the last question; where none comes, the one before stays."""
        if visitor.turns:
            yield from self.answer(visitor, visitor.turns[-1], chosen(settings), request, again=True)

    def shorten(self, visitor: Visitor, settings: dict[str, Any], request: gr.Request) -> Iterator[Updates]:
        """Make room in a full conversation, and ask once more what did not fit."""
        visitor.chat.shorten()
        if visitor.turns:
            visitor.turns[-1].divider = "The model remembers only the last turns from here on"
            yield from self.answer(visitor, visitor.turns[-1], chosen(settings), request, again=True)

    def clear(self, visitor: Visitor, request: gr.Request) -> Updates:
        visitor.stop()
        with visitor.turn(request):
            visitor.chat.clear()
            visitor.turns.clear()
            visitor.notice = None
        return {self.chat: visitor.shown(), self.meter: "", self.foot: gr.Column(visible=False)}

    def export(self, visitor: Visitor) -> str:
        with explained():
            return export(visitor.turns)

    async def listen(self, visitor: Visitor, request: gr.Request) -> AsyncIterator[Any]:
        async for _ in recognised(self.engine, visitor, request):
            yield visitor.shown()
        yield gr.skip()  # or, had there been nothing, the conversation would be emptied

    # --- questions and answers ---

    def ask(self, visitor: Visitor, text: str, paths: list[str], settings: dict[str, Any], request: gr.Request) -> Iterator[Updates]:
        text = text.strip()
        if not text and not paths:
            yield {self.box: gr.skip()}
            return
        try:
            sound = heard(paths)
        except LfmError as error:  # what was typed and attached stays where it is
            visitor.notice = notice(error)
            yield {self.chat: visitor.shown()}
            return
        yield from self.answer(visitor, Turn(text, sound), chosen(settings), request)

    def answer(self, visitor: Visitor, turn: Turn, how: Chosen, request: gr.Request, again: bool = False) -> Iterator[Updates]:
        """Show the question, then the answer as it comes. A question that interrupts an answer ends it first."""
        visitor.stop()
        with visitor.turn(request), self.player.feed() as feed:
            before, turn.id, turn.answer = turn.answer, feed.run, None
            visitor.feed, visitor.notice, visitor.gone = feed, None, False
            if not again:
                turn.divider = divider(visitor.turns, self.engine.status.model)
                visitor.turns.append(turn)
            start = feed.begin("Thinking", self.engine.status)
            yield {self.chat: visitor.shown(), self.bar: start, self.foot: gr.Column(visible=True)} | ({} if again else {self.box: None})
            take = Take()
            try:
                question = turn.sound and turn.sound.audio
                reply = visitor.chat.reply(turn.text or None, question, how.options, how.system, again)
                self.follow(feed, take, reply)
            except Exception as error:
                visitor.notice = notice(error)
            turn.model = self.engine.status.model
            turn.answer = answered(take, len(visitor.turns), before)
            feed.close()
            yield {self.chat: visitor.shown(), self.meter: meter(visitor, turn.model)}

    def follow(self, feed: Feed, take: Take, reply: Iterator[Any]) -> None:
        """Send an answer to the player as it comes."""
        for event in merged(feed.queued(reply)):
            take.add(event)
            match event:
                case TextDelta():
                    feed.text(event)
                case AudioChunk():
                    feed.sound(event)
                case Done():
                    feed.done(event)

    @property
    def bar(self) -> gr.HTML:
        return self.player.bar


def heard(paths: list[str]) -> Sound | None:
    """What was attached and what was recorded, as one sound.

    Raises:
        AudioError: a file cannot be read.
    """
    if not paths:
        return None
    if len(paths) == 1:
        return Sound.read(paths[0])
    whole = audio.joined([audio.load(path) for path in paths])
    path = str(new_file("question.wav"))
    audio.write_wav(path, audio.to_int16(whole.samples), whole.sample_rate)
    return Sound.read(path)


def answered(take: Take, number: int, before: Answer | None) -> Answer:
    """What was said, with its sound as a file; where nothing was, what had been said before."""
    path = take.wav(f"{number:02d}-answer")
    if not take.text.strip() and not path:
        return before or Answer("", None, "No answer")
    sound = Sound.read(path) if path else None
    return Answer(take.text.strip(), sound, NOTES[take.done.reason] if take.done else "Broken off")


def divider(turns: list[Turn], model: ModelInfo | None) -> str:
    """What stands above a question whose model has not heard what was said before."""
    changed = model is not None and bool(turns) and turns[-1].model not in (None, model)
    return "Another model from here on: it has not heard what is above" if changed else ""


def notice(error: Exception) -> Notice:
    """An error as a notice: its first sentence says what is wrong, the rest what to do."""
    if isinstance(error, ContextFull) and "full" in str(error):
        return Notice("The conversation is full", "Start a new one, or keep only the last turns.", "Keep the last turns")
    if not isinstance(error, LfmError):
        log.error("a request failed", exc_info=error)
    title, _, remedy = (str(error) if isinstance(error, LfmError) else UNEXPECTED).partition(". ")
    return Notice(title.rstrip("."), remedy)


def meter(visitor: Visitor, model: ModelInfo | None) -> str:
    """How full the conversation is: a line, and how many more turns of this size it has room for."""
    used, turns = visitor.chat.used, visitor.chat.turns
    if model is None or not used or not turns:
        return ""
    more = (model.context - used) * turns // used
    room = "room for many more" if more >= 100 else f"room for about {more} more"
    share = 100 * used / model.context
    count = "1 turn" if turns == 1 else f"{turns} turns"
    return (
        f'<div class="line" role="meter" aria-label="Conversation" aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share:.0f}">'
        f'<i style="width:{share:.1f}%"></i></div><p>{count}, {room}</p>'
    )
