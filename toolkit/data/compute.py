"""Arrow's compute functions: they are generated when imported, so no type checker sees them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute

compute: Any = pyarrow.compute
