from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.header import WIDTH, HeaderError, check_header, write_measured
from toolkit.files import share
from toolkit.recipe.catalogue import header

if TYPE_CHECKING:
    from pathlib import Path

MEASURED = (
    "test accuracy 0.861 (0.857-0.866), training seconds 92 (88-97), over 3 seeds; Intel Xeon, 2 cores, 23 GiB; "
    "2026-01-31; python -m benchmarks.reviews --seeds 0 1 2"
)
BODY = "task: text-classification\n# measured: not this one\ntrain: {learning_rate: 1e-4}  # kept\n"


def recipe(folder: Path, comment: str) -> Path:
    path = folder / "reviews.yaml"
    path.write_text(comment + BODY)
    return path


@pytest.mark.parametrize(
    "comment",
    [
        "# Tell good from bad.\n#\n#   toolkit train nlp/reviews\n#\n# measured: not measured yet\n",
        "# Tell good from bad.\n#   toolkit train nlp/reviews          measured:\n",
        "# measured: old result\n#   on two lines\n#\n# Tell good from bad.\n#   toolkit train nlp/reviews\n",
    ],
)
def test_what_was_measured_replaces_what_stood_there_and_nothing_else(tmp_path: Path, comment: str) -> None:
    path = recipe(tmp_path, comment)
    write_measured(path, MEASURED)
    text = path.read_text()
    assert header(text)[1] == MEASURED
    assert text.endswith(BODY)
    assert "not measured yet" not in text
    assert "old result" not in text
    assert "# Tell good from bad.\n" in text
    assert "#   toolkit train nlp/reviews" in text
    assert max(map(len, text.splitlines())) <= WIDTH


def test_measuring_again_gives_the_same_file(tmp_path: Path) -> None:
    path = recipe(tmp_path, "# Goal.\n#   toolkit train x          measured: old\n")
    write_measured(path, MEASURED)
    once = path.read_bytes()
    write_measured(path, MEASURED)
    assert path.read_bytes() == once


@pytest.mark.parametrize("comment", ["# Goal.\n", "", "# measured: a\n# measured: b\n"])
def test_a_header_without_one_place_for_it_is_refused_untouched(tmp_path: Path, comment: str) -> None:
    path = recipe(tmp_path, comment)
    with pytest.raises(HeaderError, match=r"reviews\.yaml: [02] lines of the header"):
        write_measured(path, MEASURED)
    assert path.read_text() == comment + BODY


def test_every_bundled_recipe_has_room_for_what_is_measured() -> None:
    paths = sorted(share("recipes").rglob("*.yaml"))
    assert paths
    for path in paths:
        check_header(path)
