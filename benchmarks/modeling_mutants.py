"""Mutated modeling files: each ends in a sentence, or in a file that can be imported and has its Notes; never a crash.

Run: python benchmarks/modeling_mutants.py [--number 300] [--seed 0] [--part 1/3]
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from porter.base.errors import PorterError

EXAMPLE = Path(__file__).parents[1] / "examples" / "brand_new_bert"
VALUES: tuple[object, ...] = (None, True, 0, -1, 3, 0.5, "x", [], {}, (1, 2))
NAMES = ("torch", "nn", "config", "hidden_states", "self", "missing_name", "None", "kernel", "F")


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant: how it ended, when, and the last line of a traceback if it crashed."""

    number: int
    mutation: str
    ending: str
    crash: str = ""
    seconds: float = 0.0


def mutants(source: str, number: int, seed: int) -> Iterator[tuple[str, str]]:
    """Texts that are valid Python, each with one to three changes, and what was changed."""
    draw = random.Random(seed)
    made = 0
    while made < number:
        tree = ast.parse(source)
        told = [_mutate(tree, draw) for _ in range(draw.choice((1, 1, 2, 3)))]
        try:
            text = ast.unparse(ast.fix_missing_locations(tree))
            ast.parse(text)
        except (ValueError, SyntaxError, AttributeError, TypeError):
            continue
        made += 1
        yield "; ".join(told), text


def _mutate(tree: ast.Module, draw: random.Random) -> str:
    kind = draw.choice((_remove, _remove, _rename, _rename, _swap, _move, _wrap))
    return kind(tree, draw)


def _blocks(tree: ast.Module) -> list[list[ast.stmt]]:
    found = (getattr(node, name, None) for node in ast.walk(tree) for name in ("body", "orelse"))
    return [block for block in found if isinstance(block, list) and block]


def _remove(tree: ast.Module, draw: random.Random) -> str:
    """A statement goes; a block that had no other has `pass`."""
    block = draw.choice(_blocks(tree))
    gone = block.pop(draw.randrange(len(block)))
    if not block:
        block.append(ast.Pass())
    return f"removed line {gone.lineno}"


def _rename(tree: ast.Module, draw: random.Random) -> str:
    """A name or attribute becomes another."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Attribute | ast.arg)]
    node = draw.choice(nodes)
    if isinstance(node, ast.Name):
        node.id, told = draw.choice(NAMES), node.id
    elif isinstance(node, ast.arg):
        node.arg, told = draw.choice(("renamed", "mask", "training")), node.arg
    else:
        node.attr, told = draw.choice(("shape", "weight", "t", "missing", "data", node.attr + "_")), node.attr
    return f"line {node.lineno}: {told} renamed"


def _swap(tree: ast.Module, draw: random.Random) -> str:
    """A constant is of another type."""
    node = draw.choice([node for node in ast.walk(tree) if isinstance(node, ast.Constant)])
    value = draw.choice(VALUES)
    node.value = value if not isinstance(value, list | dict) else str(value)  # type: ignore[assignment]
    return f"line {node.lineno}: a constant is {value!r}"


def _move(tree: ast.Module, draw: random.Random) -> str:
    """Two statements of a block change places."""
    block = draw.choice(_blocks(tree))
    one, two = draw.randrange(len(block)), draw.randrange(len(block))
    block[one], block[two] = block[two], block[one]
    return f"lines {block[one].lineno} and {block[two].lineno} changed places"


def _wrap(tree: ast.Module, draw: random.Random) -> str:
    """A statement stands in a guard, a loop or a context."""
    block = draw.choice(_blocks(tree))
    at = draw.randrange(len(block))
    heads = ("if torch.cuda.is_available():", "for _ in range(2):", "with torch.no_grad():", "try:", "while False:")
    head = draw.choice(heads)
    tail = "except ImportError:\n    raise" if head == "try:" else ""
    outer = ast.parse(f"{head}\n    pass\n{tail}").body[0]
    outer.body = [block[at]]  # type: ignore[attr-defined]  # each of these has a body
    block[at] = ast.copy_location(outer, block[at])
    return f"line {block[at].lineno} inside `{head}`"


def outcome(number: int, mutation: str, text: str, folder: Path, sample: Path) -> Outcome:
    """Port one mutant, in a package of its own."""
    from porter.port.load import import_file
    from porter.port.port import port
    from porter.subject.find import find_subject

    package = folder / f"mutant_{number}"
    package.mkdir()
    shutil.copyfile(next(sample.parent.glob("configuration_*.py")), package / "configuration_mutant.py")
    file = package / "modeling_mutant.py"
    file.write_text(text.replace("configuration_brand_new_bert", "configuration_mutant"), encoding="utf-8")
    case = json.loads(sample.read_text(encoding="utf-8"))
    own = package / "sample.json"
    own.write_text(json.dumps(_moved(case, package.name)), encoding="utf-8")
    try:
        ported = port(find_subject(str(file), own), package / "port")
        import_file(ported.file)
    except PorterError as error:
        return Outcome(number, mutation, "a sentence", ("\n" in error.sentence and f"several lines: {error}") or "")
    except Exception as error:  # noqa: BLE001 - whatever comes out here is what this looks for
        place = traceback.extract_tb(error.__traceback__)[-1]
        told = f"{type(error).__name__}: {error} ({Path(place.filename).name}:{place.lineno})"
        return Outcome(number, mutation, "a crash", told)
    left = sum(note.level == "left" for note in ported.all_notes)
    return Outcome(number, mutation, "a file with lines left" if left else "a file")


def _moved(data: object, package: str) -> object:
    """The sample for the mutant's modules."""
    text = json.dumps(data).replace("brand_new_bert.configuration_brand_new_bert", f"{package}.configuration_mutant")
    text = text.replace("brand_new_bert.modeling_brand_new_bert", f"{package}.modeling_mutant")
    return json.loads(text.replace('"family": "brand_new_bert"', '"family": "mutant"'))


def run(number: int, seed: int, example: Path = EXAMPLE, part: tuple[int, int] = (1, 1)) -> Iterator[Outcome]:
    """Yield the outcome of each mutant of the example's modeling file, or of those that belong to a part of them."""
    source = next(example.glob("modeling_*.py")).read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory(prefix="mutants-") as scratch:
        for at, (mutation, text) in enumerate(mutants(source, number, seed)):
            if at % part[1] == part[0] - 1:
                start = time.perf_counter()
                found = outcome(at, mutation, text, Path(scratch), example / "sample.json")
                yield replace(found, seconds=time.perf_counter() - start)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--number", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--part", default="1/1", help="such as 2/3: only these, so that processes can share the work")
    given = parser.parse_args()
    first, _, parts = given.part.partition("/")
    start, endings, longest = time.perf_counter(), Counter[str](), 0.0
    for one in run(given.number, given.seed, part=(int(first), int(parts))):
        endings[one.ending] += 1
        longest = max(longest, one.seconds)
        if sum(endings.values()) % 10 == 0:
            print(f"{sum(endings.values())} done, {time.perf_counter() - start:.0f} s", file=sys.stderr, flush=True)
        if one.crash:
            print(f"{one.number}  {one.mutation}\n    {one.crash[:300]}", flush=True)
    print(", ".join(f"{count} {ending}" for ending, count in endings.most_common()), end="")
    print(f" in {time.perf_counter() - start:.0f} s, the longest {longest:.0f} s")
    return int(bool(endings["a crash"]))


if __name__ == "__main__":
    sys.exit(main())
