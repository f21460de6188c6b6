"""Finding a model: folders, and a Hub that is a real HTTP server on this machine."""

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lfm import hub
from lfm.errors import CheckpointError, DownloadCancelled
from lfm.hub import cached, find
from lfm.random_model import write
from tests.fake_hub import BIG, REPOSITORY, FakeHub


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("published"))
    (folder / "README.md").write_text("not needed")
    (folder / "model.gguf").write_bytes(b"not needed")
    return folder


@pytest.fixture
def server(model: Path) -> Iterator[FakeHub]:
    server = FakeHub(model)
    yield server
    server.close()


def test_a_folder_is_itself(model: Path) -> None:
    assert find(str(model)) == model


@pytest.mark.parametrize("name", ["/no/such/folder", "nowhere", "a/b/c", "~no-such-user/x"])
def test_what_is_neither_folder_nor_repository_is_refused(name: str) -> None:
    with pytest.raises(CheckpointError, match="no folder"):
        find(name)


def test_a_file_is_refused(model: Path) -> None:
    with pytest.raises(CheckpointError, match="folder that holds it"):
        find(str(model / "config.json"))


def test_a_download_has_the_needed_files_and_tells_its_progress(server: FakeHub, model: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    folder = find(REPOSITORY, endpoint=server.url, cache=tmp_path, progress=lambda done, total: seen.append((done, total)))
    got = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert got == set(server.files) - {"README.md", "model.gguf"}
    assert all((folder / name).read_bytes() == server.files[name] for name in got)
    total = sum(len(server.files[name]) for name in got)
    assert seen[-1] == (total, total)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 3 * len(got)  # within files too
    assert cached(tmp_path) == {REPOSITORY: total}


def test_a_second_time_fetches_nothing(server: FakeHub, tmp_path: Path) -> None:
    first = find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    server.fetched.clear()
    seen: list[tuple[int, int]] = []
    assert find(REPOSITORY, "main", endpoint=server.url, cache=tmp_path, progress=lambda *now: seen.append(now)) == first
    assert server.fetched == []
    assert seen[-1][0] == seen[-1][1]


def test_a_line_that_breaks_is_taken_up_at_the_same_byte(server: FakeHub, tmp_path: Path) -> None:
    server.hang_up_after = 300_000
    folder = find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    assert server.ranges[0] == "bytes=0-"
    assert 0 < int(server.ranges[1][6:-1]) <= 300_000
    assert len(server.ranges) == 2
    assert (folder / BIG).read_bytes() == server.files[BIG]


def test_a_stopped_download_goes_on_the_next_time(server: FakeHub, tmp_path: Path) -> None:
    stop = threading.Event()
    size = len(server.files[BIG])

    def progress(done: int, total: int) -> None:
        if done > size // 2:
            stop.set()

    with pytest.raises(DownloadCancelled):
        find(REPOSITORY, endpoint=server.url, cache=tmp_path, progress=progress, cancelled=stop)
    assert cached(tmp_path) == {}
    server.ranges.clear()
    folder = find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    assert int(server.ranges[0][6:-1]) > size // 4
    assert (folder / BIG).read_bytes() == server.files[BIG]


def test_a_damaged_part_is_noticed_and_dropped(server: FakeHub, tmp_path: Path) -> None:
    content = server.files[BIG]
    part = tmp_path / hub.repo_folder_name(repo_id=REPOSITORY, repo_type="model") / "blobs"
    part.mkdir(parents=True)
    (part / f"{hashlib.sha256(content).hexdigest()}.incomplete").write_bytes(os.urandom(1000))
    with pytest.raises(CheckpointError, match="damaged"):
        find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    assert (find(REPOSITORY, endpoint=server.url, cache=tmp_path) / BIG).read_bytes() == content


def test_without_a_network_the_cache_serves(server: FakeHub, tmp_path: Path) -> None:
    folder = find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    server.close()
    assert find(REPOSITORY, endpoint=server.url, cache=tmp_path) == folder


def test_without_a_network_an_incomplete_snapshot_is_refused(server: FakeHub, tmp_path: Path) -> None:
    folder = find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    (folder / BIG).unlink()
    server.close()
    with pytest.raises(CheckpointError, match=r"not wholly, in the cache.*Connect"):
        find(REPOSITORY, endpoint=server.url, cache=tmp_path)


def test_without_a_network_and_a_cache_the_remedy_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"cannot be reached.*Connect and try again"):
        find(REPOSITORY, endpoint="http://127.0.0.1:9", cache=tmp_path)


@pytest.mark.parametrize(("name", "says"), [("gone/model", "neither a folder nor a model"), ("gated/model", "accept its terms")])
def test_a_repository_that_cannot_be_had_says_why(server: FakeHub, tmp_path: Path, name: str, says: str) -> None:
    with pytest.raises(CheckpointError, match=says):
        find(name, endpoint=server.url, cache=tmp_path)


def test_an_unknown_revision_is_named(server: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no revision v9"):
        find(REPOSITORY, "v9", endpoint=server.url, cache=tmp_path)


def test_a_foreign_model_is_refused_before_its_weights_are_fetched(server: FakeHub, tmp_path: Path) -> None:
    server.files["config.json"] = b'{"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"]}'
    with pytest.raises(CheckpointError, match="whisper"):
        find(REPOSITORY, endpoint=server.url, cache=tmp_path)
    assert server.fetched == ["config.json"]


def test_a_repository_of_another_format_is_refused(server: FakeHub, tmp_path: Path) -> None:
    server.files = {"model.gguf": b"GGUF", "README.md": b""}
    with pytest.raises(CheckpointError, match=r"no config\.json with safetensors"):
        find(REPOSITORY, endpoint=server.url, cache=tmp_path)
