"""Where a model's files are: a folder, or a repository on the Hub, downloaded into the usual cache.

A download that stopped goes on where it was, to the byte. huggingface_hub drops a file that it has half, so the files are
fetched here, under the names that its cache gives them, and it then finds them there. Without a network the cache serves.
"""

import re
import shutil
from dataclasses import dataclass
from os.path import expanduser
from pathlib import Path
from threading import Event

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import repo_folder_name
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import WeakFileLock, filter_repo_objects
from tqdm.auto import tqdm

from lfm.errors import CheckpointError
from lfm.family import identify
from lfm.fetch import Meter, Progress, fetch
from lfm.weights import read_json

FILES = [  # the ones that are needed, of a published repository and of a conversion
    *("config.json", "generation_config.json", "model*.safetensors", "model.safetensors.index.json"),
    *("mimi_config.json", "audio_detokenizer/*"),
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "tokenizer-e351c8d8-checkpoint125.safetensors"),
    "lexicon.*",  # and its licence
]


@dataclass(frozen=True)
class Repository:
    """A model on the Hub, at a revision, and where it is cached."""

    name: str
    revision: str | None
    endpoint: str | None
    cache: Path

    @property
    def folder(self) -> str:
        return repo_folder_name(repo_id=self.name, repo_type="model")

    def url(self, file: RepoSibling) -> str:
        return hf_hub_url(self.name, file.rfilename, revision=self.revision, endpoint=self.endpoint)

    def snapshot(self, *, offline: bool) -> Path:
        """The folder with all files, linked from the cache."""
        return Path(
            snapshot_download(
                self.name,
                revision=self.revision,
                endpoint=self.endpoint,
                cache_dir=self.cache,
                allow_patterns=FILES,
                local_files_only=offline,
                tqdm_class=_Quiet,  # type: ignore[arg-type]
            )
        )


class _Quiet(tqdm):
    """The files are there already: nothing to show."""

    def __init__(self, *args: object, **options: object) -> None:
        options.pop("name", None)
        super().__init__(*args, **{**options, "disable": True})  # type: ignore[arg-type]


def find(
    name: str,
    revision: str | None = None,
    *,
    progress: Progress | None = None,
    cancelled: Event | None = None,
    endpoint: str | None = None,
    cache: Path | None = None,
) -> Path:
    """The folder that holds a model: `name` itself, or the repository of that name, downloaded.

    Args:
        name: a folder, or a repository such as LiquidAI/LFM2.5-Audio-1.5B.
        progress: called with the bytes done and the bytes in all.
        cancelled: set it to stop the download.
        endpoint: of the Hub, where it is not the usual one.
        cache: where downloads are kept, where it is not the usual place.

    Raises:
        CheckpointError: there is no such model, or it cannot be had now.
    """
    folder = Path(expanduser(name))
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise CheckpointError(f"{name} is a file. Give the folder that holds it.")
    if not re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name):
        raise CheckpointError(f"There is no folder {name}, and it is no name of a repository, such as LiquidAI/LFM2.5-Audio-1.5B.")
    repository = Repository(name, revision, endpoint, cache or Path(constants.HF_HUB_CACHE))
    try:
        files = _list(repository)
    except (httpx2.HTTPError, OfflineModeIsEnabled) as error:
        return _offline(repository, error)
    try:
        return _download(repository, files, progress or (lambda done, total: None), cancelled or Event())
    except (httpx2.HTTPError, OSError) as error:
        raise CheckpointError(f"The download of {name} stopped ({error}). Try again: it goes on where it was.") from error


def cached(cache: Path | None = None) -> dict[str, int]:
    """Repositories in the cache that hold a model of ours, whole, and how many bytes each takes."""
    found = {}
    for path in (cache or Path(constants.HF_HUB_CACHE)).glob("models--*--*/snapshots/*/config.json"):
        name = "/".join(path.parents[2].name.split("--")[1:])
        try:
            identify(read_json(path), name)
        except CheckpointError:
            continue
        files = [file for file in path.parent.rglob("*") if file.is_file()]
        if any(file.suffix == ".safetensors" and file.parent == path.parent for file in files):
            found[name] = sum(file.stat().st_size for file in files)
    return dict(sorted(found.items()))


def _list(repository: Repository) -> list[RepoSibling]:
    """The files to have, config.json first: it tells whether the rest is worth having."""
    name, revision = repository.name, repository.revision
    try:
        info = HfApi(endpoint=repository.endpoint).model_info(name, revision=revision, files_metadata=True, timeout=15)
    except GatedRepoError as error:
        raise CheckpointError(f"{name} is gated: accept its terms on its page, then run `hf auth login`.") from error
    except RepositoryNotFoundError as error:
        raise CheckpointError(f"{name} is neither a folder nor a model on the Hub, or it is private: then run `hf auth login`.") from error
    except RevisionNotFoundError as error:
        raise CheckpointError(f"{name} has no revision {revision}. Leave it out for the newest.") from error
    files = list(filter_repo_objects(info.siblings or [], allow_patterns=FILES, key=lambda file: file.rfilename))
    names = {file.rfilename for file in files}
    if "config.json" not in names or not any(n.endswith(".safetensors") for n in names):
        raise CheckpointError(f"{name} holds no config.json with safetensors. Choose LiquidAI/LFM2.5-Audio-1.5B or a conversion for MLX.")
    return sorted(files, key=lambda file: file.rfilename != "config.json")


def _offline(repository: Repository, why: Exception) -> Path:
    try:
        return repository.snapshot(offline=True)
    except LocalEntryNotFoundError as error:
        raise CheckpointError(
            f"The Hub cannot be reached ({why}) and {repository.name} is not, or not wholly, in the cache {repository.cache}. "
            "Connect and try again, or give a folder."
        ) from error


def _download(repository: Repository, files: list[RepoSibling], progress: Progress, cancelled: Event) -> Path:
    meter = Meter(sum(file.size or 0 for file in files), progress, cancelled)
    blobs = repository.cache / repository.folder / "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    missing = sum(file.size or 0 for file in files if not (blobs / _blob(file)).exists())
    free = shutil.disk_usage(blobs).free
    if missing > free:
        have, need = f"{free / 1e9:.1f} GB", f"{missing / 1e9:.1f} GB"
        raise CheckpointError(f"{repository.name} needs {need}, but {repository.cache} has {have} left. Make room.")
    for file in files:
        path = blobs / _blob(file)
        lock = repository.cache / ".locks" / repository.folder / f"{path.name}.lock"  # huggingface_hub's own
        lock.parent.mkdir(parents=True, exist_ok=True)
        with WeakFileLock(lock):
            if path.exists():
                meter.add(file.size or 0)
            else:
                fetch(repository.url(file), file, path, meter)
        if file.rfilename == "config.json":
            identify(read_json(path), repository.name)
    return repository.snapshot(offline=False)


def _blob(file: RepoSibling) -> str:
    """The name that the cache gives a file: the hash of what is in it."""
    name = file.lfs.sha256 if file.lfs else file.blob_id
    assert name is not None  # files_metadata was asked for
    return name
