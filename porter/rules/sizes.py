"""Rules for Python's own functions of sizes, which in a graph may be tensors."""

from __future__ import annotations

from porter.rulebook import Arg, Call, rule


def _extreme(name: str, function: str) -> None:
    @rule(
        f"builtins.{name}(*values, key=None, default=None)",
        cases={f"{name}(x.shape[1], 2)": f"{function}(shape_list(x)[1], 2)", f"{name}(3, 2)": f"{name}(3, 2)"},
    )
    def extreme(call: Call) -> str:
        """Python would ask a tensor whether it is the smaller one."""
        values = [("*" if arg.starred else "") + arg.node_code for arg in call.variadic]
        options = [f"{key}={getattr(call, key).node_code}" for key in ("key", "default") if key in call.bound.given]
        numbers = all(arg.is_a("int") and not arg.starred for arg in call.variadic)
        if not options and numbers and len(values) > 1 and any(map(_may_be_tensor, call.variadic)):
            return f"{function}({', '.join(values)})"
        return f"{name}({', '.join([*values, *options])})"


def _may_be_tensor(arg: Arg) -> bool:
    """Whether a size is of a tensor, or was not the same in all runs."""
    return not arg.is_literal() and ("shape_list(" in arg.node_code or arg.fact is None or not arg.fact.has_value)


_extreme("min", "least")
_extreme("max", "greatest")


def _of_size(signature: str, function: str, case: str) -> None:
    @rule(signature, cases={case: case})
    def of_size(call: Call) -> str:
        """Python's own functions take no scalar that only a graph knows."""
        passed = (parameter.name for parameter in call.signature.parameters if call.given(parameter.name))
        arguments = [call.bound.given[name] for name in passed]
        name = function if any(map(_varied, arguments)) else call.signature.name
        return f"{name}({', '.join(arg.node_code for arg in arguments)})"


def _varied(arg: Arg) -> bool:
    """Whether a number was not the same in all runs, other than as an attribute of its layer."""
    is_attribute = arg.is_simple() and "." in arg.code
    return arg.fact is not None and arg.fact.only("int", "float") and not arg.fact.has_value and not is_attribute


_of_size("math.log(x, base=None)", "logarithm", "math.log(3.0, 2)")
_of_size("math.sqrt(x)", "square_root", "math.sqrt(3.0)")
_of_size("math.ceil(x)", "rounded_up", "math.ceil(2.5)")
_of_size("math.floor(x)", "rounded_down", "math.floor(2.5)")
