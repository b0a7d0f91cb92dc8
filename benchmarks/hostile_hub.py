"""A Hub on loopback whose answers are spoiled at random; see fuzz.py."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.hub_server.server import Fault, HubServer

REPO = "someone/model"
TOKEN = "hf_secret"
ASKED = (
    r"GET /api/models/\w+/\w+$", "GET /api/models/.*/tree/", "HEAD .*config.json", "GET .*config.json",
    "HEAD .*safetensors", "GET .*safetensors", "GET .*README", "GET /api/whoami", "POST .*preupload",
    "POST .*info/lfs", "PUT /lfs", "POST .*verify", "POST .*commit/", "GET .*discussions", "GET ", "HEAD ", "POST ",
)  # fmt: skip
STATUSES = (200, 201, 204, 206, 301, 302, 304, 307, 400, 401, 403, 404, 405, 409, 410, 412, 416, 418, 422, 451, 501)
PASSING = (408, 429, 500, 502, 503, 504)
BODIES = (
    b"", b"<html>", b"[]", b"{}", b"null", b"3", b'"x"', b"\xff\xfe", b"[" * 100_000, b'{"error": null}',
    b'{"error": {"a": [1]}}', b'[{"type": "file"}]', b'[{"type": "file", "path": 3, "size": -1, "oid": null}]',
    b'[{"type": "file", "path": "../x", "size": 9, "oid": "0"}]', b'{"siblings": [{"rfilename": "/etc/passwd"}]}',
    b'{"sha": "../..", "siblings": null}', b'{"name": ["x"]}', b'{"files": null}', b'{"objects": [{}]}',
)  # fmt: skip
HEADERS = (
    ("Location", "file:///etc/passwd"), ("Location", "http://127.0.0.1:9/"), ("Location", "/"), ("Location", "\xff"),
    ("ETag", "../../x"), ("ETag", ""), ("ETag", '"' + "x" * 300 + '"'), ("X-Repo-Commit", "../../x"),
    ("X-Repo-Commit", "x\x1b[31m"), ("X-Linked-Size", "-1"), ("X-Linked-Size", "x"), ("X-Linked-ETag", '"/x"'),
    ("Content-Encoding", "gzip"), ("Content-Range", "bytes x"), ("Content-Type", "text/html; charset=none"),
    ("X-Error-Code", "GatedRepo"), ("X-Error-Code", "x"), ("X-Error-Message", "\x1b[31mred"),
    ("X-Request-Id", "x" * 9000), ("Retry-After", "-1"), ("Retry-After", "100000"), ("Link", "<x>; rel=next"),
    ("RateLimit", '"api";r=0;t=9999999999999'),
    ("X-Xet-Hash", "0" * 64), ("X-Xet-Hash", "x"), ("Set-Cookie", "\x00"), ("WWW-Authenticate", "Basic"),
)  # fmt: skip


@dataclass(frozen=True)
class Served:
    """The Hub, and the answers that it would give."""

    server: HubServer
    model: Path

    def spoil(self, draw: random.Random, spoiled: Callable[[random.Random, bytes], bytes]) -> None:
        """A fresh repository, and one or two kinds of requests that are answered in some other way."""
        self.server.store.repositories.clear()
        self.server.store.create(REPO, {file.name: file.read_bytes() for file in self.model.iterdir()})
        self.server.faults[:] = [self._fault(draw, spoiled) for _ in range(draw.randint(1, 2))]

    def _fault(self, draw: random.Random, spoiled: Callable[[random.Random, bytes], bytes]) -> Fault:
        headers = tuple(draw.sample(HEADERS, draw.randint(0, 2)))
        asked, how = draw.choice(ASKED), draw.random()
        if how < 0.15:
            return Fault(asked, 1, draw.choice(PASSING), headers, body=draw.choice(BODIES))
        if how < 0.45:
            return Fault(asked, 99, draw.choice(STATUSES), headers, body=draw.choice(BODIES))
        if how < 0.55:
            return Fault(asked, 1, headers=headers, cut=draw.randrange(2000))
        seed = draw.random()
        return Fault(asked, 99, headers=headers, change=lambda raw: spoiled(random.Random(seed), raw))


@contextmanager
def serving(model: Path) -> Iterator[Served]:
    """Let huggingface_hub ask this Hub for as long as the block runs."""
    from huggingface_hub import constants

    with HubServer() as server:
        set_here: dict[str, Any] = {
            "ENDPOINT": server.url, "HF_HUB_OFFLINE": False,
            "HUGGINGFACE_CO_URL_TEMPLATE": server.url + "/{repo_id}/resolve/{revision}/{filename}",
        }  # fmt: skip
        before = {name: getattr(constants, name) for name in (*set_here, "HF_HUB_CACHE")}
        token = os.environ.get("HF_TOKEN")
        os.environ["HF_TOKEN"] = TOKEN
        try:
            for name, value in set_here.items():
                setattr(constants, name, value)
            yield Served(server, model)
        finally:
            for name, value in before.items():
                setattr(constants, name, value)
            os.environ.pop("HF_TOKEN")
            if token is not None:
                os.environ["HF_TOKEN"] = token


def fresh_cache(folder: Path) -> None:
    """Let huggingface_hub keep what it fetches in a folder that nothing lies in yet."""
    from huggingface_hub import constants

    constants.HF_HUB_CACHE = str(folder)


def is_json(raw: bytes) -> bool:
    """Whether an answer can be spoiled member by member."""
    try:
        return isinstance(json.loads(raw), dict | list)
    except ValueError:
        return False
