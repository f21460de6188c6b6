"""Sentences of rare words: WordNet's examples, each word that few of them hold replaced by some other that WordNet knows.

    python -m corpus.rare DATA      -> DATA/rare.txt

Nobody speaks them and few mean anything. They are there to be pronounced: the words of the sentences alone are too few to learn from
how English is spelled. Names are not among them, nor anything of `test.txt`.
"""

import random
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from corpus.sentences import RUDE, WORDNET

COUNT = 124_000
RARE = 60  # words that fewer lines of the sentences hold are replaced
USED = 0.85  # share of the words that occur in the texts that WordNet's makers counted
WORD = re.compile(r"[a-z]{3,13}")
LINES = re.compile(r"[A-Z][a-z]+( [a-z]+)+[.?!]")  # without names or commas, so that any word can change


def lemmas(part: str) -> Iterator[tuple[str, bool]]:
    """Words of one part of speech, and whether they were counted in any text."""
    for line in (WORDNET / f"index.{part}").read_text().splitlines():
        if line.startswith(" "):
            continue
        fields = line.split()
        counted = int(fields[5 + int(fields[3])])
        if WORD.fullmatch(fields[0]) and not RUDE.search(fields[0]):
            yield fields[0], counted > 0


def ended(word: str, ending: str) -> str:
    """A word with s, ed or ing behind it, or nothing."""
    if not ending:
        return word
    if word.endswith("e"):
        return word + ending if ending == "s" else word[:-1] + ending
    if ending == "s" and word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and word[-2] not in "aeiou" and ending != "ing":
        return word[:-1] + ("ies" if ending == "s" else "ied")
    return word + ending


ENDINGS = {"noun": ("", "", "s"), "verb": ("", "s", "ed", "ing"), "adj": ("",), "adv": ("",)}


def vocabulary(used: bool) -> dict[str, list[str]]:
    """By part of speech."""
    return {part: [word for word, counted in lemmas(part) if counted == used] for part in ENDINGS}


def sentences(lines: list[str], rng: random.Random) -> Iterator[str]:
    """Endlessly."""
    held = Counter(word for line in lines for word in set(re.findall(r"[a-z]+", line.lower())))
    fitting = [line for line in lines if LINES.fullmatch(line)]
    words = {used: vocabulary(used) for used in (True, False)}
    parts = [*ENDINGS]

    def other(found: re.Match[str]) -> str:
        if held[found[0].lower()] >= RARE:
            return found[0]
        part = rng.choice(parts)
        word = ended(rng.choice(words[rng.random() < USED][part]), rng.choice(ENDINGS[part]))
        return word.capitalize() if found[0][0].isupper() else word

    while True:
        line = re.sub(r"[A-Za-z]+", other, rng.choice(fitting))
        if all(a.lower() != b.lower() for a, b in pairwise(line.split())):
            yield line


def main(out: Path) -> None:
    lines, test = ((out / name).read_text().splitlines() for name in ("sentences.txt", "test.txt"))
    made = sentences(lines, random.Random(1))
    found: dict[str, None] = dict.fromkeys(lines + test)
    first = len(found)
    while len(found) < first + COUNT:
        found[next(made)] = None
    (out / "rare.txt").write_text("\n".join([*found][first:]) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
