"""The Speak tab: text in, a voice out, and takes to replay, compare and keep."""

import random
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from math import ceil
from typing import Any, cast
from weakref import WeakKeyDictionary

import gradio as gr
import numpy as np

from lfm import pieces
from lfm.events import AudioChunk, Done, OtherDecoding
from lfm.options import SPEAK, DecoderName, Options, Sampling
from lfm.status import ModelInfo
from lfm.ui import figures
from lfm.ui.backend import Backend
from lfm.ui.merge import merged
from lfm.ui.parts import ANSWERED, ASIDE, drawn
from lfm.ui.player import Player
from lfm.ui.starters import SAYS, limits
from lfm.ui.take import Take
from lfm.ui.takes import Pair, Sound, SpokenTake, Takes, growing
from lfm.ui.trouble import explained
from lfm.ui.visitor import Visitor

TEXT = "The ferry leaves at nine, and the last one back is at six."
LETTERS_A_SECOND = 15.0  # of calm English speech
VOICES = ("US female", "US male", "UK female", "UK male")  # in this order, of those that the model has
COMPARE = "Compare both"
DECODERS = ("Detokenizer", "Mimi", COMPARE)
GROW_EVERY = 0.4  # seconds of sound between two pictures of a take that grows
SHORT = 5  # words of a description in a take's line
DESCRIPTIONS = {
    "Calm narrator": "A female speaker with a calm, low voice reads slowly and clearly, close to the microphone, in a quiet room.",
    "Bright host": "A male speaker with a bright, lively voice talks fast and with expression. The recording is very clean.",
    "Storyteller": "An elderly male speaker with a deep, warm voice speaks slowly, with long pauses and much expression.",
    "On the phone": "A female speaker talks in a matter-of-fact tone at a moderate pace. She sounds distant and slightly noisy.",
}
DICE = "() => Math.floor(Math.random() * 10000)"
Updates = dict[Any, Any]


def counted(text: str, model: ModelInfo | None) -> str:
    """`3 sentences, about 14 s`, and how a long text is spoken."""
    text = pieces.worded(text, model)
    parts = len(pieces.cut_text(text, model is not None and model.one_by_one))
    count, seconds = pieces.sentences(text), len(text.strip()) / LETTERS_A_SECOND
    if not count:
        return "<p>&nbsp;</p>"
    length = f"{ceil(seconds)} s" if seconds < 90 else f"{seconds / 60:.0f} min"
    line = f"{'1 sentence' if count == 1 else f'{count} sentences'}, about {length}"
    return f"<p>{line}{f', spoken in {parts} parts' if parts not in (1, count) else ''}</p>"


