"""Repositories, commits, pull requests and large files, in memory."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

NOW = "2026-01-01T00:00:00.000Z"
INLINE_LIMIT = 1000


@dataclass
class Commit:
    oid: str
    files: dict[str, bytes]
    title: str = ""


@dataclass
class PullRequest:
    num: int
    title: str
    author: str
    comments: list[str]
    commits: list[str] = field(default_factory=list)
    status: str = "open"


@dataclass
class Repository:
    name: str
    private: bool = False
    gated: bool = False
    refs: dict[str, Commit] = field(default_factory=dict)
    pulls: dict[int, PullRequest] = field(default_factory=dict)

    def commit(self, ref: str, changes: dict[str, bytes | None], title: str) -> Commit:
        """A new commit on `ref`; None deletes a file."""
        base = self.refs[ref]
        files = {**base.files, **{path: data for path, data in changes.items() if data is not None}}
        for path, data in changes.items():
            if data is None:
                files.pop(path, None)
        digest = hashlib.sha1(f"{base.oid}{title}{sorted(files)}{len(self.pulls)}".encode()).hexdigest()
        self.refs[ref] = Commit(digest, files, title)
        return self.refs[ref]

    def open_pull_request(self, changes: dict[str, bytes | None], title: str, body: str, author: str) -> PullRequest:
        pull = PullRequest(len(self.pulls) + 1, title, author, [body])
        self.pulls[pull.num] = pull
        self.refs[f"refs/pr/{pull.num}"] = self.refs["main"]
        pull.commits.append(self.commit(f"refs/pr/{pull.num}", changes, title).oid)
        return pull

    def merge(self, num: int) -> None:
        self.refs["main"] = self.refs[f"refs/pr/{num}"]
        self.pulls[num].status = "merged"

    def find(self, revision: str) -> Commit | None:
        by_oid = {commit.oid: commit for commit in self.refs.values()}
        return self.refs.get(revision) or by_oid.get(revision)


@dataclass
class Store:
    """Everything the server knows. Tokens are `token name -> role`."""

    tokens: dict[str, str] = field(default_factory=lambda: {"hf_secret": "write"})
    repositories: dict[str, Repository] = field(default_factory=dict)
    large: dict[str, bytes] = field(default_factory=dict)

    def create(self, name: str, files: dict[str, bytes], **options: bool) -> Repository:
        repository = Repository(name, **options)
        repository.refs["main"] = Commit(hashlib.sha1(name.encode()).hexdigest(), dict(files))
        self.repositories[name] = repository
        return repository


def is_large(path: str, size: int) -> bool:
    return size > INLINE_LIMIT or path.endswith((".h5", ".safetensors", ".bin"))


def siblings(commit: Commit) -> list[dict[str, Any]]:
    return [{"rfilename": path} for path in sorted(commit.files)]


def tree(commit: Commit) -> list[dict[str, Any]]:
    entries = []
    for path, data in sorted(commit.files.items()):
        entry: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": blob_id(data)}
        if is_large(path, len(data)):
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
        entries.append(entry)
    return entries


def blob_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


def details(repository: Repository, pull: PullRequest) -> dict[str, Any]:
    author = {"name": pull.author}
    events: list[dict[str, Any]] = [
        {
            "id": f"comment{position}",
            "type": "comment",
            "createdAt": NOW,
            "author": author,
            "data": {"edited": False, "hidden": False, "latest": {"raw": text}},
        }
        for position, text in enumerate(pull.comments)
    ]
    events += [
        {"id": oid, "type": "commit", "createdAt": NOW, "author": author, "data": {"subject": pull.title, "oid": oid}}
        for oid in pull.commits
    ]
    return {
        "num": pull.num,
        "title": pull.title,
        "status": pull.status,
        "author": author,
        "isPullRequest": True,
        "createdAt": NOW,
        "repo": {"name": repository.name, "type": "model"},
        "changes": {"base": "refs/heads/main"},
        "filesWithConflicts": [],
        "events": events,
    }
