"""Compose the corpus' sentences: WordNet's usage examples and everyday sentences from small grammars.
Writes sentences.txt and test.txt, disjoint.

    python -m corpus.sentences DATA
"""
# ruff: noqa: SIM905, E501
# lists of words read better as words, and each grammar rule is one line

import random
import re
import sys
from pathlib import Path

from corpus.wordnet import PARTS, RUDE, glosses

ATTRIBUTION = re.compile(r"\b(thou|thee|thy|hath|doth|o'er|ye)\b", re.I)

SEED = 2026

# fmt: off
CAPITALS = {"France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin", "Japan": "Tokyo", "China": "Beijing", "Egypt": "Cairo",
            "Greece": "Athens", "Norway": "Oslo", "Sweden": "Stockholm", "Finland": "Helsinki", "Denmark": "Copenhagen", "Poland": "Warsaw",
            "Austria": "Vienna", "Hungary": "Budapest", "Portugal": "Lisbon", "Ireland": "Dublin", "Canada": "Ottawa", "Mexico": "Mexico City",
            "Brazil": "Brasilia", "Peru": "Lima", "Chile": "Santiago", "Cuba": "Havana", "Kenya": "Nairobi", "India": "New Delhi",
            "Turkey": "Ankara", "Russia": "Moscow", "Ukraine": "Kyiv", "Thailand": "Bangkok", "Vietnam": "Hanoi", "Australia": "Canberra",
            "Iceland": "Reykjavik", "Belgium": "Brussels", "Scotland": "Edinburgh", "England": "London", "Wales": "Cardiff"}
NAMES = "Anna Ben Clara David Emma Frank Grace Henry Isla Jack Kate Leo Maria Nina Oscar Paula Rosa Sam Tom Victor".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
MONTHS = "January February March April May June July August September October November December".split()
COLOURS = "red blue green yellow orange purple brown black white grey pink golden".split()
THINGS = ("apple book chair table window door car bicycle train letter phone lamp garden river mountain bird cat dog horse cup plate "
          "clock picture song story cake sandwich ticket jacket hat shoe pencil camera bridge boat ball box bottle basket").split()
PLACES = ("the station", "the library", "the market", "the beach", "the office", "the school", "the park", "the kitchen", "the museum",
          "the airport", "the hospital", "the theatre", "the bakery", "the garden", "the village", "the city")
WEATHER = "sunny rainy cloudy windy cold warm foggy stormy snowy dry".split()
ONES = ("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen").split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
VERBS = {"find": "found", "see": "saw", "buy": "bought", "lose": "lost", "paint": "painted", "open": "opened", "close": "closed", "carry": "carried",
         "clean": "cleaned", "borrow": "borrowed", "draw": "drew", "fix": "fixed", "hold": "held", "bring": "brought", "sell": "sold", "hide": "hid"}
# fmt: on


def number(n: int) -> str:
    """In words, 0 to 999."""
    if n < 20:
        return ONES[n]
    if n < 100:
        return TENS[n // 10 - 2] + ("" if n % 10 == 0 else "-" + ONES[n % 10])
    return ONES[n // 100] + " hundred" + ("" if n % 100 == 0 else " and " + number(n % 100))


def everyday(rng: random.Random) -> str:
    """One sentence from the grammars."""
    c, name, other = rng.choice(list(CAPITALS)), *rng.sample(NAMES, 2)
    thing, thing2 = rng.sample(THINGS, 2)
    a, b = rng.randint(0, 60), rng.randint(1, 40)
    verb = rng.choice(list(VERBS))
    # fmt: off
    templates = [
        lambda: f"What is the capital of {c}?", lambda: f"The capital of {c} is {CAPITALS[c]}.",
        lambda: f"{CAPITALS[c]} is the capital of {c}.", lambda: f"Have you ever been to {CAPITALS[c]}?",
        lambda: f"What is {number(a)} plus {number(b)}?", lambda: f"{number(a)} plus {number(b)} is {number(a + b)}.",
        lambda: f"{number(a + b)} minus {number(b)} equals {number(a)}.",
        lambda: f"{number(a % 12 + 1)} times {number(b % 12 + 1)} is {number((a % 12 + 1) * (b % 12 + 1))}.",
        lambda: f"{name} {VERBS[verb]} the {rng.choice(COLOURS)} {thing} near {rng.choice(PLACES)}.",
        lambda: f"Did {name} {verb} a {thing} on {rng.choice(DAYS)}?",
        lambda: f"On {rng.choice(DAYS)}, {name} and {other} will meet at {rng.choice(PLACES)}.",
        lambda: f"Please {verb} the {thing} and the {thing2} before {rng.choice(DAYS)}.",
        lambda: f"It was {rng.choice(WEATHER)} in {CAPITALS[c]} last {rng.choice(MONTHS)}.",
        lambda: f"The train to {CAPITALS[c]} leaves at {number(rng.randint(1, 12))} {rng.choice(['fifteen', 'thirty', 'forty-five', 'ten', 'twenty'])}.",
        lambda: f"{name} has {number(rng.randint(2, 300))} {thing}s, and {other} has {number(rng.randint(2, 300))}.",
        lambda: f"My {thing} is {rng.choice(COLOURS)}, but I would like a {rng.choice(COLOURS)} one.",
        lambda: f"Today is {rng.choice(DAYS)}, the {rng.choice(['first', 'second', 'third', 'fourth', 'fifth', 'tenth', 'twelfth', 'twentieth'])} of {rng.choice(MONTHS)}.",
        lambda: f"Can you tell {name} that I {VERBS[verb]} the {thing}?",
        lambda: f"Yes, I think the {thing} is on the {thing2}.", lambda: f"No, {name} did not {verb} the {thing}.",
        lambda: f"Hello {name}, how are you today?", lambda: f"Thank you, {name}, that is very kind.",
        lambda: f"I am sorry, I do not know where the {thing} is.", lambda: f"How many {thing}s can you see in {rng.choice(PLACES)}?",
        lambda: f"Where did you put the {thing} that {name} {VERBS[verb]}?", lambda: f"The {rng.choice(COLOURS)} {thing} belongs to {name}.",
    ]
    # fmt: on
    return rng.choice(templates)()


def examples() -> list[str]:
    """WordNet's usage examples of five to fourteen words, without rude or archaic ones."""
    found = set()
    for part in PARTS:
        for _, gloss in glosses(part):
            for m in re.finditer(r'"([^"]*)"(?!\s*-)', gloss):
                s = m.group(1).strip().rstrip(".;,")
                if (
                    5 <= len(s.split()) <= 14
                    and re.fullmatch(r"[A-Za-z',;\- ]+[?!]?", s)
                    and not RUDE.search(s)
                    and not ATTRIBUTION.search(s)
                ):
                    found.add(s[0].upper() + s[1:] + ("" if s[-1] in "?!" else "."))
    return sorted(found)


def grammatical(rng: random.Random) -> list[str]:
    """All everyday sentences of the corpus, of training and of the test."""
    return sorted({s[0].upper() + s[1:] for s in (everyday(rng) for _ in range(9000))})


def main(out: Path) -> None:
    rng = random.Random(SEED)
    pool = examples()
    daily = grammatical(rng)
    rng.shuffle(pool)
    rng.shuffle(daily)
    test = pool[:700] + daily[:300]
    train = pool[700:] + daily[300:]
    rng.shuffle(train)
    (out / "sentences.txt").write_text("\n".join(train) + "\n")
    (out / "test.txt").write_text("\n".join(test) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
