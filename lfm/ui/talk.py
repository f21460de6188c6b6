"""The Talk tab: a conversation by voice, by text, or by both at once."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from lfm import audio
from lfm.events import AudioChunk, Done, TextDelta
from lfm.options import Options
from lfm.status import ModelInfo
from lfm.ui.backend import Backend
from lfm.ui.merge import merged
from lfm.ui.microphone import microphone, recording
from lfm.ui.player import Player
from lfm.ui.take import Take
from lfm.ui.trouble import explained
from lfm.ui.visitor import Visitor

EMPTY = (
    "<div class='empty'><h2>Hold the button and talk</h2><p>Let go when you are done. The answer comes as voice and text.<br>"
    "You can also type, or hold the space bar.</p></div>"
)
EXAMPLES: list[Any] = [
    {"display_text": "A surprise about the sea", "text": "Tell me something surprising about the sea."},
    {"display_text": "Practise ordering dinner", "text": "Let us practise ordering dinner. You are the waiter: begin."},
    {"display_text": "A short bedtime story", "text": "Tell me a short bedtime story about a lighthouse."},
]
TEXT_ONLY = "Text only"
NO_ANSWER = "*No answer.*"
Message = dict[str, Any]
Updates = dict[Any, Any]


class Talk:
    """Builds the tab and answers its events."""

    def __init__(self, engine: Backend, visitor: gr.State, player: Player) -> None:
        self.engine = engine
        self.player = player
        self.bar = player.bar
        with gr.Row(elem_id="talk"):
            with gr.Column(elem_id="conversation", min_width=0):
                self.chat = gr.Chatbot(
                    elem_id="chat", label="Conversation", show_label=False, container=False, height=None, min_height=240,
                    layout="bubble", buttons=["copy"], placeholder=EMPTY, examples=EXAMPLES, feedback_options=None,
                )  # fmt: skip
                with gr.Row(elem_id="composer"):
                    self.box = gr.MultimodalTextbox(
                        elem_id="box", label="Message", show_label=False, container=False, placeholder="Type a message",
                        sources=["upload"], file_types=["audio"], lines=1, max_lines=5, scale=1,
                    )  # fmt: skip
                    button = microphone("Hold to talk", "Release to send", elem_id="talk-button")
            with gr.Column(elem_id="rail", scale=0, min_width=256):
                mode = gr.Radio(["Voice and text", TEXT_ONLY], value="Voice and text", label="Reply with", elem_classes="seg")
                self.meter = gr.HTML(elem_id="meter")
                self.new = gr.Button("New conversation", visible=False, min_width=0, elem_id="new")

        self.outputs = outputs = [self.chat, player.bar, self.box, self.meter, self.new]
        # Several answers of one tab wait for each other in its session, and all tabs in the engine: Gradio need not hold anyone back.
        how: dict[str, Any] = {
            "concurrency_limit": None, "show_progress": "hidden", "api_visibility": "private", "trigger_mode": "multiple",
        }  # fmt: skip
        self.box.submit(self.send, [visitor, self.box, mode], outputs, **how)
        button.utterance(self.hear, [visitor, self.box, mode], outputs, **how)
        self.chat.example_select(self.example, [visitor, mode], outputs, **how)
        self.new.click(self.clear, visitor, outputs, **how)

    def send(self, visitor: Visitor, message: Message, mode: str, request: gr.Request) -> Iterator[Updates]:
        files = message["files"]
        yield from self.answer(visitor, message["text"], files[0] if files else None, mode, request)

    def hear(self, visitor: Visitor, message: Message, mode: str, request: gr.Request, event: gr.EventData) -> Iterator[Updates]:
        yield from self.answer(visitor, message["text"], recording(event), mode, request)

    def example(self, visitor: Visitor, mode: str, request: gr.Request, event: gr.SelectData) -> Iterator[Updates]:
        yield from self.answer(visitor, event.value["text"], None, mode, request)

    def clear(self, visitor: Visitor, request: gr.Request) -> Updates:
        visitor.stop()
        with explained(), visitor.turn(request):
            visitor.chat.clear()
            visitor.messages.clear()
        return {self.chat: [], self.meter: "", self.new: gr.Button(visible=False)}

    def answer(self, visitor: Visitor, text: str, path: str | None, mode: str, request: gr.Request) -> Iterator[Updates]:
        """Show the question, then the answer as it comes. A question that interrupts an answer ends it first."""
        text = text.strip()
        if not text and path is None:
            yield {self.box: gr.skip()}
            return
        visitor.stop()
        with explained(), visitor.turn(request), self.player.feed() as feed:
            heard = audio.load(path) if path else None  # before anything is shown, so that a file that fails stays in the box
            visitor.feed = feed
            visitor.messages.append({"role": "user", "content": content(text, path)})
            start = feed.begin("Thinking", self.engine.status)
            yield {self.chat: visitor.messages, self.box: None, self.bar: start, self.new: gr.Button(visible=True)}
            take = Take()
            options = Options(with_audio=mode != TEXT_ONLY)
            try:
                for event in merged(visitor.chat.reply(text or None, heard, options)):
                    take.add(event)
                    match event:
                        case TextDelta():
                            yield {self.chat: [*visitor.messages, {"role": "assistant", "content": content(take.text, None)}]}
                        case AudioChunk():
                            feed.sound(event)
                            yield {self.bar: feed.run}
                        case Done():
                            keep(visitor, take)
                            feed.done(event)
                            yield {self.chat: visitor.messages, self.bar: feed.run}
            except Exception:
                keep(visitor, take)
                yield {self.chat: visitor.messages}
                raise
            yield {self.meter: meter(visitor, self.engine.status.model)}  # the conversation counts a turn after its last event


def content(text: str, path: str | None) -> list[Any]:
    return ([text] if text else []) + ([{"path": path}] if path else [])


def keep(visitor: Visitor, take: Take) -> None:
    """Add to what the chat shows whatever was said, with its sound as a file."""
    said = content(take.text, take.wav(f"reply-{visitor.chat.turns}"))
    visitor.messages.append({"role": "assistant", "content": said or [NO_ANSWER]})


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
