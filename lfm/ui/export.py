"""A conversation as one file to keep: every sound as WAV, a transcript to read and the same as JSON."""

import json
import shutil
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lfm import audio
from lfm.ui.take import new_file
from lfm.ui.turn import Sound, Turn


def export(turns: list[Turn]) -> str:
    """Write the zip, and give its path."""
    target = new_file("conversation.zip")
    with TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        rows = []
        for number, turn in enumerate(turns, 1):
            row: dict[str, Any] = {"question": {"text": turn.text, "heard": turn.words or "", "sound": None}, "answer": None, "model": None}
            if turn.sound:
                row["question"]["sound"] = add(archive, turn.sound, f"{number:02d}-question.wav", Path(folder))
            if turn.answer:
                sound = turn.answer.sound and add(archive, turn.answer.sound, f"{number:02d}-answer.wav", Path(folder))
                row["answer"] = {"text": turn.answer.text, "note": turn.answer.note, "sound": sound}
            if turn.model:
                row["model"] = {"name": turn.model.name, "precision": turn.model.precision}
            rows.append(row)
        archive.writestr("transcript.md", transcript(rows))
        archive.writestr("conversation.json", json.dumps({"turns": rows}, indent=2, ensure_ascii=False) + "\n")
    return str(target)


def add(archive: zipfile.ZipFile, sound: Sound, name: str, folder: Path) -> str | None:
    """Put a sound into the archive, as WAV whatever it was; None where it is too old to be there still."""
    if not Path(sound.path).exists():
        return None
    path = folder / name
    if Path(sound.path).suffix.lower() == ".wav":
        shutil.copy(sound.path, path)
    else:
        heard = sound.audio
        audio.write_wav(path, audio.to_int16(heard.samples), heard.sample_rate)
    archive.write(path, name)
    return name


def transcript(rows: list[dict[str, Any]]) -> str:
    """The conversation as Markdown, each sound linked to its file."""
    lines = ["# Conversation", ""]
    for row in rows:
        question, answer = row["question"], row["answer"] or {"text": "", "note": "No answer", "sound": None}
        heard = f"{question['heard']} *(heard)*" if question["heard"] else ""
        lines += ["**You:** " + " ".join(filter(None, [heard, question["text"], linked(question["sound"])])), ""]
        note = f"*({answer['note']})*" if answer["note"] else ""
        lines += ["**Model:** " + " ".join(filter(None, [answer["text"], note, linked(answer["sound"])])), ""]
    return "\n".join(lines)


def linked(name: str | None) -> str:
    return f"[{name}]({name})" if name else ""
