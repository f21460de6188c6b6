"""What the rail of the Talk tab offers to choose, remembered in the browser, as options of a request."""

import json
from dataclasses import dataclass
from typing import Any

import gradio as gr

from lfm import prompts
from lfm.options import CHAT, Options, Sampling
from lfm.status import ModelInfo
from lfm.ui.parts import ASIDE

VOICE_AND_TEXT, TEXT_ONLY = "Voice and text", "Text only"
MODEL_OWN = "Model's own"
LONGEST = 4096  # tokens of one reply that one may ask for
DEFAULTS: dict[str, Any] = {
    "mode": VOICE_AND_TEXT, "system": "", "text_temperature": CHAT.text.temperature, "audio_temperature": CHAT.audio.temperature,
    "top_k": CHAT.audio.top_k, "top_p": 1.0, "longest": CHAT.max_tokens, "decoder": MODEL_OWN, "seed": None,
}  # fmt: skip
# Not a secret: BrowserState encrypts what it stores, and with a key that changes the settings would be lost at each start.
KEY = "talk-settings"


@dataclass(frozen=True)
class Chosen:
    """The settings of one request."""

    options: Options
    system: str | None


def chosen(settings: dict[str, Any] | None) -> Chosen:
    """What was chosen; it comes from the browser, so what makes no sense becomes the default."""
    value = dict(DEFAULTS)
    for key, default in DEFAULTS.items():
        given = (settings or {}).get(key)
        if isinstance(given, str) == isinstance(default, str) and given is not None and not isinstance(given, bool | list | dict):
            value[key] = given

    def within(key: str, low: float, high: float) -> float:
        return min(high, max(low, float(value[key])))

    top_p, top_k = within("top_p", 0.05, 1), int(within("top_k", 0, 2048))
    options = Options(
        text=Sampling(temperature=within("text_temperature", 0, 2), top_p=top_p),
        audio=Sampling(temperature=within("audio_temperature", 0, 2), top_k=top_k, top_p=top_p),
        max_tokens=int(within("longest", 16, LONGEST)),
        seed=None if value["seed"] is None else int(within("seed", 0, 2**32 - 1)),
        decoder=value["decoder"] if value["decoder"] in ("Detokenizer", "Mimi") else None,
        with_audio=value["mode"] != TEXT_ONLY,
    )
    return Chosen(options, str(value["system"]).strip() or None)


class Settings:
    """Builds the controls; `state` is their value, a dict with the keys of DEFAULTS."""

    def __init__(self) -> None:
        self.state = gr.BrowserState(DEFAULTS, storage_key=KEY, secret=KEY)
        self.mode = gr.Radio([VOICE_AND_TEXT, TEXT_ONLY], value=VOICE_AND_TEXT, label="Reply with", elem_id="mode", elem_classes="seg")

    def advanced(self) -> None:
        """The closed part of the rail."""
        number: dict[str, Any] = {"interactive": True, "min_width": 0}
        with gr.Accordion("Advanced", open=False, elem_id="advanced"):
            self.system = gr.Textbox(
                label="System prompt", placeholder=prompts.CHAT, info="For the next new conversation. The models know few others.",
                lines=2, max_lines=6, interactive=True,
            )  # fmt: skip
            with gr.Row(elem_classes="pair"):
                self.text_temperature = gr.Number(label="Text temperature", minimum=0, maximum=2, step=0.1, **number)
                self.audio_temperature = gr.Number(label="Voice temperature", minimum=0, maximum=2, step=0.1, **number)
            with gr.Row(elem_classes="pair"):
                self.top_k = gr.Number(label="Voice top-k", minimum=0, maximum=2048, precision=0, **number)
                self.top_p = gr.Number(label="Top-p", minimum=0.05, maximum=1, step=0.05, **number)
            with gr.Row(elem_classes="pair"):
                self.longest = gr.Number(label="Tokens at most", minimum=16, maximum=LONGEST, precision=0, step=16, **number)
                self.seed = gr.Number(label="Seed", placeholder="Any", minimum=0, precision=0, **number)
            self.decoder = gr.Radio([MODEL_OWN, "Mimi"], value=MODEL_OWN, label="Decoder", elem_classes="seg")
            self.reset = gr.Button("Back to the defaults", min_width=0, size="sm", elem_id="defaults", elem_classes="small")
            for control, value in zip(self.controls, DEFAULTS.values(), strict=True):
                control.value = value
        controls = self.controls
        names = list(DEFAULTS)
        pack = f"(...values) => Object.fromEntries({names}.map((name, i) => [name, values[i]]))"
        # This may come a second after the page, when some of it has been chosen anew and not been kept yet: that stays as it is.
        same, kept = '{ __type__: "update" }', "(state?.[name] ?? null)"
        untouched = f"now[i] === {json.dumps([*DEFAULTS.values()])}[i] && now[i] !== {kept}"
        unpack = f"(state, ...now) => {names}.map((name, i) => {untouched} ? {kept} : {same})"
        self._restore = {"fn": None, "inputs": [self.state, *controls], "outputs": controls, "js": unpack} | ASIDE
        gr.on([control.change for control in controls], None, controls, self.state, js=pack, trigger_mode="multiple", **ASIDE)
        self.reset.click(lambda: list(DEFAULTS.values()), None, controls, **ASIDE)

    @property
    def controls(self) -> list[Any]:
        """In the order of DEFAULTS."""
        return [
            self.mode, self.system, self.text_temperature, self.audio_temperature,
            self.top_k, self.top_p, self.longest, self.decoder, self.seed,
        ]  # fmt: skip

    def remember(self, page: gr.Blocks) -> None:
        """When the page opens, be as it was left."""
        page.load(**self._restore)

    def follow(self, model: ModelInfo) -> dict[Any, Any]:
        """Offer the decoders that this model has."""
        return {self.decoder: gr.Radio(choices=[MODEL_OWN, *model.decoders[1:]], visible=len(model.decoders) > 1)}
