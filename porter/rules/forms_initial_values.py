"""What a constructor does to give weights their initial values: none of it is ported, layers draw their own."""

from __future__ import annotations

import libcst as cst

from porter.rulebook import Drop, Match, Remark, expression, statement

REMARK = Remark("initial values are not ported: layers start from their own initialisation.")


def _only_fills(m: Match) -> bool:
    """Whether a loop over modules or weights only fills weights, and computes what it fills them with."""
    found = list(_leaves(m.block("body")))
    return any(_is_fill(m, leaf) for leaf in found) and all(_is_fill(m, leaf) or _is_local(leaf) for leaf in found)


def _leaves(block: cst.BaseSuite) -> list[cst.CSTNode]:
    """The statements that a block consists of, those of its branches included."""
    found: list[cst.CSTNode] = []
    for line in block.body:
        if isinstance(line, cst.SimpleStatementLine):
            found += line.body
        elif isinstance(line, (cst.If, cst.For, cst.With)):
            found += _leaves(line.body)
            orelse = line.orelse if isinstance(line, cst.If) else None
            while isinstance(orelse, cst.If):
                found += _leaves(orelse.body)
                orelse = orelse.orelse
            found += _leaves(orelse.body) if orelse is not None else []
        else:
            found.append(line)
    return found


def _is_fill(m: Match, leaf: cst.CSTNode) -> bool:
    call = leaf.value if isinstance(leaf, cst.Expr) else None
    if isinstance(call, cst.Call):
        return m.place.fills(call) or m.place.initialises(call.func) or _ends_in_reset(call)
    target = leaf.targets[0].target if isinstance(leaf, cst.Assign) else None
    return isinstance(target, cst.Attribute) and target.attr.value == "data"


def _ends_in_reset(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value == "reset_parameters"


def _is_local(leaf: cst.CSTNode) -> bool:
    if isinstance(leaf, (cst.Pass, cst.Continue)):
        return True
    return isinstance(leaf, cst.Assign) and isinstance(leaf.targets[0].target, cst.Name)


statement(
    "for $x in $layer.modules(): $body",
    "for $x in $layer.children(): $body",
    "for $x in $layer.parameters(): $body",
    "for $n, $x in $layer.named_modules(): $body",
    "for $n, $x in $layer.named_parameters(): $body",
    to=Drop(REMARK),
    where=_only_fills,
    inside="constructor",
    cases={
        "for part in self.layer.modules():\n    nn.init.zeros_(part.bias)": "",
        'for name, part in self.layer.named_parameters():\n    if "bias" in name:\n        part.data.zero_()': "",
    },
)
statement(
    "print($*args)",
    to=Drop(Remark("what the constructor prints is not ported: it may ask for weights, which do not exist yet.")),
    inside="constructor",
    cases={'print("a layer of", self.layer.weight.numel())': ""},
)
statement(
    "$count = sum($p.numel() for $p in $layer.parameters())",
    "$count = sum($p.numel() for $p in $layer.parameters() if $p.requires_grad)",
    "$count = sum([$p.numel() for $p in $layer.parameters()])",
    to=Drop(),
    where=lambda m: isinstance(m.count.original, cst.Name) and m.place.is_init,
    inside="constructor",
    cases={"count = sum(p.numel() for p in self.layer.parameters())": ""},
    doc="A constructor counts weights to print their number; they do not exist yet.",
)
for _made in ("zeros", "ones", "empty"):
    expression(
        f"$x.new_{_made}($shape)",
        to=f"tf.{_made.replace('empty', 'zeros')}($shape)",
        where=lambda m: m.x.is_a("tensor") and isinstance(m.x.original, cst.Attribute),
        inside="constructor",
        cases={
            f"self.start = nn.Parameter(1 + self.layer.weight.new_{_made}((2, 8)))": (
                f'self.start = add_parameter(self, "start", 1 + tf.{_made.replace("empty", "zeros")}((2, 8)))'
            )
        },
        doc="In the type that weights have; the weight need not be there yet.",
    )
