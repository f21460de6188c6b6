"""A question as people type it: with a word before or after, without capitals or stops, a sum in figures, a slip of the fingers."""

import random
import re

from corpus.chat import Line

FIGURES = 0.3  # share of the sums that are typed in figures
OPENED, CLOSED = 0.1, 0.08
BROKEN = 0.2  # share of the questions without a value that lack some word: few words tell what is meant
OPENERS = ("so", "okay", "well", "hey", "now", "please", "excuse me", "a question", "listen", "and then", "right")
SHORT = 0.4  # share of the questions that are typed with "what's" and its kin
SHORTENED = {
    r"\b(what|who|where|how|that|it|name|there) is\b": r"\1's",
    r"\bI am\b": "I'm",
    r"\byou are\b": "you're",
    r"\b(do|did|could|would|is) not\b": r"\1n't",
    r"\bcannot\b": "can't",
    r"\bI would\b": "I'd",
    r"\blet us\b": "let's",
    r"\b(colour|favourite)": lambda found: found[0].replace("our", "or"),
}
CLOSERS = ("please", "thank you", "if you can", "then", "my friend", "now")


def typed(line: Line, rng: random.Random) -> str:
    """The question's text, varied."""
    text = line.text
    if len(line.value) == 4 and rng.random() < FIGURES:
        for word, figure in zip(line.value[:2], line.value[2:], strict=True):
            text = re.sub(rf"\b{re.escape(word)}\b", figure, text, count=1, flags=re.IGNORECASE)
    if not line.value and line.topic not in ("again", "more") and len(words := text.split()) > 3 and rng.random() < BROKEN:
        del words[rng.randrange(len(words))]
        text = " ".join(words)
    if ":" not in text and rng.random() < OPENED:
        first = text if text.startswith("I ") else text[0].lower() + text[1:]
        text = f"{rng.choice(OPENERS).capitalize()}, {first}"
    if ":" not in text and rng.random() < CLOSED:
        text = f"{text[:-1]}, {rng.choice(CLOSERS)}{text[-1]}"
    if ":" not in text and rng.random() < SHORT:
        for long, short in SHORTENED.items():
            text = re.sub(long, short, text, flags=re.IGNORECASE)
    if rng.random() < 0.3:
        text = text.lower()
    if rng.random() < 0.3:
        text = re.sub(r"[,.?!]", "", text)
    if rng.random() < 0.15 and len(text) > 5:
        i = rng.randrange(len(text) - 1)
        text = text[:i] + rng.choice(["", text[i + 1] + text[i], text[i] * 2]) + text[i + 2 - (rng.random() < 0.5) :]
    return text
