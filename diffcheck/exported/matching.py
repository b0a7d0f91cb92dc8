"""Which tensor of a file is which of PyTorch's: files name neither arguments nor results."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from diffcheck.compare.align import to_layout
from diffcheck.compare.metrics import scale_of
from diffcheck.exported.graph import Array, GraphCall, NotAnExport, Port
from diffcheck.record.recording import ModuleCall, flat_arguments
from diffcheck.record.values import TensorValue

NEAR = 1e-3
"""The mean difference, in units of the scale, up to which a tensor may be another that was computed less exactly."""
Named = dict[str, str]
"""PyTorch's path of a tensor within a module's results or arguments, to the tensor of the file."""


@dataclass(frozen=True)
class Matched:
    """A call on both sides, and which tensors belong together."""

    reference: ModuleCall
    call: GraphCall
    arguments: Named
    results: Named


@dataclass
class Matcher:
    """Pairs calls one after the other. A tensor that came out of one module is known where it enters the next.

    ``values`` are those of all tensors that enter or leave a module, and of the vectors that fused operations read.
    """

    values: Mapping[str, TensorValue]
    _known: dict[int, str] = field(default_factory=dict)

    def match(self, pairs: Iterable[tuple[ModuleCall, GraphCall]], inputs: Mapping[str, str]) -> list[Matched]:
        """Results of all modules first, the innermost last: theirs are the most certain.

        ``inputs`` are the file's tensors by the names of the model's own inputs.
        """
        both = list(pairs)
        for reference, _ in both[:1]:
            given = flat_arguments(reference.arguments)
            self._known.update({id(given[name]): tensor for name, tensor in inputs.items() if name in given})
        results = [self._results(reference, call) for reference, call in both]
        return [
            Matched(reference, call, self._arguments(reference, call), named)
            for (reference, call), named in zip(both, results, strict=True)
        ]

    def _results(self, reference: ModuleCall, call: GraphCall) -> Named:
        tensors = reference.output.tensors
        named = {
            path: tensor
            for path, tensor in self._nearest(tensors, call.outputs).items()
            if tensor not in call.shared or self._is_whole(tensors[path], tensor, call)
        }
        self._known.update({id(tensors[path]): tensor for path, tensor in named.items()})
        return named

    def _arguments(self, reference: ModuleCall, call: GraphCall) -> Named:
        expected = flat_arguments(reference.arguments)
        named = {
            path: self._known[id(value)]
            for path, value in expected.items()
            if self._known.get(id(value)) in call.inputs
        }
        left = {path: value for path, value in expected.items() if path not in named}
        free = [tensor for tensor in call.inputs if tensor not in named.values()]
        near = self._nearest(left, free, certain=True, shared=call.shared)
        whole = {
            path: tensor
            for path, tensor in near.items()
            if tensor not in call.shared or self._is_whole(left[path], tensor, call)
        }
        return {**named, **whole}

    def _is_whole(self, expected: TensorValue, tensor: str, call: GraphCall) -> bool:
        """Whether a tensor beside a fused operation is PyTorch's, and not a term of a sum that the operation makes.

        A bias or a residual may be so small that a term is near; then the sum is nearer.
        """
        term = self.values[tensor]
        apart = _distance(expected, term)
        terms = [self.values[name].array for name in sorted(call.shared[tensor]) if name in self.values]
        addable = [array for array in terms if _can_be_added(array, term.array)]
        sums = (
            TensorValue(term.array + sum(chosen), term.dtype)
            for count in range(1, len(addable) + 1)
            for chosen in combinations(addable, count)
        )
        return apart <= NEAR and all(apart <= _distance(expected, total) for total in sums)

    def _nearest(
        self,
        expected: Mapping[str, TensorValue],
        tensors: Sequence[str],
        certain: bool = False,
        shared: Collection[str] = (),
    ) -> Named:
        """Each of PyTorch's tensors with the nearest one of its shape that is still free.

        Where it must be ``certain``, one that is not :data:`NEAR` is taken only if no other could be meant: a fused
        operation reads what PyTorch adds up before the module, and none of that is what the module is given.
        """
        distances = sorted(
            (_distance(value, self.values[tensor]), order, path, tensor)
            for order, (path, value) in enumerate(expected.items())
            for tensor in tensors
            if tensor in self.values
        )
        fitting = [(distance, path, tensor) for distance, _, path, tensor in distances if distance < np.inf]
        named: Named = {}
        for distance, path, tensor in fitting:
            if path in named or tensor in named.values():
                continue
            free = [other for _, own, other in fitting if own == path and other not in named.values()]
            if not certain or distance <= NEAR or (len(free) == 1 and tensor not in shared):
                named[path] = tensor
        return named


def _can_be_added(array: Array, to: Array) -> bool:
    """Whether it is a residual or a bias beside a tensor."""
    return array.dtype.kind == "f" and to.dtype.kind == "f" and array.shape in (to.shape, to.shape[-1:])


def _distance(expected: TensorValue, actual: TensorValue) -> float:
    """The mean difference in units of the scale; infinite for other shapes, kinds, and whole numbers."""
    mine, theirs = expected.array, to_layout(actual, expected.array.shape).array
    if mine.shape != theirs.shape or (mine.dtype.kind == "f") != (theirs.dtype.kind == "f"):
        return float("inf")
    if not mine.size or mine.dtype.kind not in "fiub" or theirs.dtype.kind not in "fiub":
        return 0.0
    if mine.dtype.kind != "f":
        return 0.0 if np.array_equal(mine, theirs) else float("inf")
    with np.errstate(all="ignore"):
        apart = np.abs(mine.astype(np.float64) - theirs.astype(np.float64)) / scale_of(mine)
    return float(np.minimum(np.nan_to_num(apart, nan=1e6, posinf=1e6), 1e6).mean())


def match_inputs(ports: Sequence[Port], given: Mapping[str, Array]) -> dict[str, str]:
    """The file's input names to PyTorch's: equal names, and what is left in order if it is of one rank and kind.

    Raises:
        NotAnExport: an input of the file stays without a value.
    """
    pairs = {port.name: port.name for port in ports if port.name in given}
    ports_left = [port for port in ports if port.name not in pairs]
    names_left = [name for name in given if name not in pairs.values()]
    if len(ports_left) == len(names_left) and all(
        _fits(port, given[name]) for port, name in zip(ports_left, names_left, strict=True)
    ):
        return {**pairs, **{port.name: name for port, name in zip(ports_left, names_left, strict=True)}}
    if ports_left:
        wanted = ", ".join(f"{port.name} ({port.dtype} {_sizes(port)})" for port in ports_left)
        raise NotAnExport(f"nothing is given for its input {wanted}; there is {', '.join(given)}.")
    return pairs


def fit(ports: Sequence[Port], given: Mapping[str, Array]) -> dict[str, Array]:
    """Inputs in the sizes that the file fixes: cut, or repeated from the beginning."""
    fitted = dict(given)
    for port in ports:
        array = given.get(port.name)
        if array is None or port.shape is None or len(port.shape) != np.ndim(array):
            continue
        for axis, size in enumerate(port.shape):
            if size is not None:
                array = np.take(array, np.arange(size) % array.shape[axis], axis=axis)
        fitted[port.name] = array
    return fitted


def check_sizes(ports: Sequence[Port], given: Mapping[str, Array]) -> None:
    """Compare sizes before anything runs.

    Raises:
        NotAnExport: an input is of another shape than the file takes.
    """
    for port in ports:
        shape = np.shape(given[port.name])
        wanted = port.shape if port.shape is not None else shape
        if len(wanted) != len(shape) or any(size not in (None, own) for size, own in zip(wanted, shape, strict=True)):
            raise NotAnExport(f"{port.name} has shape {list(shape)}, the file takes {_sizes(port)}.")


def match_outputs(ports: Sequence[Port], values: Sequence[Array], expected: Mapping[str, TensorValue]) -> Named:
    """PyTorch's output paths to the file's names: equal names, else in order the next one of the same shape."""
    pairs = {port.name: port.name for port in ports if port.name in expected}
    waiting = [path for path in expected if path not in pairs]
    for port, value in zip(ports, values, strict=True):
        if port.name in pairs:
            continue
        shaped = [path for path in waiting if expected[path].array.shape == value.shape]
        # Without any name in common, position decides, and another shape is a difference.
        path = shaped[0] if shaped else waiting[0] if len(ports) == len(expected) and not pairs else None
        if path is not None:
            pairs[path] = port.name
            waiting.remove(path)
    return pairs


def _fits(port: Port, array: Array) -> bool:
    right_kind = not port.dtype or np.dtype(port.dtype).kind == array.dtype.kind
    return (port.shape is None or len(port.shape) == array.ndim) and right_kind


def _sizes(port: Port) -> str:
    return "of any rank" if port.shape is None else f"[{', '.join('?' if n is None else str(n) for n in port.shape)}]"
