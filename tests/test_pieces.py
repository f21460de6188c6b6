"""Long sound and long text are cut where it hurts least, and nothing is lost."""

import numpy as np

from lfm.audio import Audio
from lfm.pieces import LETTERS, cut_sound, cut_text, sentences


def test_sound_is_cut_in_its_silences_and_nothing_is_lost() -> None:
    rate = 1000
    samples = np.random.default_rng(0).normal(size=70 * rate).astype(np.float32)
    for pause in (22, 44):
        samples[pause * rate : pause * rate + 500] *= 0.001
    pieces = cut_sound(Audio(samples, rate))
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), samples)
    ends = np.cumsum([len(piece.samples) for piece in pieces]) / rate
    assert 22 < ends[0] < 22.5 and 44 < ends[1] < 44.5 and len(pieces) == 3


def test_a_model_may_hear_less_at_a_time() -> None:
    rate = 1000
    samples = np.random.default_rng(1).normal(size=20 * rate).astype(np.float32)
    samples[6 * rate : 6 * rate + 300] *= 0.001
    pieces = cut_sound(Audio(samples, rate), 8)
    np.testing.assert_array_equal(np.concatenate([piece.samples for piece in pieces]), samples)
    assert all(piece.seconds <= 8 for piece in pieces) and 6 < pieces[0].seconds < 6.3


def test_short_sound_is_left_alone() -> None:
    assert len(cut_sound(Audio(np.zeros(30_000, np.float32), 1000))) == 1


def test_text_is_cut_at_sentences_then_phrases_then_words() -> None:
    sentence = "This is a sentence of some length, with a phrase in it. "
    for text in (sentence * 20, sentence.replace(".", ",") * 20, "word " * 300):
        pieces = cut_text(text)
        assert len(pieces) > 1 and all(len(piece) <= LETTERS for piece in pieces)
        assert " ".join(pieces).split() == text.split()
    assert all(piece.endswith(".") for piece in cut_text(sentence * 20))


def test_sentences_are_said_one_by_one_where_a_model_can_do_no_more() -> None:
    cut = {
        "Good morning. The train leaves at nine": ["Good morning.", "The train leaves at nine."],
        'He said: "Stop!" Then Dr. Brown left.': ['He said: "Stop!"', "Then Dr. Brown left."],
        "Milk,\nbread and\n\n...\ntea;": ["Milk.", "bread and.", "tea."],
        "一つ。二つ": ["一つ。", "二つ."],
        " ... ": [],
    }
    assert {text: cut_text(text, one_by_one=True) for text in cut} == cut
    sentence = "This is a sentence of some length, with a phrase in it. "
    assert cut_text(sentence * 20, one_by_one=True) == [sentence.strip()] * 20
    long = cut_text(sentence.replace(".", ",") * 20, one_by_one=True)
    assert len(long) > 1 and all(len(piece) <= LETTERS and piece.endswith(".") for piece in long)


def test_text_without_spaces_loses_nothing() -> None:
    text = "あ" * 700
    assert "".join(cut_text(text)) == text
    assert cut_text("  ") == []


def test_sentences_are_counted_as_they_are_read() -> None:
    counts = {"": 0, " ... ": 0, "One": 1, "One. Two! Three?": 3, "Mr. One. Two": 2, "一つ。二つ。": 2, "One\nTwo": 2}
    assert {text: sentences(text) for text in counts} == counts
