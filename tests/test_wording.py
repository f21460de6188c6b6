"""Figures, signs and abbreviations become the words that a reader would say."""
# ruff: noqa: RUF001 (signs that people write)

import random
import re

import pytest

from lfm.wording import in_words

READ = {
    "A plain sentence stays, isn't it so?": "A plain sentence stays, isn't it so?",
    "I have 3 apples and 12 oranges.": "I have three apples and twelve oranges.",
    "It costs $3.50.": "It costs three dollars fifty.",
    "It costs €1, or £0.99; $2.5 million in all.": "It costs one euro, or ninety-nine pence; two point five million dollars in all.",
    "1,234 people, 3.5 miles, -5 degrees": "one thousand two hundred and thirty-four people, three point five miles, minus five degrees",
    "In 1976, in the 1980s and in 2024.": "In nineteen seventy-six, in the nineteen eighties and in twenty twenty-four.",
    "The 1st, the 2nd and the 21st.": "The first, the second and the twenty-first.",
    "It is 10:30, 9:05 or 7:00.": "It is ten thirty, nine oh five or seven o'clock.",
    "Call me at 5 p.m. tomorrow.": "Call me at five pee em tomorrow.",
    "I came at 5pm. Then I left.": "I came at five pee em. Then I left.",
    "Pi is 3.14159, and 0.50 is half.": "Pi is three point one four one five nine, and zero point five zero is half.",
    "50% of people agree.": "fifty percent of people agree.",
    "Dial 07700900123.": "Dial zero seven seven zero zero nine zero zero one two three.",
    "What is 2 + 2?": "What is two plus two?",
    "2+2": "two plus two",
    "What is 64 - 37, and what 7 x 8?": "What is sixty-four minus thirty-seven, and what seven times eight?",
    "Pages 3-5 of No. 7": "Pages three to five of number seven",
    "“Well,” he said, “it’s raining again.”": "Well, he said, it's raining again.",
    "'Yes' - she said - 'it works'!": "Yes, she said, it works!",
    "It was (as they say) fine.": "It was, as they say, fine.",
    "It was fine (as they say).": "It was fine, as they say.",
    "Wait... what? No!!! Really?!": "Wait, what? No! Really?",
    "HELLO THERE": "hello there",
    "The BBC and NASA, the UK and the U.S.": "The bee bee see and nasa, the you kay and the you ess.",
    "St. Louis is in the U.S. of A.": "Saint Louis is in the you ess of A.",
    "Mr. Smith met Dr. Jones, Mrs. Jones etc. Then they ate, e.g. figs.": (
        "Mister Smith met Doctor Jones, Missus Jones et cetera. Then they ate, for example figs."
    ),
    "Write to mary@example.com.": "Write to mary at example dot com.",
    "1) Milk\n2) Bread\n- Tom & Jerry": "one, Milk\ntwo, Bread\nTom and Jerry",
    "Ça va? Très bien.": "Ca va? Tres bien.",
    "😀 Have a nice day! 👍": "Have a nice day!",
    "😀": "",
    "你好": "",
    "?!": "",
}  # fmt: skip


@pytest.mark.parametrize("text", READ)
def test_a_text_is_read_as_a_reader_would(text: str) -> None:
    assert in_words(text) == READ[text]


@pytest.mark.parametrize("words", READ.values())
def test_words_stay_words(words: str) -> None:
    assert in_words(words) == words


def test_whatever_is_typed_becomes_words() -> None:
    signs = [
        "1", "23", "456,789", "0", "4.5", "9" * 400, "1" * 400 + ".5", "1" * 30 + "st", "$", "€", "%", "-", "–", ":", ".", ",", " ", "\n",
        "A", "NASA", "p.m.", "٣", "½", "②", "’", "“", "(", "]", "https://", "@", "😀", "é", "ß", "你", "x", "U.S.", "3:07", "1990s", "No.",
        "\x00", "_", "million",
    ]  # fmt: skip
    draw = random.Random(0)
    for _ in range(3000):
        text = "".join(draw.choices(signs, k=draw.randint(1, 8)))
        assert re.fullmatch(r"[A-Za-z'.,:;!?\-\s]*", in_words(text)), text
