"""Frames become sound in ones, twos and threes, and all of them do, wherever the speech ends."""

from itertools import pairwise

import mlx.core as mx
import numpy as np
import pytest

from lfm.checkpoint import LoadedModel
from lfm.config import END_OF_AUDIO
from lfm.options import DecoderName
from lfm.rendering import Renderer

DECODERS: tuple[DecoderName, ...] = ("Mimi", "Detokenizer")
END = np.full(8, END_OF_AUDIO, np.int32)


def speech(frames: int) -> np.ndarray:
    return np.random.default_rng(frames).integers(0, 2048, (frames, 8), np.int32)


def pieces(render: Renderer, frames: np.ndarray) -> list[np.ndarray]:
    return [np.array(sound) for codes in frames if (sound := render(mx.array(codes))) is not None]


def whole(loaded: LoadedModel, decoder: DecoderName, codes: np.ndarray) -> np.ndarray:
    return np.array(loaded.decoders[decoder].decode(mx.array(codes)[None]))[0] if len(codes) else np.zeros(0, np.float32)


def same(got: list[np.ndarray], want: np.ndarray) -> None:
    np.testing.assert_allclose(np.concatenate(got), want, atol=1e-5 * np.abs(want).max(initial=1e-3))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("frames", range(8))
def test_end_of_audio_is_taken_back_wherever_it_comes(lfm25: LoadedModel, decoder: DecoderName, frames: int) -> None:
    render, codes = Renderer(lfm25.decoders[decoder]), speech(frames)
    for _ in range(2):  # two stretches: nothing of the first is heard in the second
        got = pieces(render, codes)
        at_end = render(mx.array(END))  # its sound, where any came, is nobody's
        assert at_end is None or frames in (0, 2, 5)
        same([*got, render.finish(ended=True)], whole(lfm25, decoder, codes))


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("frames", range(8))
def test_what_is_cut_off_is_rendered_to_its_last_frame(lfm25: LoadedModel, decoder: DecoderName, frames: int) -> None:
    render, codes = Renderer(lfm25.decoders[decoder]), speech(frames)
    same([*pieces(render, codes), render.finish(ended=False)], whole(lfm25, decoder, codes))


def test_the_first_frame_comes_alone_then_two_then_three(lfm25: LoadedModel) -> None:
    render = Renderer(lfm25.decoders["Mimi"])
    assert [len(sound) // 1920 for sound in pieces(render, speech(12))] == [1, 2, 3, 3, 3]
    assert len(render.rest()) == 0, "the twelve frames of a stretch leave none waiting"


@pytest.mark.parametrize("decoder", DECODERS)
def test_speech_goes_on_behind_words_as_if_none_had_come(lfm25: LoadedModel, decoder: DecoderName) -> None:
    render, codes = Renderer(lfm25.decoders[decoder]), speech(23)
    got: list[np.ndarray] = []
    for start, end in pairwise((0, 2, 7, 7, 15, 23)):
        got += [*pieces(render, codes[start:end]), render.rest()]
    same([*got, render.finish(ended=False)], whole(lfm25, decoder, codes))
