"""What a Hub may make porter wait for, and answers that no Hub gives."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from porter.runtime.stored.transfers import Bounds, asked_wait
from tests.hub_server.server import Fault, HubServer

REPO = "someone/model"
ROOT = Path(__file__).parents[2]
TOKEN = "hf_secret"
FILES = {"config.json": b"{}", "model.safetensors": bytes(2000)}
DRIVER = """
import json, sys
from pathlib import Path
from porter.base.errors import PorterError
from porter.hub.client import pull_request as hub
from porter.runtime.stored.tensor_source import CheckpointError
from porter.runtime.stored.repository import Repository
from porter.runtime.stored.transfers import Bounds, bound_session
from porter.hub.fetch import Fetch, local_copy
action, repo, folder, token = sys.argv[1:]
bound_session(Bounds(0.5, 1000.0, answer=2.0, repeated=30, largest=10_000))
try:
    if action == "fetch":
        local_copy(repo, Fetch(token=token, local_dir=Path(folder) / "local"), hub.Patience(2, 0.01))
        local_copy(repo, Fetch(token=token), hub.Patience(2, 0.01))
        print(json.dumps({"error": ""}))
    elif action == "load":
        Repository(repo, {"token": token}).file("model.safetensors")
        print(json.dumps({"error": ""}))
    else:
        proposal = hub.Proposal(repo, Path(folder), ("tf_model.h5",), "b", token)
        done = getattr(hub, action)(proposal, hub.Patience(2, 0.01))
        print(json.dumps({"error": "", "url": done.url}))
except PorterError as error:
    print(json.dumps({"error": error.sentence}))