class Speak:
    """Builds the tab and answers its events."""

    def __init__(self, engine: Backend, visitor: gr.State, player: Player) -> None:
        self.engine = engine
        self.player = player
        self.bar = player.bar
        self._takes: WeakKeyDictionary[Visitor, Takes] = WeakKeyDictionary()
        with gr.Row(elem_classes="two"):
            with gr.Column(elem_classes="left", min_width=0):
                text = gr.Textbox(TEXT, elem_id="say", label="Text", show_label=False, container=False, lines=5, max_lines=12)
                count = gr.HTML(counted(TEXT, None), elem_id="count", apply_default_css=False)
                self.voice = gr.Radio(VOICES, value=VOICES[0], label="Voice", elem_id="voice", elem_classes="seg")
                with gr.Column(visible=False, elem_id="describe", min_width=0) as self.describe:
                    self.description = gr.Textbox(DESCRIPTIONS["Calm narrator"], label="Voice, described in words", lines=3)
                    with gr.Row(elem_classes="chips"):
                        for name, words in DESCRIPTIONS.items():
                            gr.Button(name, scale=0, min_width=0, elem_classes="chip").click(
                                lambda words=words: words, None, self.description, queue=False, api_visibility="private"
                            )
                self.decoder = gr.Radio(DECODERS, value=DECODERS[0], label="Decoder", elem_id="decoder", elem_classes="seg")
                with gr.Row(elem_id="seed-row"):
                    gr.HTML('<p class="label">Seed</p><p>The same number repeats a take</p>')
                    seed = gr.Number(secrets.randbelow(10_000), precision=0, minimum=0, label="Seed", container=False, elem_id="seed")
                    dice = gr.Button("Another seed", scale=0, min_width=0, elem_id="dice")
                button = gr.Button("Speak", variant="primary", size="lg", elem_id="speak-button")
                self.limits = limits(SAYS, engine.status.model)
                with (
                    gr.Accordion("Advanced", open=False, elem_id="speak-advanced"),
                    gr.Row(elem_classes="pair"),
                ):
                    number: dict[str, Any] = {"interactive": True, "min_width": 0}
                    temperature = gr.Number(SPEAK.audio.temperature, label="Voice temperature", minimum=0, maximum=2, step=0.1, **number)
                    top_k = gr.Number(SPEAK.audio.top_k, label="Voice top-k", minimum=0, maximum=2048, precision=0, **number)
            with gr.Column(elem_classes="right", min_width=0):
                self.list = drawn("takes", {}, elem_id="takes")

        text.change(lambda text: counted(text, engine.status.model), text, count, trigger_mode="always_last", **ASIDE)
        dice.click(None, None, seed, js=DICE, api_visibility="private")
        begun = button.click(
            self.run,
            [visitor, text, self.voice, self.description, self.decoder, seed, temperature, top_k],
            [self.list, player.bar],
            **ANSWERED,
        )
        # Gradio repeats the last update when all is over, which undoes what was deleted or kept meanwhile
        begun.then(lambda visitor: self.takes(visitor).view(), visitor, self.list, **ANSWERED)
        self.list.keep(self.change(lambda takes, event: takes.keep(str(event.id))), visitor, self.list, **ANSWERED)
        self.list.delete(self.change(lambda takes, event: takes.delete(str(event.id))), visitor, self.list, **ANSWERED)
        self.list.sweep(self.change(lambda takes, event: takes.sweep()), visitor, self.list, **ANSWERED)
        self.list.choose(self.change(lambda takes, event: takes.choose(str(event.id), event.verdict)), visitor, self.list, **ANSWERED)

    def follow(self, model: ModelInfo, chosen: dict[str, Any]) -> Updates:
        """Offer what this model has, set as the visitor had it."""
        voices = [voice for voice in VOICES if voice in model.voices] or list(model.voices)
        decoders = [*model.decoders, *([COMPARE] if len(model.decoders) > 1 else [])]
        voice, decoder = chosen.get("voice"), chosen.get("decoder")
        return {
            self.voice: gr.Radio(
                choices=voices, value=voice if voice in voices else next(iter(voices), None), visible=bool(voices)
            ),
            self.describe: gr.Column(visible=not voices),
            self.decoder: gr.Radio(choices=decoders, value=decoder if decoder in decoders else decoders[0], visible=len(decoders) > 1),
            self.limits: limits(SAYS, model),
        }  # fmt: skip

    def takes(self, visitor: Visitor) -> Takes:
        return self._takes.setdefault(visitor, Takes())

    def change(self, act: Callable[[Takes, gr.EventData], None]) -> Any:
        """The answer to a press in the list."""

        def run(visitor: Visitor, event: gr.EventData) -> dict[str, Any]:
            takes = self.takes(visitor)
            act(takes, event)
            return takes.view()

        return run

    def run(
        self,
        visitor: Visitor,
        text: str,
        voice: str | None,
        description: str,
        decoder: str | None,
        seed: int | None,
        temperature: float | None,
        top_k: int | None,
        request: gr.Request,
    ) -> Iterator[Updates]:
        text = text.strip()
        if not text:
            raise gr.Error("Write something first.", title="Nothing to say", print_exception=False)
        visitor.stop()
        seed = secrets.randbelow(10_000) if seed is None else int(seed)
        first, second = decoders(decoder)
        default = SPEAK.audio
        sampling = Sampling(
            temperature=default.temperature if temperature is None else temperature, top_k=default.top_k if top_k is None else int(top_k)
        )
        options = replace(SPEAK, decoder=first, compare=second, seed=seed, audio=sampling)
        words = description.strip() if voice is None else voice
        with explained(), visitor.turn(request) as cancelled, self.player.feed() as feed:
            visitor.feed = feed
            takes, take = self.takes(visitor), Take()
            name = short(words) if voice is None else voice
            how = f"{name} · seed {seed}" if second else f"{name}, {first} · seed {seed}"
            yield {self.list: takes.view(growing(text, how, [], 1)), self.bar: feed.begin("Thinking", self.engine.status)}
            other: list[np.ndarray] = []
            drawn = 0.0
            try:
                for event in merged(feed.queued(self.engine.speak(text, words, options, cancelled))):
                    take.add(event)
                    match event:
                        case AudioChunk():
                            feed.sound(event)
                            if take.seconds - drawn >= GROW_EVERY:
                                drawn = take.seconds
                                yield {self.list: takes.view(growing(text, how, take.sound, take.sample_rate))}
                        case OtherDecoding():
                            other.append(event.pcm)
                        case Done():
                            feed.done(event)
            except Exception:
                yield {self.list: finish(takes, take, other, text, name, options)}
                raise
            yield {self.list: finish(takes, take, other, text, name, options)}
        if not take.sound and take.done and take.done.reason != "cancelled":
            raise gr.Error("Try another seed.", title="No sound came", print_exception=False)


