"""How many tensors of fresh ports are drawn as PyTorch draws them: `python benchmarks/fresh.py FAMILY...`.

Every class of every case that `porter scaffold` finds for a family, three fresh models of each side. `--ports FOLDER`
takes modeling files that are there (`FOLDER/FAMILY/modeling_tf_FAMILY.py`) instead of porting the family anew.
"""

from __future__ import annotations

import argparse
import importlib
import json
from pathlib import Path
from tempfile import TemporaryDirectory

from porter.facts import Facts
from porter.port.load import import_file
from porter.rewrite import rewrite
from porter.rewrite.targets import standalone
from porter.subject import Subject
from porter.subject.find import find_subject
from porter.subject.torch_model import RUN_ERRORS, build_config
from porter.testing.fresh_weights import compared
from porter.trace import trace

FAMILIES = ("bert", "gpt2", "t5", "mixtral", "mamba", "whisper", "wav2vec2", "detr", "clip", "vit")


def main() -> None:
    """Print a line for each family and each tensor that differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("families", nargs="*", default=FAMILIES)
    parser.add_argument("--facts", type=Path, help="keep what runs of PyTorch show in this folder, and read it there")
    arguments = parser.parse_args()
    equal = total = 0
    for family in arguments.families or FAMILIES:
        with TemporaryDirectory() as folder:
            found = measured(find_subject(family), Path(folder), arguments.facts)
        differing = {name: why for name, why in found.items() if why}
        print(f"{family}: {len(found) - len(differing)} of {len(found)} tensors are drawn alike", flush=True)
        for name, why in differing.items():
            print(f"  {name}: {why}", flush=True)
        equal, total = equal + len(found) - len(differing), total + len(found)
    print(f"{equal} of {total} tensors")


def measured(subject: Subject, folder: Path, facts: Path | None) -> dict[str, str]:
    """Tensors of all classes of a family as `Class.tensor`, and why they differ."""
    draft = rewrite(subject, facts_of(subject, facts), standalone())
    for note in draft.notes:
        if "_init_weights" in note.message or "is not ported" in note.message:
            print(f"  {note.file}:{note.line}  {note.message}")
    file = folder / f"modeling_tf_{subject.name}.py"
    file.write_text(draft.code, encoding="utf-8")
    port, original = import_file(file), importlib.import_module(subject.module_name)
    found: dict[str, str] = {}
    for case in subject.cases:
        for model in case.models:
            sides = getattr(original, model.name), getattr(port, f"TF{model.name}")
            try:
                result = compared(
                    lambda sides=sides, case=case: sides[0](build_config(case)),
                    lambda sides=sides, case=case: sides[1].from_config(build_config(case)),
                )
            except RUN_ERRORS as error:
                found[model.name] = f"{type(error).__name__}: {error}".splitlines()[0]
                continue
            found |= {f"{model.name}.{name}": why for name, why in result.tensors.items()}
    return found


def facts_of(subject: Subject, folder: Path | None) -> Facts:
    """What runs show of a family, from the folder where it was kept."""
    kept = folder / f"facts_{subject.name}.json" if folder is not None else None
    if kept is not None and kept.is_file():
        return Facts.from_json(json.loads(kept.read_text()))
    facts = trace(subject)
    if kept is not None:
        kept.write_text(json.dumps(facts.to_json()))
    return facts


if __name__ == "__main__":
    main()
