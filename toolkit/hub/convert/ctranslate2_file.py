"""Reading a CTranslate2 ``model.bin``: a plain list of named arrays, no package needed."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import IO, Any

import numpy as np

Array = np.ndarray[Any, Any]
DTYPES = (np.float32, np.int8, np.int16, np.int32, np.float16)


def read_arrays(path: Path) -> dict[str, Array]:
    """All arrays of the file by name; names that share one array share it here too.

    Source: CTranslate2's ``ModelSpec._serialize``, binary versions 3 to 6, little-endian.
    """
    with path.open("rb") as file:
        version = _number(file, "I")
        _text(file)  # the specification's name
        _number(file, "I")  # and its revision
        arrays = dict(_array(file) for _ in range(_number(file, "I")))
        if version >= 3:
            for _ in range(_number(file, "I")):
                alias, name = _text(file), _text(file)
                arrays[alias] = arrays[name]
    return arrays


def _array(file: IO[bytes]) -> tuple[str, Array]:
    name = _text(file)
    shape = [_number(file, "I") for _ in range(_number(file, "B"))]
    dtype = DTYPES[_number(file, "B")]
    return name, np.frombuffer(file.read(_number(file, "I")), dtype).reshape(shape)


def _number(file: IO[bytes], form: str) -> int:
    return struct.unpack("<" + form, file.read(struct.calcsize(form)))[0]


def _text(file: IO[bytes]) -> str:
    return file.read(_number(file, "H"))[:-1].decode()
