"""A server on loopback that speaks enough of the Hub's HTTP protocol for huggingface_hub's own client.

Repositories of models and datasets with branches, commits, private ones, regular and LFS files (the latter
behind a redirect, as on the Hub). Point a process at it with ``server.environment()``: the client reads
HF_ENDPOINT when it is imported, so a test that talks to the server runs its code in a process of its own.

    with hub_server() as server:
        server.add("model", "me/bert", {"config.json": b"{}"})
        subprocess.run([sys.executable, "-c", code], env=server.environment(cache=tmp_path), check=True)
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from ruamel.yaml import YAML, YAMLError

USER = "tester"
TOKEN = "hf_" + "t" * 34
LFS_SUFFIXES = (".safetensors", ".bin", ".onnx", ".parquet", ".arrow")


@dataclass
class Repo:
    kind: str
    name: str
    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)

    def commit(self, files: Mapping[str, bytes], branch: str = "main", message: str = "") -> str:
        digest = hashlib.sha1(f"{self.name}{len(self.commits)}{message}".encode())
        for path in sorted(files):
            digest.update(path.encode() + files[path])
        self.commits[digest.hexdigest()] = dict(files)
        self.branches[branch] = digest.hexdigest()
        self.messages.append(message)
        return digest.hexdigest()

    def resolve(self, revision: str) -> str | None:
        sha = self.branches.get(revision, revision)
        return sha if sha in self.commits else None

    def files(self, branch: str = "main") -> dict[str, bytes]:
        return self.commits[self.branches[branch]]


class HubServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repos: dict[tuple[str, str], Repo] = {}
        self.blobs: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.broken = False
        """Answer everything with error 500."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def elsewhere(self) -> str:
        """The same server by another name: the Hub keeps large files on another host, without its tokens."""
        return f"http://localhost:{self.server_port}"

    def add(self, kind: str, name: str, files: Mapping[str, bytes] | Path, **options: bool) -> Repo:
        if isinstance(files, Path):
            paths = [path for path in sorted(files.rglob("*")) if path.is_file()]
            files = {path.relative_to(files).as_posix(): path.read_bytes() for path in paths}
        repo = self.repos[kind, name] = Repo(kind, name, **options)
        repo.commit(files)
        return repo

    def environment(self, cache: Path, token: str | None = TOKEN, offline: bool = False) -> dict[str, str]:
        """The environment for a process that uses this Hub, with a cache of its own."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        hub = {"HF_ENDPOINT": self.url, "HF_HOME": str(cache), "HF_HUB_OFFLINE": str(int(offline))}
        # Xet is a second, binary protocol; without it the client falls back to plain LFS.
        quiet = {
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        }
        # Beside other busy processes torch's threads would spin.
        return {**kept, **hub, **quiet, "OMP_NUM_THREADS": "1", **({"HF_TOKEN": token} if token else {})}


class Refused(Exception):
    """An answer other than 200; ``code`` is the Hub's own word for it."""

    def __init__(self, status: int, code: str = "", message: str = "", commit: str = "") -> None:
        super().__init__(message)
        self.status = status
        headers = {"X-Error-Code": code, "X-Error-Message": message, "X-Repo-Commit": commit}
        self.headers = {key: value for key, value in headers.items() if value}


class Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    do_HEAD = do_POST = do_PUT = do_DELETE = do_GET

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self) -> None:
        self.body = self._read_body()
        url = urlsplit(self.path)
        self.query = parse_qs(url.query)
        self.server.requests.append(f"{self.command} {unquote(url.path)}")
        try:
            if self.server.broken:
                raise Refused(500, message="out of order")
            for method, pattern, action in ROUTES:
                match = re.fullmatch(pattern, url.path)
                if match and self.command in method.split("|"):
                    return action(
                        self, **{key: unquote(value or "") for key, value in match.groupdict().items()}
                    )
            raise Refused(404, message=f"no such page: {self.command} {url.path}")
        except Refused as refused:
            self._send(refused.status, b"", refused.headers)

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for key, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _json(self, data: Any, status: int = 200) -> None:
        self._send(status, json.dumps(data).encode(), {"Content-Type": "application/json"})

    @property
    def _may_write(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def _repo(self, kind: str, name: str, write: bool = False) -> Repo:
        repo = self.server.repos.get((kind.rstrip("s"), name))
        if repo is None or (repo.private and not self._may_write):
            raise Refused(404 if self._may_write else 401, "RepoNotFound", "Repository not found")
        if write and not self._may_write:
            raise Refused(403, message="You need a token that may write")
        return repo

    def _commit_of(self, repo: Repo, revision: str) -> tuple[str, dict[str, bytes]]:
        sha = repo.resolve(revision or "main")
        if sha is None:
            raise Refused(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha, repo.commits[sha]

    def whoami(self) -> None:
        if not self._may_write:
            raise Refused(401, message="Invalid credentials")
        self._json({"type": "user", "name": USER, "orgs": [], "auth": {"accessToken": {"role": "write"}}})

    def create_repo(self) -> None:
        asked = json.loads(self.body)
        owner, kind = asked.get("organization") or USER, asked.get("type") or "model"
        if not self._may_write:
            raise Refused(401, message="Invalid credentials")
        if owner != USER:
            raise Refused(403, message=f"You don't have the rights to create a {kind} under {owner}")
        name = f"{owner}/{asked['name']}"
        known = (kind, name) in self.server.repos
        if not known:
            private = asked.get("visibility") == "private"
            self.server.add(kind, name, {".gitattributes": b""}, private=private)
        prefix = "" if kind == "model" else f"{kind}s/"
        self._json({"url": f"{self.server.url}/{prefix}{name}", "name": name}, 409 if known else 200)

    def validate_card(self) -> None:
        """The Hub checks more; what it says of a card without readable metadata is this."""
        head = re.match(r"---\n(.*?)\n---", json.loads(self.body)["content"], re.DOTALL)
        try:
            sound = head is None or isinstance(YAML(typ="safe").load(head[1]), dict)
        except YAMLError:
            sound = False
        errors = [] if sound else [{"message": "Invalid metadata in README.md"}]
        self._json({"errors": errors, "warnings": []}, 200 if sound else 400)

    def create_branch(self, kind: str, name: str, branch: str) -> None:
        repo = self._repo(kind, name, write=True)
        if branch in repo.branches:
            raise Refused(409, message=f"Reference already exists: {branch}")
        start = json.loads(self.body or b"{}").get("startingPoint", "main")
        repo.branches[branch] = self._commit_of(repo, start)[0]
        self._json({})

    def preupload(self, kind: str, name: str, revision: str) -> None:
        self._commit_of(self._repo(kind, name, write=True), revision)
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(LFS_SUFFIXES) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(self.body)["files"]
        ]
        self._json({"files": files})

    def lfs_batch(self, kind: str, name: str) -> None:
        self._repo(kind or "model", name, write=True)
        objects = json.loads(self.body)["objects"]
        for item in objects:
            if item["oid"] not in self.server.blobs:
                item["actions"] = {"upload": {"href": f"{self.server.url}/blobs/{item['oid']}"}}
        self._json({"transfer": "basic", "objects": objects})

    def put_blob(self, oid: str) -> None:
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise Refused(400, message="content does not match its oid")
        self.server.blobs[oid] = self.body
        self._json({})

    def get_blob(self, oid: str) -> None:
        self._content(self.server.blobs[oid], {"ETag": f'"{oid}"'})

    def commit(self, kind: str, name: str, revision: str) -> None:
        repo = self._repo(kind, name, write=True)
        files = dict(self._commit_of(repo, revision)[1])
        message = ""
        for line in self.body.splitlines():
            item = json.loads(line)
            key, value = item["key"], item["value"]
            if key == "header":
                message = value["summary"]
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.server.blobs[value["oid"]]
            else:
                files = {path: body for path, body in files.items() if not path.startswith(value["path"])}
        sha = repo.commit(files, revision or "main", message)
        url = f"{self.server.url}/{name}/commit/{sha}"
        self._json({"success": True, "commitOid": sha, "commitUrl": url, "pullRequestUrl": None})

    def info(self, kind: str, name: str, revision: str = "") -> None:
        repo = self._repo(kind, name)
        sha, files = self._commit_of(repo, revision)
        siblings = [{"rfilename": path, "size": len(body)} for path, body in files.items()]
        common = {"id": name, "sha": sha, "private": repo.private, "gated": repo.gated, "siblings": siblings}
        self._json({**common, "disabled": False, "tags": [], "downloads": 0, "likes": 0})

    def refs(self, kind: str, name: str) -> None:
        branches = self._repo(kind, name).branches.items()
        listed = [{"name": name, "ref": f"refs/heads/{name}", "targetCommit": sha} for name, sha in branches]
        self._json({"branches": listed, "converts": [], "tags": []})

    def tree(self, kind: str, name: str, revision: str, path: str = "") -> None:
        files = self._commit_of(self._repo(kind, name), revision)[1]
        start = f"{path.strip('/')}/" if path.strip("/") else ""
        inside = {file: body for file, body in files.items() if file.startswith(start)}
        if start and not inside:
            raise Refused(404, "EntryNotFound", f"{path} does not exist")
        deep = self.query.get("recursive", [""])[0].lower() == "true"
        here = {file: body for file, body in inside.items() if deep or "/" not in file[len(start) :]}
        self._json([*_folders(inside, start, deep), *(_entry(file, body) for file, body in here.items())])

    def paths_info(self, kind: str, name: str, revision: str) -> None:
        files = self._commit_of(self._repo(kind, name), revision)[1]
        wanted = (
            parse_qs(self.body.decode())["paths"] if self.body[:1] != b"{" else json.loads(self.body)["paths"]
        )
        found = [_entry(path, files[path]) for path in wanted if path in files]
        folders = [path for path in wanted if any(file.startswith(f"{path}/") for file in files)]
        self._json([*found, *({"type": "directory", "path": path, "oid": "0" * 40} for path in folders)])

    def resolve(self, kind: str, name: str, revision: str, path: str) -> None:
        repo = self._repo(kind or "model", name)
        if repo.gated and not self._may_write:
            raise Refused(401, "GatedRepo", f"Access to {kind} {name} is restricted")
        sha, files = self._commit_of(repo, revision)
        if path not in files:
            raise Refused(404, "EntryNotFound", "Entry not found", sha)
        entry, body = _entry(path, files[path]), files[path]
        headers = {"X-Repo-Commit": sha, "ETag": f'"{entry["oid"]}"'}
        if "lfs" not in entry:
            return self._content(body, headers)
        oid = entry["lfs"]["oid"]
        self.server.blobs[oid] = body
        linked = {"X-Linked-Etag": f'"{oid}"', "X-Linked-Size": str(len(body))}
        return self._send(302, b"", {**headers, **linked, "Location": f"{self.server.elsewhere}/blobs/{oid}"})

    def _content(self, body: bytes, headers: Mapping[str, str]) -> None:
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not asked:
            return self._send(200, body, {"Accept-Ranges": "bytes", **headers})
        first, last = int(asked[1]), min(int(asked[2] or len(body) - 1), len(body) - 1)
        span = {"Content-Range": f"bytes {first}-{last}/{len(body)}"}
        return self._send(206, body[first : last + 1], {**headers, **span})


def _entry(path: str, body: bytes) -> dict[str, Any]:
    oid = hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(body), "oid": oid}
    if path.endswith(LFS_SUFFIXES):
        entry["lfs"] = {"oid": hashlib.sha256(body).hexdigest(), "size": len(body), "pointerSize": 130}
    return entry


