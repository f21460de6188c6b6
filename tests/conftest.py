"""Checkpoints for the tests: the cut copies of the reference's, one of random weights, and what is loaded from them in float32."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lfm.checkpoint import LoadedModel, load
from lfm.engine import Engine
from lfm.random_model import write

import mlx.core as mx  # isort: skip  # lfm comes first: it loads a fast BLAS

GOLDEN = Path(__file__).parent / "golden"
FAMILIES = ["lfm25-tiny", "lfm2-tiny"]


@pytest.fixture
def on_cpu() -> Iterator[None]:
    """What is about a CPU runs there, whatever else the machine has."""
    before = mx.default_device()
    mx.set_default_device(mx.cpu)
    yield
    mx.set_default_device(before)


@pytest.fixture(scope="session")
def golden_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Family -> folder with the checkpoint and its goldens."""
    root = tmp_path_factory.mktemp("golden")
    for family in FAMILIES:
        with tarfile.open(GOLDEN / f"{family}.tar.xz") as archive:
            archive.extractall(root, filter="data")
    return {family: root / family for family in FAMILIES}


@pytest.fixture(scope="session")
def lfm25(golden_folders: dict[str, Path]) -> LoadedModel:
    """A small LFM2.5-Audio, with Mimi and the detokenizer."""
    return load(golden_folders["lfm25-tiny"], "float32")


@pytest.fixture(scope="session")
def lfm2(golden_folders: dict[str, Path]) -> LoadedModel:
    """A small LFM2-Audio, with Mimi alone."""
    return load(golden_folders["lfm2-tiny"], "float32")


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in the published layout, of random weights."""
    return write(tmp_path_factory.mktemp("published"))


@pytest.fixture(scope="session")
def loaded(published: Path) -> LoadedModel:
    return load(published, "float32")


@pytest.fixture
def copy(published: Path, tmp_path: Path) -> Path:
    """One to change or to spoil."""
    return Path(shutil.copytree(published, tmp_path / "copy"))


@pytest.fixture
def engine(golden_folders: dict[str, Path]) -> Iterator[Engine]:
    """On a thread of its own, with a small LFM2.5-Audio."""
    engine = Engine(str(golden_folders["lfm25-tiny"]), dtype="float32")
    yield engine
    engine.close()
