"""What a processor's loops compute is what NumPy and MLX compute from the same numbers, however those are stored."""

import math
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from numba.core.errors import TypingError

from lfm import blas
from lfm.checkpoint import LoadedModel, load
from lfm.config import ConformerConfig
from lfm.layout import parameters
from lfm.model.conformer import Conformer
from lfm.options import CHAT_AUDIO, Sampling
from lfm.processor import compiled
from lfm.processor.attention import QUERIES, SHORT, attended
from lfm.processor.blocks import LoopedBlock
from lfm.processor.cache import RunningKVCache
from lfm.processor.codec import softened
from lfm.processor.depthformer import LoopedDepthformer
from lfm.processor.floats import half, many, quarter, six, third
from lfm.processor.frame import kth
from lfm.processor.listening import bent
from lfm.processor.loops import gated
from lfm.processor.matrix import GROUP
from lfm.processor.packed import NEAR
from lfm.processor.products import times
from lfm.processor.replace import multiply_as_stored
from lfm.processor.stored import Stored, StoredEmbedding, StoredLinear
from lfm.processor.tiles import four_by_three, one_by_four, six_by_four, six_by_two, two_by_four
from lfm.random_model import write
from lfm.sampling import Draws
from tests.test_quantization import answers, convert, distance

pytestmark = pytest.mark.usefixtures("on_cpu")
ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("published"), seed=1)


def layer(height: int, width: int, kind: str) -> Any:
    plain: Any = nn.Linear(width, height, bias=False)
    plain.weight = mx.random.normal((height, width), key=mx.random.key(height))
    if kind == "float32":
        return plain
    plain.weight = plain.weight.astype(mx.bfloat16)
    return plain if kind == "bfloat16" else nn.QuantizedLinear.from_linear(plain, GROUP, int(kind))


def in_float32(layer: Any) -> np.ndarray:
    if "scales" not in layer:
        return np.array(layer.weight.astype(mx.float32))
    scales, biases = layer.scales.astype(mx.float32), layer.biases.astype(mx.float32)
    return np.array(mx.dequantize(layer.weight, scales, biases, layer.group_size, layer.bits))


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "8", "6", "4"])
@pytest.mark.parametrize("height", [4, 5, 33, 256])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 6, 7, 17, 61])
def test_rows_times_a_matrix(rows: int, height: int, kind: str) -> None:
    given = layer(height, 2 * GROUP, kind)
    x = np.random.default_rng(rows).standard_normal((rows, 2 * GROUP), np.float32)
    np.testing.assert_allclose(times(x, Stored(given).matrix), x @ in_float32(given).T, atol=1e-4)


@pytest.mark.parametrize("loop", [six, many])
def test_rows_of_either_kind_of_processor(loop: Any) -> None:
    given, y = layer(37, 2 * GROUP, "bfloat16"), np.empty((6, 37), np.float32)
    x = np.random.default_rng(0).standard_normal((6, 2 * GROUP), np.float32)
    loop(y, x, Stored(given).matrix)
    np.testing.assert_allclose(y, x @ in_float32(given).T, atol=1e-4)


