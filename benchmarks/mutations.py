"""Single-statement mistakes of the kinds that real ports have had, planted into a TensorFlow modeling file."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

# What a report may call the cause of each kind of mistake; kinds without an entry have no known cause.
CAUSES = {
    "activation": ("activation", "GELU"),
    "epsilon": ("epsilon",),
    "axis": ("axis", "argument order"),
    "axis order": ("axis",),
    "argument order": ("argument order", "axis", "wrong variable", "sign"),
    "residual": ("residual", "argument"),
    "slice": ("axis or bound", "offset", "axis"),
    "integer division": ("integer division", "truncation", "scaling"),
    "truncated dtype": ("extra operation", "truncation"),
    "scaling": ("scaling", "setting", "size or scale", "extra operation"),
    "mask": ("mask", "forgotten argument", "residual", "argument"),
    "position": ("offset", "axis or bound", "extra operation"),
    "sign": ("sign", "argument order", "scaling"),
    "transposed": ("flag", "axis", "transposed"),
    "swapped weights": ("weight",),
    "transposed weight": ("weight",),
    "unloaded weight": ("weight",),
    "padding": ("padding", "setting"),
    "dropout": ("dropout", "flag", "setting", "training"),
    "missing transpose": ("axis", "transpos"),
}


@dataclass(frozen=True)
class Mutation:
    """One edit of a file: ``old`` at ``line``, ``column`` becomes ``new``; made in ``owner``'s code."""

    kind: str
    owner: str
    function: str
    line: int
    column: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The file with the mistake in it; lines keep their numbers."""
        lines = text.splitlines(keepends=True)
        row = lines[self.line - 1]
        assert row[self.column :].startswith(self.old)
        lines[self.line - 1] = row[: self.column] + self.new + row[self.column + len(self.old) :]
        return "".join(lines)


def mutations(text: str) -> list[Mutation]:
    """Every mistake that can be planted into a file, in the order of the file."""
    found: list[Mutation] = []
    tree = ast.parse(text)
    for owner in tree.body:
        functions = [owner] if isinstance(owner, ast.FunctionDef) else getattr(owner, "body", [])
        for function in functions:
            if not isinstance(function, ast.FunctionDef) or function.name in ("build", "get_config", "from_config"):
                continue
            for node in ast.walk(function):
                for kind, part, new in _of(node, function.name == "__init__"):
                    old = ast.get_source_segment(text, part)
                    if old and "\n" not in old and old != new:
                        row = text.splitlines()[part.lineno - 1]
                        column = len(row.encode()[: part.col_offset].decode())
                        found.append(Mutation(kind, owner.name, function.name, part.lineno, column, old, new))
    return list(dict.fromkeys(found))


def _of(node: ast.AST, construction: bool) -> Iterator[tuple[str, ast.expr, str]]:
    if construction:
        yield from _of_construction(node)
        return
    if isinstance(node, ast.Call):
        yield from _of_call(node)
    if isinstance(node, ast.BinOp):
        yield from _of_operator(node)
    if isinstance(node, ast.UnaryOp) and isinstance(node.operand, ast.Constant) and (node.operand.value or 0) >= 1000:
        yield "mask", node, "-2.0"  # the fill value
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
        yield from _of_subscript(node)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call | ast.BinOp):
        value = ast.unparse(node.value)
        if "matmul" in value or "tf.nn." in value:
            yield "truncated dtype", node.value, f"tf.cast(tf.cast({value}, tf.float16), tf.float32)"


def _of_construction(node: ast.AST) -> Iterator[tuple[str, ast.expr, str]]:
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg in ("epsilon", "eps"):
                yield "epsilon", keyword.value, "1e-3"
            if keyword.arg == "padding" and ast.unparse(keyword.value) in ("'same'", "'valid'"):
                yield "padding", keyword.value, '"valid"' if "same" in ast.unparse(keyword.value) else '"same"'
        if ast.unparse(node.func) == "get_tf_activation":
            yield "activation", node, 'get_tf_activation("gelu_new")'
            yield "activation", node, 'get_tf_activation("relu")'
    scales = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("self.scaling", "self.scale")
    if isinstance(node, ast.Assign) and scales and not isinstance(node.value, ast.Constant):
        yield "scaling", node.value, "1.0"


def _of_call(node: ast.Call) -> Iterator[tuple[str, ast.expr, str]]:
    name = ast.unparse(node.func)
    if "gelu" in name.rpartition(".")[2]:
        yield "activation", node, f"tf.nn.gelu({ast.unparse(node.args[0])}, approximate=True)"
        yield "activation", node, f"tf.nn.relu({ast.unparse(node.args[0])})"
    for keyword in node.keywords:
        value = ast.unparse(keyword.value)
        if keyword.arg == "axis" and value in ("-1", "1", "2", "-2"):
            yield "axis", keyword.value, "1" if value in ("-1", "2") else "-1"
        if keyword.arg == "perm":
            yield from _of_axes(keyword.value)
        if keyword.arg in ("transpose_a", "transpose_b"):
            yield "transposed", keyword.value, str(value != "True")
        if keyword.arg == "training" and value == "training" and "dropout" in name:
            yield "dropout", keyword.value, "True"
        if keyword.arg is not None and keyword.arg.endswith("mask") and value == keyword.arg:
            yield "mask", keyword.value, "None"
    if len(node.args) >= 2 and (name == "tf.matmul" or name.startswith("self.")):
        first, second = (ast.unparse(part) for part in node.args[:2])
        rest = [ast.unparse(part) for part in node.args[2:]] + [ast.unparse(part) for part in node.keywords]
        yield "argument order", node, f"{name}({', '.join([second, first, *rest])})"
    if name in ("tf.range", "keras.ops.arange"):
        yield "position", node, f"(1 + {ast.unparse(node)})"
    if name == "tf.transpose" and node.args:
        yield "missing transpose", node, ast.unparse(node.args[0])
        if len(node.args) == 2:
            yield from _of_axes(node.args[1])
    if name in ("tf.divide", "tf.multiply", "tf.add") and len(node.args) == 2:
        first, second = (ast.unparse(part) for part in node.args)
        kind = "mask" if "mask" in first + second else "scaling" if name != "tf.add" else "residual"
        yield kind, node, first


def _of_axes(axes: ast.expr) -> Iterator[tuple[str, ast.expr, str]]:
    """A literal permutation with two axes exchanged."""
    parts = axes.elts if isinstance(axes, ast.List | ast.Tuple) else []
    if len(parts) >= 3 and all(isinstance(part, ast.Constant) for part in parts):
        first, second, third, *rest = (part.value for part in parts)
        yield "axis order", axes, str([first, third, second, *rest])


def _of_operator(node: ast.BinOp) -> Iterator[tuple[str, ast.expr, str]]:
    left, right = ast.unparse(node.left), ast.unparse(node.right)
    plain = isinstance(node.left, ast.Name | ast.Call) and isinstance(node.right, ast.Name | ast.Call)
    if isinstance(node.op, ast.Add) and plain:
        yield ("mask" if "mask" in right else "residual"), node, left
        yield "sign", node, f"{left} - {right}"
    if isinstance(node.op, ast.Mult | ast.Div) and ("scal" in right or "sqrt" in right or "head" in right):
        yield "scaling", node, left
    if isinstance(node.op, ast.Div) and "sqrt" not in right:
        yield "integer division", node, f"{left} // {right}"


def _of_subscript(node: ast.Subscript) -> Iterator[tuple[str, ast.expr, str]]:
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    value = ast.unparse(node.value)
    if "shape" in value or value in ("outputs", "output", "config"):
        return
    for place, part in enumerate(parts):
        texts = [ast.unparse(other) for other in parts]
        if place > 0 and isinstance(part, ast.Constant) and part.value == 0:
            texts[place] = "-1"
            yield "slice", node, f"{value}[{', '.join(texts)}]"
        if isinstance(part, ast.Slice) and part.lower is not None:
            texts[place] = f"{ast.unparse(part.lower)} + 1:{ast.unparse(part.upper) if part.upper else ''}"
            yield "slice", node, f"{value}[{', '.join(texts)}]"
        elif isinstance(part, ast.Slice) and part.upper is not None:
            texts[place] = f":{ast.unparse(part.upper)} - 1"
            yield "slice", node, f"{value}[{', '.join(texts)}]"
