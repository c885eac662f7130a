"""Every error the toolkit raises on purpose.

::

    ToolkitError                  exit 1: the run failed
    ├── TrainingError             the training itself: loss not finite, a worker process died
    └── InputError                exit 2: what the user gave cannot be used; holds all problems at once
        ├── RecipeError           a recipe, an override, an option
        ├── DataError             rows, columns, labels, files
        ├── EnvironmentFault      an environment that cannot be made, or breaks gymnasium's rules
        ├── ModelError            a pretrained model that cannot be opened safely
        ├── ArtifactError         a run folder or checkpoint that is damaged or is not one
        ├── SampleError           a sample that cannot be fetched, verified or unpacked
        ├── UnavailableError      no network and no cached copy
        ├── DiskFullError         no space left
        └── MissingExtraError     an optional package is not installed

The command line prints ``str(error)`` and exits with ``error.exit_code``; nothing else ever reaches the user.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

Level = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """One thing noticed about an input: where it is, what is wrong or worth knowing, and how to mend it.

    ``where`` is ``file:line``, ``file row N``, ``recipe key`` or empty; ``fix`` is empty when nothing is to be done.
    """

    level: Level
    where: str
    message: str
    fix: str = ""

    def __str__(self) -> str:
        """One line: ``where: message; fix``."""
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}; {self.fix}" if self.fix else head

    def to_dict(self) -> dict[str, str]:
        """The finding as JSON data."""
        return asdict(self)


class ToolkitError(Exception):
    """Base of every error raised on purpose."""

    exit_code = 1


class TrainingError(ToolkitError):
    """Training stopped for a reason that is not the input's form; the message says what was saved and where."""


class InputError(ToolkitError):
    """Something the user gave cannot be used; carries every problem found in that input.

    Args:
        problems: one message, or all findings of the input; only those of level ``error`` are shown.
    """

    exit_code = 2

    def __init__(self, problems: str | Finding | Iterable[str | Finding]) -> None:
        given = [problems] if isinstance(problems, str | Finding) else list(problems)
        self.problems = [p if isinstance(p, Finding) else Finding("error", "", p) for p in given]
        super().__init__("\n".join(str(p) for p in self.problems if p.level == "error"))


class RecipeError(InputError):
    """A recipe, an override or an option is wrong."""


class DataError(InputError):
    """Rows, columns, labels or files are wrong."""


class EnvironmentFault(InputError):
    """An environment cannot be made, breaks gymnasium's rules, or does not fit the algorithm."""


class ModelError(InputError):
    """A pretrained model cannot be opened, or not safely."""


class ArtifactError(InputError):
    """A run folder or a checkpoint is damaged, or is not one."""


class SampleError(InputError):
    """A sample cannot be fetched, verified or unpacked."""


class UnavailableError(InputError):
    """Something is neither cached nor reachable."""


class DiskFullError(InputError):
    """No space is left where something had to be written."""


class MissingExtraError(InputError):
    """A package that this recipe or command needs is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f'{what} need extra packages: pip install "transfer-toolkit[{extra}]"')


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A fix such as ``did you mean 'learning_rate'?``, or the alternatives when nothing is near."""
    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"choose from {', '.join(names)}" if names else ""


def disk_full(error: Exception, path: object) -> Exception:
    """Translate "no space left" and "quota exceeded" into :class:`DiskFullError`; hand back any other error.

    Libraries that write through native code raise their own errors, in which only the words say so.
    """
    number = error.errno if isinstance(error, OSError) else None
    if number in {errno.ENOSPC, errno.EDQUOT} or os.strerror(errno.ENOSPC) in str(error):
        return DiskFullError(
            f"{path}: no space left on the disk; free some, or choose another folder with --out"
        )
    return error


def unusable_path(error: OSError) -> InputError | None:
    """What the system says of a path that was chosen badly: no right to it, a file for a folder, read-only."""
    said = {"EACCES", "EEXIST", "EISDIR", "ENAMETOOLONG", "ENOTDIR", "EPERM", "EROFS"}
    if error.filename is None or errno.errorcode.get(error.errno or 0) not in said:
        return None
    return InputError(f"{error.filename}: cannot be used ({error.strerror})")


def raise_errors(findings: Sequence[Finding], kind: type[InputError] = DataError) -> None:
    """Raise ``kind`` with all findings when any is an error; otherwise do nothing."""
    if any(finding.level == "error" for finding in findings):
        raise kind(findings)


def first_line(error: BaseException) -> str:
    """What another library's error says, in short: its first line, which is what goes into a message of our own."""
    return str(error).strip().partition("\n")[0]
