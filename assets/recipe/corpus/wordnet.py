"""What is read of WordNet (Debian package `wordnet-base`, WordNet licence): glosses, words, how often each is used, irregular forms."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

WORDNET = Path("/usr/share/wordnet")
PARTS = ("noun", "verb", "adj", "adv")  # of speech
KINDS = dict(zip("12345", (*PARTS, "adj"), strict=True))
WORD = re.compile(r"[a-z]{3,13}")
RUDE = re.compile(
    r"\b(fuck|shit|cunt|whore|slut|nigg|fag|rape|raping|penis|vagina|sex|sexual|prostitut|bitch|bastard|damn|breast|nude|naked|"
    r"jew|negro|slave|nazi|murder|suicide|kill|blood|drug|cocaine|heroin|terroris|bomb)\w*",
    re.I,
)


def lines(name: str) -> list[str]:
    """Of one of its files, without the licence at its head."""
    return [line for line in (WORDNET / name).read_text().splitlines() if not line.startswith(" ")]


def glosses(part: str) -> Iterator[tuple[str, str]]:
    """The first word of each meaning, and what is written about it: definitions and, in quotation marks, examples."""
    for line in lines(f"data.{part}"):
        fields, gloss = line.split(" | ", 1)
        yield fields.split()[4].removesuffix("(p)").removesuffix("(a)"), gloss


def words(part: str) -> Iterator[tuple[str, bool]]:
    """Single words, and whether they occur in the texts that WordNet's makers counted."""
    for line in lines(f"index.{part}"):
        fields = line.split()
        if WORD.fullmatch(fields[0]) and not RUDE.search(fields[0]):
            yield fields[0], int(fields[5 + int(fields[3])]) > 0


def counted() -> Counter[tuple[str, str]]:
    """How often words occur there, by word and part of speech."""
    counts: Counter[tuple[str, str]] = Counter()
    for line in lines("cntlist.rev"):
        sense, _, count = line.split()
        word, kind = sense.split("%")
        counts[word, KINDS[kind[0]]] += int(count)
    return counts


@cache
def irregular(part: str) -> dict[tuple[str, str], str]:
    """Forms that are written otherwise than by putting an ending behind the word, by both."""
    forms: dict[tuple[str, str], str] = {}
    for line in lines(f"{part}.exc"):
        form, *of = line.split()
        ending = "s" if part == "noun" or form.endswith("s") else "ing" if form.endswith("ing") else "ed"
        if WORD.fullmatch(form):
            forms |= {(word, ending): form for word in of if (word, ending) not in forms}
    return forms
