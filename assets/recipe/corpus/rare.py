"""Sentences of rare words: WordNet's examples, each word that few of them hold replaced by some other that WordNet knows.

    python -m corpus.rare DATA      -> DATA/rare.txt, DATA/used.txt

Nobody speaks them and few mean anything. They are there to be pronounced: the words of the sentences alone are too few to learn from
how English is spelled. Words of the first are any; those of the second are likelier the more they are used, and more of a sentence is
replaced. Names are not among them, nor anything of `test.txt`.
"""

import random
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import accumulate, pairwise
from pathlib import Path

from corpus.wordnet import PARTS, counted, irregular, words

COUNT, COUNT_USED = 124_000, 280_000
RARE, RARE_USED = 60, 200  # words that fewer lines of the sentences hold are replaced
USED = 0.85  # share of the words that occur in the texts that WordNet's makers counted
LINES = re.compile(r"[A-Z][a-z]+( [a-z]+)+[.?!]")  # without names or commas, so that any word can change


def ended(word: str, part: str, ending: str) -> str:
    """A word with s, ed or ing behind it, or nothing."""
    if form := irregular(part).get((word, ending)):
        return form
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


def any_word(rng: random.Random) -> Callable[[], str]:
    """Draws any, those of each part of speech equally often."""
    by_use = {used: {part: [word for word, is_used in words(part) if is_used == used] for part in PARTS} for used in (True, False)}

    def drawn() -> str:
        part = rng.choice(PARTS)
        return ended(rng.choice(by_use[rng.random() < USED][part]), part, rng.choice(ENDINGS[part]))

    return drawn


def used_word(rng: random.Random) -> Callable[[], str]:
    """Draws those in use, by the root of how often they are used."""
    counts = counted()
    drawable = [(word, part) for part in PARTS for word, is_used in words(part) if is_used]
    shares = [*accumulate(counts[one] ** 0.5 for one in drawable)]

    def drawn() -> str:
        word, part = rng.choices(drawable, cum_weights=shares)[0]
        return ended(word, part, rng.choice(ENDINGS[part]))

    return drawn


def sentences(lines: list[str], rng: random.Random, rare: int, word: Callable[[], str]) -> Iterator[str]:
    """Endlessly; `rare`: words in fewer lines are replaced by those that `word` draws."""
    held = Counter(word for line in lines for word in set(re.findall(r"[a-z]+", line.lower())))
    fitting = [line for line in lines if LINES.fullmatch(line)]

    def other(found: re.Match[str]) -> str:
        if held[found[0].lower()] >= rare:
            return found[0]
        return word().capitalize() if found[0][0].isupper() else word()

    while True:
        line = re.sub(r"[A-Za-z]+", other, rng.choice(fitting))
        if all(a.lower() != b.lower() for a, b in pairwise(line.split())):
            yield line


def main(out: Path) -> None:
    lines, test = ((out / name).read_text().splitlines() for name in ("sentences.txt", "test.txt"))
    taken = {*lines, *test}
    rng, again = random.Random(1), random.Random(2)
    for name, count, made in (
        ("rare.txt", COUNT, sentences(lines, rng, RARE, any_word(rng))),
        ("used.txt", COUNT_USED, sentences(lines, again, RARE_USED, used_word(again))),
    ):
        found: dict[str, None] = {}
        while len(found) < count:
            if (line := next(made)) not in taken:
                found[line] = None
        taken |= found.keys()
        (out / name).write_text("\n".join(found) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
