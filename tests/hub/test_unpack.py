from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path

import pytest

from toolkit.errors import SampleError
from toolkit.hub import unpack as unpack_module
from toolkit.hub.unpack import unpack

OUTSIDE = ["../evil", "a/../../evil", "/evil", "..\\evil", "C:\\evil", "C:evil", "\\\\host\\evil"]


def make_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def make_tar(path: Path, *members: tarfile.TarInfo, content: bytes = b"x") -> Path:
    with tarfile.open(path, "w:gz") as file:
        for member in members:
            member.size = len(content) if member.isreg() else 0
            file.addfile(member, io.BytesIO(content))
    return path


def make_deb(path: Path, data: bytes) -> Path:
    parts = {"debian-binary": b"2.0\n", "control.tar.gz": b"odd", "data.tar.gz": data}
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in parts.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


def member(name: str, kind: bytes = tarfile.REGTYPE, link: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info


def everything(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_zip_tar_and_deb_give_their_files(tmp_path: Path):
    make_zip(tmp_path / "a.whl", {"folder/one.txt": b"1", "two.txt": b"2"})
    tar = make_tar(tmp_path / "b.tar.gz", member("./folder/one.txt"), member("two.txt"))
    make_deb(tmp_path / "c.deb", tar.read_bytes())
    for name in ("a.whl", "b.tar.gz", "c.deb"):
        unpack(tmp_path / name, tmp_path / "out" / name)
        assert everything(tmp_path / "out" / name) == ["folder/one.txt", "two.txt"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_paths_that_leave_the_folder_are_refused(tmp_path: Path, name: str):
    target = tmp_path / "deep" / "target"
    for archive in (make_zip(tmp_path / "a.zip", {name: b"x"}), make_tar(tmp_path / "b.tar", member(name))):
        with pytest.raises(SampleError, match="outside the archive"):
            unpack(archive, target)
    assert everything(tmp_path) == ["a.zip", "b.tar"]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
@pytest.mark.parametrize("link", ["/etc/passwd", "../../secret", ".."])
def test_links_that_leave_the_folder_are_refused(tmp_path: Path, kind: bytes, link: str):
    archive = make_tar(tmp_path / "a.tar", member("link", kind, link), member("link/inner"))
    with pytest.raises(SampleError, match="links to"):
        unpack(archive, tmp_path / "target")
    assert not (tmp_path / "target" / "link").exists()


def test_links_inside_are_left_out_and_never_followed(tmp_path: Path):
    archive = make_tar(tmp_path / "a.tar", member("b/link", tarfile.SYMTYPE, "../a"), member("b/link/file"))
    unpack(archive, tmp_path / "target")
    assert everything(tmp_path / "target") == ["b/link/file"]
    assert not (tmp_path / "target" / "a").exists()


def test_a_symlink_in_a_zip_is_refused(tmp_path: Path):
    info = zipfile.ZipInfo("link")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr(info, "/etc")
    with pytest.raises(SampleError, match="a link or a device"):
        unpack(tmp_path / "a.zip", tmp_path / "target")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE])
def test_devices_are_refused(tmp_path: Path, kind: bytes):
    with pytest.raises(SampleError, match="is a device"):
        unpack(make_tar(tmp_path / "a.tar", member("dev", kind)), tmp_path / "target")


def test_sizes_are_bounded_by_what_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(unpack_module, "MAX_BYTES", 1000)
    monkeypatch.setattr(unpack_module, "MAX_MEMBERS", 3)
    with pytest.raises(SampleError, match="more than 1,000 bytes"):
        unpack(make_zip(tmp_path / "bomb.zip", {"zeros": bytes(5000)}), tmp_path / "target")
    with pytest.raises(SampleError, match="more than 3 files"):
        unpack(make_zip(tmp_path / "many.zip", dict.fromkeys("abcd", b"")), tmp_path / "other")


def test_damaged_archives_say_so(tmp_path: Path):
    whole = make_tar(tmp_path / "a.tar.gz", member("file"), content=bytes(range(256)) * 500).read_bytes()
    (tmp_path / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    (tmp_path / "text.whl").write_text("not an archive at all")
    (tmp_path / "cut.deb").write_bytes(make_deb(tmp_path / "b.deb", whole).read_bytes()[:400])
    (tmp_path / "empty").write_bytes(b"")
    twice = make_tar(tmp_path / "twice.tar", member("same"), member("same"))
    for name in ("cut.tar.gz", "text.whl", "cut.deb", "empty", twice.name):
        with pytest.raises(SampleError, match=f"{name}: not a sound archive"):
            unpack(tmp_path / name, tmp_path / "out" / name)
