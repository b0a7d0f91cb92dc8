"""Makes a configuration tiny: sizes by what their field's name says they are, relations between them kept."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

VOCABULARY = 128
PLAIN_TOKENS = (20, 99)  # ids drawn for inputs; special tokens are moved above or stay below
POSITIONS = 64
QUERIES = 12
ROW_OF_PATCHES = 4
PLAIN = (bool, int, float, str, list, tuple, dict, type(None))

# What a field counts, by its name; the first that matches decides.
ROLES = (
    ("token", r"token_(id|index)$|_token$"),
    ("vocabulary", r"vocab_size$"),
    ("image", r"(image|img|input)_size$|^resolution$"),
    ("kept", r"patch|kernel|stride|window|group|channels?_in|num_channels|in_chans|dilation|codevector"),
    ("kv_heads", r"(key_value|kv|group).*heads?$|n_head_kv"),
    ("head_size", r"head_(dim|size)$|^d_kv$|^d_head$"),
    ("heads", r"(^|_)(n_)?heads?$"),
    ("layers", r"layers?$|(^|_)depths?$|blocks?$"),
    ("experts", r"experts$"),
    ("selected", r"experts_per_tok|top_?k|(^|_)k$|expert_group"),
    ("queries", r"(^|_)num_(object_)?quer(y|ies)$"),
    ("positions", r"position(s|_embeddings)$|n_ctx|max_.*length$|seq_length$"),
    ("width", r"size|sizes$|dim|width|channels|d_model|d_ff|n_embd|n_inner|rank$|^embed|features$"),
)


@dataclass(frozen=True)
class Strategy:
    """How small things become; None leaves them as they are.

    `head_size` is the size of all heads, or of the smallest where the sizes keep their ratios. `fills` gives a size to
    the fields that have none and whose names tell what they count.
    """

    width: int | None = 32
    heads: int | None = 4
    kv_heads: int | None = 2
    head_size: int | None = 8
    keeps_head_ratios: bool = False
    layers: int | None = 2
    fills: bool = False


# Tried in turn until PyTorch runs: key heads fewer than query heads; as many; wider; heads of several sizes; with the
# sizes that the configuration leaves open; deeper; with many heads; with large ones, for sections of a head that stand
# in the code; then only the depth is smaller; then not even that.
STRATEGIES = (
    Strategy(),
    Strategy(kv_heads=4),
    Strategy(width=64, kv_heads=4, head_size=16),
    Strategy(width=64, kv_heads=4, keeps_head_ratios=True),
    Strategy(fills=True),
    Strategy(layers=3),
    Strategy(width=128, heads=16, kv_heads=8),
    Strategy(width=256, heads=2, head_size=128),
    Strategy(width=None, heads=None, kv_heads=None, head_size=None),
    Strategy(width=None, heads=None, kv_heads=None, head_size=None, layers=None),
)


def shrink(config: Any, strategy: Strategy) -> dict[str, Any]:
    """The fields of a configuration whose values change, with their new values; sub-configurations as dicts."""
    fields = dict(_fields(config))
    depth = _depth(fields)
    kinds = max((len(set(names)) for names in fields.values() if _names_each_layer(names, depth)), default=0)
    stages = _stages_by_layer(config, depth)
    layers = None if strategy.layers is None else max(strategy.layers, kinds, stages)
    scales = _scale(config, fields, strategy), _head_scale(fields, strategy)
    sizes = Sizes(strategy, *scales, layers, _image_size(fields))
    specials = iter(range(VOCABULARY - 1, PLAIN_TOKENS[1], -1))
    changed: dict[str, Any] = {}
    for name, value in fields.items():
        if hasattr(value, "to_dict"):
            changed[name] = {"model_type": value.model_type, **_unusual(value), **shrink(value, strategy)}
        elif layers and _names_each_layer(value, depth):
            changed[name] = _first_kinds(value, layers)
        elif name == "pad_token_id" and value is None:
            changed[name] = 0  # classifiers ask for one
        elif name == "sliding_window" and isinstance(value, int):
            changed[name] = min(value, ROW_OF_PATCHES)
        elif _is_size(value):
            new = _per_element(value, lambda v, name=name: sizes.of(name, v, specials))
            if layers and isinstance(new, list) and layers < len(new) == depth:
                new = new[:layers]
            if new != value:
                changed[name] = new
        elif value is None and strategy.fills and (missing := _missing(name, fields, changed)) is not None:
            changed[name] = missing
    changed |= {**_sections(fields, changed), **_pinpoints(fields, changed)}
    if stages and layers:
        changed["out_features"] = [f"stage{layers - at}" for at in reversed(range(stages))]
    if getattr(config, "is_encoder_decoder", False) and getattr(config, "decoder_start_token_id", None) is None:
        changed["decoder_start_token_id"] = 0  # to shift labels
    return changed


def _depth(fields: Mapping[str, Any]) -> int:
    """The number of layers; 0 where no field tells it."""
    return next((value for name, value in fields.items() if role_of(name) == "layers" and type(value) is int), 0)


def _names_each_layer(value: Any, depth: int) -> bool:
    """Whether a field names the kind of each layer."""
    names = isinstance(value, list | tuple) and bool(value) and all(isinstance(kind, str) for kind in value)
    return names and len(value) == depth


def _first_kinds(names: Sequence[str], layers: int) -> list[str]:
    """A shorter list with every kind in it, in the order in which they come."""
    kinds = list(dict.fromkeys(names))
    return (kinds * layers)[:layers]


def _stages_by_layer(config: Any, depth: int) -> int:
    """How many layers a backbone gives the outputs of; 0 where its stages are not its layers."""
    wanted, stages = getattr(config, "out_features", None), getattr(config, "stage_names", None)
    by_layer = isinstance(stages, list | tuple) and len(stages) == depth + 1
    return len(wanted) if by_layer and isinstance(wanted, list | tuple) else 0


def _missing(name: str, fields: Mapping[str, Any], changed: Mapping[str, Any]) -> Any:
    """A value for a field that has none, by what it counts; None where its name does not tell."""
    now = {**fields, **changed}
    heads = now.get("num_attention_heads")
    if role_of(name) == "head_size" and isinstance(now.get("hidden_size"), int) and isinstance(heads, int):
        return now["hidden_size"] // heads
    if name == "layer_types":
        return ["full_attention"] * _depth(now)
    by_role = {"kv_heads": heads, "experts": 4, "selected": 1, "width": now.get("hidden_size")}
    return by_role.get(role_of(name))


def _unusual(config: Any) -> dict[str, Any]:
    """The fields of a part of a configuration that have other values there than its own class gives them."""
    try:
        usual = dict(_fields(type(config)()))
    except (TypeError, ValueError):  # a class that must be told something
        return {}
    fields = ((name, value) for name, value in _fields(config) if isinstance(value, PLAIN))
    # What a property keeps, such as `_out_features`, is given under the property's name.
    return {name.lstrip("_"): value for name, value in fields if value != usual.get(name, value)}


def _sections(fields: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Tables in which sections of half a head are told apart, with sections of the new half: at least one each."""
    old, new = _half_head(fields), _half_head({**fields, **changed})
    found: dict[str, Any] = {}
    for name, table in fields.items():
        for key, parts in table.items() if isinstance(table, Mapping) and old and new else ():
            if _is_size(parts) and isinstance(parts, list | tuple) and not _nested(parts) and sum(parts) == old:
                ends = [sum(parts[: at + 1]) * new // old for at in range(len(parts))]
                found[name] = {**table, key: [end - start for start, end in zip([0, *ends], ends, strict=False)]}
    return found


def _half_head(fields: Mapping[str, Any]) -> int:
    """Half the size of a head; 0 where the fields do not tell it."""
    size, heads = fields.get("hidden_size"), fields.get("num_attention_heads")
    whole = size // heads if isinstance(size, int) and isinstance(heads, int) and heads else 0
    return (fields.get("head_dim") or whole) // 2


def _pinpoints(fields: Mapping[str, Any], changed: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes of images that are put together from several of the size that the vision part takes."""
    part = fields.get("vision_config")
    sides = {name: side for name, side in (_fields(part) if part is not None else ()) if role_of(name) == "image"}
    name, old = next(iter(sides.items()), ("", None))
    new = changed.get("vision_config", {}).get(name, old)
    if not isinstance(old, int) or new == old:
        return {}
    sizes = {name: value for name, value in fields.items() if name.endswith("pinpoints") and _is_size(value)}
    return {name: _per_element(value, lambda side: side * new // old) for name, value in sizes.items()}


@dataclass(frozen=True)
class Sizes:
    """New sizes for old ones."""

    strategy: Strategy
    scale: int
    head_scale: int
    layers: int | None
    image: int

    def of(self, name: str, value: int, specials: Iterator[int]) -> int:
        """The size of a field called `name`, never more than it was."""
        strategy = self.strategy
        wanted: Mapping[str, int | None] = {
            "vocabulary": VOCABULARY,
            "image": self.image,
            "kv_heads": strategy.kv_heads,
            "head_size": strategy.head_size,
            "heads": strategy.heads,
            "layers": self.layers,
            "experts": 4,
            "selected": 2,
            "positions": POSITIONS,
            "queries": QUERIES,
        }
        role = role_of(name)
        if role == "token":
            return value if value < PLAIN_TOKENS[0] else next(specials)
        if role == "width" and value >= 16:
            return max(8, round(value / self.scale / 8) * 8) if self.scale > 1 else value
        if role == "head_size" and strategy.keeps_head_ratios:
            return value // self.head_scale
        limit = wanted.get(role)
        return value if limit is None else min(value, limit)


def role_of(name: str) -> str:
    """What a field with this name counts; "other" where the name does not tell."""
    return next((role for role, pattern in ROLES if re.search(pattern, name)), "other")


def _fields(config: Any) -> Iterator[tuple[str, Any]]:
    """What the configuration's own constructor takes, without what every configuration has."""
    from transformers import PretrainedConfig

    common = set(inspect.signature(PretrainedConfig.__init__).parameters) | {"self", "kwargs"}
    common -= {name for name in common if name.endswith("_token_id")}
    for name in _parameters(type(config)):
        if name not in common:
            try:
                yield name, getattr(config, name)
            except (AttributeError, RuntimeError):  # not set, or another value in each layer
                continue


def _parameters(config_class: type) -> dict[str, None]:
    """The names that the constructor takes, those included that it hands on to the class it inherits from."""
    from transformers import PretrainedConfig

    found: dict[str, None] = {}
    for base in config_class.__mro__:
        if base is PretrainedConfig:
            break
        parameters = inspect.signature(base.__init__).parameters  # type: ignore[misc]  # of a class, not an object
        found |= dict.fromkeys(parameters)
        if not any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()):
            break
    return found


def _is_size(value: object) -> bool:
    if isinstance(value, list | tuple):
        return bool(value) and all(_is_size(item) for item in value)
    return isinstance(value, int) and not isinstance(value, bool)


def _per_element(value: Any, size: Any) -> Any:
    return [_per_element(item, size) for item in value] if isinstance(value, list | tuple) else size(value)


def _scale(config: Any, fields: Mapping[str, Any], strategy: Strategy) -> int:
    """By how much widths are divided, so that equal ones stay equal and multiples stay multiples."""
    if strategy.width is None:
        return 1
    hidden = getattr(config, "hidden_size", None)
    widths = [value for name, value in fields.items() if role_of(name) == "width" and _is_size(value)]
    smallest = [min(value) if isinstance(value, list | tuple) else value for value in widths if not _nested(value)]
    base = hidden if isinstance(hidden, int) else max(smallest, default=strategy.width)
    return max(1, base // strategy.width)


def _head_scale(fields: Mapping[str, Any], strategy: Strategy) -> int:
    """By how much sizes of heads are divided, so that sums of them stay sums."""
    sizes = [value for name, value in fields.items() if role_of(name) == "head_size" and _is_size(value)]
    smallest = min((size for size in sizes if isinstance(size, int) and size > 0), default=1)
    return max(1, smallest // (strategy.head_size or smallest))


def _nested(value: Any) -> bool:
    return isinstance(value, list | tuple) and isinstance(value[0], list | tuple)


def _image_size(fields: Mapping[str, Any]) -> int:
    patch = fields.get("patch_size")
    patch = max(patch) if isinstance(patch, list | tuple) else patch
    return ROW_OF_PATCHES * patch if isinstance(patch, int) and patch >= 8 else 16 * ROW_OF_PATCHES
