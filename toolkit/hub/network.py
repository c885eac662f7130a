"""What goes wrong between here and the Hub, in words that help."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager

from toolkit.errors import Finding, InputError, ModelError, UnavailableError

# Libraries change HTTP clients between releases; transport errors are known by the package they come from.
_CLIENTS = {"httpx", "httpx2", "httpcore", "httpcore2", "requests", "urllib3", "aiohttp"}


@contextmanager
def hub_errors(what: str, alternative: str = "", kind: type[InputError] = ModelError) -> Generator[None]:
    """Turn the Hub's and the network's errors inside the block into the toolkit's own.

    Args:
        what: what was asked for, such as ``model 'me/bert'``; every message starts with it.
        alternative: what needs no Hub, such as ``sample:minilm``; empty where nothing replaces the Hub.
        kind: the error for what the Hub does have an answer to: not found, not allowed.

    Raises:
        UnavailableError: no network, offline mode, or a Hub that fails; and nothing cached.
        InputError: of class ``kind``: no such repository, revision or file, or no right to it.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # sorted by cause below; what is not the network's is raised as it was
        if refusal := _refusal(error):
            raise kind(Finding("error", what, *refusal)) from error
        if reason := network_trouble(error):
            raise UnavailableError(Finding("error", what, *_unavailable(reason, alternative))) from error
        raise


def network_trouble(error: BaseException) -> str:
    """Why the network is to blame for ``error`` or what led to it; empty when it is not."""
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    chain = list(_chain(error))
    if any(isinstance(cause, OfflineModeIsEnabled) for cause in chain):
        return "HF_HUB_OFFLINE is set"
    for cause in chain:
        if isinstance(cause, HfHubHTTPError):
            status = cause.response.status_code
            if status >= 500 or status == 429:
                return f"the Hub answers with error {status}"
        elif isinstance(cause, ConnectionError | TimeoutError) or _from_client(cause):
            return f"the Hub cannot be reached ({type(cause).__name__})"
    if any(isinstance(cause, LocalEntryNotFoundError) for cause in chain):
        return "the Hub was not asked or cannot be reached"
    return ""


def _unavailable(reason: str, alternative: str) -> tuple[str, str]:
    if not alternative:
        return reason, "try again when it can be"
    return f"not cached, and {reason}", f"connect once, or use {alternative}, which needs no Hub"


def _from_client(error: BaseException) -> bool:
    return type(error).__module__.partition(".")[0] in _CLIENTS


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _refusal(error: BaseException) -> tuple[str, str] | None:
    """Message and fix for what the Hub answered; None when it did not."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, LocalEntryNotFoundError):
        return None
    answers: list[tuple[type[BaseException], str, str]] = [
        (GatedRepoError, "access is gated", "accept its terms on its Hub page, then run 'hf auth login'"),
        (
            RepositoryNotFoundError,
            "not on the Hub, or private",
            "check the name; if private, run 'hf auth login'",
        ),
        (
            RevisionNotFoundError,
            "no such revision on the Hub",
            "name a branch, a tag or a commit that exists",
        ),
        (HFValidationError, "not a name the Hub allows", "write it as 'owner/name'"),
        (EntryNotFoundError, "the repository lacks a file that is needed", ""),
    ]
    for kind, message, fix in answers:
        if isinstance(error, kind):
            return message, fix
    if isinstance(error, HfHubHTTPError) and error.response.status_code in {401, 403}:
        return "the Hub refuses access", "run 'hf auth login' with a token that may do this"
    return None
