"""A Hub that is a real HTTP server on this machine, over the files of one folder."""

import contextlib
import hashlib
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlparse

REPOSITORY = "LiquidAI/LFM2.5-Audio-tiny"
COMMIT = "c798aad" + "0" * 33
ERRORS = {"gone/model": ("RepoNotFound", 404), "gated/model": ("GatedRepo", 403)}
BIG = "model.safetensors"


class FakeHub:
    """The routes of the Hub that a download uses, over the files of one folder; it can hang up in the middle of one."""

    def __init__(self, folder: Path) -> None:
        self.files = {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
        self.hang_up_after: int | None = None  # bytes of the big file, once
        self.pace = 0  # bytes a second of the big file; 0: as fast as it goes
        self.ranges: list[str] = []  # asked of the big file
        self.fetched: list[str] = []
        handler = type("Handler", (Handler,), {"hub": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, format: str, *args: object) -> None:
        pass

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def refuse(self, code: str, status: int) -> None:
        self.reply(status, b"{}", X_Error_Code=code, X_Error_Message=code)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = unquote(urlparse(self.path).path).strip("/").split("/")
        api = parts[:2] == ["api", "models"]
        name, rest = "/".join(parts[2:4] if api else parts[:2]), parts[4:] if api else parts[2:]
        if name != REPOSITORY:
            self.refuse(*ERRORS.get(name, ("RepoNotFound", 404)))
        elif len(rest) > 1 and rest[1] not in ("main", COMMIT):
            self.refuse("RevisionNotFound", 404)
        elif api:
            listing = self.tree() if rest[:1] == ["tree"] else {"id": name, "sha": COMMIT, "siblings": self.siblings()}
            self.reply(200, json.dumps(listing).encode(), Content_Type="application/json")
        else:
            self.send_file("/".join(rest[2:]))

    def tree(self) -> list[dict]:
        return [
            {"type": "file", "path": file["rfilename"], "size": file["size"], "oid": file["blobId"]}
            | ({"lfs": {"oid": file["lfs"]["sha256"], "size": file["size"], "pointerSize": 134}} if "lfs" in file else {})
            for file in self.siblings()
        ]

    def siblings(self) -> list[dict]:
        files = []
        for name, content in self.hub.files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            file: dict = {"rfilename": name, "size": len(content), "blobId": blob}
            if name.endswith(".safetensors"):
                file["lfs"] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "pointerSize": 134}
            files.append(file)
        return files

    def send_file(self, name: str) -> None:
        content = self.hub.files[name]
        file = next(file for file in self.siblings() if file["rfilename"] == name)
        etag = file["lfs"]["sha256"] if "lfs" in file else file["blobId"]
        start = 0
        if asked := self.headers.get("Range"):
            start = int(asked.removeprefix("bytes=").split("-")[0])
        if self.command == "GET":
            self.hub.fetched.append(name)
            if name == BIG:
                self.hub.ranges.append(asked or "")
        headers = {"ETag": f'"{etag}"', "Accept_Ranges": "bytes", "Content_Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        if self.command == "GET" and name == BIG and self.hub.hang_up_after is not None:
            cut, self.hub.hang_up_after = self.hub.hang_up_after, None
            self.send_response(206)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            self.wfile.write(content[start : start + cut])
            self.wfile.flush()
            self.connection.close()
            return
        if self.command == "GET" and name == BIG and self.hub.pace:
            self.send_response(206)
            self.send_header("Content-Length", str(len(content) - start))
            self.end_headers()
            with contextlib.suppress(OSError):  # whoever asked has gone
                for at in range(start, len(content), self.hub.pace // 20):
                    self.wfile.write(content[at : at + self.hub.pace // 20])
                    time.sleep(0.05)
            return
        self.reply(206 if asked else 200, content[start:], **headers)
