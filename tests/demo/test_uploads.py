from __future__ import annotations

from pathlib import Path

import pytest

from toolkit.demo.uploads import adopt, received, upload_folder


@pytest.mark.parametrize("given", [None, "", {}, {"path": None}, {"url": "http://127.0.0.1/a.png"}, 7])
def test_nothing_sent_is_an_error(given: object) -> None:
    with pytest.raises(ValueError, match="there is no file"):
        received(given)


@pytest.mark.parametrize(
    "path", ["/etc/hostname", "{folder}/../secret.png", "{folder}-2/secret.png", "a.png"]
)
def test_a_file_that_was_not_uploaded_cannot_be_named(path: str) -> None:
    with pytest.raises(ValueError, match="this file was not uploaded"):
        received({"path": path.format(folder=upload_folder())})


def test_a_link_among_the_uploads_leads_nowhere_else(tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    link = adopt(secret).with_name("link.png")
    link.symlink_to(secret)

    with pytest.raises(ValueError, match="this file was not uploaded"):
        received({"path": str(link)})


def test_an_upload_keeps_the_name_its_owner_gave_it(tmp_path: Path) -> None:
    picture = tmp_path / "dog.png"
    picture.write_bytes(b"a picture")
    copy = adopt(picture)

    assert received({"path": str(copy), "orig_name": "my dog (1).png"}).name == "my dog (1).png"
    assert received({"path": str(copy)}).name == "dog.png"


def test_what_the_page_may_show_is_a_copy_among_the_uploads(tmp_path: Path) -> None:
    picture = tmp_path / "dog.png"
    picture.write_bytes(b"a picture")

    copy, other = adopt(picture), adopt(picture)

    assert copy.is_relative_to(upload_folder())
    assert copy.read_bytes() == b"a picture"
    assert copy != other
