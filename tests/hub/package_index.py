"""A package index on loopback that serves files of a test's own making, whole or cut."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class PackageIndex(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, dict[str, bytes]] = {}
        self.cut: set[str] = set()
        self.served: Counter[str] = Counter()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/simple/"

    def add(self, project: str, filename: str, content: bytes) -> None:
        self.files.setdefault(project, {})[filename] = content


class Handler(BaseHTTPRequestHandler):
    server: PackageIndex

    def do_GET(self) -> None:
        area, project, *rest = self.path.strip("/").split("/")
        files = self.server.files.get(project)
        if files is None:
            self.send_error(404)
        elif area == "simple":
            self._page(project, files)
        else:
            self._file(rest[0], files[rest[0]])

    def _page(self, project: str, files: dict[str, bytes]) -> None:
        listed = [{"filename": name, "url": f"/files/{project}/{name}", "hashes": {}} for name in files]
        page = {"meta": {"api-version": "1.0"}, "name": project, "files": listed}
        self._send(json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")

    def _file(self, name: str, content: bytes) -> None:
        self.server.served[name] += 1
        sent = content[: len(content) // 2] if name in self.server.cut else content
        self._send(sent, "application/octet-stream", length=len(content))

    def _send(self, body: bytes, kind: str, length: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def package_index() -> Iterator[PackageIndex]:
    server = PackageIndex()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
