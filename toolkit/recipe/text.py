"""A recipe as YAML text: what a run folder keeps, pinned, so that the run can be repeated."""

from __future__ import annotations

import io

from ruamel.yaml import YAML

from toolkit.recipe.schema import NO_DATA, Recipe


def dump(recipe: Recipe) -> str:
    """Every value of ``recipe``, defaults too: a default that changes later must not change an old run."""
    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.representer.sort_base_mapping_type_on_output = False
    writer.width = 4096  # a long value stays on its line
    text = io.StringIO()
    excluded = {"data"} if recipe.data == NO_DATA else None
    writer.dump(recipe.model_dump(mode="json", exclude=excluded), text)
    return text.getvalue()
