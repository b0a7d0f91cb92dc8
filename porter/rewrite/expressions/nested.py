"""Models of other files: their ports stand beside, under the classes that were written there."""

from __future__ import annotations

import libcst as cst
import libcst.matchers as m

from porter.rewrite.context import Context
from porter.rewrite.expressions.arguments import keyword

_AUTO = "transformers.models.auto.modeling_auto."
_LOADER = "transformers.backbone_utils.load_backbone"


def chosen_by_config(context: Context, original: cst.Call, updated: cst.Call) -> cst.Call | None:
    """`AutoModel.from_config(config)` and `load_backbone(config)` in the port; None for other calls."""
    name = context.source.canonical(original.func)
    if name == _LOADER:
        return _beside(updated)
    if not m.matches(original.func, m.Attribute(attr=m.OneOf(m.Name("from_config"), m.Name("_from_config")))):
        return None
    assert isinstance(original.func, cst.Attribute)
    owner = context.source.canonical(original.func.value) or ""
    ported = f"TF{owner.removeprefix(_AUTO)}"
    if not owner.startswith(_AUTO) or ported not in context.runtime:
        return None
    function = cst.Attribute(cst.Name(ported), cst.Name("from_config"))
    return _beside(updated.with_changes(func=function))


def _beside(updated: cst.Call) -> cst.Call:
    """The call with its configuration alone, and the file that asks."""
    config = next((a for a in updated.args if not a.star and (a.keyword is None or a.keyword.value == "config")), None)
    if config is None:
        return updated
    first = config.with_changes(keyword=None, comma=cst.MaybeSentinel.DEFAULT, equal=cst.MaybeSentinel.DEFAULT)
    return updated.with_changes(args=[first, keyword("beside", "__file__")])
