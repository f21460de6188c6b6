"""The three endpoints for programs: not streaming, and on the same engine as the page."""

from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import gradio as gr

from lfm.audio import load
from lfm.errors import LfmError
from lfm.events import Event
from lfm.options import SPEAK, DecoderName
from lfm.ui.backend import Backend
from lfm.ui.take import Take
from lfm.ui.trouble import explained
from lfm.ui.visitor import Visitor


class Api:
    """Builds the endpoints out of components that are not shown, and answers them."""

    def __init__(self, engine: Backend, visitor: gr.State) -> None:
        self.engine = engine
        with gr.Row(visible=False):
            sound, words, wav = gr.Audio(type="filepath", label="audio"), gr.Textbox(label="text"), gr.Audio(label="wav")
            voice, decoder, seed = gr.Textbox(label="voice"), gr.Textbox(label="decoder"), gr.Number(label="seed", precision=0)
            call = [gr.Button() for _ in range(3)]
        call[0].click(
            self.transcribe, [visitor, sound], words, api_name="transcribe", concurrency_limit=None,
            api_description="The words of a sound file.",
        )  # fmt: skip
        call[1].click(
            self.speak, [visitor, words, voice, decoder, seed], wav, api_name="speak", concurrency_limit=None,
            api_description="A wav file in which a voice (a preset's name, or for LFM2-Audio a description) says the text. "
            "The decoder is Detokenizer or Mimi, empty for the model's own; the same seed repeats a result.",
        )  # fmt: skip
        call[2].click(
            self.chat, [visitor, words, sound], [words, wav], api_name="chat", concurrency_limit=None,
            api_description="The answer, as text and wav file, to text, to a sound file, or to both. Each client has its own conversation.",
        )  # fmt: skip

    def transcribe(self, visitor: Visitor, request: gr.Request, audio: str | None) -> str:
        with explained(), visitor.turn(request) as cancelled:
            if not audio:
                raise LfmError("There is no sound to transcribe. Send an audio file.")
            return collect(self.engine.transcribe(load(audio), cancelled=cancelled)).text.strip()

    def speak(
        self,
        visitor: Visitor,
        request: gr.Request,
        text: str,
        voice: str = "US female",
        decoder: str | None = None,
        seed: int | None = None,
    ) -> str | None:
        with explained(), visitor.turn(request) as cancelled:
            if not text.strip():
                raise LfmError("There is no text to speak. Send some.")
            if decoder not in ("", None, "Detokenizer", "Mimi"):
                raise LfmError(f"There is no decoder {decoder!r}. Choose Detokenizer or Mimi.")
            options = replace(SPEAK, decoder=cast(DecoderName, decoder or None), seed=None if seed is None else int(seed))
            return collect(self.engine.speak(text.strip(), voice, options, cancelled)).wav("speech")

    def chat(self, visitor: Visitor, request: gr.Request, text: str | None = None, audio: str | None = None) -> tuple[str, str | None]:
        with explained(), visitor.turn(request):
            said = (text or "").strip() or None
            if said is None and not audio:
                raise LfmError("There is nothing to answer. Send text, an audio file, or both.")
            take = collect(visitor.chat.reply(said, load(audio) if audio else None))
            return take.text, take.wav("reply")


def collect(events: Iterable[Event]) -> Take:
    """A whole request."""
    take = Take()
    for event in events:
        take.add(event)
    return take
