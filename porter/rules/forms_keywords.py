"""What a function reads of its `**kwargs`: in the port each key that can arrive is a parameter of its own."""

from __future__ import annotations

from porter.rulebook import Drop, Match, Remark, Text, expression, statement


def _key(m: Match) -> str:
    """The key that is asked for."""
    return str(m.key.const())


def _parameter(m: Match) -> str:
    """The parameter that stands for the key."""
    return m.place.received(_key(m))


def _is_of_keywords(m: Match) -> bool:
    """Whether the dictionary is the function's own `**kwargs`, asked for a key that is written out."""
    return m.place.keywords is not None and m.kwargs.code == m.place.keywords and m.key.is_literal()


@expression(
    "$kwargs.get($key)",
    "$kwargs.pop($key)",
    where=_is_of_keywords,
    inside="call",
    cases={'x = x if kwargs.get("scale") is None else x * 2': "x = x if scale is None else x * 2"},
)
def keyword(m: Match) -> Text:
    """None where nobody can pass it."""
    return Text(_parameter(m) if m.place.receives(_key(m)) else "None")


@expression(
    "$kwargs.get($key, $default)",
    "$kwargs.pop($key, $default)",
    where=_is_of_keywords,
    inside="call",
    cases={
        'x = x * kwargs.get("scale", 1.0)': "x = x * (1.0 if scale is None else scale)",
        'x = x * kwargs.pop("unheard_of", 1.0)': "x = x * 1.0",
        'x = x if kwargs.get("scale", None) else x + 1': "x = x if scale else x + 1",
    },
)
def keyword_or_default(m: Match) -> Text:
    """The parameter is None where the caller gives nothing."""
    if not m.place.receives(_key(m)):
        return Text(str(m.default))
    key = _parameter(m)
    return Text(
        key if m.default.node_code in ("None", "False") else f"({m.default.node_code} if {key} is None else {key})"
    )


@expression(
    "$kwargs[$key]",
    where=lambda m: _is_of_keywords(m) and m.place.receives(_key(m)),
    cases={'x = x * kwargs["scale"]': "x = x * scale"},
)
def keyword_item(m: Match) -> Text:
    """The parameter of that name."""
    return Text(_parameter(m))


@expression(
    "$key in $kwargs",
    where=_is_of_keywords,
    cases={
        'x = x + 1 if "scale" in kwargs else x': "x = x + 1 if scale is not None else x",
        'x = x + 1 if "unheard_of" in kwargs else x': "",
    },
)
def has_keyword(m: Match) -> Text:
    """Nobody can pass what is not a parameter."""
    key = _parameter(m)
    return Text(f"{key} is not None", _counts_as_given(key)) if m.place.receives(_key(m)) else Text("False")


@expression(
    "$key not in $kwargs",
    where=_is_of_keywords,
    cases={'x = x + 1 if "scale" not in kwargs else x': "x = x + 1 if scale is None else x"},
)
def lacks_keyword(m: Match) -> Text:
    """Nobody can pass what is not a parameter."""
    key = _parameter(m)
    return Text(f"{key} is None", _counts_as_given(key)) if m.place.receives(_key(m)) else Text("True")


def _counts_as_given(key: str) -> Remark:
    return Remark(f"`{key}` counts as given where it is not None.")


def _asks_for_output(m: Match) -> bool:
    return m.key.is_literal() and m.key.const() == "return_dict" and m.kwargs.code.isidentifier()


@statement(
    "$kwargs[$key] = $value",
    where=lambda m: _is_of_keywords(m) and not _asks_for_output(m),
    cases={'kwargs["scale"] = 2.0\nx = x * kwargs["scale"]': "scale = 2.0\nx = x * scale", 'kwargs["unread"] = x': ""},
)
def set_keyword(m: Match) -> Text | Drop:
    """A key that nobody behind the function's keywords reads goes."""
    key = _key(m)
    is_read = m.place.receives(key) or key in m.place.parameters
    return Text(f"{_parameter(m)} = {m.value.node_code}") if is_read else Drop()


statement(
    "$kwargs[$key] = $value",
    where=_asks_for_output,
    to=Drop(),
    cases={'kwargs["return_dict"] = True': ""},
    doc="Layers of a port always give an output.",
)
