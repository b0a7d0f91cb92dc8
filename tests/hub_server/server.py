"""The HTTP side: `with HubServer() as hub: ... hub.url`. `hub.faults` spoils chosen requests."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub_server.store import NOW, Repository, Store, details, is_large, siblings, tree

REPO = r"(?P<repo>[\w.-]+/[\w.-]+)"
ALL_STATUSES = ("open", "draft", "closed", "merged")


@dataclass
class Fault:
    """What happens to requests whose `METHOD path` matches, the first `times` of them.

    `status` is answered; `cut` sends so many bytes of the body and closes; `read` reads so many bytes of the request
    and closes; `wait` sleeps first; `body` is answered instead; `flip` spoils a byte of the body; `slowly` sends one
    byte of the body every so many seconds, `late` one byte of what comes before the body; `silent` sends nothing for
    so many seconds in the middle of the body. `change` makes another body of the true one, and `headers` are added to
    its own where neither a status nor a body is given.
    """

    pattern: str
    times: int = 1
    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    cut: int | None = None
    read: int | None = None
    wait: float = 0.0
    body: bytes | None = None
    flip: bool = False
    slowly: float = 0.0
    late: float = 0.0
    silent: float = 0.0
    change: Callable[[bytes], bytes] | None = None


class Refusal(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class HubServer:
    """A server on a free port of loopback, running in a thread; `log` has every request line."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store()
        self.faults: list[Fault] = []
        self.log: list[str] = []
        self.lock = threading.Lock()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": self}))
        self._http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> HubServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def fault_for(self, line: str) -> Fault | None:
        with self.lock:
            self.log.append(line)
            for fault in self.faults:
                if fault.times > 0 and re.search(fault.pattern, line):
                    fault.times -= 1
                    return fault
        return None


class Handler(BaseHTTPRequestHandler):
    """One request: a fault, or the first route that fits."""

    protocol_version = "HTTP/1.1"
    hub: HubServer

    def log_message(self, *_: object) -> None:
        pass

    def handle_any(self) -> None:
        parts = urlsplit(self.path)
        self.query = parse_qs(parts.query)
        self.cut: int | None = None
        self.flip, self.slowly, self.late, self.silent = False, 0.0, 0.0, 0.0
        self.change: Callable[[bytes], bytes] | None = None
        self.added: tuple[tuple[str, str], ...] = ()
        fault = self.hub.fault_for(f"{self.command} {unquote(self.path)}")
        if fault is not None and self._spoil(fault):
            return
        length = int(self.headers.get("Content-Length") or 0)
        self.body = (
            self._chunked() if "chunked" in self.headers.get("Transfer-Encoding", "") else self.rfile.read(length)
        )
        try:
            for method, pattern, answer in ROUTES:
                found = re.fullmatch(pattern, unquote(parts.path))
                if found and method in (self.command, "GET" if self.command == "HEAD" else None):
                    with self.hub.lock:
                        answer(self, **found.groupdict())
                    return
            raise Refusal(404, "EntryNotFound", f"no route {self.command} {self.path}")
        except Refusal as refusal:
            self.reply_json({"error": refusal.message}, refusal.status, refusal.code, refusal.message)

    do_GET = do_HEAD = do_POST = do_PUT = handle_any  # noqa: N815 - names of http.server

    def _spoil(self, fault: Fault) -> bool:
        time.sleep(fault.wait)
        self.cut, self.flip, self.slowly = fault.cut, fault.flip, fault.slowly
        self.late, self.silent, self.change = fault.late, fault.silent, fault.change
        if fault.read is not None:
            self.rfile.read(fault.read)
            self.close_connection = True
            self.connection.close()
            return True
        if fault.status is None and fault.body is None:
            self.added = fault.headers
            return False
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.reply(fault.body or b"", fault.status or 200, dict(fault.headers))
        return True

    def _chunked(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().strip() or b"0", 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def reply(
        self, data: bytes, status: int = 200, headers: dict[str, str] | None = None, size: int | None = None
    ) -> None:
        data = self.change(data) if self.change else data
        self.send_response(status)
        for name, value in {**(headers or {}), **dict(self.added)}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data) if size is None else size))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.cut is not None and self.cut < len(data):
            self.wfile.write(data[: self.cut])
            self.close_connection = True
            self.wfile.flush()
            self.connection.shutdown(2)
            return
        if self.flip and data:
            data = bytes([data[0] ^ 1]) + data[1:]
        if self.silent:
            half = len(data) // 2
            self.wfile.write(data[:half])
            time.sleep(self.silent)
            data = data[half:]
        self._write(data, self.slowly)

    def _write(self, data: bytes, pause: float) -> None:
        """All at once, or a byte at a time, to a client that may have gone."""
        for start in range(len(data) if pause else 0):
            self.wfile.write(data[start : start + 1])
            time.sleep(pause)
        self.wfile.write(b"" if pause else data)

    def flush_headers(self) -> None:
        """What comes before the body; http.server collects it first."""
        if self.late and hasattr(self, "_headers_buffer"):
            head, self._headers_buffer = b"".join(self._headers_buffer), []
            self._write(head, self.late)
        super().flush_headers()

    def handle_one_request(self) -> None:
        with contextlib.suppress(ConnectionError):
            super().handle_one_request()

    def reply_json(self, value: Any, status: int = 200, code: str = "", message: str = "") -> None:
        headers = {"Content-Type": "application/json"}
        if code:
            headers["X-Error-Code"] = code
        if message:
            headers["X-Error-Message"] = message
        self.reply(json.dumps(value).encode(), status, headers)

    def json(self) -> Any:
        return json.loads(self.body)

    def user(self) -> str:
        """Name of the token's owner; without a known token the request is refused."""
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token not in self.hub.store.tokens:
            raise Refusal(401, message="Invalid username or password.")
        return "tester"

    def writer(self) -> str:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        name = self.user()
        if self.hub.store.tokens[token] != "write":
            raise Refusal(403, message="You don't have the rights to write here.")
        return name

    def repository(self, name: str, *, content: bool = False) -> Repository:
        found = self.hub.store.repositories.get(name)
        known = self.headers.get("Authorization", "").removeprefix("Bearer ") in self.hub.store.tokens
        if found is None or (found.private and not known):
            raise Refusal(404 if known else 401, "RepoNotFound", "Repository not found")
        if content and found.gated:
            raise Refusal(403, "GatedRepo", f"Access to model {name} is restricted.")
        return found


