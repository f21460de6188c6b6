"""The checkpoint that comes with the program says words, and the right ones."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lfm.audio import Audio, load, resample
from lfm.catalogue import POCKET
from lfm.engine import Engine
from lfm.errors import LfmError
from lfm.events import AudioChunk, Done, Event, TextDelta
from lfm.options import CHAT, GREEDY, SPEAK, DecoderName

QUESTIONS = Path(__file__).parent / "pocket"
RATE = 24_000
SURELY = replace(CHAT, audio=GREEDY)  # what is drawn by chance can lead the words after it astray


@pytest.fixture(scope="module")
def pocket() -> Iterator[Engine]:
    engine = Engine(str(POCKET))
    engine.wait()
    yield engine
    engine.close()


def made(events: Iterable[Event]) -> tuple[str, np.ndarray]:
    """What was said, and its sound (T,) in 16 bits; it came to an end."""
    text, sound, end = "", [np.zeros(0, np.int16)], ""
    for event in events:
        match event:
            case TextDelta(delta):
                text += delta
            case AudioChunk(pcm, rate):
                assert rate == RATE
                sound.append(pcm)
            case Done(reason):
                end = reason
    assert end == "end"
    return text.strip(), np.concatenate(sound)


def test_it_is_small_enough_for_the_repository() -> None:
    assert sum(path.stat().st_size for path in POCKET.rglob("*") if path.is_file()) <= 32_000_000


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is the capital of France?", "The capital of France is Paris."),
        ("What is eight times eight?", "That makes sixty-four."),
        ("Spell the word cloud.", "C, L, O, U, D."),  # longer than the words of one turn
        ("Say: The shop opens at nine.", "The shop opens at nine."),
    ],
)
def test_it_answers_in_words_and_sound(pocket: Engine, question: str, answer: str) -> None:
    text, sound = made(pocket.chat().reply(question, options=SURELY))
    assert text == answer
    assert 1 < len(sound) / RATE < 4
    assert 0.01 < np.abs(sound / 32768).mean() < 0.5


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("which-continent-is-japan-in", "Japan is in Asia."),
        ("which-animal-runs-fastest", "The fastest animal on land is the cheetah."),
        ("what-is-the-number-of-days-in-june", "June has thirty days."),
    ],
)
def test_it_understands_voices_that_it_never_heard(pocket: Engine, question: str, answer: str) -> None:
    text, sound = made(pocket.chat().reply(None, load(QUESTIONS / f"{question}.flac"), SURELY))
    assert text == answer
    assert len(sound) > RATE


@pytest.mark.parametrize(
    ("asked", "answers"),
    [
        (
            ("What is the capital of France?", "And of Sweden?", "Can you repeat that?"),
            ("The capital of France is Paris.", "The capital of Sweden is Stockholm.", "The capital of Sweden is Stockholm."),
        ),
        (("My name is Anna.", "What is my name?"), ("Nice to meet you, Anna.", "Your name is Anna.")),
    ],
)
def test_it_remembers_what_was_said_before(pocket: Engine, asked: tuple[str, ...], answers: tuple[str, ...]) -> None:
    chat = pocket.chat()
    assert tuple(made(chat.reply(text, options=SURELY))[0] for text in asked) == answers


def test_it_writes_down_a_voice_that_it_never_heard(pocket: Engine) -> None:
    assert made(pocket.transcribe(load(QUESTIONS / "which-continent-is-japan-in.flac")))[0] == "Which continent is Japan in?"


def test_it_writes_down_one_sentence_after_another(pocket: Engine) -> None:
    asked = ["which-continent-is-japan-in", "what-is-the-number-of-days-in-june"] * 3
    pause = np.zeros(RATE // 2, np.float32)
    clips = [load(QUESTIONS / f"{question}.flac") for question in asked]
    sound = np.concatenate([part for clip in clips for part in (resample(clip, RATE).samples, pause)])
    heard, _ = made(pocket.transcribe(Audio(sound, RATE)))
    assert heard == " ".join(["Which continent is Japan in? What is the number of days in June?"] * 3)


def test_it_says_all_sentences_and_ends_where_a_full_stop_is_forgotten(pocket: Engine) -> None:
    _, sound = made(pocket.speak("What is the capital of France? The train leaves at nine", "US female", replace(SPEAK, seed=1)))
    heard, _ = made(pocket.transcribe(Audio(sound / np.float32(32768), RATE)))
    assert heard == "What is the capital of France? The train leaves at nine."


def test_it_reads_figures_and_signs_as_words(pocket: Engine) -> None:
    written, worded = "“I have 3 apples,” he said.", "I have three apples, he said."
    sounds = [made(pocket.speak(text, "US male", replace(SPEAK, seed=1)))[1] for text in (written, worded)]
    np.testing.assert_array_equal(sounds[0], sounds[1])
    answers = [made(pocket.chat().reply(text, options=SURELY))[0] for text in ("9+4", "SPELL “DOG”!", "What's 7 ÷ 7?")]
    assert answers == ["That makes thirteen.", "D, O, G.", "That makes one."]
    with pytest.raises(LfmError, match="English words alone"):
        made(pocket.speak("你好", "US male"))


@pytest.mark.parametrize("decoder", ["Mimi", "Detokenizer"])
def test_it_understands_what_it_says_itself(pocket: Engine, decoder: DecoderName) -> None:
    said = "What is the capital of France?"
    _, sound = made(pocket.speak(said, "UK female", replace(SPEAK, seed=1, decoder=decoder)))
    assert 1.2 < len(sound) / RATE < 3
    assert made(pocket.transcribe(Audio(sound / np.float32(32768), RATE)))[0] == said
