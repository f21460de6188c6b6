"""Any chunking gives the offline result; streams on one model do not mix; the future changes nothing."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest

from lfm.checkpoint import LoadedModel, load
from lfm.model.detokenizer import Detokenizer
from lfm.model.mimi import SAMPLES_PER_FRAME, Mimi
from lfm.model.state import Compiled, State
from lfm.options import DecoderName

FRAMES = 23
Decoder = Mimi | Detokenizer


@pytest.fixture(scope="module", params=[False, True], ids=["MLX's modules", "loops"])
def lfm25(request: pytest.FixtureRequest, golden_folders: dict[str, Path]) -> LoadedModel:
    """A small LFM2.5-Audio, as it is, and as a processor has a large one."""
    return load(golden_folders["lfm25-tiny"], "float32", as_stored=request.param)


@pytest.fixture(params=["Mimi", "Detokenizer"])
def decoder(request: pytest.FixtureRequest, lfm25: LoadedModel) -> Decoder:
    return lfm25.decoders[request.param]


def random_codes(seed: int, frames: int = FRAMES) -> mx.array:
    return mx.random.randint(0, 2048, (1, frames, 8), key=mx.random.key(seed))


def in_chunks(decode: Callable[..., mx.array], whole: mx.array, size: int, state: State) -> list[np.ndarray]:
    return [np.array(decode(whole[:, i : i + size], state)) for i in range(0, whole.shape[1], size)]


def relative(ours: np.ndarray, want: np.ndarray) -> float:
    assert ours.shape == want.shape
    return float(np.abs(ours - want).max() / np.abs(want).max())


@pytest.mark.parametrize("size", [1, 3, 10, FRAMES])
def test_decoding_in_chunks_is_decoding_the_whole(decoder: Decoder, size: int) -> None:
    codes, state = random_codes(0), State()
    chunks = [*in_chunks(decoder.decode, codes, size, state), np.array(decoder.flush(state))]
    assert relative(np.concatenate(chunks, axis=1), np.array(decoder.decode(codes))) < 1e-5


@pytest.mark.parametrize("sizes", [(1, 2, 12, 3, 1, 4), (12, 1, 1, 3, 6), (3, 3, 10, 7)])
def test_few_frames_and_many_follow_one_another(decoder: Decoder, sizes: tuple[int, ...]) -> None:
    codes, state = random_codes(0), State()  # few are a graph, whose windows are full from the start, and many are not
    ends = np.cumsum((0, *sizes))
    chunks = [np.array(decoder.decode(codes[:, i:j], state)) for i, j in pairwise(ends)]
    chunks.append(np.array(decoder.flush(state)))
    assert relative(np.concatenate(chunks, axis=1), np.array(decoder.decode(codes))) < 1e-5


def graphs_of_a_stream(decoder: Decoder) -> int:
    """How many a stream of single frames needs."""
    traced: list[int] = []

    def decoded(codes: mx.array, state: State | None) -> mx.array:
        traced.append(1)
        return decoder.decoded(codes, state)

    graph, codes, state = Compiled(decoded, decoder._compiled._place, lambda: True), random_codes(1), State()
    for i in range(FRAMES):
        mx.eval(graph(codes[:, i : i + 1], state, 6 if isinstance(decoder, Detokenizer) else 2), state.arrays())
    return len(traced)


def test_a_stream_needs_two_graphs_one_for_its_start(golden_folders: dict[str, Path]) -> None:
    decoders = load(golden_folders["lfm25-tiny"], "float32", as_stored=False).decoders.values()
    assert [graphs_of_a_stream(decoder) for decoder in decoders] == [2, 2]


def test_the_first_chunks_have_the_sizes_that_the_delay_of_the_transform_gives(lfm25: LoadedModel) -> None:
    sizes: dict[DecoderName, list[int]] = {"Detokenizer": [1440, 1920, 1920, 480], "Mimi": [1920, 1920, 1920, 0]}
    for name, want in sizes.items():
        decoder, state = lfm25.decoders[name], State()
        chunks = [*in_chunks(decoder.decode, random_codes(1, 3), 1, state), np.array(decoder.flush(state))]
        assert [chunk.shape[1] for chunk in chunks] == want


def test_a_stream_of_nothing_ends_with_nothing(decoder: Decoder) -> None:
    assert np.array(decoder.flush(State())).shape == (1, 0)


def test_two_streams_on_one_model_do_not_mix(decoder: Decoder) -> None:
    one, two, states = random_codes(2), random_codes(3), (State(), State())
    chunks: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for i in range(FRAMES):
        chunks[0].append(np.array(decoder.decode(one[:, i : i + 1], states[0])))
        chunks[1].append(np.array(decoder.decode(two[:, i : i + 1], states[1])))
    for codes, state, parts in zip((one, two), states, chunks, strict=True):
        ours = np.concatenate([*parts, np.array(decoder.flush(state))], axis=1)
        assert relative(ours, np.array(decoder.decode(codes))) < 1e-5


def test_later_codes_do_not_change_earlier_sound(decoder: Decoder) -> None:
    codes = random_codes(4)
    other = mx.concatenate([codes[:, :10], random_codes(5)[:, 10:]], axis=1)
    final = 10 * SAMPLES_PER_FRAME - 480
    ours, theirs = np.array(decoder.decode(codes)), np.array(decoder.decode(other))
    assert relative(ours[:, :final], theirs[:, :final]) < 1e-5
    assert relative(ours[:, final + 1920 :], theirs[:, final + 1920 :]) > 1e-2


def test_a_frame_that_is_taken_back_leaves_no_trace(decoder: Decoder) -> None:
    codes, state = random_codes(6, 8), State()
    before = np.array(decoder.decode(codes[:, :5], state))
    mark = state.mark()
    decoder.decode(random_codes(7, 1), state)
    state.rewind(mark)
    after = np.array(decoder.decode(codes[:, 5:], state))
    ours = np.concatenate([before, after, np.array(decoder.flush(state))], axis=1)
    assert relative(ours, np.array(decoder.decode(codes))) < 1e-5


@pytest.mark.parametrize("size", [1, 3, 10, 16])
def test_encoding_in_chunks_gives_the_same_codes(lfm25: LoadedModel, size: int) -> None:
    mimi = lfm25.decoders["Mimi"]
    assert isinstance(mimi, Mimi)
    sound = 0.3 * mx.random.normal((1, 16 * SAMPLES_PER_FRAME), key=mx.random.key(8))
    chunks = in_chunks(mimi.encode, sound, size * SAMPLES_PER_FRAME, State())
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), np.array(mimi.encode(sound)))


def test_a_chunk_of_half_a_frame_is_refused(lfm25: LoadedModel) -> None:
    mimi = lfm25.decoders["Mimi"]
    assert isinstance(mimi, Mimi)
    with pytest.raises(ValueError, match="1920"):
        mimi.encode(mx.zeros((1, 960)), State())


@pytest.mark.parametrize("size", [1, 2, 7, 50])
def test_the_backbone_fed_in_pieces_is_the_backbone_fed_whole(lfm25: LoadedModel, size: int) -> None:
    x, state = mx.random.normal((1, 50, 32), key=mx.random.key(9)), State()
    pieces = in_chunks(lfm25.model, x, size, state)
    assert relative(np.concatenate(pieces, axis=1), np.array(lfm25.model(x))) < 1e-5


def test_the_backbone_beyond_a_block_of_its_cache(lfm25: LoadedModel) -> None:
    x, state = mx.random.normal((1, 600, 32), key=mx.random.key(10)), State()
    pieces = in_chunks(lfm25.model, x, 90, state)
    assert relative(np.concatenate(pieces, axis=1), np.array(lfm25.model(x))) < 1e-5


def test_the_backbone_goes_back_to_a_mark(lfm25: LoadedModel) -> None:
    x, state = mx.random.normal((1, 40, 32), key=mx.random.key(11)), State()
    lfm25.model(x[:, :20], state)
    mark = state.mark()
    lfm25.model(-x[:, 5:17], state)
    state.rewind(mark)
    assert relative(np.array(lfm25.model(x[:, 20:], state)), np.array(lfm25.model(x))[:, 20:]) < 1e-5
