"""Files of a folder for a repository, which is made where there is none."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from porter.hub.client.pull_request import Patience, file_operations, patiently, web_address


@dataclass(frozen=True)
class Upload:
    """What is uploaded, and how.

    Attributes:
        repo: `owner/name`, or a name in the user's own account.
        folder: where the files are.
        files: their names.
        message: the commit's first line, a pull request's title.
        description: the rest.
        private: whether a repository that has to be made is private; None as the account has it.
        revision: the branch; None for the default one.
        create_pr: open a pull request instead of a commit.
        token: of the user; None for the stored one.
    """

    repo: str
    folder: Path
    files: tuple[str, ...]
    message: str
    description: str = ""
    private: bool | None = None
    revision: str | None = None
    create_pr: bool = False
    token: str | None = None


def upload(what: Upload, patience: Patience | None = None) -> str:
    """Commit the files, or open a pull request with them; the address of what was made.

    A pull request whose answer is lost is not tried again: it might be there.

    Raises:
        HubError: one sentence; the local files are untouched.
    """
    once = Patience(attempts=1)
    return patiently(lambda: _upload(what), what.repo, once if what.create_pr else patience or Patience())


def _upload(what: Upload) -> str:
    from huggingface_hub import HfApi

    api = HfApi(token=what.token)
    repo = str(api.create_repo(what.repo, private=what.private, exist_ok=True).repo_id)
    done: Any = api.create_commit(
        repo,
        file_operations(what.folder, what.files),
        commit_message=what.message,
        commit_description=what.description,
        revision=what.revision,
        create_pr=what.create_pr,
    )
    return web_address(done.pr_url if what.create_pr else done.commit_url)