@pytest.mark.parametrize("kind", ["bfloat16", "8"])
def test_rows_that_are_long(kind: str) -> None:
    """Of a packed matrix as many are widened at a time as stay in a cache: here one tile's."""
    given = layer(29, 2 * NEAR // 8, kind)
    x = np.random.default_rng(0).standard_normal((7, 2 * NEAR // 8), np.float32)
    np.testing.assert_allclose(times(x, Stored(given).matrix), x @ in_float32(given).T, atol=1e-3)


@pytest.mark.parametrize(("width", "group"), [(256, 32), (256, 64), (256, 128), (128, 128)])
@pytest.mark.parametrize("bits", [4, 5, 6, 8])
def test_packed_numbers_stay_what_they_are(bits: int, width: int, group: int) -> None:
    table = nn.Embedding(40, width)
    packed = nn.QuantizedEmbedding.from_embedding(table, group, bits)
    stored, ids = StoredEmbedding(packed), mx.array([[3, 0, 39], [7, 7, 1]])
    np.testing.assert_allclose(stored(ids), packed(ids), atol=1e-6)
    x = mx.random.normal((2, 3, width), key=mx.random.key(0))
    for some in (x, x[:1, :1]):  # several rows are multiplied by other loops than one
        np.testing.assert_allclose(stored.as_linear(some), packed.as_linear(some), atol=1e-4)
    assert stored["weight"].nbytes == 40 * width * (4 if group < GROUP else 0.5 if bits == 4 else 1)


def test_vectors_are_read_from_one_run_of_memory() -> None:
    x = np.zeros((1, 4 * GROUP), np.float32)
    with pytest.raises(TypingError, match="one run of memory"):
        times(x[:, ::2], Stored(layer(8, 2 * GROUP, "4")).matrix)


def test_a_bias_is_added() -> None:
    plain = nn.Linear(64, 24)
    x = mx.random.normal((2, 5, 64), key=mx.random.key(1))
    np.testing.assert_allclose(StoredLinear(plain)(x), plain(x), atol=1e-5)


TILES = {one_by_four: (1, 4), two_by_four: (2, 4), four_by_three: (4, 3), six_by_two: (6, 2), six_by_four: (6, 4)}


@pytest.mark.parametrize("tile", TILES)
def test_tiles_of_either_kind_of_processor(tile: Any) -> None:
    """Those that are not this one's, too."""
    rng = np.random.default_rng(0)
    x, matrix, y = rng.standard_normal((8, 128), np.float32), rng.standard_normal((9, 128), np.float32), np.zeros((8, 6), np.float32)
    rows, columns = TILES[tile]
    lines, at = (8, 0, 5, 3)[:columns], (1, 2, 4, 5)[:columns]
    tile(y, at, x, 2, matrix, lines)
    want = np.zeros_like(y)
    want[2 : 2 + rows, at] = (x @ matrix.T)[2 : 2 + rows, lines]
    np.testing.assert_allclose(y, want, atol=1e-4)


@pytest.mark.parametrize(("part", "parts"), [(half, 2), (third, 3), (quarter, 4)])
def test_parts_of_a_matrix_are_all_of_it(part: Any, parts: int) -> None:
    for outputs in range(1, 40):
        steps = range(-(-outputs // parts))
        assert {row for n in steps for row in part(n, outputs)} == set(range(outputs))


# Few queries on one core and on all, and many, by tiles
@pytest.mark.parametrize(("length", "seen"), [(4, 9), (4, 4 + SHORT // 768), (QUERIES // 4, 200), (QUERIES + 5, QUERIES + 5), (77, 500)])
@pytest.mark.parametrize("window", [3, 7, 100, 1000])
def test_attention_sees_a_window(window: int, length: int, seen: int) -> None:
    rng = np.random.default_rng(window)
    queries = rng.standard_normal((2, length, 6, 16), np.float32)
    keys, values = (rng.standard_normal((seen, 2, 3, 16), np.float32) for _ in range(2))
    heads = [mx.array(each.transpose(1, 2, 0, 3)) for each in (keys, values)]
    at, key = np.arange(seen - length, seen)[:, None], np.arange(seen)[None]
    mask = mx.array(((key <= at) & (key > at - window)).tolist())
    want = mx.fast.scaled_dot_product_attention(mx.array(queries.transpose(0, 2, 1, 3)), *heads, scale=0.25, mask=mask)
    np.testing.assert_allclose(attended(queries, keys, values, window), np.array(want).transpose(0, 2, 1, 3), atol=1e-5)


@pytest.mark.parametrize("length", [9, 37, 160])
@pytest.mark.parametrize("heads", [2, 8])
def test_a_conformer_hears_the_same(length: int, heads: int) -> None:
    config = ConformerConfig(feat_in=32, n_layers=2, d_model=64, n_heads=heads, ff_size=128, conv_channels=16, conv_kernel=9)
    plain, looped = Conformer(config), Conformer(config)
    names = [(name, mx.random.normal(value.shape, key=mx.random.key(i)) * 0.3) for i, (name, value) in enumerate(parameters(plain).items())]
    weights = [(name, mx.abs(value) + 0.5 if name.endswith("running_var") else value) for name, value in names]
    for each in (plain, looped):
        each.load_weights(weights)
        each.eval()
    multiply_as_stored(looped)
    mel = mx.random.normal((1, length, 32), key=mx.random.key(0))
    np.testing.assert_allclose(looped(mel), plain(mel), atol=1e-4)


def test_formulas_are_exact_enough() -> None:
    x = np.linspace(-100, 100, 200_001, dtype=np.float32)
    wide = x.astype(np.float64)
    both = np.stack([x, np.ones_like(x)]).T.reshape(1, -1).copy()
    np.testing.assert_allclose(gated(both.reshape(-1, 2))[:, 0], wide / (1 + np.exp(-wide)), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(softened(x[None])[0], np.where(wide > 0, wide, np.expm1(wide)), atol=1e-6, rtol=1e-6)
    np.testing.assert_allclose(bent(x[None])[0], [y * 0.5 * (1 + math.erf(y / math.sqrt(2))) for y in wide], atol=1e-5)


def test_a_bfloat16_checkpoint_gives_the_same_numbers_from_half_the_bytes(published: Path) -> None:
    stored, plain = load(published, as_stored=True), load(published, as_stored=False)
    assert stored.info.precision == "bfloat16" and plain.info.precision == "float32"
    assert isinstance(stored.model.lfm.layers[0], LoopedBlock) and not stored.model.lfm.traceable
    assert stored.info.parameters == plain.info.parameters and stored.info.memory < 0.8 * plain.info.memory
    for ours, theirs in zip(answers(stored), answers(plain), strict=True):
        assert distance(ours, theirs) < 1e-5


@pytest.mark.parametrize("bits", [4, 8])
def test_a_packed_checkpoint_gives_what_its_unpacked_weights_give(published: Path, tmp_path: Path, bits: int) -> None:
    convert(published, tmp_path, bits)
    stored, plain = load(tmp_path, as_stored=True), load(tmp_path, as_stored=False)
    assert stored.info.precision == f"{bits}-bit"
    assert stored.info.parameters == plain.info.parameters and stored.info.memory < 0.6 * plain.info.memory
    for ours, theirs in zip(answers(stored), answers(plain), strict=True):
        assert distance(ours, theirs) < 1e-5


@pytest.mark.parametrize(
    "sampling",
    [
        Sampling(),
        Sampling(temperature=1.0, top_k=4),
        Sampling(temperature=0.8, top_k=64),
        Sampling(temperature=1.3),
        Sampling(temperature=1.0, top_p=0.5),
    ],
)
def test_a_frame_in_one_loop_is_that_drawn_a_codebook_at_a_time(published: Path, sampling: Sampling) -> None:
    model = load(published, as_stored=True).model
    assert isinstance(model.depthformer, LoopedDepthformer)
    for seed in range(6):
        key = mx.random.key(seed)
        hidden, keys = mx.random.normal((model.hidden_size,), key=key), mx.random.split(key, model.codebooks)
        heat, kind = mx.array(sampling.temperature), sampling if sampling.greedy else replace(sampling, temperature=1.0)
        codes, logits = model.frame_and_logits(hidden, Draws(kind, keys, heat))
        draws = Draws(kind, keys, heat)
        want, wanted = model.frame_and_logits(hidden, lambda row, draws=draws: draws(row))
        np.testing.assert_array_equal(codes, want)
        np.testing.assert_allclose(logits, wanted, atol=1e-5)


def test_a_depthformer_of_several_kinds_of_weights_speaks_too(published: Path) -> None:
    """One loop goes through layers that are all of one kind."""
    mixed, plain = load(published, as_stored=False).model, load(published, as_stored=False).model
    first: Any = mixed.depthformer.layers[0]
    first.feed_forward.w2.weight = first.feed_forward.w2.weight.astype(mx.bfloat16)
    multiply_as_stored(mixed)
    hidden, keys = mx.ones((plain.hidden_size,)), mx.random.split(mx.random.key(0), plain.codebooks)
    theirs, ours = (model.audio_frame(hidden, Draws(CHAT_AUDIO, keys, mx.array(1.0))) for model in (plain, mixed))
    np.testing.assert_array_equal(ours, theirs)


def test_the_kth_largest() -> None:
    numbers = np.array([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5], np.float32)
    assert [kth(numbers, k) for k in range(1, 12)] == sorted(numbers.tolist(), reverse=True)


def test_small_models_are_not_loaded_so(lfm25: LoadedModel) -> None:
    assert lfm25.model.lfm.traceable


def append(cache: RunningKVCache, keys: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Write them where the loops would; all that are held."""
    n, batch, heads, dim = keys.shape
    all_keys, all_values, at = cache.room((n, batch, heads, dim))
    all_keys[at : at + n], all_values[at : at + n] = keys, values
    return all_keys[: at + n], all_values[: at + n]


def test_what_was_marked_comes_back_from_a_window_that_moved_on() -> None:
    cache, rng = RunningKVCache(window=5), np.random.default_rng(0)
    given = rng.standard_normal((2 * RunningKVCache.BLOCK, 1, 2, 4), np.float32)
    append(cache, given[:200], -given[:200])
    mark = cache.mark()
    for first in range(200, 500, 20):
        keys, values = append(cache, given[first : first + 20], -given[first : first + 20])
        np.testing.assert_array_equal(keys[-24:], given[first - 4 : first + 20])
        np.testing.assert_array_equal(values, -keys)
    assert cache.offset == 500 and len(cache.arrays()[0]) == RunningKVCache.BLOCK
    cache.rewind(mark)
    keys, _ = append(cache, given[7:8], given[7:8])
    np.testing.assert_array_equal(keys[-6:], [*given[195:200], given[7]])
    assert cache.offset == 201


def test_rows_of_a_cache_are_their_own() -> None:
    cache, rng = RunningKVCache(), np.random.default_rng(0)
    given = rng.standard_normal((6, 2, 2, 4), np.float32)
    append(cache, given[:5], given[:5])
    chosen = cache.rows(mx.array([1, 1, 0]))
    append(cache, given[5:], given[5:])
    keys, _ = append(chosen, given[:1][:, [0, 0, 0]], given[:1][:, [0, 0, 0]])
    np.testing.assert_array_equal(keys[:5], given[:5][:, [1, 1, 0]])
    np.testing.assert_array_equal(keys[5], given[0][[0, 0, 0]])


def test_loops_that_were_compiled_before_run_again_in_a_new_process(tmp_path: Path) -> None:
    """Threads that nobody had started would end it."""
    code = """
import os, sys
os.environ["XDG_CACHE_HOME"] = sys.argv[1]
import lfm, numpy as np
from lfm.processor.packed import NEAR
from lfm.processor.products import times
print(times(np.ones((1, 64), np.float32), np.ones((8, 64), np.float32))[0, 7], sum(times.stats.cache_hits.values()))
"""
    said = [subprocess.check_output([sys.executable, "-c", code, str(tmp_path)], text=True, cwd=ROOT).split() for _ in range(2)]
    assert said == [["64.0", "0"], ["64.0", "1"]]


def test_no_library_for_threads_is_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    def none(*_: object, **__: object) -> None:
        raise OSError("no such file")

    monkeypatch.setattr(blas.ctypes, "CDLL", none)
    compiled.find_threads()
    assert "Install libgomp1" in caplog.text