def _folders(files: Mapping[str, bytes], start: str, deep: bool) -> list[dict[str, str]]:
    parents = {str(parent) for file in files for parent in Path(file).parents if str(parent) != "."}
    listed = [
        path for path in sorted(parents) if path.startswith(start) and (deep or "/" not in path[len(start) :])
    ]
    return [{"type": "directory", "path": path, "oid": "0" * 40} for path in listed]


_REPO = r"/api/(?P<kind>models|datasets)/(?P<name>[^/]+(?:/[^/]+)?)"
_PAGE = r"/(?:(?P<kind>datasets)/)?(?P<name>[^/]+/[^/]+)"
ROUTES: list[tuple[str, str, Callable[..., None]]] = [
    ("GET", r"/api/whoami-v2", Handler.whoami),
    ("POST", r"/api/repos/create", Handler.create_repo),
    ("POST", r"/api/validate-yaml", Handler.validate_card),
    ("POST", _REPO + r"/branch/(?P<branch>[^/]+)", Handler.create_branch),
    ("POST", _REPO + r"/preupload/(?P<revision>[^/]+)", Handler.preupload),
    ("POST", _REPO + r"/commit/(?P<revision>[^/]+)", Handler.commit),
    ("POST", _REPO + r"/paths-info/(?P<revision>[^/]+)", Handler.paths_info),
    ("GET", _REPO + r"/refs", Handler.refs),
    ("GET", _REPO + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.*))?", Handler.tree),
    ("GET", _REPO + r"/revision/(?P<revision>[^/]+)", Handler.info),
    ("GET", _REPO, Handler.info),
    ("POST", _PAGE + r"\.git/info/lfs/objects/batch", Handler.lfs_batch),
    ("PUT", r"/blobs/(?P<oid>[0-9a-f]+)", Handler.put_blob),
    ("GET|HEAD", r"/blobs/(?P<oid>[0-9a-f]+)", Handler.get_blob),
    ("GET|HEAD", _PAGE + r"/resolve/(?P<revision>[^/]+)/(?P<path>.+)", Handler.resolve),
]


@contextmanager
def hub_server() -> Iterator[HubServer]:
    """A Hub of one's own for the length of a block; stops with it."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