Answer = Callable[..., None]
ROUTES: list[tuple[str, str, Answer]] = []


def route(method: str, pattern: str) -> Callable[[Answer], Answer]:
    def add(answer: Answer) -> Answer:
        ROUTES.append((method, pattern, answer))
        return answer

    return add


@route("GET", "/api/whoami-v2")
def whoami(self: Handler) -> None:
    role = self.hub.store.tokens[self.headers.get("Authorization", "").removeprefix("Bearer ")] if self.user() else ""
    self.reply_json({"type": "user", "name": "tester", "orgs": [], "auth": {"accessToken": {"role": role}}})


@route("POST", "/api/repos/create")
def create(self: Handler) -> None:
    wanted = self.json()
    name = f"{wanted.get('organization') or self.writer()}/{wanted['name']}"
    url = {"url": f"{self.hub.url}/{name}"}
    if name in self.hub.store.repositories:
        self.reply_json({"error": "You already created this model repo", **url}, 409)
        return
    self.hub.store.create(name, {}, private=bool(wanted.get("private") or wanted.get("visibility") == "private"))
    self.reply_json(url)


@route("GET", f"/api/models/{REPO}(/revision/(?P<revision>.+))?")
def model_info(self: Handler, repo: str, revision: str | None) -> None:
    found = self.repository(repo)
    commit = found.find(revision or "main")
    if commit is None:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    common = {"tags": [], "createdAt": NOW, "lastModified": NOW, "private": found.private}
    self.reply_json({"id": repo, "sha": commit.oid, "siblings": siblings(commit), **common})


@route("GET", f"/api/models/{REPO}/tree/(?P<revision>[^?]+)")
def list_tree(self: Handler, repo: str, revision: str) -> None:
    commit = self.repository(repo).find(revision)
    if commit is None:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    self.reply_json(tree(commit))


@route("POST", f"/api/models/{REPO}/paths-info/(?P<revision>.+)")
def paths_info(self: Handler, repo: str, revision: str) -> None:
    commit = self.repository(repo).find(revision)
    wanted = parse_qs(self.body.decode()).get("paths", [])
    self.reply_json([entry for entry in tree(commit) if entry["path"] in wanted] if commit else [])


