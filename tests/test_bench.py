"""The benchmark runs on any checkpoint, and its floors are sums that can be checked by hand."""

import json
import subprocess
import sys
from pathlib import Path

from lfm import random_model
from lfm.bench.floors import encoder_operations
from lfm.bench.report import Row, figure, table
from lfm.bench.requests import Requests
from lfm.bench.works import Works
from lfm.catalogue import POCKET
from lfm.checkpoint import load
from lfm.config import ConformerConfig
from lfm.generate import TokenGenerator


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
    assert 0 < rows["backbone step"]["floor"] < rows["backbone step"]["value"]
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


def test_a_row_without_a_value_says_why() -> None:
    lines = list(table([Row("a", 12.345, "ms", 6.0), Row("b", None, "ms", note="none came")]))
    assert lines[1].split() == ["a", "12.3", "ms", "6", "49", "%"]
    assert lines[2].endswith("none came")
    assert figure(1234.5) == "1234"
