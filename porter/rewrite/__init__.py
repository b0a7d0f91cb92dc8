"""The codemod: a PyTorch modeling file and its facts become a TensorFlow file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from porter.facts import Facts
from porter.rewrite.context import Context, Note
from porter.rewrite.reading.aliases import find_aliases
from porter.rewrite.reading.calls_in_file import analyse
from porter.rewrite.reading.checks import find_checks
from porter.rewrite.reading.giving import known
from porter.rewrite.reading.loops import find_loops
from porter.rewrite.reading.nested_port import NestedPort
from porter.rewrite.reading.places_hit import find_places
from porter.rewrite.reading.recomputed import find_recomputed
from porter.rewrite.reading.source import Source
from porter.rewrite.targets import Target
from porter.rewrite.text.assemble import assemble
from porter.rewrite.text.format import format_code, split_line_marks
from porter.rewrite.transformer import Porter
from porter.subject import Subject

__all__ = ["Draft", "NestedPort", "Note", "rewrite"]

NOTHING: Mapping[str, NestedPort] = MappingProxyType({})
NO_FILES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True)
class Draft:
    """The TensorFlow code, what porter has to say about it, and its source map.

    source_map: TensorFlow line -> PyTorch line, both 1-based, for lines that were written from one statement.
    """

    code: str
    notes: tuple[Note, ...]
    source_map: dict[int, int]
    classes: tuple[str, ...]


def rewrite(
    subject: Subject,
    facts: Facts,
    target: Target,
    nested: Mapping[str, NestedPort] = NOTHING,
    beside: Mapping[str, str] = NO_FILES,
) -> Draft:
    """Write the TensorFlow twin of a PyTorch file; what cannot be translated is kept and noted.

    Args:
        subject: the file, and its module.
        facts: what its runs have shown.
        target: where the generated file imports its names from.
        nested: the ports of classes and functions of other files, by the canonical names of PyTorch's.
        beside: stems of the files beside the port, by the names of the PyTorch modules that they are ports of.
    """
    source = Source(subject)
    knowledge = known(source, facts, nested, beside)
    recomputed = find_recomputed(knowledge)
    loops, checks = find_loops(knowledge), find_checks(knowledge, {**recomputed.branches, **recomputed.early_returns})
    flow = analyse(knowledge)
    aliases = find_aliases(knowledge, flow)
    planned = (loops, checks, aliases, recomputed, find_places(knowledge))
    home = "transformers" if target.carried else f"modeling_tf_{subject.name}"
    of_target = (target.exports, target.layers, target.methods, home, target.copies)
    walk = Porter(Context(source, knowledge, flow, *planned, *of_target))
    for guard in source.decided_guards:
        walk.context.note(guard, "assumed", "of this guard the side is ported that ran here; the other one is not.")
    tree = source.tree.visit(walk)
    module = assemble(walk.context, tree, target)
    code, source_map = split_line_marks(format_code(module.code))
    models = tuple(name for name, local in source.classes.items() if local.kind == "model" or local.is_root)
    return Draft(code, tuple(sorted(walk.context.notes)), source_map, models)
