"""What a text loses by words that are none, when, and only once; the file that a checkpoint may bring."""

import gzip
from pathlib import Path

import pytest

from lfm.catalogue import POCKET
from lfm.errors import CheckpointError
from lfm.lexicon import LEXICON, STRANGE, Lexicon, Spelling, lexicon_of

TOKENS = ["", " the", " dun", "geon", "gine", ".", " won", "'", "t", " Th", "É", " 9", "ed"]
WORDS = ["dungeon", "t", "the", "thé", "won"]


@pytest.fixture
def lexicon() -> Lexicon:
    return Lexicon(WORDS, TOKENS.__getitem__)


def losses(lexicon: Lexicon, *tokens: str, known: list[str] = TOKENS) -> list[float]:
    """What each token of a text costs, in STRANGE."""
    at, found = Spelling(), []
    for token in tokens:
        at, loss = lexicon.read(at, known.index(token))
        found.append(loss / STRANGE)
    return found


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ([" the", " dun", "geon", ".", ""], [0, 0, 0, 0, 0]),
        ([" won", "'", "t", ""], [0, 0, 0, 0]),
        ([" Th", "É", "."], [0, 0, 0]),
        ([" 9", " 9"], [0, 0]),  # a figure is no word
        ([" dun", "gine"], [0, 1]),  # lost as soon as no word begins so
        ([" dun", "gine", "ed", ".", " the"], [0, 1, 0, 0, 0]),  # and once
        ([" dun", " the"], [0, 1]),  # the beginning of a word is none
        ([" dun", ""], [0, 1]),  # nor where the text ends
        ([" dun", "gine", " dun", "gine"], [0, 1, 0, 1]),
    ],
)
def test_a_text_loses_by_each_word_that_is_none(lexicon: Lexicon, tokens: list[str], expected: list[float]) -> None:
    assert losses(lexicon, *tokens) == expected


def test_the_order_of_the_list_does_not_matter() -> None:
    assert losses(Lexicon(reversed(WORDS), TOKENS.__getitem__), " the", " dun", "geon", "") == [0, 0, 0, 0]


def test_an_empty_list_takes_every_word_for_none() -> None:
    assert losses(Lexicon([], TOKENS.__getitem__), " the", " dun", "geon") == [1, 1, 0]


def test_a_checkpoint_need_not_have_one(tmp_path: Path) -> None:
    assert lexicon_of(tmp_path, str) is None


@pytest.mark.parametrize("damaged", [b"the\nwon", gzip.compress(b"the")[:-3], gzip.compress(b"\xff")])
def test_a_damaged_one_is_named(tmp_path: Path, damaged: bytes) -> None:
    (tmp_path / LEXICON).write_bytes(damaged)
    with pytest.raises(CheckpointError, match=r"lexicon\.txt\.gz cannot be read.*Download it again"):
        lexicon_of(tmp_path, str)


def test_the_pocket_brings_one() -> None:
    known = [" the", " mortgages", " modelages", " colour", " color", ""]
    lexicon = lexicon_of(POCKET, known.__getitem__)
    assert lexicon is not None
    assert [sum(losses(lexicon, word, "", known=known)) for word in known[:-1]] == [0, 0, 1, 0, 0]
