"""The pull request on the Hub: opened, or the open one brought up to date. Failures become one sentence each."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from porter.base import console
from porter.base.errors import PorterError, UsageError
from porter.runtime.stored.transfers import (
    LATER,
    LONGEST_WAIT,
    RETRIED,
    HubError,
    bounded_transfers,
    network_errors,
)

TITLES = ("Add TF weights", "Update TF weights")
LOGIN = "hf auth login, or --token"
AGAIN = "run the command again; porter pt-to-tf goes on with --resume"
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Patience:
    """How often a request is made, and how long to wait before the second; each further wait is twice as long."""

    attempts: int = 4
    wait: float = 1.0


@dataclass(frozen=True)
class Proposal:
    """Files of `folder` for the repository `repo`, made if it is to be `private`, and what is said about them."""

    repo: str
    folder: Path
    files: tuple[str, ...]
    body: str
    token: str | None = None
    private: bool = False

    def operations(self) -> list[Any]:
        """The commit, file by file."""
        return file_operations(self.folder, self.files)


def file_operations(folder: Path, files: Sequence[str]) -> list[Any]:
    """The additions of a commit; large files are streamed from disk."""
    from huggingface_hub import CommitOperationAdd

    return [CommitOperationAdd(path_in_repo=name, path_or_fileobj=folder / name) for name in files]


@dataclass(frozen=True)
class Opened:
    """What the Hub has now. `number` is None for a commit to main."""

    url: str
    number: int | None
    updated: bool


def propose(proposal: Proposal, patience: Patience | None = None) -> Opened:
    """Open a pull request, or add to the open one that the same user made before.

    Raises:
        HubError: one sentence and the next step; the local files are untouched.
    """
    return patiently(lambda: _propose(proposal), proposal.repo, patience or Patience())


def _propose(proposal: Proposal) -> Opened:
    from huggingface_hub import HfApi

    api = HfApi(token=proposal.token)
    author = str(api.whoami()["name"])
    title = title_for(api.list_repo_files(proposal.repo))
    number = _open_before(api, proposal.repo, author)
    if number is None:
        info = api.create_commit(
            proposal.repo,
            proposal.operations(),
            commit_message=title,
            commit_description=proposal.body,
            create_pr=True,
        )
        return Opened(web_address(info.pr_url), info.pr_num, updated=False)
    api.create_commit(proposal.repo, proposal.operations(), commit_message=title, revision=f"refs/pr/{number}")
    details = api.get_discussion_details(proposal.repo, number)
    first = next(event for event in details.events if event.type == "comment")
    api.edit_discussion_comment(proposal.repo, number, first.id, proposal.body)
    return Opened(web_address(details.url), number, updated=True)


def push(proposal: Proposal, patience: Patience | None = None) -> Opened:
    """Commit to main, without a pull request.

    Raises:
        HubError: one sentence and the next step; the local files are untouched.
    """
    return patiently(lambda: _push(proposal), proposal.repo, patience or Patience())


def _push(proposal: Proposal) -> Opened:
    from huggingface_hub import HfApi

    api = HfApi(token=proposal.token)
    if proposal.private:
        api.create_repo(proposal.repo, private=True, exist_ok=True)
    info = api.model_info(proposal.repo)
    if proposal.private and not info.private:
        raise HubError(f"{proposal.repo} is there already, and public.", hint="leave out --private, or rename it")
    files = [sibling.rfilename for sibling in info.siblings or []]
    done = api.create_commit(
        proposal.repo,
        proposal.operations(),
        commit_message=title_for(files),
        commit_description=proposal.body,
        parent_commit=info.sha,
    )
    return Opened(web_address(done.commit_url), None, updated=False)


def web_address(told: object) -> str:
    """An address of the web that may be shown.

    Raises:
        ValueError: the Hub has answered something else.
    """
    if not isinstance(told, str) or not re.fullmatch(r"https?://[!-~]+", told):
        raise ValueError("no address of the web")
    return told


def title_for(files: Sequence[str]) -> str:
    """As the command of transformers 4 called it: whether there are TensorFlow weights already decides."""
    return TITLES[any(re.fullmatch(r"tf_model.*\.(h5|safetensors|keras)|saved_model/.*", name) for name in files)]


def _open_before(api: Any, repo: str, author: str) -> int | None:
    """The newest open pull request of this kind by this user."""
    found = api.get_repo_discussions(repo, author=author, discussion_type="pull_request", discussion_status="open")
    numbers = [entry.num for entry in found if entry.title in TITLES and entry.author == author]
    return max(numbers, default=None)


def patiently(action: Callable[[], Answer], repo: str, patience: Patience) -> Answer:
    """Do it; where the Hub is overloaded or the line breaks, wait and do it again.

    The whole action is repeated, so it has to look at what an earlier attempt achieved.

    Raises:
        HubError: it was refused, or failed every time.
    """
    for attempt in range(patience.attempts):
        try:
            with hub_errors(repo):
                return action()
        except _Passing as passing:
            if attempt == patience.attempts - 1:
                raise HubError(passing.sentence, hint=passing.hint) from passing
            wait = min(LONGEST_WAIT, passing.wait if passing.wait is not None else patience.wait * 2**attempt)
            console.say(f"{passing.sentence} Trying again in {wait:.0f} s.")
            time.sleep(wait)
    raise AssertionError("a patience has at least one attempt")


class _Passing(HubError):
    """A failure that may be gone in a moment."""

    def __init__(self, sentence: str, wait: float | None) -> None:
        super().__init__(sentence, hint=AGAIN)
        self.wait = wait


@contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into one sentence without tokens or addresses."""
    try:
        with bounded_transfers():
            yield
    except PorterError:
        raise
    except Exception as error:
        told = _as_hub_error(repo, error)
        if told is None:
            raise
        raise told from error


