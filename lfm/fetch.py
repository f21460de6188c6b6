"""One file over HTTP, taken up at the byte where it stopped, and checked against its hash."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import BinaryIO

import httpx2
from huggingface_hub.hf_api import RepoSibling
from huggingface_hub.utils import build_hf_headers, get_session, hf_raise_for_status

from lfm.errors import CheckpointError, DownloadCancelled

CHUNK = 1 << 17  # bytes between two looks at the Stop button
TRIES = 5  # in a row that bring nothing
TIMEOUT = httpx2.Timeout(15)  # seconds without a byte

Progress = Callable[[int, int], None]  # bytes done, bytes in all


@dataclass
class Meter:
    """Counts what has come and stops when asked to."""

    total: int
    progress: Progress
    cancelled: Event
    done: int = 0

    def add(self, n: int) -> None:
        if self.cancelled.is_set():
            raise DownloadCancelled("The download was stopped. Choose the model again to go on with it.")
        self.done += n
        self.progress(self.done, self.total)


def fetch(url: str, file: RepoSibling, path: Path, meter: Meter) -> None:
    """Bring `file` to `path`, going on with what is there of it; a damaged one is dropped.

    Raises:
        DownloadCancelled: somebody stopped it; what has come is kept.
        CheckpointError: something else came than what the Hub listed.
        httpx2.HTTPError, OSError: the line or the disk failed; what has come is kept.
    """
    size, partial = file.size or 0, path.with_name(f"{path.name}.incomplete")
    with partial.open("ab") as out:
        if out.tell() > size:
            _empty(out)
        meter.add(out.tell())
        tries = 0
        while out.tell() < size:
            before = out.tell()
            try:
                _stream(url, out, meter)
            except httpx2.TransportError:
                if tries + 1 == TRIES:
                    raise
            if out.tell() > before:
                tries = 0
            else:
                tries += 1
                meter.cancelled.wait(1)
            if tries == TRIES:
                raise OSError(f"{file.rfilename}: nothing comes any more")
    if not _intact(partial, file):
        partial.unlink()
        raise CheckpointError(f"{file.rfilename} came damaged. Try again.")
    partial.rename(path)


def _stream(url: str, out: BinaryIO, meter: Meter) -> None:
    """Append what is missing; when the server begins anew, so does the file."""
    headers = build_hf_headers() | {"Range": f"bytes={out.tell()}-", "Accept-Encoding": "identity"}
    with get_session().stream("GET", url, headers=headers, follow_redirects=True, timeout=TIMEOUT) as response:
        hf_raise_for_status(response)
        if response.status_code != 206:
            meter.add(-out.tell())
            _empty(out)
        for chunk in response.iter_bytes(CHUNK):
            out.write(chunk)
            meter.add(len(chunk))


def _empty(out: BinaryIO) -> None:
    out.seek(0)
    out.truncate()


def _intact(path: Path, file: RepoSibling) -> bool:
    """Whether a file is what its name says: sha256 of large files, git's hash of small ones."""
    if file.lfs:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == file.lfs.sha256
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() == file.blob_id
