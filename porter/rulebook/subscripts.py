"""Subscripts of tensors: what TensorFlow reads otherwise than PyTorch, and what PyTorch writes in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from porter.facts import Fact
from porter.rulebook.call import Arg, Unknown, code_of, is_atom


@dataclass(frozen=True)
class Index:
    """One element in brackets: as it will be written, as PyTorch has it, and its fact (None for a slice)."""

    node: cst.BaseSlice
    original: cst.BaseSlice
    fact: Fact | None = None

    @property
    def code(self) -> str:
        """Its code, `1:` for a slice."""
        return code_of(self.node)

    @property
    def is_mask(self) -> bool:
        """Whether it chooses by truth."""
        return self.fact is not None and self.fact.is_tensor and self.fact.dtype == "bool"

    @property
    def is_advanced(self) -> bool:
        """Whether it can be a tensor with axes, or a list of positions: what TensorFlow's brackets do not take."""
        if self.fact is None:
            return False
        with_axes = "tensor" in self.fact.kinds and self.fact.rank != 0
        return with_axes or "list" in self.fact.kinds or self.is_mask

    @property
    def is_mixed(self) -> bool:
        """Whether it was positions in some runs, and something else, such as one number, in others."""
        return self.is_advanced and self.fact is not None and not (self.fact.is_tensor or self.fact.only("list"))

    @property
    def may_be_negative(self) -> bool:
        """Whether a sign stands in it: tf.gather counts no positions from the end."""
        return "-" in self.code and not self.is_mask

    @property
    def is_full(self) -> bool:
        """Whether it is a bare `:`."""
        return self.code.strip() == ":"

    @property
    def is_ellipsis(self) -> bool:
        """Whether it is `...`."""
        return self.code == "..."

    @property
    def is_unseen(self) -> bool:
        """Whether it is a variable or what is computed, and no run has shown of what kind."""
        known = (cst.Integer, cst.UnaryOperation, cst.Ellipsis)
        return (
            self.fact is None and isinstance(self.original, cst.Index) and not isinstance(self.original.value, known)
        )

    @property
    def is_packed(self) -> bool:
        """Whether it is a variable that holds a whole tuple of indices."""
        return self.fact is not None and self.fact.only("tuple") and not isinstance(self.node, cst.Slice)


def subscript(value: Arg, indices: Sequence[Index], result: Fact | None) -> str | None:
    """`value[indices]` in TensorFlow; None where the brackets can stay.

    Raises:
        Unknown: the rank of a tensor is needed and was not seen.
    """
    reduced = part_of_pair(value.node_code, indices[0].code) if len(indices) == 1 else None
    if reduced is not None:
        return reduced
    advanced = [index for index in indices if index.is_advanced]
    if any(index.is_packed for index in indices):
        return f"index({value.node_code}, {indices[0].code})"
    if not advanced:
        return None
    rest = [index for index in indices if not index.is_advanced]
    plain = all(index.is_full or index.is_ellipsis for index in rest)
    if len(advanced) == 1 and plain and not advanced[0].may_be_negative and not advanced[0].is_mixed:
        return _one_tensor(value, indices, advanced[0])
    if advanced == list(indices[: len(advanced)]) and all(index.is_full for index in rest) and _alike(advanced):
        return f"tf.gather_nd({value.node_code}, tf.stack([{', '.join(index.code for index in advanced)}], axis=-1))"
    return f"index({value.node_code}, {_index_code(indices)})"


def subscript_assignment(value: Arg, indices: Sequence[Index], new: Arg) -> str:
    """What `value` becomes by `value[indices] = new`."""
    masked = _masked_assignment(value, indices, new)
    if masked is not None:
        return masked
    any_kind = any(i.is_advanced or i.is_packed or i.is_unseen for i in indices)
    function = "index_put" if any_kind else "slice_update"
    return f"{function}({value.node_code}, {_index_code(indices)}, {new.node_code})"


