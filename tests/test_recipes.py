"""Packing a checkpoint by recipe: it loads, packed or unpacked, and more bits are nearer."""

from pathlib import Path

import pytest

from lfm import checkpoint
from lfm.__main__ import main
from lfm.checkpoint import load
from lfm.errors import LfmError
from lfm.quantize import RECIPES, quantize
from lfm.random_model import write
from tests import recipes

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS
import mlx.nn as nn  # isort: skip

pytestmark = pytest.mark.usefixtures("on_cpu")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("whole"), seed=1)


def hidden(folder: Path) -> mx.array:
    model = load(folder, "float32").model
    return model(model.embed_text(mx.array([1, 6, 300, 301])))[0, -1]


def test_more_bits_are_nearer_and_larger(whole: Path, tmp_path: Path) -> None:
    want, errors, sizes = hidden(whole), [], []
    for recipe in ("4bit", "5bit", "6bit", "8bit"):
        folder = quantize(whole, tmp_path / recipe, recipe)
        errors.append(float(mx.linalg.norm(hidden(folder) - want) / mx.linalg.norm(want)))
        sizes.append((folder / "model.safetensors").stat().st_size)
    assert errors == sorted(errors, reverse=True)
    assert 0 < errors[-1] < 0.1
    assert [*sizes, (whole / "model.safetensors").stat().st_size] == sorted([*sizes, (whole / "model.safetensors").stat().st_size])


def test_the_mixed_recipe_spares_what_is_heard(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quantize(whole, tmp_path, "mixed")
    monkeypatch.setattr(checkpoint.mx, "default_device", lambda: mx.gpu)  # load as on a GPU
    model = load(tmp_path, "float32").model
    bits = {path: module.bits for path, module in model.named_modules() if isinstance(module, nn.QuantizedLinear | nn.QuantizedEmbedding)}
    assert bits["depth_linear"] == bits["audio_embedding"] == bits["depth_embeddings.0.embedding"] == 8
    assert bits["lfm.embed_tokens"] == bits["lfm.layers.0.operator.in_proj"] == 6
    assert bits["lfm.layers.0.feed_forward.w13"] == bits["lfm.layers.2.operator.qkv_proj"] == 4


def test_the_command_says_how_large_it_became(whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["quantize", str(whole), str(tmp_path / "small"), "--recipe", "4bit"]) == 0
    assert "MB" in capsys.readouterr().out
    with pytest.raises(LfmError, match="quantised already"):
        quantize(tmp_path / "small", tmp_path / "smaller", "4bit")
    with pytest.raises(LfmError, match="no recipe"):
        quantize(whole, tmp_path / "other", "3bit")
    assert "mixed" in RECIPES


def test_the_command_prints_what_each_costs(golden_folders: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    recipes.main(golden_folders["lfm25-tiny"])
    heads, *rows = (line.split() for line in capsys.readouterr().out.splitlines())
    assert " ".join(heads) == "recipe size text logits frame logits sound same tokens"
    table = {" ".join(row[:-5]): [float(number.rstrip("%")) for number in row[-5:]] for row in rows}
    assert table.pop("as is") == [100, 0, 0, 0, 100]
    assert list(table) == list(RECIPES)
    text, frames, sound, same = ([table[name][i] for name in ("4bit", "5bit", "6bit", "8bit")] for i in range(1, 5))
    for errors in (text, frames):
        assert errors == sorted(errors, reverse=True) and 0 < errors[-1] < 0.2
    assert same == sorted(same) and same[0] > 0 and 80 < same[-1] < 100
    assert min(sound) > 0  # where codes are others, they sound otherwise
