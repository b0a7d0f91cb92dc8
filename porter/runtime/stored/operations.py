"""How checkpoints of transformers 5 hold tensors otherwise than models do: one class for each way back.

Generated files declare them as plain data, `("merge", 0)`: the name and the arguments. An operation takes the tensors
that the patterns of one conversion found, as `{pattern: tensors}`, and gives those of the next; the last one gives
the targets'. Axes are PyTorch's. Nothing is read here: results are expressions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

from porter.runtime.stored.stored_expressions import Expression, joined, rearranged, sliced, stacked, transposed
from porter.runtime.stored.tensor_source import CheckpointError

Group = Mapping[str, Sequence[Expression]]


@dataclass(frozen=True)
class Step:
    """What an operation may know besides its tensors.

    Attributes:
        sources: the conversion's source patterns, in their order.
        targets: its target patterns.
        wanted: the shape that the model has for each target.
        config: the model's configuration.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    wanted: Mapping[str, tuple[int, ...]]
    config: Any


class Operation(ABC):
    """One way to make tensors of tensors."""

    @abstractmethod
    def __call__(self, group: Group, step: Step) -> Group:
        """The tensors it makes.

        Raises:
            CheckpointError: the shapes do not allow it.
        """


class OnEach(Operation):
    """An operation on single tensors, which keep the pattern that found them."""

    def __call__(self, group: Group, step: Step) -> Group:
        """Every tensor, changed."""
        return {pattern: [self.changed(_only(tensors), pattern, step)] for pattern, tensors in group.items()}

    @abstractmethod
    def changed(self, tensor: Expression, pattern: str, step: Step) -> Expression:
        """The tensor in its new form."""


@dataclass(frozen=True)
class Merge(Operation):
    """The tensors of each pattern, such as those of experts, stacked along a new axis."""

    axis: int

    def __call__(self, group: Group, step: Step) -> Group:
        """One tensor for each pattern."""
        return {pattern: [stacked(tensors, self.axis)] for pattern, tensors in group.items()}


@dataclass(frozen=True)
class Concatenate(Operation):
    """All tensors joined along an axis, in the order of the patterns."""

    axis: int

    def __call__(self, group: Group, step: Step) -> Group:
        """The one target."""
        tensors = [tensor for pattern in step.sources for tensor in group.get(pattern, ())]
        return {step.targets[0]: [joined(tensors, self.axis)]}


@dataclass(frozen=True)
class Chunk(Operation):
    """One tensor cut into equal parts along an axis, one for each target; the last may be shorter."""

    axis: int

    def __call__(self, group: Group, step: Step) -> Group:
        """The targets."""
        whole = _single(group)
        size = whole.shape[self.axis]
        length = max(1, math.ceil(size / len(step.targets)))
        starts = range(0, size, length)
        parts = [sliced(whole, self.axis, start, min(start + length, size)) for start in starts]
        return {target: [part] for target, part in zip(step.targets, parts, strict=False)}


@dataclass(frozen=True)
class Split(Operation):
    """One tensor cut along an axis into parts as long as the model has them."""

    axis: int

    def __call__(self, group: Group, step: Step) -> Group:
        """The targets."""
        whole = _single(group)
        sizes = [step.wanted[target][self.axis] for target in step.targets if target in step.wanted]
        if len(sizes) < len(step.targets) or sum(sizes) != whole.shape[self.axis]:
            names = ", ".join(whole.sources())
            raise CheckpointError(f"{names} has shape {list(whole.shape)} and is to give {sizes} along {self.axis}.")
        ends = pairwise(accumulate(sizes, initial=0))
        parts = [sliced(whole, self.axis, start, stop) for start, stop in ends]
        return {target: [part] for target, part in zip(step.targets, parts, strict=True)}


