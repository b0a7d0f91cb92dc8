"""Commands on a repository of the Hub, `porter pt-to-tf` to its pull request, with the unmodified client over HTTP."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.hub_server.server import Fault, HubServer

torch = pytest.importorskip("torch")

REPO = "someone/model"
TOKEN = "hf_secret"
PORT = Path(__file__).parents[1] / "runtime" / "modeling_tf_small_bert.py"
ROOT = Path(__file__).parents[2]
LOAD = """
import sys, numpy as np
from porter.port.load import PortSource, load_class
from pathlib import Path
model = load_class(PortSource(Path(sys.argv[1]), "TFBertModel")).from_pretrained(sys.argv[2])
np.save(sys.argv[3], np.asarray(model(input_ids=np.arange(14).reshape(2, 7)).last_hidden_state))
"""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The repository's files, and PyTorch's output on some tokens."""
    import transformers

    from porter.subject.strong_weights import strengthen

    config = transformers.BertConfig(
        hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, vocab_size=50
    )
    model = transformers.BertModel(config).eval()
    strengthen(model)
    folder = tmp_path_factory.mktemp("repository")
    model.save_pretrained(folder)
    with torch.no_grad():
        expected = model(torch.arange(14).reshape(2, 7)).last_hidden_state.numpy()
    return {file.name: file.read_bytes() for file in folder.iterdir()}, expected


@pytest.fixture
def hub(files):
    with HubServer() as server:
        server.store.create(REPO, {**files[0], "modeling_tf_small_bert.py": PORT.read_bytes()})
        yield server


