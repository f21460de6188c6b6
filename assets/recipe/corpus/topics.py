"""What can be asked: each topic's slots and answers; the words to ask it in are in templates.txt.

Templates are split into training, tuning and test ones by a hash of their words (`corpus.chat`), so
the test asks in words that were never trained on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from corpus import facts
from corpus.sentences import number

Value = tuple[str, ...]
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Topic:
    """One thing to ask about."""

    name: str
    kind: str  # of its value; a follow-up "What about {0}?" needs a topic of the same kind
    templates: list[str]  # {0}, {1} take the value's fields
    values: list[Value]
    answer: Callable[..., str]  # of the value's fields


def sections(path: Path) -> dict[str, list[str]]:
    """The lines under each [heading]."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        if line.startswith("["):
            current = found.setdefault(line[1:-1], [])
        elif line and not line.startswith("#"):
            current.append(line)
    return found


TEMPLATES = sections(HERE / "templates.txt")
FACTS = sections(HERE / "facts.txt")
MORE = sections(HERE / "more.txt")  # for training alone; with choices
MORE |= {f"fact {n}": MORE.pop(answer) for n, answer in enumerate(FACTS)}


def article(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def sentence(text: str) -> str:
    """First letter upper-case, closed by a question mark or, after an order, by a full stop."""
    order = text.split()[0].lower() in ("tell", "name", "count")
    end = "" if text[-1] in ".?!" else "." if order else "?"
    return text[0].upper() + text[1:] + end


def neighbour(items: list[str], item: str, step: int) -> str:
    return items[(items.index(item) + step) % len(items)]


def fixed(name: str, answer: str) -> Topic:
    """Always the same answer."""
    return Topic(name, "", TEMPLATES[name], [()], lambda: answer)


def about(name: str, kind: str, values: list[str] | dict, answer: Callable[[str], str]) -> Topic:
    """One slot."""
    return Topic(name, kind, TEMPLATES[name], [(v,) for v in values], answer)


def sums(name: str, pairs: list[tuple[int, int]], result: Callable[[int, int], int]) -> Topic:
    """Two numbers, asked in words; the value holds them as figures too."""
    values = [(number(a), number(b), str(a), str(b)) for a, b in pairs]

    def answer(a: str, b: str, x: str, y: str) -> str:
        return f"That makes {number(result(int(x), int(y)))}."

    return Topic(name, "number", TEMPLATES[name], values, answer)


ADDED = [(a, b) for a in range(1, 61) for b in range(1, 41) if a + b <= 100]
MULTIPLIED = [(a, b) for a in range(1, 13) for b in range(1, 13) if a * b <= 100]
DAYS, MONTHS, ANIMALS = facts.DAYS, facts.MONTHS, facts.ANIMALS

TOPICS = [
    fixed("hello", "Hello! How can I help you?"),
    fixed("how are you", "I am fine, thank you."),
    fixed("who are you", "I am a small speaking computer model."),
    fixed("abilities", "I can count, spell, and answer simple questions."),
    fixed("goodbye", "Goodbye! See you soon."),
    fixed("thanks", "You are welcome."),
    fixed("praise", "That is kind of you."),
    fixed("machine", "No, I am not a person. I am a computer program."),
    fixed("hearing", "Yes, I can hear you."),
    fixed("home", "I live on this computer."),
    fixed("age", "I am very young."),
    fixed("joke", facts.JOKES[0]),
    fixed("my name", "I do not know your name yet."),
    about("name", "name", facts.NAMES, lambda n: f"Nice to meet you, {n}."),
    about(
        "capital",
        "country",
        facts.CAPITALS,
        lambda c: f"The capital of {c} is {facts.CAPITALS[c]}.",
    ),
    about(
        "language",
        "country",
        facts.LANGUAGES,
        lambda c: f"In {c} they speak {facts.LANGUAGES[c]}.",
    ),
    about("continent", "country", facts.CONTINENT, lambda c: f"{c} is in {facts.CONTINENT[c]}."),
    about("day after", "day", DAYS, lambda d: f"{neighbour(DAYS, d, 1)} comes after {d}."),
    about("day before", "day", DAYS, lambda d: f"{neighbour(DAYS, d, -1)} comes before {d}."),
    about("month after", "month", MONTHS, lambda m: f"{neighbour(MONTHS, m, 1)} comes after {m}."),
    about("month before", "month", MONTHS, lambda m: f"{neighbour(MONTHS, m, -1)} comes before {m}."),
    about(
        "month days",
        "month",
        MONTHS,
        lambda m: f"{m} has {number(int(facts.MONTH_DAYS[m]))} days.",
    ),
    about("sound", "animal", ANIMALS, lambda a: f"A {a} says {ANIMALS[a][0]}."),
    about("legs", "animal", ANIMALS, lambda a: f"A {a} has {ANIMALS[a][1]} legs."),
    about(
        "young",
        "animal",
        ANIMALS,
        lambda a: f"A young {a} is called {article(ANIMALS[a][2])}.",
    ),
    about(
        "colour",
        "thing",
        facts.COLOURS,
        lambda t: f"{t[0].upper()}{t[1:]} is {facts.COLOURS[t]}.",
    ),
    about(
        "opposite",
        "word",
        facts.OPPOSITES,
        lambda w: f"The opposite of {w} is {facts.OPPOSITES[w]}.",
    ),
    about("spelling", "spelling", facts.WORDS, lambda w: ", ".join(w.upper()) + "."),
    about("repeat", "phrase", facts.PHRASES, lambda p: p),
    sums("plus", ADDED, lambda a, b: a + b),
    sums("minus", [(a + b, b) for a, b in ADDED], lambda a, b: a - b),
    sums("times", MULTIPLIED, lambda a, b: a * b),
    sums("divided", [(a * b, b) for a, b in MULTIPLIED if b > 1], lambda a, b: a // b),
    *(Topic(f"fact {n}", "", variants, [()], lambda answer=answer: answer) for n, (answer, variants) in enumerate(FACTS.items())),
]
