"""WordNet's definitions as sentences: how fifty thousand more words are spelled and pronounced, between words that fit.

    python -m corpus.definitions DATA      -> DATA/definitions.txt

Nobody speaks them either (`corpus.rare`). Phones that were told were written no better than phones that were heard: what recognition
lacked was words, not ears. WordNet's examples, which the test is of, are cut off.
"""

import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from corpus.wordnet import RUDE, glosses

SHORT, LONG = 4, 13  # words
PLAIN = re.compile(r"[a-z]+(,? [a-z]+)*")
NAMED = {"noun": "A {} is {}.", "verb": "To {} is to {}.", "adj": "What is {} is {}.", "adv": "{} means {}."}
ALONE = 0.4  # share that is the definition alone


def definitions(part: str) -> Iterator[tuple[str, str]]:
    """A word and what it means, once for each way to say it, without what stands in brackets."""
    for word, gloss in glosses(part):
        for meaning in re.split("[;:]", re.sub(r"\([^)]*\)", " ", gloss.split('"')[0])):
            yield word, " ".join(meaning.split())


def sentence(part: str, word: str, meaning: str, rng: random.Random) -> str:
    """One of them."""
    alone = rng.random() < ALONE or not PLAIN.fullmatch(word)
    made = f"{meaning}." if alone else re.sub(r"^A (?=[aeiou])", "An ", NAMED[part].format(word, meaning))
    return made[0].upper() + made[1:]


def main(out: Path) -> None:
    taken = {line for name in ("sentences.txt", "test.txt") for line in (out / name).read_text().splitlines()}
    rng = random.Random(1)
    found = [
        sentence(part, word, meaning, rng)
        for part in NAMED
        for word, meaning in definitions(part)
        if PLAIN.fullmatch(meaning) and SHORT <= len(meaning.split()) <= LONG and not RUDE.search(f"{word} {meaning}")
    ]
    found = [line for line in dict.fromkeys(found) if line not in taken]
    (out / "definitions.txt").write_text("\n".join(rng.sample(found, len(found))) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
