"""What a Hub may make porter wait for, and answers that no Hub gives."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from porter.hub.bounds import Pace, asked_wait
from tests.hub_server.server import Fault, HubServer

REPO = "someone/model"
ROOT = Path(__file__).parents[2]
TOKEN = "hf_secret"
FILES = {"config.json": b"{}", "model.safetensors": bytes(2000)}
DRIVER = """
import json, sys
from pathlib import Path
from porter.base.errors import PorterError
from porter.hub import bounds, pull_request as hub
from porter.hub.fetch import Fetch, local_copy
action, repo, folder, token = sys.argv[1:]
bounds.bound_session(bounds.Pace(0.5, 1000.0))
try:
    if action == "fetch":
        local_copy(repo, Fetch(token=token, local_dir=Path(folder) / "local"), hub.Patience(2, 0.01))
        local_copy(repo, Fetch(token=token), hub.Patience(2, 0.01))
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


def test_a_pace():
    assert Pace(30, 1000).allows(1, 29)
    assert not Pace(30, 1000).allows(100, 31)
    assert Pace(30, 1000).allows(2000, 31)


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
