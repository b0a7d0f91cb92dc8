"""Pull requests with the unmodified Hub client against a Hub on loopback, and what goes wrong on the way."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.hub_server.server import Fault, HubServer

REPO = "someone/model"
ROOT = Path(__file__).parents[2]
# `make test-transformers4` runs these tests with the client of the other environment.
CLIENT = os.environ.get("PORTER_HUB_CLIENT", sys.executable)
FILES = {"config.json": b"{}", "model.safetensors": b"pytorch"}
WEIGHTS = os.urandom(200_000)
TOKEN = "hf_secret"
DRIVER = """
import json, sys
from pathlib import Path
from porter.base.errors import PorterError
from porter.hub.client import pull_request as hub
action, repo, folder, token = sys.argv[1:5]
proposal = hub.Proposal(repo, Path(folder), ("tf_model.h5",), "the body", token or None)
try:
    done = getattr(hub, action)(proposal, hub.Patience(3, 0.01))
    print(json.dumps({"url": done.url, "number": done.number, "updated": done.updated}))
except PorterError as error:
    print(json.dumps({"error": error.sentence, "hint": error.hint}))
"""


@pytest.fixture
def hub():
    with HubServer() as server:
        server.store.create(REPO, FILES)
        yield server


@pytest.fixture
def act(hub, tmp_path):
    """Run `propose` or `push` in a process whose Hub is the test's."""
    (tmp_path / "tf_model.h5").write_bytes(WEIGHTS)

    def run(action="propose", repo=REPO, token=TOKEN):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
        environment |= {"PYTHONPATH": str(ROOT)}
        command = [CLIENT, "-c", DRIVER, action, repo, str(tmp_path), token]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
        assert (tmp_path / "tf_model.h5").read_bytes() == WEIGHTS
        return json.loads(done.stdout)

    return run


FETCH = """
import json, sys
from pathlib import Path
from porter.base.errors import PorterError
from porter.hub.client import pull_request as hub
from porter.hub.fetch import Fetch, local_copy
try:
    folder = local_copy(sys.argv[1], Fetch(token=sys.argv[2]), hub.Patience(3, 0.01))
    print(json.dumps({file.name: file.read_bytes().hex() for file in folder.iterdir()}))
except PorterError as error:
    print(json.dumps({"error": error.sentence, "hint": error.hint}))
print(json.dumps(sorted({"tensorflow", "torch", "keras"} & set(sys.modules))))
"""
LARGE = os.urandom(300_000)