@dataclass(frozen=True)
class Interleave(OnEach):
    """Rows 0, 2, 4 ... before rows 1, 3, 5 ... along an axis; `inverse` puts them back."""

    axis: int
    inverse: bool = False

    def changed(self, tensor: Expression, pattern: str, step: Step) -> Expression:
        """The rows in their new order."""
        shape, axis = tensor.shape, self.axis
        half = shape[axis] // 2
        cut = (2, half) if self.inverse else (half, 2)
        order = list(range(len(shape) + 1))
        order[axis], order[axis + 1] = axis + 1, axis
        return rearranged(tensor, (*shape[:axis], *cut, *shape[axis + 1 :]), tuple(order), shape)


@dataclass(frozen=True)
class Transpose(OnEach):
    """Two axes exchanged."""

    first: int
    second: int

    def changed(self, tensor: Expression, pattern: str, step: Step) -> Expression:
        """The tensor, transposed."""
        return transposed(tensor, self.first, self.second)


@dataclass(frozen=True)
class TransposeToFit(OnEach):
    """Two axes exchanged, unless the tensor already has the model's shape."""

    first: int
    second: int

    def changed(self, tensor: Expression, pattern: str, step: Step) -> Expression:
        """The tensor, transposed or as it is."""
        fits = tensor.shape == step.wanted.get(step.targets[0])
        return tensor if fits else transposed(tensor, self.first, self.second)


@dataclass(frozen=True)
class PermuteForRope(OnEach):
    """Rows of each attention head from pairs to halves, as rotary embeddings by halves need them.

    Attributes:
        subconfig: the part of the configuration that tells `num_attention_heads`; None for the whole.
        only: texts of which a pattern must hold one to be permuted; None for all.
        inverse: from halves to pairs.
    """

    subconfig: str | None = None
    only: tuple[str, ...] | None = None
    inverse: bool = False

    def changed(self, tensor: Expression, pattern: str, step: Step) -> Expression:
        """The rows in their new order; tensors of more than two axes stay as they are."""
        is_named = self.only is None or any(text in pattern for text in self.only)
        if not is_named or len(tensor.shape) > 2:
            return tensor
        config = getattr(step.config, self.subconfig, step.config) if self.subconfig else step.config
        heads = getattr(config, "num_attention_heads", 1)
        half = tensor.shape[0] // heads // 2
        view = (heads, *((2, half) if self.inverse else (half, 2)), *tensor.shape[1:])
        return rearranged(tensor, view, (0, 2, 1, *range(3, len(view))), tensor.shape)


@dataclass(frozen=True)
class Distribute(Operation):
    """The tensors of each pattern dealt out to the targets in equal runs, stacked; then the patterns joined.

    Experts of several kinds that stand in one list: the first run is the first target's.
    """

    stack_axis: int
    join_axis: int

    def __call__(self, group: Group, step: Step) -> Group:
        """The targets."""
        return {target: [self._joined(group, step, index)] for index, target in enumerate(step.targets)}

    def _joined(self, group: Group, step: Step, index: int) -> Expression:
        return joined(list(self._stacks(group, step, index)), self.join_axis)

    def _stacks(self, group: Group, step: Step, index: int) -> Iterator[Expression]:
        for pattern in step.sources:
            tensors = group.get(pattern, ())
            length = math.ceil(len(tensors) / len(step.targets))
            yield stacked(tensors[index * length : (index + 1) * length], self.stack_axis)


def _only(tensors: Sequence[Expression]) -> Expression:
    if len(tensors) != 1:
        names = ", ".join(name for tensor in tensors for name in tensor.sources())
        raise CheckpointError(f"The checkpoint holds {names}, which all claim the same place in the model.")
    return tensors[0]


def _single(group: Group) -> Expression:
    return _only([tensor for tensors in group.values() for tensor in tensors])


OPERATIONS: Mapping[str, type[Operation]] = {
    "merge": Merge,
    "concatenate": Concatenate,
    "chunk": Chunk,
    "split": Split,
    "interleave": Interleave,
    "transpose": Transpose,
    "transpose_to_fit": TransposeToFit,
    "permute_for_rope": PermuteForRope,
    "distribute": Distribute,
}
