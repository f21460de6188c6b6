"""The Speak tab: text in, a voice out, and a take to replay and keep."""

import secrets
from collections.abc import Iterator
from dataclasses import replace
from html import escape
from typing import Any

import gradio as gr

from lfm.events import AudioChunk, Done
from lfm.options import SPEAK
from lfm.status import ModelInfo
from lfm.ui import figures
from lfm.ui.backend import Backend
from lfm.ui.merge import merged
from lfm.ui.player import Player
from lfm.ui.take import Take
from lfm.ui.trouble import explained
from lfm.ui.visitor import Visitor

EMPTY = (
    '<div class="empty"><h2>No take yet</h2>'
    "<p>Write something, choose a voice and press Speak. The take appears here to replay and download.</p></div>"
)
TEXT = "The ferry leaves at nine, and the last one back is at six."
VOICES = ("US female", "US male", "UK female", "UK male")  # shown until the model says which it has
DESCRIPTIONS = {
    "Calm narrator": "A female speaker with a calm, low voice reads slowly and clearly, close to the microphone, in a quiet room.",
    "Bright host": "A male speaker with a bright, lively voice talks fast and with expression. The recording is very clean.",
    "Storyteller": "An elderly male speaker with a deep, warm voice speaks slowly, with long pauses and much expression.",
    "On the phone": "A female speaker talks in a matter-of-fact tone at a moderate pace. She sounds distant and slightly noisy.",
}
Updates = dict[Any, Any]


class Speak:
    """Builds the tab and answers its events."""

    def __init__(self, engine: Backend, visitor: gr.State, player: Player) -> None:
        self.engine = engine
        self.player = player
        self.bar = player.bar
        with gr.Row(elem_classes="two"):
            with gr.Column(elem_classes="left", min_width=0):
                text = gr.Textbox(TEXT, elem_id="say", label="Text", show_label=False, container=False, lines=5, max_lines=12)
                self.voice = gr.Radio(VOICES, value=VOICES[0], label="Voice", elem_id="voice", elem_classes="seg")
                with gr.Column(visible=False, elem_id="describe", min_width=0) as self.describe:
                    self.description = gr.Textbox(DESCRIPTIONS["Calm narrator"], label="Voice, described in words", lines=3)
                    with gr.Row(elem_classes="chips"):
                        for name, words in DESCRIPTIONS.items():
                            gr.Button(name, scale=0, min_width=0, elem_classes="chip").click(
                                lambda words=words: words, None, self.description, queue=False, api_visibility="private"
                            )
                self.decoder = gr.Radio(["Detokenizer", "Mimi"], value="Detokenizer", label="Decoder", elem_classes="seg")
                with gr.Row(elem_id="seed-row"):
                    gr.HTML('<p class="label">Seed</p><p>The same number repeats a take</p>')
                    seed = gr.Number(secrets.randbelow(10_000), precision=0, minimum=0, label="Seed", container=False, elem_id="seed")
                    dice = gr.Button("New", scale=0, min_width=0, elem_classes="small", elem_id="dice")
                button = gr.Button("Speak", variant="primary", size="lg", elem_id="speak-button")
            with gr.Column(elem_classes="right", min_width=0):
                self.head = gr.HTML(EMPTY, elem_id="take-head")
                self.take = gr.Audio(
                    elem_id="take",
                    label="Take",
                    show_label=False,
                    container=False,
                    interactive=False,
                    visible=False,
                    buttons=["download"],
                    waveform_options=gr.WaveformOptions(waveform_color="#8E8E86", waveform_progress_color="#1F9D88"),
                )

        dice.click(lambda: secrets.randbelow(10_000), None, seed, queue=False, api_visibility="private")
        button.click(
            self.run, [visitor, text, self.voice, self.description, self.decoder, seed], [self.head, self.take, player.bar],
            concurrency_limit=None, show_progress="hidden", api_visibility="private", trigger_mode="multiple",
        )  # fmt: skip

    def follow(self, model: ModelInfo) -> Updates:
        """Offer what this model has."""
        voices, decoders = model.voices, model.decoders
        return {
            self.voice: gr.Radio(choices=list(voices), value=voices[0] if voices else None, visible=bool(voices)),
            self.describe: gr.Column(visible=not voices),
            self.decoder: gr.Radio(choices=list(decoders), value=decoders[0], visible=len(decoders) > 1),
        }

    def run(
        self, visitor: Visitor, text: str, voice: str | None, description: str, decoder: Any, seed: int | None, request: gr.Request
    ) -> Iterator[Updates]:
        if not text.strip():
            raise gr.Error("Write something first.", title="Nothing to say", print_exception=False)
        visitor.stop()
        with explained(), visitor.turn(request) as cancelled, self.player.feed() as feed:
            visitor.feed = feed
            take = Take()
            seed = secrets.randbelow(10_000) if seed is None else int(seed)
            words = description.strip() if voice is None else voice
            title = Title(text.strip(), f"{words}, {decoder} · seed {seed}")
            yield {self.head: title.html(), self.take: gr.Audio(visible=False), self.bar: feed.begin("Thinking", self.engine.status)}
            options = replace(SPEAK, decoder=decoder, seed=seed)
            for event in merged(self.engine.speak(text.strip(), words, options, cancelled)):
                take.add(event)
                match event:
                    case AudioChunk():
                        feed.sound(event)
                        yield {self.bar: feed.run}
                    case Done():
                        feed.done(event)
                        path = take.wav(f"speech-{seed}")
                        yield {
                            self.head: title.html(summary(take, event)),
                            self.take: gr.Audio(path, visible=bool(path)),
                            self.bar: feed.run,
                        }


def summary(take: Take, done: Done) -> str:
    if not take.sound:
        return "Stopped before it spoke." if done.reason == "cancelled" else "No sound came. Try another seed."
    return f"{figures.duration(take.seconds)} · {figures.times_real_time(done.stats)} · {take.sample_rate // 1000} kHz WAV"


class Title:
    """The words above a take."""

    def __init__(self, text: str, how: str) -> None:
        self._text = text
        self._how = how

    def html(self, figures_line: str = "&nbsp;") -> str:
        return f'<h2>{escape(self._text)}</h2><p>{escape(self._how)}</p><p class="figures">{figures_line}</p>'