@pytest.fixture
def fetch(hub, tmp_path):
    """Download the repository in a process whose Hub is the test's."""
    repository(hub).refs["main"].files["model.safetensors"] = LARGE

    def run(token=TOKEN):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
        environment |= {"PYTHONPATH": str(ROOT)}
        environment |= {"HF_HUB_DOWNLOAD_TIMEOUT": "1", "HF_HUB_ETAG_TIMEOUT": "1"}
        done = subprocess.run(
            [CLIENT, "-c", FETCH, REPO, token], env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert token not in done.stdout + done.stderr
        answer, loaded = map(json.loads, done.stdout.splitlines())
        assert loaded == []
        return answer

    return run


def repository(hub):
    return hub.store.repositories[REPO]


def test_a_pull_request_holds_the_files_and_leaves_main_alone(hub, act):
    done = act()
    assert done == {"url": f"{hub.url}/{REPO}/discussions/1", "number": 1, "updated": False}
    pull = repository(hub).pulls[1]
    assert (pull.title, pull.comments, pull.status) == ("Add TF weights", ["the body"], "open")
    assert repository(hub).refs["refs/pr/1"].files == {**FILES, "tf_model.h5": WEIGHTS}
    assert repository(hub).refs["main"].files == FILES


def test_an_open_one_is_brought_up_to_date(hub, act, tmp_path):
    act()
    repository(hub).pulls[1].comments[0] = "what was said before"
    repository(hub).refs["refs/pr/1"].files["tf_model.h5"] = b"former weights"
    assert act() == {"url": f"{hub.url}/{REPO}/discussions/1", "number": 1, "updated": True}
    assert list(repository(hub).pulls) == [1]
    assert repository(hub).pulls[1].comments == ["the body"]
    assert repository(hub).refs["refs/pr/1"].files["tf_model.h5"] == WEIGHTS


def test_a_merged_one_is_left_and_the_next_is_an_update(hub, act):
    act()
    repository(hub).merge(1)
    assert act()["number"] == 2
    assert repository(hub).pulls[2].title == "Update TF weights"


def test_push_commits_to_main(hub, act):
    assert act("push")["number"] is None
    assert repository(hub).refs["main"].files["tf_model.h5"] == WEIGHTS
    assert not repository(hub).pulls


PASSING = {
    "500": Fault("POST .*/commit/", status=500),
    "502 at upload": Fault("PUT /lfs/", status=502),
    "503 at preupload": Fault("POST .*/preupload/", status=503),
    "429 with Retry-After": Fault("GET .*/whoami", status=429, headers=(("Retry-After", "1"),)),
    "cut while uploading": Fault("PUT /lfs/", read=1000),
    "cut while asking": Fault("GET .*/discussions", cut=10),
}


@pytest.mark.parametrize("name", PASSING)
def test_a_passing_failure_is_waited_for(hub, act, name):
    hub.faults.append(replace(PASSING[name]))
    assert act()["number"] == 1
    assert repository(hub).refs["refs/pr/1"].files["tf_model.h5"] == WEIGHTS


def test_retry_after_is_obeyed(hub, act):
    hub.faults.append(Fault("GET .*/whoami", status=429, headers=(("Retry-After", "2"),)))
    started = time.monotonic()
    act()
    assert time.monotonic() - started >= 2


def test_an_answer_lost_after_the_commit_opens_no_second_pull_request(hub, act):
    hub.faults.append(Fault("POST .*/commit/", cut=5))
    assert act() == {"url": f"{hub.url}/{REPO}/discussions/1", "number": 1, "updated": True}
    assert list(repository(hub).pulls) == [1]


@pytest.mark.parametrize(
    ("token", "sentence"),
    [("hf_wrong", "does not accept your token"), ("hf_reader", "may not do this"), ("", "who you are")],
)
def test_a_token_that_does_not_do(hub, act, token, sentence):
    hub.store.tokens["hf_reader"] = "read"
    refused = act(token=token)
    assert sentence in refused["error"]
    assert "token" in refused["hint"]
    assert not repository(hub).pulls


@pytest.mark.parametrize("repo", ["someone/absent", "someone/hidden"])
def test_a_repository_that_is_not_there_or_not_shown(hub, act, repo):
    hub.store.create("someone/hidden", FILES, private=True)
    refused = act(repo=repo, token=TOKEN if repo.endswith("absent") else "hf_wrong")
    assert "Hub" in refused["error"]


def test_a_name_that_is_none(act):
    assert "not a name of a repository" in act(repo="some one/model")["error"]


def test_a_commit_in_between_is_a_conflict(hub, act):
    hub.faults.append(Fault("POST .*/commit/", status=412))
    assert "changed by someone else" in act("push")["error"]
    assert repository(hub).refs["main"].files == FILES


def test_a_hub_that_is_gone_for_good(hub, act):
    hub.stop()
    refused = act()
    assert "cannot be reached" in refused["error"]
    assert "--resume" in refused["hint"]


def test_a_hub_that_fails_for_good(hub, act):
    hub.faults.append(Fault("POST .*/commit/", status=503, times=99))
    refused = act()
    assert refused == {
        "error": "The Hub answers 503.",
        "hint": "run the command again; porter pt-to-tf goes on with --resume",
    }
    assert not repository(hub).pulls


def test_what_a_conversion_needs_is_fetched_and_nothing_else(hub, fetch):
    others = {"pytorch_model.bin": b"pickle", "modeling.py": b"code", "model.onnx": b"onnx", "tf_model.h5": b"tf"}
    repository(hub).refs["main"].files.update(others)
    found = fetch()
    assert set(found) == {"config.json", "model.safetensors", "tf_model.h5"}
    assert bytes.fromhex(found["model.safetensors"]) == LARGE


DOWNLOADS = {
    "cut": Fault("GET .*model.safetensors", cut=1000),
    "500": Fault("GET .*model.safetensors", status=500),
    "429 with Retry-After": Fault("GET /api/models", status=429, headers=(("Retry-After", "1"),)),
    "502 of the header": Fault("HEAD .*model.safetensors", status=502),
    "late": Fault("GET .*model.safetensors", wait=3.0),
}


@pytest.mark.parametrize("name", DOWNLOADS)
def test_a_download_is_finished_in_spite_of(hub, fetch, name):
    hub.faults.append(replace(DOWNLOADS[name]))
    assert bytes.fromhex(fetch()["model.safetensors"]) == LARGE


@pytest.mark.parametrize(
    ("status", "code", "sentence"),
    [
        (403, "GatedRepo", "is gated"),
        (404, "RepoNotFound", "shows you no repository"),
        (404, "RevisionNotFound", "no such revision"),
        (401, "", "The Hub"),
    ],
)
def test_what_may_not_be_read_is_one_sentence(hub, fetch, status, code, sentence):
    hub.faults.append(Fault("GET /api/models", 99, status, (("X-Error-Code", code),) if code else ()))
    refused = fetch()
    assert sentence in refused["error"]
    assert refused["hint"]


def test_a_repository_without_pytorch_weights(hub, fetch):
    del repository(hub).refs["main"].files["model.safetensors"]
    assert "no PyTorch weights" in fetch()["error"]


CODE = """
import json, sys
from porter.base.errors import PorterError
from porter.weights import ported
try:
    ported.load(sys.argv[1])
except PorterError as error:
    print(json.dumps({"error": error.sentence, "hint": error.hint}))
"""


def test_code_of_a_repository_is_not_run_unasked(hub, tmp_path):
    repository(hub).refs["main"].files["modeling_tf_evil.py"] = b"open('executed', 'w')"
    repository(hub).refs["main"].files["tf_model.h5"] = b"weights"
    repository(hub).refs["main"].files["config.json"] = b'{"model_type": "bert", "architectures": ["BertModel"]}'
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    environment |= {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [CLIENT, "-c", CODE, REPO], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert "brings its own TensorFlow code" in json.loads(done.stdout)["error"]
    assert not (tmp_path / "executed").exists()
