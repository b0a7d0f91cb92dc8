"""Loads the watched copy of a modeling file and collects what its runs say."""

from __future__ import annotations

import functools
import importlib
import sys
from collections.abc import Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from porter.base.errors import UsageError
from porter.facts import UNSEEN, Fact, Facts, ModuleFact, NestedModel, Span
from porter.facts.canonical import canonical
from porter.subject.case import Subject
from porter.trace.describe import Describer
from porter.trace.instrument import ENTER, WATCH, Instrumented, instrument


class Recorder:
    """Facts by span, merged as the watched code runs."""

    def __init__(self, instrumented: Instrumented, local_modules: frozenset[str]) -> None:
        self._instrumented = instrumented
        self.local_modules = local_modules
        self._describer = Describer(local_modules)
        self._modules: dict[str, ModuleFact] = {}
        self._nested: dict[str, NestedModel] = {}
        self.clear()

    def clear(self) -> None:
        """Forget what was seen, such as while the module was imported."""
        self._kept = [UNSEEN] * len(self._instrumented.spans)
        self._facts = list(self._kept)
        self._seen: list[set[Hashable]] = [set() for _ in self._instrumented.spans]
        self._entered: set[int] = set()

    def keep(self) -> None:
        """From here on facts are only added to those so far, and do not make them less certain."""
        self._kept = self._facts
        self._facts = [UNSEEN] * len(self._kept)
        self._seen = [set() for _ in self._kept]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Nothing is noted in the block, in which runs are tried that may stop halfway."""
        before = self._facts, self._seen, self._entered
        self._facts = [UNSEEN] * len(before[0])
        self._seen = [set() for _ in before[0]]
        self._entered = set()
        try:
            yield
        finally:
            self._facts, self._seen, self._entered = before

    def watch(self, index: int, value: Any) -> Any:
        """Note a value and hand it on unchanged."""
        signature = self._describer.signature(value)
        if signature not in self._seen[index]:
            self._seen[index].add(signature)
            self._facts[index] = self._facts[index].merge(self._describer.fact(value, signature))
        return value

    def enter(self, index: int) -> None:
        """Note that a function was entered."""
        self._entered.add(index)

    def note_modules(self, model: Any) -> None:
        """Note children, parameters and buffers of every module whose class the file defines."""
        for module in model.modules():
            if type(module).__module__ in self.local_modules:
                name = type(module).__qualname__
                self._modules[name] = self._modules.get(name, ModuleFact()).merge(self._module_fact(module))

    def note_nested(self, models: Sequence[NestedModel]) -> None:
        """Note models of other files; of two that were set up alike, one is enough."""
        for model in models:
            key = f"{model.name} {model.config}"
            if key not in self._nested or not self._nested[key].inputs:
                self._nested[key] = model

    def facts(self, failures: Mapping[str, str]) -> Facts:
        """Everything seen so far; literals need not have been reached."""
        spans: dict[Span, Fact] = dict(self._instrumented.literals)
        for span, kept, later in zip(self._instrumented.spans, self._kept, self._facts, strict=True):
            if kept != UNSEEN or later != UNSEEN:
                spans[span] = _added(kept, later)
        entered = frozenset(self._instrumented.functions[index] for index in self._entered)
        return Facts(spans, dict(self._modules), entered, failures, tuple(self._nested.values()))

    def _module_fact(self, module: Any) -> ModuleFact:
        return ModuleFact(
            children=dict(self._children(module)),
            parameters={name: tuple(p.shape) for name, p in module._parameters.items() if p is not None},
            buffers={
                name: name not in module._non_persistent_buffers_set
                for name, buffer in module._buffers.items()
                if buffer is not None
            },
        )

    def _children(self, module: Any, prefix: str = "") -> Iterator[tuple[str, frozenset[str]]]:
        """Members of a container share the attribute "container.*"."""
        import torch

        members: dict[str, frozenset[str]] = {}
        is_container = bool(prefix)
        for attribute, child in module._modules.items():
            if child is None:
                continue
            name = prefix + ("*" if is_container else attribute)
            members[name] = members.get(name, frozenset()) | {canonical(type(child), self.local_modules)}
            if isinstance(child, torch.nn.ModuleList | torch.nn.ModuleDict | torch.nn.Sequential):
                for inner, classes in self._children(child, f"{name}."):
                    members[inner] = members.get(inner, frozenset()) | classes
        yield from members.items()


def _added(kept: Fact, later: Fact) -> Fact:
    """Both, unless a rank, dtype or length that was certain would be lost."""
    merged = kept.merge(later)
    lost = any(
        getattr(kept, name) is not None and getattr(merged, name) is None for name in ("rank", "dtype", "items")
    )
    return kept if lost else merged


@contextmanager
def watched(subject: Subject, *, private: bool = True) -> Iterator[tuple[ModuleType, Recorder]]:
    """The watched copy of the subject's module, importable as long as the context lasts.

    Its name is a private one beside the original's, or the original's own where it stands in for it.
    Raises UsageError where the file is not valid Python or cannot be imported.
    """
    package, _, own_name = subject.module_name.rpartition(".")
    name = f"{package}._watched_{own_name}".lstrip(".") if private else subject.module_name
    try:
        instrumented = instrument(subject.source, str(subject.file))
    except SyntaxError as error:
        raise UsageError(
            f"The file is not valid Python: {error.msg}.", place=f"{subject.file}:{error.lineno}"
        ) from error
    recorder = Recorder(instrumented, frozenset({name, subject.module_name}))
    module = ModuleType(name)
    is_package = subject.file.name == "__init__.py"
    vars(module).update(
        {"__file__": str(subject.file), "__package__": subject.module_name if is_package else package,
         WATCH: recorder.watch, ENTER: recorder.enter}
    )  # fmt: skip
    if is_package:
        module.__path__ = [str(subject.file.parent)]
    if package:
        importlib.import_module(package)
    with _importable(name, module), _unscripted():
        exec(instrumented.code, vars(module))
        recorder.clear()
        yield module, recorder


@contextmanager
def _unscripted() -> Iterator[None]:
    """`torch.jit.script` gives back what it is given, so that Python runs it, and it can be watched."""
    import torch

    script = torch.jit.script

    @functools.wraps(script)
    def unchanged(obj: Any = None, *args: Any, **kwargs: Any) -> Any:
        return obj

    torch.jit.script = unchanged
    try:
        yield
    finally:
        torch.jit.script = script


@contextmanager
def _importable(name: str, module: ModuleType) -> Iterator[None]:
    """The module under a name, in place of one that has it: in `sys.modules` and as an attribute of its package."""
    package, _, own_name = name.rpartition(".")
    parent = sys.modules.get(package)
    before = sys.modules.get(name)
    sys.modules[name] = module
    if parent is not None and before is not None:
        setattr(parent, own_name, module)
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before
            if parent is not None:
                setattr(parent, own_name, before)


@dataclass(frozen=True)
class PackageRecorder:
    """The recorders of a file and of those beside it, by their modules' names, which listen to the same runs."""

    module_name: str
    recorders: Mapping[str, Recorder]

    @property
    def local_modules(self) -> frozenset[str]:
        """The names of all modules that count as the model's own files."""
        return frozenset(name for recorder in self.recorders.values() for name in recorder.local_modules)

    def keep(self) -> None:
        """As `Recorder.keep`."""
        for recorder in self.recorders.values():
            recorder.keep()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """As `Recorder.paused`."""
        with ExitStack() as stack:
            for recorder in self.recorders.values():
                stack.enter_context(recorder.paused())
            yield

    def note_modules(self, model: Any) -> None:
        """As `Recorder.note_modules`."""
        for recorder in self.recorders.values():
            recorder.note_modules(model)

    def note_nested(self, models: Sequence[NestedModel]) -> None:
        """As `Recorder.note_nested`."""
        for recorder in self.recorders.values():
            recorder.note_nested(models)

    def facts(self, failures: Mapping[str, str]) -> Facts:
        """The facts of the file, with those of the files beside it."""
        found = {name: recorder.facts(failures) for name, recorder in self.recorders.items()}
        return replace(found.pop(self.module_name), beside=found)


@contextmanager
def watched_package(
    subject: Subject, siblings: Sequence[Subject] = ()
) -> Iterator[tuple[ModuleType, PackageRecorder]]:
    """The watched copy of the subject's module, which imports watched copies of the files beside it."""
    with ExitStack() as stack:
        recorders = {
            sibling.module_name: stack.enter_context(watched(sibling, private=False))[1] for sibling in siblings
        }
        module, recorder = stack.enter_context(watched(subject))
        yield module, PackageRecorder(subject.module_name, {**recorders, subject.module_name: recorder})