"""


@pytest.fixture
def hub():
    with HubServer() as server:
        server.store.create(REPO, FILES)
        yield server


@pytest.fixture
def act(hub, tmp_path):
    (tmp_path / "tf_model.h5").write_bytes(b"weights")

    def run(action):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
        environment |= {"PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", DRIVER, action, REPO, str(tmp_path), TOKEN]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        assert "Traceback" not in done.stderr
        return json.loads(done.stdout)["error"]

    return run


def test_how_slow_and_how_long_an_answer_may_be():
    assert Bounds(30, 1000).allows(1, 29)
    assert not Bounds(30, 1000).allows(100, 31)
    assert Bounds(30, 1000).allows(2000, 31)
    assert not Bounds(30, 1000, longest=100).allows(10**9, 101)


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"Retry-After": "100000"}, 100_000),
        (503, {"Retry-After": "7"}, 7),
        (429, {"RateLimit": '"api";r=0;t=555'}, 555),
        (429, {"RateLimit": '"api";r=3;t=555'}, 0),
        (200, {"Retry-After": "100000"}, 0),
        (429, {"Retry-After": "²"}, 0),
        (429, {"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0),
        (429, {}, 0),
    ],
)
def test_how_long_a_server_asks_to_wait(status, headers, seconds):
    assert asked_wait(status, headers) == seconds


@pytest.mark.parametrize("pattern", ["GET /api/models", "HEAD .*safetensors", "GET .*safetensors"])
@pytest.mark.parametrize(
    "header", [("Retry-After", "100000"), ("RateLimit", '"api";r=0;t=99999')], ids=["Retry-After", "RateLimit"]
)
def test_a_server_that_asks_to_wait_too_long_is_left(hub, act, pattern, header):
    hub.faults.append(Fault(pattern, 99, 429, (header,)))
    started = time.monotonic()
    assert "asks to wait" in act("fetch")
    assert time.monotonic() - started < 30


def test_a_transfer_at_a_byte_a_time_is_broken_off(hub, act):
    hub.faults.append(Fault("GET .*safetensors", 99, slowly=0.05))
    started = time.monotonic()
    assert "bytes a second only" in act("fetch")
    assert time.monotonic() - started < 30


SLOW = {
    "a byte of the body at a time": ("GET .*safetensors", {"slowly": 0.05}),
    "a byte at a time before the body": ("GET .*safetensors", {"late": 0.2}),
    "a byte at a time before a body that nobody asked for": ("HEAD .*safetensors", {"late": 0.2}),
    "nothing at all": ("HEAD .*safetensors", {"wait": 30.0}),
    "silence in the middle": ("GET .*safetensors", {"silent": 30.0}),
}


@pytest.mark.parametrize("action", ["fetch", "load"])
@pytest.mark.parametrize(("pattern", "fault"), SLOW.values(), ids=SLOW.keys())
def test_an_answer_that_does_not_come_is_not_waited_for(hub, act, action, pattern, fault):
    hub.faults.append(Fault(pattern, 99, **fault))
    started = time.monotonic()
    assert act(action) != ""
    assert time.monotonic() - started < 40


@pytest.mark.parametrize(
    ("action", "pattern"),
    [("propose", "POST .*commit/"), ("propose", "PUT /lfs"), ("push", "POST .*commit/"), ("push", "GET /api/models")],
)
def test_an_upload_that_is_not_answered_ends(hub, act, action, pattern):
    hub.faults.append(Fault(pattern, 99, late=0.2))
    started = time.monotonic()
    assert "has not answered in" in act(action)
    assert time.monotonic() - started < 40


def test_a_list_that_never_ends_is_left(hub, act):
    following = (("Link", f'<{hub.url}/api/models/{REPO}/tree/main?cursor=x>; rel="next"'),)
    hub.faults.append(Fault("GET /api/models/.*/tree", 10**6, body=b"[]", headers=following))
    assert "does not end" in act("fetch")


def test_a_list_that_is_too_long_is_left(hub, act):
    hub.faults.append(Fault("GET /api/models/.*/tree", 99, body=b"[" + b" " * 20_000 + b"]"))
    assert "longer than 10,000 bytes" in act("fetch")


@pytest.mark.parametrize("body", [b"<html>", b"[]"])
@pytest.mark.parametrize(
    ("action", "pattern"),
    [
        ("fetch", "GET /api/models"),
        ("propose", "GET /api/whoami"),
        ("propose", "GET /api/models"),
        ("propose", "POST .*preupload"),
        ("propose", "POST .*commit/"),
        ("propose", "GET .*discussions"),
        ("push", "GET /api/models"),
    ],
)
def test_an_answer_that_no_hub_gives_is_one_sentence(hub, act, action, pattern, body):
    hub.faults.append(Fault(pattern, 99, body=body, headers=(("Content-Type", "application/json"),)))
    error = act(action)
    assert "\n" not in error
    hub.faults.clear()


@pytest.mark.parametrize(
    "header", [("Content-Encoding", "gzip"), ("Location", "/"), ("Location", "http://[x/")], ids=repr
)
@pytest.mark.parametrize("action", ["fetch", "propose", "load"])
def test_an_answer_that_cannot_be_unpacked_or_followed_is_one_sentence(hub, act, action, header):
    status = 302 if header[0] == "Location" else 200
    hub.faults.append(Fault("GET ", 10**6, status, (header,), body=b"{}"))
    assert "\n" not in act(action)


@pytest.mark.parametrize("url", ["javascript:alert(1)", "http://x/\x1b[31m", "", None, 3])
def test_only_addresses_of_the_web_are_shown(hub, act, url):
    answer = {"commitUrl": url, "commitOid": "0" * 40, "pullRequestUrl": url}
    hub.faults.append(Fault("POST .*commit/", 99, body=json.dumps(answer).encode()))
    assert "is not understood" in act("propose")


@pytest.mark.parametrize("file", ["model.safetensors", "config.json"])
def test_a_file_that_arrives_damaged_is_refused(hub, act, file):
    hub.faults.append(Fault(f"GET .*{file}", 1, flip=True))
    assert "arrived damaged" in act("fetch")


def test_whole_files_pass(hub, act):
    assert act("fetch") == ""