@route("GET", f"/{REPO}/resolve/(?P<revision>refs/pr/[0-9]+|[^/]+)/(?P<path>.+)")
def resolve(self: Handler, repo: str, revision: str, path: str) -> None:
    commit = self.repository(repo, content=True).find(revision)
    if commit is None:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    if path not in commit.files:
        raise Refusal(404, "EntryNotFound", "Entry not found")
    data = commit.files[path]
    headers = {
        "X-Repo-Commit": commit.oid,
        "ETag": f'"{hashlib.sha256(data).hexdigest()}"',
        "Accept-Ranges": "bytes",
    }
    wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
    if wanted and self.command == "GET":
        start, end = int(wanted[1]), int(wanted[2] or len(data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(data)}"
        self.reply(data[start : end + 1], 206, headers)
    else:
        self.reply(data, 200, headers)


@route("POST", f"/api/models/{REPO}/preupload/(?P<revision>.+)")
def preupload(self: Handler, repo: str, revision: str) -> None:
    self.writer()
    self.repository(repo)
    modes = [("lfs" if is_large(f["path"], f["size"]) else "regular", f["path"]) for f in self.json()["files"]]
    self.reply_json({"files": [{"path": p, "uploadMode": mode, "shouldIgnore": False} for mode, p in modes]})


@route("POST", rf"/{REPO}\.git/info/lfs/objects/batch")
def lfs_batch(self: Handler, repo: str) -> None:
    self.writer()
    objects = []
    for wanted in self.json()["objects"]:
        entry: dict[str, Any] = {"oid": wanted["oid"], "size": wanted["size"]}
        if wanted["oid"] not in self.hub.store.large:
            href = f"{self.hub.url}/lfs/{wanted['oid']}"
            entry["actions"] = {"upload": {"href": href, "header": {}}, "verify": {"href": f"{href}/verify"}}
        objects.append(entry)
    self.reply_json({"transfer": "basic", "objects": objects})


@route("PUT", "/lfs/(?P<oid>[0-9a-f]{64})")
def lfs_upload(self: Handler, oid: str) -> None:
    if hashlib.sha256(self.body).hexdigest() != oid:
        raise Refusal(400, message="the content is not what was announced")
    self.hub.store.large[oid] = self.body
    self.reply(b"")


@route("POST", "/lfs/(?P<oid>[0-9a-f]{64})/verify")
def lfs_verify(self: Handler, oid: str) -> None:
    if len(self.hub.store.large.get(oid, b"")) != self.json()["size"]:
        raise Refusal(404, message="not uploaded")
    self.reply_json({})


@route("POST", f"/api/models/{REPO}/commit/(?P<revision>.+)")
def commit(self: Handler, repo: str, revision: str) -> None:
    author = self.writer()
    found = self.repository(repo)
    lines = [json.loads(line) for line in self.body.decode().splitlines()]
    header = next(line["value"] for line in lines if line["key"] == "header")
    base = found.find(revision)
    if base is None:
        raise Refusal(404, "RevisionNotFound", f"Invalid rev id: {revision}")
    if header.get("parentCommit") not in (None, base.oid):
        raise Refusal(412, message="A commit has happened since. Please refresh and try again.")
    changes: dict[str, bytes | None] = {}
    for line in lines:
        value = line["value"]
        if line["key"] == "file":
            changes[value["path"]] = base64.b64decode(value["content"])
        elif line["key"] == "lfsFile":
            changes[value["path"]] = self.hub.store.large[value["oid"]]
        elif line["key"] == "deletedFile":
            changes[value["path"]] = None
    answer = {"success": True}
    if self.query.get("create_pr") == ["1"]:
        pull = found.open_pull_request(changes, header["summary"], header.get("description", ""), author)
        answer["pullRequestUrl"] = f"{self.hub.url}/{repo}/discussions/{pull.num}"
        oid = pull.commits[0]
    else:
        oid = found.commit(revision, changes, header["summary"]).oid
        number = re.fullmatch(r"refs/pr/(\d+)", revision)
        if number:
            found.pulls[int(number[1])].commits.append(oid)
    self.reply_json({**answer, "commitUrl": f"{self.hub.url}/{repo}/commit/{oid}", "commitOid": oid})


@route("POST", "/api/validate-yaml")
def validate_yaml(self: Handler) -> None:
    self.reply_json({"errors": [], "warnings": []})


@route("GET", f"/api/models/{REPO}/discussions")
def discussions(self: Handler, repo: str) -> None:
    found = self.repository(repo)
    asked = self.query.get("status", ["all"])[0]
    statuses = {"open": ("open", "draft"), "closed": ("closed", "merged")}.get(asked, ALL_STATUSES)
    pulls = [details(found, pull) for pull in found.pulls.values() if pull.status in statuses]
    self.reply_json({"discussions": pulls, "count": len(pulls), "start": 0})


@route("GET", f"/api/models/{REPO}/discussions/(?P<num>[0-9]+)")
def discussion(self: Handler, repo: str, num: str) -> None:
    found = self.repository(repo)
    if int(num) not in found.pulls:
        raise Refusal(404, "EntryNotFound", "no such discussion")
    self.reply_json(details(found, found.pulls[int(num)]))


@route("POST", f"/api/models/{REPO}/discussions/(?P<num>[0-9]+)/comment(/comment(?P<position>[0-9]+)/edit)?")
def comment(self: Handler, repo: str, num: str, position: str | None) -> None:
    self.writer()
    found = self.repository(repo)
    pull = found.pulls[int(num)]
    if position is None:
        pull.comments.append(self.json()["comment"])
        self.reply_json({"newMessage": details(found, pull)["events"][len(pull.comments) - 1]})
    else:
        pull.comments[int(position)] = self.json()["content"]
        self.reply_json({"updatedComment": details(found, pull)["events"][int(position)]})
