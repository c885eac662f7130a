"""Archives opened without trust: nothing in them is run, and nothing is written outside the folder given."""

from __future__ import annotations

import io
import posixpath
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import IO

from toolkit.errors import SampleError

MAX_BYTES = 2**30
"""Bytes that one archive may unpack to: ten times the largest sample."""
MAX_MEMBERS = 50_000
CHUNK = 2**20
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    EOFError,
    FileExistsError,
    NotADirectoryError,
    NotImplementedError,  # zipfile: an unknown compression
    RuntimeError,  # zipfile: an encrypted member
)


def unpack(archive: Path, target: Path) -> None:
    """Unpack a zip, wheel, tar or deb archive's files and folders into ``target``.

    Links that stay inside the archive are left out (no sample needs one); what reaches out is refused.

    Raises:
        SampleError: not an archive, a damaged one, a path or link that leaves ``target``, a device file,
            a file named twice, or more than ``MAX_BYTES`` or ``MAX_MEMBERS``.
    """
    target.mkdir(parents=True, exist_ok=True)
    budget = _Budget(archive)
    try:
        if zipfile.is_zipfile(archive):
            _unpack_zip(archive, target, budget)
        else:
            _unpack_tar(archive, target, budget)
    except _DAMAGE as error:
        raise SampleError(f"{archive.name}: not a sound archive ({error})") from error


@dataclass
class _Budget:
    """Counts what an archive unpacks to, by the bytes that really come and not by what its headers claim."""

    archive: Path
    bytes: int = 0
    members: int = 0

    def member(self) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            raise SampleError(f"{self.archive.name}: more than {MAX_MEMBERS:,} files")

    def copy(self, source: IO[bytes], path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            while chunk := source.read(CHUNK):
                self.bytes += len(chunk)
                if self.bytes > MAX_BYTES:
                    raise SampleError(f"{self.archive.name}: unpacks to more than {MAX_BYTES:,} bytes")
                file.write(chunk)


def _inside(archive: Path, name: str, target: Path) -> Path:
    """Where member ``name`` goes; only plain relative paths stay under ``target``."""
    path = PureWindowsPath(name)  # reads / and \\ and drives alike, so one rule holds on every platform
    if path.anchor or ".." in path.parts:
        raise SampleError(f"{archive.name}: refused, '{name}' points outside the archive")
    return target / name


def _unpack_zip(archive: Path, target: Path, budget: _Budget) -> None:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            budget.member()
            path = _inside(archive, member.filename, target)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir():
                path.mkdir(parents=True, exist_ok=True)
            elif kind in {0, stat.S_IFREG}:
                with file.open(member) as source:
                    budget.copy(source, path)
            else:
                raise SampleError(f"{archive.name}: refused, '{member.filename}' is a link or a device")


def _unpack_tar(archive: Path, target: Path, budget: _Budget) -> None:
    with archive.open("rb") as raw, tarfile.open(fileobj=_tar_of(archive, raw), mode="r|*") as file:
        for member in file:
            budget.member()
            path = _inside(archive, member.name, target)
            if member.isdir():
                path.mkdir(parents=True, exist_ok=True)
            elif source := file.extractfile(member) if member.isreg() else None:
                budget.copy(source, path)
            elif member.issym() or member.islnk():
                _check_link(archive, member)
            else:
                raise SampleError(f"{archive.name}: refused, '{member.name}' is a device")


def _check_link(archive: Path, member: tarfile.TarInfo) -> None:
    start = posixpath.dirname(member.name) if member.issym() else ""
    end = posixpath.normpath(posixpath.join(start, member.linkname))
    if end.startswith(("/", "../")) or end == "..":
        raise SampleError(
            f"{archive.name}: refused, '{member.name}' links to '{member.linkname}' outside the archive"
        )


def _tar_of(archive: Path, raw: IO[bytes]) -> IO[bytes]:
    """The tar stream itself; a Debian package is an ``ar`` archive that holds it as ``data.tar.*``."""
    if raw.read(8) != b"!<arch>\n":
        raw.seek(0)
        return raw
    for name, size in _ar_members(raw):
        if name.startswith("data.tar"):
            return io.BytesIO(raw.read(size))
    raise SampleError(f"{archive.name}: a Debian package without data")


def _ar_members(raw: IO[bytes]) -> Iterator[tuple[str, int]]:
    """Name and size of each member of an ``ar`` archive, ``raw`` standing at its content (ar(5))."""
    while len(header := raw.read(60)) == 60:
        name, size = header[:16].decode("ascii", "replace").strip().rstrip("/"), header[48:58].strip()
        if not size.isdigit():
            return
        start = raw.tell()
        yield name, int(size)
        raw.seek(start + int(size) + int(size) % 2)
