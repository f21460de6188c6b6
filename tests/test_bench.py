"""The benchmark runs on any checkpoint, and its floors are sums that can be checked by hand."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from lfm import random_model
from lfm.bench.floors import decoding, encoder_operations, prefill_operations
from lfm.bench.report import Row, figure, table
from lfm.bench.requests import Requests
from lfm.bench.works import Works
from lfm.catalogue import POCKET
from lfm.checkpoint import load
from lfm.config import ConformerConfig, DetokenizerConfig, Lfm2Config, MimiConfig
from lfm.generate import TokenGenerator
from lfm.model.detokenizer import Detokenizer
from lfm.model.mimi import Mimi


def test_the_command_prints_a_table_and_writes_the_same_rows(tmp_path: Path) -> None:
    folder = random_model.write(tmp_path / "model")
    written = tmp_path / "rows.json"
    command = [sys.executable, "-m", "lfm", "bench", "--model", str(folder), "--turns", "2", "--json", str(written)]
    printed = subprocess.run(command, capture_output=True, text=True, timeout=240, check=True).stdout
    found = json.loads(written.read_text())
    rows = {row["name"]: row for row in found["rows"]}
    for name in ("load", "backbone step", "depthformer frame", "chat, question of 4 s, first sound", "start of app.py to Ready"):
        assert rows[name]["value"] > 0
        assert name in printed
    assert found["model"]["parameters"] > 1e6
    for name in ("backbone step", "Mimi, a frame of 80 ms alone", "second turn of 32 positions behind 1024"):
        assert 0 < rows[name]["floor"] < rows[name]["value"]
    assert rows["in use after 2 turns"]["value"] >= rows["weights"]["value"]


def test_a_conversation_that_fills_up_ends_there() -> None:
    loaded = load(POCKET)
    rows = [*Requests(Works(loaded, TokenGenerator(loaded.model))).memory(turns=1000)]
    (used,) = (row for row in rows if row.name.startswith("in use after "))
    assert 10 < int(used.name.split()[3]) < 1000
    (state,) = (row for row in rows if row.name == "state of that conversation")
    assert 0.9 * loaded.info.context < int(state.note.split()[0]) <= loaded.info.context


def test_an_unknown_model_is_explained() -> None:
    command = [sys.executable, "-m", "lfm", "bench", "--model", "/nowhere"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert "/nowhere" in ended.stderr


def test_operations_of_an_encoder_are_counted_as_by_hand() -> None:
    config = ConformerConfig(feat_in=8, n_layers=1, d_model=4, n_heads=1, ff_size=16, conv_channels=2, conv_kernel=9)
    # 16 frames of 8 bins: 8 x 4, 4 x 2, 2 x 1 places
    subsampling = 32 * 2 * 9 + 8 * 2 * (9 + 2) + 2 * 2 * (9 + 2) + 2 * (2 * 1) * 4
    by_weights = 2 * (2 * 2 * 4 * 16 + 4 * 16 + 3 * 16 + 4 * 9) + 3 * 16  # two places, three distances
    scores = 2 * 3 * 4 + 2 * (2 * 2 * 4)  # by distance; by key, and the values they weigh
    adapter = 2 * (4 * 6 + 6 * 6)
    assert encoder_operations(config, 6, 16) == 2 * (subsampling + by_weights + scores + adapter)


LFM = Lfm2Config(
    hidden_size=4, n_heads=2, n_kv_heads=1, ff_size=6, layer_types=("conv", "full_attention"), conv_kernel=3, norm_eps=1e-5, rope_theta=1e6,
)  # fmt: skip


def test_operations_of_a_prompt_are_counted_as_by_hand() -> None:
    convolution, attention, fed = 4 * 12 + 4 * 4, 4 * (2 + 2) * 2 + 4 * 4, 3 * 4 * 6
    scores = 2 * 4 * (3 * 5 + 1 + 2 + 3)  # three positions behind five, by key, and the values they weigh
    assert prefill_operations(LFM, 3, 5) == 2 * (3 * (convolution + attention + 2 * fed) + scores)


def test_operations_of_decoders_are_counted_as_by_hand() -> None:
    detokenizer = Detokenizer(DetokenizerConfig(lfm=replace(LFM, layer_types=("conv",)), output_size=10))
    matrices = 4 * 12 + 4 * 4 + 3 * 4 * 6 + 4 * 10
    taps, norms = 4 * 3, 3 * 4
    assert decoding(detokenizer, 2) == (4 * (matrices + taps + norms + 10), 2 * 2 * 6 * (matrices + taps))  # 10 biases
    mimi = Mimi(MimiConfig(dimension=8, n_filters=2, ratios=(2, 3), n_layers=1, n_heads=2, ff_size=16, codebook_dim=4, codebooks=3))
    transformer, projections = 4 * 8 * 8 + 2 * 8 * 16, 2 * 4 * 8
    first, up, more, last = 7 * 8 * 8, (2 * 8) * (2 * 4), (2 * 4) * (3 * 2), 3 * 2
    wide, narrow = 3 * 4 * 2 + 2 * 4, 3 * 2 * 1 + 1 * 2  # residual blocks
    by_hand = projections + 2 * (transformer + first + up) + 4 * (wide + more) + 12 * (narrow + last)
    assert decoding(mimi, 1)[1] == 2 * by_hand


def test_a_row_without_a_value_says_why() -> None:
    lines = list(table([Row("a", 12.345, "ms", 6.0), Row("b", None, "ms", note="none came")]))
    assert lines[1].split() == ["a", "12.3", "ms", "6", "49", "%"]
    assert lines[2].endswith("none came")
    assert figure(1234.5) == "1234"