def decoders(choice: str | None) -> tuple[DecoderName | None, DecoderName | None]:
    """The decoder that is heard and the one that it is compared with: in a comparison nobody knows which is which."""
    if choice == COMPARE:
        first, second = random.sample(DECODERS[:2], 2)
        return cast(DecoderName, first), cast(DecoderName, second)
    return cast("DecoderName | None", choice), None


def finish(takes: Takes, take: Take, other: list[np.ndarray], text: str, voice: str, options: Options) -> dict[str, Any]:
    """Put whatever was said into the list, and show it."""
    if take.sound:
        takes.add(spoken(take, other, text, voice, options))
    return takes.view()


def spoken(take: Take, other: list[np.ndarray], text: str, voice: str, options: Options) -> SpokenTake | Pair:
    """What has become of a request: one take, or two to choose from."""
    seed, rate = options.seed or 0, take.sample_rate
    speed = figures.times_real_time(take.done.stats) if take.done else ""
    first_sound = take.done.stats.first_sound if take.done else None
    line = [f"First sound {1000 * first_sound:.0f} ms" if first_sound else "", speed, f"{rate // 1000} kHz WAV"]
    if options.compare and take.done and take.done.reason != "cancelled" and sum(map(len, other)):
        halves = [(options.decoder, np.concatenate(take.sound), "a"), (options.compare, np.concatenate(other), "b")]
        one, two = (
            SpokenTake(text, voice, str(decoder), seed, line[-1], Sound.write(pcm, rate, f"speech-{seed}-{letter}"))
            for decoder, pcm, letter in halves
        )
        return Pair(one, two)
    sound = Sound.write(np.concatenate(take.sound), rate, f"speech-{seed}")
    return SpokenTake(text, voice, str(options.decoder or ""), seed, " · ".join(filter(None, line)), sound)


def short(description: str) -> str:
    """A described voice in a few words: an example's name, or how it begins."""
    for name, words in DESCRIPTIONS.items():
        if words == description:
            return name
    first = description.split()
    return " ".join(first[:SHORT]) + ("…" if len(first) > SHORT else "") or "Any voice"