def _masked_assignment(value: Arg, indices: Sequence[Index], new: Arg) -> str | None:
    if len(indices) != 1 or not indices[0].is_mask:
        return None
    mask = indices[0].code
    added = _added_rank(value, indices[0])
    if added is None:
        return None
    if added:
        node = indices[0].node
        whole = f"({mask})" if isinstance(node, cst.Index) and not is_atom(node.value) else mask
        mask = f"{whole}[..., {', '.join(['tf.newaxis'] * added)}]"
    updated = _updated_part(value, indices, new)
    if updated is not None:
        return f"tf.where({mask}, {updated}, {value.node_code})"
    if new.fact is None or not (new.fact.only("int", "float", "bool") or new.fact.rank == 0):
        return None
    same_dtype = new.fact.is_tensor and value.fact is not None and new.fact.dtype == value.fact.dtype
    chosen = new.node_code if same_dtype else f"tf.cast({new.node_code}, {value}.dtype)"
    return f"tf.where({mask}, {chosen}, {value.node_code})"


def _updated_part(value: Arg, indices: Sequence[Index], new: Arg) -> str | None:
    """`x[mask] += 1` reads the same part that it writes: `x + 1`."""
    read = f"{value.node_code}[{', '.join(index.code for index in indices)}]"
    if not isinstance(new.node, cst.BinaryOperation) or code_of(new.node.left) != read:
        return None
    if new.fact is None or not (new.fact.only("int", "float") or new.fact.rank == 0):
        return None
    return code_of(new.node.with_changes(left=value.node))


def _added_rank(value: Arg, mask: Index) -> int | None:
    ranks = (value.fact.rank if value.fact else None, mask.fact.rank if mask.fact else None)
    return ranks[0] - ranks[1] if ranks[0] is not None and ranks[1] is not None else None


def part_of_pair(code: str, part: str) -> str | None:
    """`max_with_indices(...)[0]` and `.values` are `tf.reduce_max(...)`, `[1]` and `.indices` are `tf.argmax(...)`.

    None for any other code, and where no function of TensorFlow gives that part.
    """
    name, _, arguments = code.partition("_with_indices(")
    if name not in ("max", "min"):
        return None
    if part in ("0", "values"):
        return f"tf.reduce_{name}({arguments}"
    return f"tf.arg{name}({arguments}" if part in ("1", "-1", "indices") and "keepdims" not in code else None


def _one_tensor(value: Arg, indices: Sequence[Index], tensor: Index) -> str:
    """One tensor among full slices: a gather or a mask along one axis."""
    position = list(indices).index(tensor)
    if any(index.is_ellipsis for index in indices[:position]):
        position -= len(indices)
        if tensor.is_mask:
            position = value.rank() - (tensor.fact.rank if tensor.fact and tensor.fact.rank else 1) + position + 1
    axis = f", axis={position}" if position else ""
    function = "tf.boolean_mask" if tensor.is_mask else "tf.gather"
    return f"{function}({value.node_code}, {tensor.code}{axis})"


def _alike(advanced: Sequence[Index]) -> bool:
    """Whether all are integer tensors of one known shape, so that they stack without broadcasting."""
    facts = [index.fact for index in advanced if index.fact is not None]
    shapes = {fact.dims for fact in facts}
    dtypes = {fact.dtype for fact in facts}
    known = len(shapes) == 1 and None not in shapes and len(dtypes) == 1
    return known and all(fact.is_tensor and fact.dtype != "bool" and fact.rank for fact in facts)


def _index_code(indices: Sequence[Index]) -> str:
    if len(indices) == 1 and indices[0].is_packed:
        return indices[0].code
    if any(index.fact is None and isinstance(index.original, cst.Index) and not index.code for index in indices):
        raise Unknown("an index was not seen")
    return f"np.s_[{', '.join(index.code for index in indices)}]"
