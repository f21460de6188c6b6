"""Kernels compiled for a card are kept in the user's cache. MLX for CUDA itself is not at hand: what it is told is looked at."""

import os
from importlib.metadata import version
from pathlib import Path

import pytest

from lfm import kernels


@pytest.fixture
def card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As if there were one; the user's cache."""
    device = tmp_path / "nvidia0"
    device.touch()
    monkeypatch.setattr(kernels, "NVIDIA", device)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("MLX_PTX_CACHE_DIR", "")  # so that it is put back
    monkeypatch.delenv("MLX_PTX_CACHE_DIR")
    return tmp_path / "cache"


def test_they_are_kept_in_the_users_cache_for_this_version(card: Path) -> None:
    kernels.keep_kernels()
    folder = Path(os.environ["MLX_PTX_CACHE_DIR"])
    assert folder.is_dir() and folder.is_relative_to(card) and folder.name == version("mlx")


def test_nothing_is_made_where_there_is_no_card(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernels, "NVIDIA", card / "none")
    kernels.keep_kernels()
    assert "MLX_PTX_CACHE_DIR" not in os.environ and not card.exists()


def test_what_the_user_says_stays(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLX_PTX_CACHE_DIR", "mine")
    kernels.keep_kernels()
    assert os.environ["MLX_PTX_CACHE_DIR"] == "mine" and not card.exists()


def test_a_cache_that_cannot_be_written_leaves_them_where_they_were(card: Path) -> None:
    card.write_text("a file where the folder would be")
    kernels.keep_kernels()
    assert "MLX_PTX_CACHE_DIR" not in os.environ
