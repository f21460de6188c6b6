"""Questions, answers and whole conversations, split so that the test is new by construction.

Of each topic's templates a hash sends about an eighth to tuning and an eighth to the test; so it does with 15 % of the additions
and subtractions. (The multiplication table is learned by heart, as the capitals are: what is left out of it nobody can know.) Further ways
to ask are only trained on, and most of them only typed. `dialogues` strings lines together; about a quarter of the turns are follow-ups
whose answer depends on the turn before ("What about Sweden?").
"""

import hashlib
import random
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from corpus import facts
from corpus.topics import FACTS, MORE, TEMPLATES, TOPICS, Topic, Value, sentence

PER_TOPIC = 220  # questions spoken for a topic with many slot values
FURTHER, ALOUD = 300, 14  # questions a topic in further words, and how many of them are spoken too
FOLLOWING, FOLLOWING_ALOUD = 120, 90  # the same for what follows up or is refused
KNOWN, LITTLE = 40, 6  # values from which on a topic is not drilled more often; one with fewer counts as so many
OUT, LOST = "I am sorry, I cannot help with that.", "I do not know what you mean."
ABOUT, AGAIN, ANOTHER, STRANGE = (TEMPLATES[n] for n in ("about", "again", "more", "out"))
STRANGE_THINGS = [
    "taxi",
    "table",
    "lamp",
    "car",
    "phone",
    "book",
    "ticket",
    "camera",
    "guitar",
    "piano",
    "window",
    "boat",
    "bicycle",
    "hat",
    "computer",
    "cake",
]


@dataclass(frozen=True)
class Line:
    """Something that is asked."""

    id: str
    text: str
    split: str  # train, tune or test
    topic: str
    value: Value


@dataclass(frozen=True)
class Reply:
    """Something that is answered; one text has one id."""

    id: str
    text: str


@dataclass(frozen=True)
class Turn:
    """A question and its answer in a conversation."""

    line: Line
    reply: Reply


