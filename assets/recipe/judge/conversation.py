"""Conversation rows: held-out ways to ask, by text and in voices never heard; is the answer right, and does the sound say it?"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import soundfile as sf

from codec.data import manifest, read
from corpus import chat
from judge.engine import RATE, Row, gathered, percent
from judge.instruments import Whisper, normal, word_errors
from lfm.audio import Audio
from lfm.engine import Engine


def dialogues(voices: dict[str, str] | None) -> Iterator[list[chat.Turn]]:
    """Held-out conversations; with `voices`, those whose questions were all spoken."""
    for turns in islice(chat.dialogues("test", 0), 20_000):
        if voices is None or all(t.line.id in voices for t in turns):
            yield turns


def rows(engine: Engine, data: Path, count: int, whisper: Whisper, listen: Path) -> list[Row]:
    """`count` turns by text and as many by voice."""
    listen.mkdir(parents=True, exist_ok=True)
    spoken = {c["id"]: c["file"] for c in manifest(data / "audio", ("questions",)) if c["file"].startswith("questions/test/")}
    found, texts, heard = [], [], []
    for name, aim, voices in (("by text", ">= 95 %", None), ("by an unknown voice", ">= 85 %", spoken)):
        right: list[bool] = []
        for turns in dialogues(voices):
            conversation = engine.chat()
            for turn in turns:
                audio = Audio(read(data / "audio" / voices[turn.line.id]), RATE) if voices else None
                made = gathered(conversation.reply(None if audio else turn.line.text, audio))
                right.append(normal(made.text) == normal(turn.reply.text))
                if not right[-1]:
                    print(f"  asked {turn.line.text!r}\n  wants {turn.reply.text!r}\n  wrote {made.text!r}")
                if len(made.sound) > RATE // 5 and made.text:
                    texts.append(made.text)
                    heard.append(whisper(made.sound))
                if len(right) <= 6:
                    sf.write(listen / f"chat-{name.replace(' ', '-')}-{len(right)}.wav", made.sound, RATE)
            if len(right) >= count:
                break
        if right:
            found.append(Row(f"chat: right answer to held-out questions, {name}", percent(sum(right) / len(right)), aim, len(right)))
    if texts:
        found.append(
            Row("chat: Whisper's word errors against the answer's own text", percent(word_errors(texts, heard)), "<= 15 %", len(texts))
        )
    return found
