"""Constructor arguments as JSON holds them, and as the constructor takes them. Loads no framework.

Numbers, strings, lists and None are what they are. A table becomes the configuration object that the constructor asks
for, `{"class": "Block"}` the class of that name, `{"class": "Config", "arguments": {...}}` an object of it.
"""

from __future__ import annotations

import dataclasses
import dis
import enum
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from typing import Any

PLAIN = (str, int, float, bool, type(None))
CLASS, ARGUMENTS = "class", "arguments"
CONFIGURATIONS = frozenset({"PretrainedConfig", "PreTrainedConfig"})
LAYERS = frozenset({"Module", "Layer", "Operation"})  # what is called so is not a configuration


def as_objects(arguments: Mapping[str, Any], function: Callable[..., Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as `function` takes them.

    Args:
        arguments: by parameter, as JSON holds them.
        function: a class or function; annotations and defaults of its parameters say what a table stands for.
        names: the names that classes are called by, as `vars(module)` gives them.

    Raises:
        LookupError: a class is named that is not there.
    """
    parameters = _parameters(function)
    return {
        name: _object(value, _Place(name, parameters.get(name), function, names)) for name, value in arguments.items()
    }


@dataclasses.dataclass(frozen=True)
class _Place:
    """The parameter that a value is for."""

    name: str
    parameter: inspect.Parameter | None
    function: Callable[..., Any]
    names: Mapping[str, Any]


def _parameters(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    try:
        return inspect.signature(function).parameters
    except (TypeError, ValueError):  # written in C
        return {}


def _object(value: Any, place: _Place) -> Any:
    if isinstance(value, str):
        return _named(value, place.names)
    if isinstance(value, list | tuple):
        default = place.parameter.default if place.parameter else None
        kind = tuple if isinstance(default, tuple) or isinstance(value, tuple) else list
        return kind(_object(item, dataclasses.replace(place, parameter=None)) for item in value)
    if not isinstance(value, Mapping):
        return value
    if CLASS in value and set(value) <= {CLASS, ARGUMENTS}:
        found: Any = place.names.get(str(value[CLASS]))
        if not _is_of_the_model(found, place.names):
            raise LookupError(f"there is no class {value[CLASS]!r}")
        return found(**as_objects(value[ARGUMENTS], found, place.names)) if ARGUMENTS in value else found
    kinds = _annotated(place)
    if any(kind in (dict, Mapping) or typing.get_origin(kind) is dict for kind in kinds):
        return dict(value)
    config_class = _configuration_class(value, place, kinds)
    if config_class is not None:
        return config_class(**as_objects(value, config_class, place.names))
    return types.SimpleNamespace(**value) if _is_read_by_attribute(value, place) else dict(value)


def _is_of_the_model(found: Any, names: Mapping[str, Any]) -> bool:
    """Whether arguments may name it: a class or function of the file or its package, a layer, or a configuration.

    Arguments are data. Whatever else the file imports, such as a function that reads files, is not for them to call.
    """
    if not inspect.isclass(found) and not inspect.isfunction(found):
        return False
    package = str(names.get("__name__", "")).rpartition(".")[0]
    own = found.__module__ == names.get("__name__") or (package and found.__module__.startswith(f"{package}."))
    if own or not inspect.isclass(found):
        return bool(own)
    bases = {base.__name__ for base in found.__mro__}
    return bool(bases & (LAYERS | CONFIGURATIONS)) or dataclasses.is_dataclass(found) or issubclass(found, enum.Enum)


def _named(text: str, names: Mapping[str, Any]) -> Any:
    """The class or function of the file that has this name, or the dotted name of a module; else the text."""
    first, *rest = text.split(".")
    found = names.get(first)
    for part in rest:
        found = getattr(found, part, None)
    own = bool(rest) or getattr(found, "__module__", None) == names.get("__name__")
    return found if own and _is_of_the_model(found, names) else text


def _annotated(place: _Place) -> tuple[Any, ...]:
    """The annotation of the parameter, and the parts of a union."""
    annotation = place.parameter.annotation if place.parameter else inspect.Parameter.empty
    if isinstance(annotation, str):
        first = annotation.removeprefix("Optional[").partition("[")[0].partition("|")[0].strip(" ]")
        annotation = dict if first in ("dict", "Dict", "Mapping") else place.names.get(first)
    return (annotation, *typing.get_args(annotation))


def _configuration_class(value: Mapping[str, Any], place: _Place, kinds: tuple[Any, ...]) -> Any:
    """The class that a table is meant for: by annotation, or the only one of the file that takes these keys."""
    annotated = [kind for kind in kinds if _takes(kind, value)]
    if annotated:
        return annotated[0]
    candidates = {id(found): found for found in place.names.values() if _takes(found, value)}
    own = [found for found in candidates.values() if found.__module__ == place.names.get("__name__")]
    best = own or [found for found in candidates.values() if "config" in found.__name__.lower()]
    return best[0] if len(best) == 1 else None


def _takes(found: Any, value: Mapping[str, Any]) -> bool:
    """Whether it is a class of configurations with all these fields."""
    if not inspect.isclass(found) or found.__module__ in ("builtins", "typing"):
        return False
    if LAYERS & {base.__name__ for base in found.__mro__}:
        return False
    try:
        signature = inspect.signature(found)
        signature.bind(**value)
    except (TypeError, ValueError):
        return False
    named = set(signature.parameters)
    return set(value) <= named or (bool(set(value) & named) and "config" in found.__name__.lower())


def _is_read_by_attribute(value: Mapping[str, Any], place: _Place) -> bool:
    """Whether the first constructor that reads a key reads it as `config.width`, not as `config["width"]`."""
    own = [found for found in place.names.values() if getattr(found, "__module__", "") == place.names.get("__name__")]
    for found in (place.function, *own):
        code = getattr(getattr(found, "__init__", None) if inspect.isclass(found) else found, "__code__", None)
        if code is None:
            continue
        by_attribute = not _attributes_read(code).isdisjoint(value)
        if by_attribute or not set(value).isdisjoint(map(str, code.co_consts)):
            return by_attribute
    return False


def _attributes_read(code: types.CodeType) -> frozenset[str]:
    """The attributes that a function reads of anything but `self`."""
    found, before = set(), None
    for step in dis.get_instructions(code):
        of_self = before is not None and before.opname.startswith("LOAD_FAST") and _last(before.argval) == "self"
        if step.opname in ("LOAD_ATTR", "LOAD_METHOD") and not of_self:
            found.add(str(step.argval))
        before = step
    return frozenset(found)


def _last(names: Any) -> Any:
    """The last of the variables that an instruction loads."""
    return names[-1] if isinstance(names, tuple) else names


def as_json(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The reverse of `as_objects`; what no JSON can hold is left out."""
    return dict(_held(arguments))


def _held(arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in arguments.items():
        try:
            yield name, _json(value)
        except TypeError:
            continue


def _json(value: Any) -> Any:
    if isinstance(value, PLAIN):
        return value
    if isinstance(value, list | tuple):
        return [_json(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _json(item) for key, item in value.items()}
    if inspect.isclass(value) or inspect.isfunction(value):
        return {CLASS: value.__name__}
    if hasattr(value, "to_dict"):
        return {CLASS: type(value).__name__, ARGUMENTS: _json(value.to_dict())}
    fields = getattr(value, "__dict__", None)
    if fields is None or hasattr(value, "shape"):
        raise TypeError(f"{type(value).__name__} cannot be written as JSON")
    plain = as_json({name: item for name, item in fields.items() if not name.startswith("_")})
    if isinstance(value, types.SimpleNamespace):
        return plain
    return {CLASS: type(value).__name__, ARGUMENTS: plain}