def digest(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def plain(text: str) -> str:
    return "".join(c for c in text.lower() if c.isalnum())


TAKEN = {plain(t) for ways in (*TEMPLATES.values(), *FACTS.values()) for t in ways}


def further(name: str, rng: random.Random) -> str:
    """A way to ask that is in more.txt alone."""
    while True:
        way = re.sub(r"\(([^()]*)\)", lambda choices: rng.choice(choices[1].split("|")), rng.choice(MORE[name]))
        if plain(way) not in TAKEN:
            return way


def template_splits(name: str, templates: list[str]) -> dict[str, str]:
    """About a tenth each for tuning and test, at least one, by rank of the hash."""
    ranked = sorted(templates, key=lambda t: digest(f"{name} {t}"))
    few = max(1, round(len(ranked) / 8))
    parts = ["test"] * few + ["tune"] * few + ["train"] * len(ranked)
    return dict(zip(ranked, parts, strict=False))


def line(topic: str, template: str, part: str, value: Value) -> Line:
    """Fill a template; a held-out sum makes any question a test one."""
    text = sentence(template.format(*value))
    return Line(f"{digest(text):012x}", text, "test" if held_out(topic, value) else part, topic, value)


def sample(topic: Topic) -> list[Line]:
    """The topic's questions: all of them, or a draw that holds every template and value."""
    splits = template_splits(topic.name, topic.templates)
    pairs = [(t, v) for t in topic.templates for v in topic.values]
    rng = random.Random(topic.name)
    rng.shuffle(pairs)
    return [line(topic.name, t, splits[t], v) for t, v in pairs[:PER_TOPIC]]


def follow_ups(about: list[str], again: list[str], another: list[str]) -> list[Line]:
    """Second turns; their topic is "about", "again" or "more"."""
    values = {t.kind: t.values for t in TOPICS if t.kind in ("country", "day", "month", "animal")}
    out = []
    for kind, of_kind in values.items():
        for template, part in template_splits("about", about).items():
            for (value,) in of_kind:
                shown = f"a {value}" if kind == "animal" else value
                made = line("about", template, part, (shown,))
                out.append(replace(made, value=(kind, value)))
    for name, texts in (("again", again), ("more", another)):
        out += [line(name, t, p, ()) for t, p in template_splits(name, texts).items()]
    return out


def strange(templates: list[str]) -> list[Line]:
    """Near misses: known words in requests that are out of reach."""
    splits = template_splits("strange", templates)
    return [line("out", t, splits[t], (thing, name)) for t in templates for thing, name in zip(STRANGE_THINGS, facts.NAMES, strict=False)]


@cache
def all_lines() -> tuple[Line, ...]:
    """Every question once, in a shuffled fixed order: any beginning covers everything."""
    lines = [made for topic in TOPICS for made in sample(topic)] + follow_ups(ABOUT, AGAIN, ANOTHER) + strange(STRANGE)
    unique = {made.id: made for made in reversed(lines)}  # the same words may ask two things
    return tuple(sorted(unique.values(), key=lambda made: digest(f"order {made.id}")))


@cache
def further_lines() -> tuple[Line, ...]:
    """Questions in further words, for training alone: nothing that is held out in another place."""
    known = {plain(made.text) for made in all_lines()}
    found: dict[str, Line] = {}
    for topic in TOPICS:
        rng = random.Random(f"further {topic.name}")
        ways = [line(topic.name, further(topic.name, rng), "train", rng.choice(topic.values)) for _ in range(FURTHER)]
        found |= {made.id: made for made in ways}
    rng = random.Random("further")
    about, again, another, out = ([further(n, rng) for _ in range(FOLLOWING)] for n in ("about", "again", "more", "out"))
    found |= {made.id: made for made in (*follow_ups(about, again, another), *strange(out))}
    return tuple(
        replace(made, split="train") for made in found.values() if plain(made.text) not in known and not held_out(made.topic, made.value)
    )


@cache
def aloud() -> tuple[Line, ...]:
    """Some of those, to be spoken."""
    count: Counter[str] = Counter()
    found = []
    for made in sorted(further_lines(), key=lambda made: digest(f"aloud {made.id}")):
        count[made.topic] += 1
        if count[made.topic] <= (FOLLOWING_ALOUD if made.topic in ("about", "again", "more", "out") else ALOUD):
            found.append(made)
    return tuple(found)


def questions() -> Iterator[Line]:
    """Those that are spoken."""
    yield from all_lines()
    yield from aloud()


def held_out(topic: str, value: Value) -> bool:
    """Two numbers that are added or subtracted in the test alone."""
    return topic in ("plus", "minus") and digest(" ".join(value)) % 100 < 15


def reply(text: str) -> Reply:
    return Reply(f"{digest(text):012x}", text)


@cache
def replies() -> tuple[Reply, ...]:
    """Every answer that a conversation can hold, once."""
    texts = [t.answer(*v) for t in TOPICS for v in t.values]
    texts += [f"Your name is {n}." for n in facts.NAMES] + [OUT, LOST] + facts.JOKES
    return tuple(reply(t) for t in dict.fromkeys(texts))


class Answerer:
    """Answers one question after another, remembering what a follow-up needs."""

    def __init__(self) -> None:
        self.by_name = {t.name: t for t in TOPICS}
        self.topic: Topic | None = None
        self.name: str | None = None
        self.last: str | None = None
        self.jokes = 0

    def __call__(self, asked: Line) -> Reply:
        text = self.text(asked)
        self.last = text
        return reply(text)

    def text(self, asked: Line) -> str:
        match asked.topic:
            case "again":
                return self.last or LOST
            case "more":
                return self.joke() if self.topic and self.topic.name == "joke" else LOST
            case "about":
                kind, value = asked.value
                known = self.topic and self.topic.kind == kind and (value,) in self.topic.values
                return self.topic.answer(value) if known else LOST
            case "out":
                self.topic = None
                return OUT
            case "my name" if self.name:
                return f"Your name is {self.name}."
        self.topic = self.by_name[asked.topic]
        if asked.topic == "joke":
            return self.joke()
        if asked.topic == "name":
            self.name = asked.value[0]
        return self.topic.answer(*asked.value)

    def joke(self) -> str:
        self.jokes += 1
        return facts.JOKES[(self.jokes - 1) % len(facts.JOKES)]


def dialogues(part: str, seed: int) -> Iterator[list[Turn]]:
    """Endless conversations of one to three turns whose every question is of one split.

    Topics are equally likely, but sums four times as much; half the second turns follow up.
    """
    rng = random.Random(f"{part} {seed}")
    spoken, typed = by_topic((*all_lines(), *aloud()), part), by_topic(further_lines(), part)
    kinds = {t.name: t.kind for t in TOPICS}
    names = [n for n in spoken if n not in ("about", "again", "more")]
    weights = [4 if kinds.get(n) == "number" else 12 if n == "out" else 1 for n in names]
    while True:
        answer, turns = Answerer(), []
        for n in range(rng.choice([1, 1, 2, 2, 3])):
            ways = typed if typed and rng.random() < 0.5 else spoken
            kind = answer.topic.kind if answer.topic else ""
            fitting = [f for f in ways["about"] if f.value[0] == kind]
            if answer.topic and answer.topic.name == "joke":
                fitting = ways["more"]
            if n and rng.random() < 0.5:
                asked = rng.choice(fitting if fitting and rng.random() < 0.8 else ways["again"])
            elif n and answer.name and rng.random() < 0.5:
                asked = rng.choice(ways["my name"])
            else:
                asked = rng.choice(ways[rng.choices(names, weights)[0]])
            turns.append(Turn(asked, answer(asked)))
        yield turns


def by_topic(lines: tuple[Line, ...], part: str) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {}
    for made in lines:
        if made.split == part:
            found.setdefault(made.topic, []).append(made)
    return found


def drills(part: str, seed: int, sums: bool = False) -> Iterator[Turn]:
    """Endless single questions of one split, spoken or not: a topic the more often, the more there is to know about it; or `sums` alone."""
    rng = random.Random(f"drills {part} {seed}")
    topics = [t for t in TOPICS if t.kind == "number" or not sums]
    weights = [min(max(len(t.values), LITTLE), KNOWN // (4 if t.kind == "number" else 1)) for t in topics]
    splits = {t.name: template_splits(t.name, t.templates) for t in topics}
    while True:
        topic = rng.choices(topics, weights)[0]
        template = further(topic.name, rng) if part == "train" and rng.random() < 0.6 else rng.choice(topic.templates)
        asked = line(topic.name, template, splits[topic.name].get(template, "train"), rng.choice(topic.values))
        if asked.split == part:
            yield Turn(asked, reply(topic.answer(*asked.value)))
