"""The page: three things to do with one engine, and the bar that plays their sound. Nothing here imports mlx."""

from typing import Any
from weakref import WeakValueDictionary

import gradio as gr

from lfm.ui.about import about
from lfm.ui.api import Api
from lfm.ui.backend import Backend
from lfm.ui.header import header, notice
from lfm.ui.look import launch_settings
from lfm.ui.player import Player
from lfm.ui.speak import Speak
from lfm.ui.talk import Talk
from lfm.ui.transcribe import Transcribe
from lfm.ui.visitor import Visitor

__all__ = ["build", "launch_settings"]

KEEP_FILES = 24 * 3600  # seconds that recordings and replies stay in Gradio's folder


def build(engine: Backend) -> gr.Blocks:
    """The whole page. Launch it with `launch_settings()`."""
    with gr.Blocks(title="LFM2 Audio", analytics_enabled=False, delete_cache=(3600, KEEP_FILES)) as page:
        present: WeakValueDictionary[str, Visitor] = WeakValueDictionary()
        visitor = gr.State(lambda: Visitor(engine, present))  # a plain function: a State would copy the owner of a method
        visitor.load_event_to_attach = None  # a tab's visitor is made at its first request; an event for it would be a fourth endpoint
        player = Player()
        head = gr.HTML(header(engine.status), elem_id="head")
        trouble = gr.HTML(notice(engine.status), elem_id="trouble")
        with gr.Tabs(elem_id="tabs"):
            with gr.Tab("Talk"):
                talk = Talk(engine, visitor, player)
            with gr.Tab("Transcribe", render_children=True):
                Transcribe(engine, visitor, player)
            with gr.Tab("Speak", render_children=True):
                speak = Speak(engine, visitor, player)
            with gr.Tab("About", render_children=True):
                facts = gr.HTML(about(engine.status))
        player.bar.render()
        Api(engine, visitor)

        # These run on the event loop and past the queue, so that nothing that waits for the model can hold them up.
        async def follow(mine: Visitor) -> dict[Any, Any]:
            """Show how the model is; when it is another one, also what it can do."""
            status = engine.status
            updates: dict[Any, Any] = {head: header(status), trouble: notice(status)}
            if status.model is not None and status.model is not mine.model:
                mine.model = status.model
                updates |= {facts: about(status)} | talk.settings.follow(status.model) | speak.follow(status.model)
            return updates

        async def stop(mine: Visitor) -> None:
            await mine.stopped()

        async def closed(request: gr.Request) -> None:
            if mine := present.pop(str(request.session_hash), None):
                mine.gone = True
                await mine.stopped()

        quietly: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
        shown = [head, trouble, facts, speak.voice, speak.describe, speak.decoder, talk.settings.decoder]
        gr.Timer(1).tick(follow, visitor, shown, **quietly)
        player.bar.stop(stop, visitor, trigger_mode="multiple", **quietly)
        page.unload(closed)
        talk.settings.remember(page)
    return page
