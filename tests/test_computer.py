"""What the computer has, and what the models cost: near the truth, and never more than a container allows."""

import logging
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path

import psutil
import pytest

from lfm import catalogue, computer, footprint
from lfm.checkpoint import LoadedModel, load
from lfm.quantize import quantize
from lfm.random_model import write


def test_memory_is_the_computers_or_what_a_container_is_allowed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "backend", lambda: "CPU")
    monkeypatch.setattr(computer, "CGROUP", tmp_path)
    total = psutil.virtual_memory().total
    found = computer.memory()
    assert found and found.total == total and 0 < found.free <= total
    (tmp_path / "memory.max").write_text("2000000\n")
    (tmp_path / "memory.current").write_text("500000\n")
    assert computer.memory() == computer.Memory(2_000_000, 1_500_000)
    (tmp_path / "memory.max").write_text("max\n")
    assert computer.memory().total == total  # type: ignore[union-attr]


def test_a_graphics_cards_memory_is_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "backend", lambda: "CUDA")
    assert computer.memory() is None


def installed(site: Path, name: str, library: bytes) -> Distribution:
    """A package that puts its library where all of MLX's do."""
    (site / "mlx" / "lib").mkdir(parents=True, exist_ok=True)
    (site / "mlx" / "lib" / "libmlx.so").write_bytes(library)
    info = site / f"{name.replace('-', '_')}-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (info / "RECORD").write_text(f"mlx/lib/libmlx.so,,{len(library)}\n")
    return PathDistribution(info)


@pytest.mark.parametrize(
    ("packages", "found"),
    [
        (["mlx-cpu"], "CPU"),
        (["mlx-cuda-13"], "CUDA"),
        (["mlx-cpu", "mlx-cuda-13"], "CUDA"),
        (["mlx-cuda-13", "mlx-cpu"], "CPU"),
    ],
)
def test_the_library_that_was_installed_last_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, packages: list[str], found: str
) -> None:
    parts = [installed(tmp_path, name, b"x" * len(name)) for name in packages]
    monkeypatch.setattr(computer, "distributions", lambda: parts)
    monkeypatch.setattr(computer, "NVIDIA", tmp_path)
    monkeypatch.setattr(computer.sys, "platform", "linux")
    with caplog.at_level(logging.WARNING):
        assert computer.backend.__wrapped__() == found
    overwritten = packages == ["mlx-cuda-13", "mlx-cpu"]
    assert ("pip install --force-reinstall --no-deps mlx-cuda-13" in caplog.text) == overwritten


def test_numbers_are_counted_as_they_will_lie_in_memory(golden_folders: dict[str, Path], lfm25: LoadedModel) -> None:
    folder = golden_folders["lfm25-tiny"]
    for loaded, counted in ((lfm25, footprint.unpacked(folder)), (load(folder, as_stored=True), footprint.as_stored(folder))):
        assert loaded.info.memory <= counted < 1.7 * loaded.info.memory  # a file also holds what is not used


def test_packed_numbers_are_counted_as_they_stay(tmp_path: Path) -> None:
    plain = write(tmp_path / "model")
    folders = [plain, *(quantize(plain, tmp_path / recipe, recipe) for recipe in ("8bit", "4bit"))]
    for sizes in ([load(folder, as_stored=True).info.memory for folder in folders], [footprint.as_stored(folder) for folder in folders]):
        saved, saved_again = sizes[0] - sizes[1], sizes[1] - sizes[2]  # a byte of two, less a scale and a bias, and half of the other
        assert saved_again == pytest.approx(saved / 2, rel=0.15)


def test_a_container_may_have_fewer_cores_than_it_sees(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(computer, "CGROUP", tmp_path)
    seen = computer.cores()
    for limit, cores in (("max 100000", seen), ("100000 100000", 1), ("20000 100000", 1), (f"{seen + 5}00000 100000", seen)):
        (tmp_path / "cpu.max").write_text(limit)
        assert computer.cores() == cores


@pytest.mark.parametrize("bits", [4, 8, 16])
def test_fewer_bits_need_less_memory(bits: int) -> None:
    model = next(each for each in catalogue.PUBLISHED if each.title.startswith("LFM2.5-Audio,") and each.bits == bits)
    assert model.needs("CPU") == {4: 2_500_000_000, 8: 3_000_000_000, 16: 4_500_000_000}[bits]
    assert model.needs("Metal") == {4: 2_500_000_000, 8: 3_000_000_000, 16: 4_500_000_000}[bits]


def test_a_pocket_model_counts_its_own_files(tmp_path: Path) -> None:
    write(tmp_path)
    pocket = catalogue.models(tmp_path)[0]
    assert pocket.size == sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