@pytest.fixture
def run(hub, tmp_path):
    """Run a Python command whose Hub is the test's."""

    def started(*command, code=0):
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
        environment |= {"HF_TOKEN": TOKEN, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            [sys.executable, *command], env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        assert TOKEN not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done

    return started


def convert(run, *options, code=0, trust=("--trust-remote-code",)):
    command = ("-m", "porter", "pt-to-tf", "--model-name", REPO, "--output", "tf", *trust, *options)
    return run(*command, code=code)


def test_code_of_the_repository_is_not_run_unasked(hub, run, tmp_path):
    hub.store.repositories[REPO].refs["main"].files["modeling_tf_small_bert.py"] = b"open('executed', 'w')"
    refused = convert(run, code=2, trust=())
    assert "brings its own TensorFlow code" in refused.stderr
    assert "--trust-remote-code" in refused.stderr
    assert list(tmp_path.glob("executed")) + list(tmp_path.glob("tf")) == []


def test_the_whole_way(hub, run, files, tmp_path):
    import numpy as np

    done = convert(run, "--extra-commit-description", "Thanks for this model.")
    assert f"opened {hub.url}/{REPO}/discussions/1" in done.stdout
    repository = hub.store.repositories[REPO]
    proposed = repository.refs["refs/pr/1"].files
    added = {name: data for name, data in proposed.items() if repository.refs["main"].files.get(name) != data}
    assert set(added) == {"tf_model.h5"}
    assert added["tf_model.h5"] == (tmp_path / "tf" / "tf_model.h5").read_bytes()

    pull = repository.pulls[1]
    assert pull.title == "Add TF weights"
    body = pull.comments[0]
    assert "CAUTION" not in body
    assert "Thanks for this model." in body
    assert len(re.findall(r"Maximum .* difference=\d\.\d{3}e-\d\d;", body)) == 4
    report = json.loads((tmp_path / "tf" / "pt_to_tf.json").read_text())
    assert report["files"]["tf_model.h5"] in body
    assert "padded left" in body
    assert f"porter pt-to-tf --model {REPO} --seed 0" in body
    assert str(tmp_path) not in body

    repository.merge(1)
    run("-c", LOAD, str(PORT), REPO, str(tmp_path / "found.npy"))
    assert np.abs(np.load(tmp_path / "found.npy") - files[1]).max() < 1e-5


def test_a_hub_that_goes_away_loses_nothing_and_the_work_is_resumed(hub, run, tmp_path):
    hub.faults.append(Fault("POST .*/commit/", status=404))
    lost = convert(run, code=2)
    assert "--resume" in lost.stderr
    weights = (tmp_path / "tf" / "tf_model.h5").read_bytes()
    done = convert(run, "--resume")
    assert "crossload" not in done.stderr
    assert hub.store.repositories[REPO].refs["refs/pr/1"].files["tf_model.h5"] == weights


def test_a_push_is_asked_for_first(hub, run):
    before = dict(hub.store.repositories[REPO].refs["main"].files)
    convert(run, "--push", code=1)
    assert hub.store.repositories[REPO].refs["main"].files == before
    convert(run, "--push", "--yes", "--resume")
    assert "tf_model.h5" in hub.store.repositories[REPO].refs["main"].files


def test_the_model_card_says_how_to_use_it_with_tensorflow(hub, run):
    card = b"---\nlicense: mit\n---\n# A model\n"
    hub.store.repositories[REPO].refs["main"].files["README.md"] = card
    convert(run)
    proposed = hub.store.repositories[REPO].refs["refs/pr/1"].files["README.md"].decode()
    assert proposed.startswith(card.decode())
    assert f'porter.load("{REPO}")' in proposed
    assert f'TFBertModel.from_pretrained("{REPO}", use_safetensors=False)' in proposed


def test_a_model_card_that_says_it_stays(hub, run):
    card = b"Use `porter.load` to load it."
    hub.store.repositories[REPO].refs["main"].files["README.md"] = card
    convert(run)
    assert hub.store.repositories[REPO].refs["refs/pr/1"].files["README.md"] == card


def test_a_private_repository_is_made_for_local_weights(hub, run, files, tmp_path):
    (tmp_path / "local").mkdir()
    for name, data in files[0].items():
        (tmp_path / "local" / name).write_bytes(data)
    command = ["-m", "porter", "pt-to-tf", "--model-name", "someone/new", "--output", "tf", "--tf", str(PORT)]
    run(*command, "--private", "--push", "--yes", code=2)
    run(*command, "--private", "--push", "--yes", "--local-dir", "local")
    made = hub.store.repositories["someone/new"]
    assert made.private
    assert {"config.json", "tf_model.h5", PORT.name} <= set(made.refs["main"].files)
    other = ["-m", "porter", "pt-to-tf", "--model-name", REPO, "--tf", str(PORT), "--local-dir", "local"]
    refused = run(*other, "--output", "tf", "--resume", "--private", "--push", "--yes", code=2)
    assert "made with another --model" in refused.stderr
    assert "public" in run(*other, "--output", "tf2", "--private", "--push", "--yes", code=2).stderr


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        (Fault("GET .*safetensors", status=403, headers=(("X-Error-Code", "GatedRepo"),)), "gated"),
        (Fault("GET /api/models", status=404, headers=(("X-Error-Code", "RepoNotFound"),)), "shows you no repository"),
    ],
    ids=["gated", "absent"],
)
def test_a_repository_that_cannot_be_read(hub, run, tmp_path, fault, sentence):
    hub.faults.append(Fault(fault.pattern, 99, fault.status, fault.headers))
    assert sentence in convert(run, code=2).stderr
    assert not (tmp_path / "tf").exists()


def test_a_diff_fetches_one_kind_of_weights_and_names_what_is_missing(hub, run, tmp_path):
    hub.store.repositories[REPO].refs["main"].files["pytorch_model.bin"] = b"not needed"
    done = run("-m", "porter", "diff", "--model", REPO, "--tf", str(PORT), "--json")
    assert json.loads(done.stdout)["matches"]
    assert list((tmp_path / "home").rglob("pytorch_model.bin")) == []
    absent = run("-m", "porter", "diff", "--model", "someone/absent", code=2)
    assert "someone/absent" in absent.stderr