def _as_hub_error(repo: str, error: BaseException) -> PorterError | None:
    """The sentence for what huggingface_hub or the connection has raised; None for what is this machine's."""
    from huggingface_hub import errors

    if isinstance(error, RuntimeError) and not isinstance(error, RecursionError):  # of an upload, with its own cause
        return _as_hub_error(repo, error.__cause__) if error.__cause__ else None
    if isinstance(error, PorterError):
        return error
    if isinstance(error, network_errors()) and getattr(error, "response", None) is None:
        return _Passing("The Hub cannot be reached, or the connection broke.", None)
    known: tuple[tuple[type[Exception], PorterError], ...] = (
        (errors.LocalTokenNotFoundError, HubError("The Hub needs to know who you are.", hint=LOGIN)),
        (errors.GatedRepoError, HubError(f"{repo} is gated.", hint="accept its conditions on its page on the Hub")),
        (errors.RevisionNotFoundError, HubError(f"{repo} has no such revision.", hint="check --revision")),
        (
            errors.RepositoryNotFoundError,
            HubError(f"The Hub shows you no repository {repo}.", hint=f"check the name; if it is private: {LOGIN}"),
        ),
        (errors.HFValidationError, UsageError(f"{repo!r} is not a name of a repository.", hint="owner/name")),
        (errors.LocalEntryNotFoundError, _Passing("The Hub cannot be reached.", None)),
    )
    for kind, told in known:
        if isinstance(error, kind):
            return told
    if isinstance(error, (errors.HfHubHTTPError, *network_errors())):  # older clients raise the latter as they come
        return _refusal(repo, error)
    if isinstance(error, ValueError | LookupError | TypeError | AttributeError | RecursionError):
        return HubError(f"The Hub's answer for {repo} is not understood.", hint=LATER)
    if isinstance(error, OSError) and error.errno is None:
        return HubError(f"The Hub's answer for {repo} is not whole: {str(error).partition(chr(10))[0]}")
    return None


def _refusal(repo: str, error: Any) -> HubError:
    status = getattr(error.response, "status_code", None)
    if status in RETRIED:
        after = str(error.response.headers.get("Retry-After", ""))
        return _Passing(f"The Hub answers {status}.", float(after) if after.isascii() and after.isdigit() else None)
    if status == 401:
        return HubError("The Hub does not accept your token.", hint=LOGIN)
    if status == 403:
        return HubError(f"Your token may not do this with {repo}.", hint="use a token with the role write")
    if status in (409, 412):
        return HubError(f"{repo} was changed by someone else meanwhile.", hint=AGAIN)
    return HubError(f"The Hub answers {status} for {repo}.", hint=AGAIN)
