"""The words of the questions that were spoken: the model answers without writing them down, so they are recognised afterwards.

It is done when nobody needs the model, and given up at once for whoever does.
"""

import asyncio
import logging
from collections.abc import AsyncIterator

import gradio as gr

from lfm.ui.backend import Backend
from lfm.ui.take import Take
from lfm.ui.turn import Turn
from lfm.ui.visitor import Visitor

log = logging.getLogger(__name__)
LOOK_EVERY = 0.25  # seconds between two looks at whether the model is idle


async def recognised(engine: Backend, visitor: Visitor, request: gr.Request) -> AsyncIterator[Turn]:
    """The visitor's turns as their words become known, the latest first."""
    if visitor.listening:
        return  # the one that does will come to this turn too
    visitor.listening = True
    try:
        while not visitor.gone and (unheard := [turn for turn in visitor.turns if turn.unheard]):
            status = engine.status
            if status.state in ("failed", "closed"):
                return
            if status.state == "ready" and not visitor.waiting:
                await asyncio.to_thread(listen, engine, visitor, unheard[-1], request)
                if unheard[-1].words is not None:
                    yield unheard[-1]
            await asyncio.sleep(LOOK_EVERY)
    finally:
        visitor.listening = False


def listen(engine: Backend, visitor: Visitor, turn: Turn, request: gr.Request) -> None:
    """Write down a turn's question, unless someone else wants the model meanwhile."""
    with visitor.turn(request) as cancelled:
        try:
            assert turn.sound is not None
            take = Take()
            for event in engine.transcribe(turn.sound.audio, cancelled=cancelled):
                take.add(event)
                if visitor.waiting or engine.status.waiting:
                    cancelled.set()
            if take.done and take.done.reason != "cancelled":
                turn.words = take.text.strip()
        except Exception as error:
            log.info("the words of a question are not known: %s", error)
            turn.words = ""
