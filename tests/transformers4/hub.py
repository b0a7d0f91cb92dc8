"""The pull request, opened with the other environment's Hub client, and its files as the stock classes load them.

python tests/transformers4/hub.py FOLDER PYTHON: FOLDER is what write.py wrote, PYTHON the other environment's; the Hub
is a small one on loopback.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
REPO = "someone/model"
CLASSES = ("BertModel", "T5ForConditionalGeneration")  # one file, and several with an index
PROPOSE = """
import sys
from pathlib import Path
from porter.hub.client import pull_request as hub
from porter.hub.fetch import local_copy
folder = Path(sys.argv[2])
fetched = local_copy(sys.argv[1])
assert (fetched / "model.safetensors").read_bytes() == b"pytorch"
weights = tuple(file.name for file in sorted(folder.glob("tf_model*")))
print(hub.propose(hub.Proposal(sys.argv[1], folder, weights, "the body")).number)
"""
LOAD = """
import sys
from pathlib import Path
sys.path.insert(0, str(Path(sys.argv[1]) / "tests" / "transformers4"))
from read import check
print(check(Path(sys.argv[2]), sys.argv[3]))
"""


def propose_and_load(folder: Path, python: str) -> str:
    """What is wrong with one class; empty if nothing is."""
    from tests.hub_server.server import HubServer

    with HubServer() as hub, tempfile.TemporaryDirectory() as home:
        repository = hub.store.create(REPO, {"model.safetensors": b"pytorch"})
        repository.refs["main"].files["config.json"] = (folder / "config.json").read_bytes()
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment |= {"HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": home, "HF_TOKEN": "hf_secret"}

        def run(code: str, *arguments: str) -> str:
            done = subprocess.run(
                [python, "-c", code, *arguments],
                env={**environment, "PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                text=True,
                check=True,
            )
            return done.stdout.strip().rpartition("\n")[2]

        number = int(run(PROPOSE, REPO, str(folder)))
        found = repository.refs[f"refs/pr/{number}"].files
        for file in folder.glob("tf_model*"):
            if found[file.name] != file.read_bytes():
                return f"{file.name} is not what was sent"
        repository.merge(number)
        return run(LOAD, str(ROOT), str(folder), REPO)


def main(folder: Path, python: str) -> int:
    wrong = {name: propose_and_load(folder / name, python) for name in CLASSES}
    for name, text in wrong.items():
        print(f"{name:45} {text or 'ok, from the merged pull request'}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main(Path(sys.argv[1]), str(Path(sys.argv[2]).absolute())))
