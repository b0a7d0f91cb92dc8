"""Functions without a place in the port: they fill weights, handle PyTorch's files, or porter.runtime has them."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.facts.initialisers import is_initialiser
from porter.rewrite.reading.source import Source
from porter.rulebook.call import code_of

# Methods without a place in the port, and why; "" where porter.runtime or Keras has the same.
DROPPED_METHODS = {
    "set_input_embeddings": "",
    "set_output_embeddings": "",
    "dummy_inputs": "",
    "extra_repr": "",
    "__repr__": "",
    "tie_weights": "",
    "resize_token_embeddings": "porter.runtime has no resizing",
    "resize_position_embeddings": "porter.runtime has no resizing",
    "prepare_inputs_for_generation": "porter.runtime's generate gives the usual inputs by their names",
    "_reorder_cache": "",
}
FILLING_NAMES = frozenset({"_init_weights", "reset_parameters", "_reset_parameters"})
"""What methods are called that give weights their initial values."""
FILE_FUNCTIONS = frozenset({"torch.serialization.load", "torch.load", "torch.serialization.save", "torch.save"})
_DRAWN = frozenset({"normal_", "uniform_", "trunc_normal_", "xavier_uniform_", "xavier_normal_", "zero_", "fill_"})


def fills_weights(source: Source, function: cst.FunctionDef) -> bool:
    """Whether all that a function does is to give weights values, as `_init_weights` does."""
    if any(node.value is not None for node in source.find(function, cst.Return)):
        return False  # what it makes is wanted
    return any(fills(source, call) for call in source.find(function, cst.Call))


def only_passes_on(function: cst.FunctionDef) -> bool:
    """Whether all that a method does is to return what its base class makes of the same arguments."""
    name = function.name.value
    call = m.Call(func=m.Attribute(value=m.Call(func=m.Name("super")), attr=m.Name(name)))
    body = [line for line in function.body.body if not m.matches(line, _DOCSTRING)]
    if len(body) != 1 or not m.matches(body[0], m.SimpleStatementLine(body=[m.Return(value=call)])):
        return False
    (passed,) = m.findall(body[0], call)
    return all(map(_is_as_given, cst.ensure_type(passed, cst.Call).args))


def _is_as_given(argument: cst.Arg) -> bool:
    """`x`, `x=x`, `*args` and `**kwargs`."""
    name = argument.value.value if isinstance(argument.value, cst.Name) else None
    return name is not None and (argument.keyword is None or argument.keyword.value == name)


_DOCSTRING = m.SimpleStatementLine(body=[m.Expr(value=m.SimpleString())])


def ties_weights(source: Source, function: cst.FunctionDef) -> bool:
    """Whether a method gives layers the weights of others by itself: `self.head.weight = self.embedding.weight`."""
    weight = m.Attribute(value=m.Attribute(), attr=m.Name("weight") | m.Name("bias"))
    tie = m.Assign(targets=[m.AssignTarget(weight)], value=weight)
    return any(m.matches(assign, tie) for assign in source.find(function, cst.Assign))


_TYING = m.Call(func=m.Attribute(attr=m.Name("_tie_or_clone_weights") | m.Name("_tie_encoder_decoder_weights")))


def only_ties(source: Source, function: cst.FunctionDef) -> bool:
    """Whether all that a method calls is transformers' way to give a layer the weight of another one."""
    calls = source.find(function, cst.Call)
    return bool(calls) and all(m.matches(call, _TYING) for call in calls)


def reads_tensorflow(function: cst.FunctionDef) -> bool:
    """Whether a function of a PyTorch file imports TensorFlow, to read checkpoints of the years before it."""
    imports = (code_of(node) for node in m.findall(function, m.Import() | m.ImportFrom()))
    return any(text.startswith(("import tensorflow", "from tensorflow")) for text in imports)


def handles_texts(function: cst.FunctionDef) -> bool:
    """Whether a method talks with a user: it is given a tokenizer."""
    parameters = (*function.params.params, *function.params.kwonly_params)
    return any(parameter.name.value in ("tokenizer", "processor") for parameter in parameters)


def only_checkpoints(source: Source, function: cst.FunctionDef) -> bool:
    """Whether a method does nothing but wrap layers for gradient checkpointing."""
    calls = source.find(function, cst.Call)
    return bool(calls) and all((source.canonical(c.func) or "").startswith("torch.utils.checkpoint") for c in calls)


def fills(source: Source, call: cst.Call) -> bool:
    """Whether a call gives a weight its values: `nn.init.normal_(x)`, `x.data.normal_()`."""
    drawn = isinstance(call.func, cst.Attribute) and call.func.attr.value in _DRAWN
    of_data = drawn and m.matches(call.func, m.Attribute(value=m.Attribute(attr=m.Name("data"))))
    return of_data or _draws_parameter(source, call) or is_initialiser(source.canonical(call.func) or "")


def _draws_parameter(source: Source, call: cst.Call) -> bool:
    """`weight.uniform_(-1, 1)` in what only constructors call, and give the weight."""
    function = source.enclosing(call) if source.in_constructor(call) else None
    owner = call.func.value if isinstance(call.func, cst.Attribute) and call.func.attr.value in _DRAWN else None
    return function is not None and isinstance(owner, cst.Name) and owner.value in function.parameters


def initialises(source: Source, node: cst.BaseExpression) -> bool:
    """Whether what is handed over is a function or method of the file that fills weights: `self.apply(self._init)`."""
    owner = source.enclosing_class(node)
    if isinstance(node, cst.Call) and node.args:
        node = node.args[0].value  # `partial(init, std=0.02)`
    of_self = m.matches(node, m.Attribute(value=m.Name("self")))
    name = node.attr.value if isinstance(node, cst.Attribute) else node.value if isinstance(node, cst.Name) else ""
    method = source.method(owner, name) if owner is not None and of_self else None
    if isinstance(node, cst.Attribute) and method is None:
        return False
    function = method or source.functions.get(name)
    if function is None:
        return False
    return name in FILLING_NAMES or fills_weights(source, function.node)
