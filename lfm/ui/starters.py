"""What an empty conversation offers to say, by model; a small one says in every tab what it can do."""

from typing import Any

import gradio as gr

from lfm.catalogue import POCKET
from lfm.status import ModelInfo

Starter = tuple[str, str]  # on the button, and what it says

LARGE: tuple[Starter, ...] = (
    ("A surprise about the sea", "Tell me something surprising about the sea."),
    ("Practise ordering dinner", "Let us practise ordering dinner. You are the waiter: begin."),
    ("A short bedtime story", "Tell me a short bedtime story about a lighthouse."),
)
JAPANESE: tuple[Starter, ...] = (
    ("海の不思議な話", "海について、驚くような話を一つ教えてください。"),
    ("注文の練習", "レストランで注文する練習をしましょう。あなたが店員です。始めてください。"),
    ("短い昔話", "灯台が出てくる短いお話を聞かせてください。"),
)
SMALL: tuple[Starter, ...] = (
    ("What can you do?", "What can you do?"),
    ("A joke", "Tell me a joke."),
    ("The capital of France", "What is the capital of France?"),
    ("A sum", "What is twelve plus five?"),
)
LARGER = "choose a larger one at the top right."
KNOWS = (
    "This small model knows greetings, capitals, days, months, animals, colours and easy sums, and mishears people: type what it missed. "
    f"For more, {LARGER}"
)
HEARS = (
    "This small model learned to hear from synthetic voices; of what people say it mishears about every other word. "
    f"For real work, {LARGER}"
)
SAYS = f"This small model says short everyday sentences best, and slurs others; another seed changes little. For real work, {LARGER}"


def small(model: ModelInfo | None) -> bool:
    """Is it the one that comes with the program?"""
    return model is not None and model.name == str(POCKET)


def limits(says: str, model: ModelInfo | None) -> gr.HTML:
    """What a small model can do in a tab; hidden for others."""
    return gr.HTML(f"<p>{says}</p>", visible=small(model), elem_classes="limits", apply_default_css=False)


def starters(model: ModelInfo | None) -> dict[str, Any]:
    """As conversation.js draws them."""
    if small(model):
        return {"note": KNOWS, "chips": SMALL}
    return {"note": "", "chips": JAPANESE if model is not None and model.family == "LFM2.5-Audio-JP" else LARGE}
