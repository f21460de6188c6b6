"""How a checkpoint wants to be run where it can do less than the published ones."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lfm.errors import ConfigError
from lfm.status import LONGEST
from lfm.weights import read_json

GENERATION = "generation_config.json"  # where transformers' checkpoints say so
MOST_BEAMS = 16


@dataclass(frozen=True)
class Wishes:
    """What GENERATION may hold."""

    beams: int  # texts that recognition keeps side by side
    words_alone: bool  # it reads no figures and no signs
    one_by_one: bool  # it says one sentence at a time
    longest: int  # seconds of sound that it writes down at a time


def wishes_of(folder: Path) -> Wishes:
    """A checkpoint's wishes; those it does not have are as the published ones need it.

    Raises:
        ConfigError: one is of the wrong kind, or out of bounds.
    """
    path = folder / GENERATION
    asked: dict[str, Any] = read_json(path) if path.is_file() else {}

    def number(key: str, least: int, most: int, default: int) -> int:
        value = asked.get(key, default)
        if type(value) is not int or not least <= value <= most:
            raise ConfigError(f"{path} has {value!r} for {key}, which is a number from {least} to {most}. Write one, or remove it.")
        return value

    def flag(key: str) -> bool:
        value = asked.get(key, False)
        if type(value) is not bool:
            raise ConfigError(f"{path} has {value!r} for {key}, which is true or false. Write one, or remove it.")
        return value

    return Wishes(
        beams=number("num_beams", 1, MOST_BEAMS, 1),
        words_alone=flag("words_alone"),
        one_by_one=flag("one_sentence_at_a_time"),
        longest=number("seconds_at_a_time", 4, int(LONGEST), int(LONGEST)),
    )
