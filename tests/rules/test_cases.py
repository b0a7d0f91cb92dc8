"""Every rule's cases: the text that comes out, and that it computes what PyTorch computes."""

import pytest

from porter.rulebook import Rule, all_rules
from tests.rules.running import compare, run
from tests.rules.snippets import rewritten, torch_names

CASES = [pytest.param(found, torch_text, tf_text, id=torch_text) for found in all_rules()
         for torch_text, tf_text in found.cases.items()]  # fmt: skip

NEEDS_SIZES = (
    "torch.unbind(", ".unbind(", ".split(", "torch.chunk(", ".chunk(", "s.squeeze", "F.unfold",
    "F.fold", "conv_transpose", "torch.fliplr", "vector_norm(x, dim", "torch.hstack", "torch.vstack", "tolist",
)  # fmt: skip
"""Their TensorFlow counterparts give a python list, or need to know a size while tracing."""
EAGER_ONLY = (".numpy()",)
RANDOM_FILES = frozenset({"random.py"})
SAYS_NOTHING = (
    "autocast",
    "linear.",
    "flash.",
    "import_utils.",
    "weight_norm(",
    "spectral_norm(",
    "torch.jit.script(",
    "hasattr(",
    "get_max_seqlen",
    "_available()",
    "requires_backends",
    "device",
    "torch.no_grad()",
    "torch._check(",
    "is_grad_enabled",
    "flatten_parameters",
)


@pytest.mark.parametrize(("found", "torch_text", "tf_text"), CASES)
def test_a_case_becomes_its_text(found: Rule, torch_text: str, tf_text: str) -> None:
    assert rewritten(torch_text) == tf_text


@pytest.mark.parametrize(("found", "torch_text", "tf_text"), CASES)
def test_a_case_computes_what_pytorch_computes(found: Rule, torch_text: str, tf_text: str) -> None:
    if any(part in torch_text for part in SAYS_NOTHING):
        pytest.skip("speaks of PyTorch's own states")
    expected = eval(torch_text, torch_names())
    values = found.file not in RANDOM_FILES
    compare(expected, run(tf_text), values=values)
    template_seen = isinstance(found.to, str) and torch_text != next(iter(found.cases))
    if not template_seen and not any(part in torch_text for part in EAGER_ONLY):
        needs_sizes = any(part in torch_text for part in NEEDS_SIZES)
        compare(expected, run(tf_text, static=needs_sizes), values=values)


def test_every_rule_has_a_case() -> None:
    assert [found.signatures[0].name for found in all_rules() if not found.cases] == []
