"""A finished model, published."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from toolkit.errors import Finding, InputError
from toolkit.hub.network import hub_errors


def push_folder(
    folder: Path,
    repo_id: str,
    *,
    private: bool = True,
    revision: str | None = None,
    message: str = "Upload model",
) -> str:
    """Upload the files of ``folder`` to the model repository ``repo_id``, made if missing; return its URL.

    Args:
        folder: what to upload; hidden files stay here.
        repo_id: ``owner/name``, or ``name`` for the token's own user.
        private: whether a new repository is private; while on, an existing public one is not pushed to.
        revision: branch to commit to, made when there is none; the main branch by default.
        message: the commit's message.

    Raises:
        InputError: no such folder, no token, a bad name, no right to write, or an existing public repository.
        UnavailableError: the Hub cannot be reached.
    """
    from huggingface_hub import HfApi, get_token

    where = f"push to '{repo_id}'"
    if not folder.is_dir():
        raise InputError(Finding("error", where, f"no such folder: {folder}"))
    if get_token() is None:
        fix = "run 'hf auth login' once, or set HF_TOKEN to a token that may write"
        raise InputError(Finding("error", where, "no Hub token on this machine", fix))
    with hub_errors(where, kind=InputError), _card_errors(where):
        api = HfApi()
        repo = api.create_repo(repo_id, private=private, exist_ok=True)
        if private and not api.model_info(repo.repo_id).private:
            fix = "allow it with private=False (--public), or choose a new name"
            raise InputError(Finding("error", where, "the repository exists and is public", fix))
        if revision is not None:
            api.create_branch(repo.repo_id, branch=revision, exist_ok=True)
        api.upload_folder(
            repo_id=repo.repo_id,
            folder_path=folder,
            revision=revision,
            commit_message=message,
            ignore_patterns=[".*", "**/.*"],
        )
    return str(repo)


@contextmanager
def _card_errors(where: str) -> Generator[None]:
    """The Hub reads the model card first and refuses wrong metadata, which the client raises plainly."""
    try:
        yield
    except ValueError as error:
        if not str(error).startswith("Invalid metadata"):
            raise
        raise InputError(Finding("error", where, " ".join(str(error).split()))) from error
