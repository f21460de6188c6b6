"""The page: three things to do with one engine, and the bar that plays their sound. Nothing here imports mlx."""

from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from lfm.ui.about import about, shown
from lfm.ui.api import Api
from lfm.ui.backend import Backend
from lfm.ui.header import Header
from lfm.ui.look import launch_settings
from lfm.ui.one_app import no_app
from lfm.ui.parts import ASIDE
from lfm.ui.place import Place
from lfm.ui.player import Player
from lfm.ui.speak import Speak
from lfm.ui.take import MADE
from lfm.ui.talk import Talk
from lfm.ui.transcribe import Transcribe
from lfm.ui.visitor import Visitor

__all__ = ["Place", "build", "launch_settings"]

KEEP_FILES = 24 * 3600  # seconds that recordings and replies stay in Gradio's folder


def build(engine: Backend, place: Place = Place.HERE) -> gr.Blocks:
    """The whole page. Launch it with `launch_settings()`."""
    with no_app(), gr.Blocks(title="LFM2 Audio", analytics_enabled=False, delete_cache=(3600, KEEP_FILES)) as page:
        page.temp_file_sets.append(MADE)  # what the page itself writes is cleared like what Gradio writes
        present: WeakValueDictionary[str, Visitor] = WeakValueDictionary()
        visitor = gr.State(lambda: Visitor(engine, present))  # a plain function: a State would copy the owner of a method
        visitor.load_event_to_attach = None  # a tab's visitor is made at its first request; an event for it would be a fourth endpoint
        player = Player()
        header = Header(engine, place)
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Talk"):
                talk = Talk(engine, visitor, player)
            with gr.Tab("Transcribe", render_children=True):
                transcribe = Transcribe(engine, visitor, player)
            with gr.Tab("Speak", render_children=True):
                speak = Speak(engine, visitor, player)
            with gr.Tab("About", render_children=True):
                facts = about(engine.status, place)
        player.bar.render()
        Api(engine, visitor)

        # What a visitor chose is remembered in the browser.
        chosen = gr.BrowserState({}, storage_key="lfm2-audio", secret="lfm2-audio")

        # These run on the event loop and past the queue, so that nothing that waits for the model can hold them up.
        async def follow(mine: Visitor, remembered: dict[str, Any]) -> dict[Any, Any]:
            """Show how the model is; when it is another one, also what it can do."""
            model, updates = engine.status.model, header.shown(mine)
            if model is not None and model is not mine.model:
                mine.model = model
                updates |= {facts: shown(engine.status, place)} | talk.settings.follow(model) | transcribe.follow(model)
                updates |= speak.follow(model, remembered or {})
                updates |= {} if mine.turns else {talk.chat: mine.shown()}  # what it can be asked
            return updates

        async def remember(remembered: dict[str, Any], voice: str | None, decoder: str | None) -> dict[str, Any]:
            return (remembered or {}) | ({"voice": voice} if voice else {}) | {"decoder": decoder}

        async def stop(mine: Visitor) -> None:
            await mine.stopped()

        async def closed(request: gr.Request) -> None:
            if mine := present.pop(str(request.session_hash), None):
                mine.gone = True
                await mine.stopped()

        followed = [header.html, header.trouble, facts, talk.chat, talk.settings.decoder, transcribe.examples, transcribe.limits]
        followed += [speak.voice, speak.describe, speak.decoder, speak.limits]
        page.load(follow, [visitor, chosen], followed, **ASIDE)
        gr.Timer(1).tick(follow, [visitor, chosen], followed, **ASIDE)
        gr.on([speak.voice.input, speak.decoder.input], remember, [chosen, speak.voice, speak.decoder], chosen, **ASIDE)
        player.bar.stop(stop, visitor, trigger_mode="multiple", **ASIDE)
        page.unload(closed)
        talk.settings.remember(page)
    return page
