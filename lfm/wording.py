"""What is written, in English words alone: for a model that learned to read nothing else, as its generation_config.json says.

The published models read figures and signs themselves.
"""
# ruff: noqa: RUF001 (signs that people write)

import re
import unicodedata
from collections.abc import Callable

from num2words import num2words

LETTERS = {
    "A": "ay", "B": "bee", "C": "see", "D": "dee", "E": "ee", "F": "eff", "G": "gee", "H": "aitch", "I": "eye", "J": "jay", "K": "kay",
    "L": "el", "M": "em", "N": "en", "O": "oh", "P": "pee", "Q": "cue", "R": "ar", "S": "ess", "T": "tee", "U": "you", "V": "vee",
    "W": "double-you", "X": "ex", "Y": "why", "Z": "zed",
}  # fmt: skip
LETTER_BY_LETTER = {"AI", "CIA", "EU", "FBI", "ID", "IT", "UFO", "UK", "UN", "US", "USA"}  # and what has no vowel
MONEY = {"$": ("dollar", "cents"), "£": ("pound", "pence"), "€": ("euro", "cents")}
NUMBER = r"\d+(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?"
INSIDE = r"(?:\.(?!\s+[A-Z]|\s*$))?"  # an abbreviation's full stop, where no sentence ends with it

Rule = tuple[str, str | Callable[[re.Match[str]], str]]


def in_words(text: str) -> str:
    """The words of a text, with the commas and full stops that are heard; empty where it has none in Latin letters."""
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text, flags=re.MULTILINE)
    text = "\n".join(line.strip(" ,") for line in text.splitlines())
    return text.strip() if re.search(r"\w", text) else ""


def _number(figures: str) -> str:
    figures = figures.replace(",", "")
    whole, _, rest = figures.partition(".")
    name = len(whole) > 9 or re.match(r"0\d", whole)  # rather than an amount: figure by figure
    words = " ".join(map(num2words, whole)) if name else num2words(whole).replace(",", "")
    return f"{words} point {' '.join(map(num2words, rest))}" if rest else words


def _money(match: re.Match[str]) -> str:
    sign, amount, scale = match.groups()
    (unit, small), (whole, _, rest) = MONEY[sign], amount.partition(".")
    if scale:
        return f"{_number(amount)} {scale} {unit}s"
    if len(rest) == 2 and int(rest):
        return f"{_number(rest.lstrip('0'))} {small}" if whole == "0" else f"{_coins(whole, unit)} {_number(rest.lstrip('0'))}"
    return _coins(whole if len(rest) == 2 else amount, unit)


def _coins(amount: str, unit: str) -> str:
    return f"{_number(amount)} {unit}{'' if amount == '1' else 's'}"


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    past = "o'clock" if not minute else num2words(minute) if minute > 9 else f"oh {num2words(minute)}"
    return f"{num2words(hour)} {past}"


def _decade(match: re.Match[str]) -> str:
    year = num2words(int(match[1]), to="year")
    return f"{year[:-1]}ies" if year.endswith("y") else f"{year}s"


def _spelled(word: str) -> str:
    return " ".join(LETTERS[letter.upper()] for letter in word if letter.isalpha())


def _capitals(match: re.Match[str]) -> str:
    word = match[0]
    return _spelled(word) if word in LETTER_BY_LETTER or not re.search(r"[AEIOUY]", word) else word.lower()


RULES: tuple[Rule, ...] = (
    # how it is set
    (r"^\s*(?:[-*•#>]+|(\d{1,2})[.)])\s+", lambda m: f"{num2words(m[1])}, " if m[1] else ""),
    (r"[‘’ʼ`´]", "'"),
    (r"(?<![A-Za-z])'|'(?![A-Za-z])|[\"“”„«»]", ""),
    (r"\s*\.{2,}(?=\s*[a-z])", ","),
    (r"([.!?])[.!?]+", r"\1"),
    (r"https?://(www\.)?", ""),
    (r"(?<=\w)\.(?=[a-z]{2,})", " dot "),
    # abbreviations
    (r"\bMr\b\.?", "Mister"),
    (r"\bMrs\b\.?", "Missus"),
    (r"\bDr\b\.?", "Doctor"),
    (r"\bProf\.", "Professor"),
    (r"\bSt\.(?= [A-Z])", "Saint"),
    (r"\bNo\.(?= ?\d)", "number"),
    (r"\be\.g\.,?", "for example"),
    (r"\bi\.e\.,?", "that is"),
    (rf"\bvs\b{INSIDE}", "versus"),
    (rf"\betc\b{INSIDE}", "et cetera"),
    (rf"(?<=\d) ?([ap])\.?m\b{INSIDE}", lambda m: f" {_spelled(m[1] + 'm')}"),
    (r"(?<=\d) ?(km|kg|cm)\b", lambda m: {"km": " kilometers", "kg": " kilograms", "cm": " centimeters"}[m[1]]),
    (r"\b(?:[A-Z]\.)+[A-Z]\b(?:\.(?!\s*$))?", lambda m: _spelled(m[0])),
    # figures
    (r"\b([01]?\d|2[0-3]):([0-5]\d)\b", _time),
    (rf"([$£€]) ?({NUMBER})(?: (thousand|million|billion))?", _money),
    (r"\b(\d{1,6})(?:st|nd|rd|th)\b", lambda m: num2words(int(m[1]), to="ordinal")),
    (r"\b(1[1-9]\d0|20\d0)s\b", _decade),
    (r"(?<=\d) ?[-–—] ?(?=\d)", lambda m: " minus " if m[0].strip() == "-" and len(m[0]) > 1 else " to "),
    (r"(?<![\w.])[-−](?=\d)", "minus "),
    (r"(?<=\d) x (?=\d)", " times "),
    (r"(?<![\d,.])(1[1-9]\d\d|20\d\d)(?!\d|[.,]\d)", lambda m: num2words(int(m[0]), to="year")),
    (NUMBER, lambda m: f" {_number(m[0])} "),
    # signs
    *((re.escape(sign), f" {word} ") for sign, word in (
        ("&", "and"), ("+", "plus"), ("=", "equals"), ("×", "times"), ("÷", "divided by"), ("−", "minus"), ("%", "percent"),
        ("@", "at"), ("°", "degrees"),
    )),
    (r"\b[A-Z]{2,}\b", _capitals),
    # what is left of the rest
    (r"[()\[\]{}–—]| -+ ", ", "),
    (r"[^A-Za-z'.,:;!?\-\s]", " "),
    (r"[^\S\n]+", " "),
    (r" +(?=[.,:;!?])", ""),
    (r",+(?=[.,:;!?])|(?<=[.:;!?]),", ""),
)  # fmt: skip
