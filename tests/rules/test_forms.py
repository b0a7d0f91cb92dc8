"""Every form's cases: the text that comes out, and that all of them together compute what PyTorch computes."""

import pytest

from porter.port.load import import_file
from porter.port.verify import verify
from porter.port.write import write
from porter.rewrite import Draft, rewrite
from porter.rewrite.targets import standalone
from porter.rulebook import all_forms
from porter.trace import trace
from tests.rules.form_cases import FormCase, between_markers, form_cases, subject

CASES = [pytest.param(case, id=case.before) for case in form_cases()]


@pytest.fixture(scope="module")
def ported(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forms")
    found = subject(folder)
    return found, rewrite(found, trace(found), standalone()), folder / "port"


@pytest.mark.parametrize("case", CASES)
def test_a_case_becomes_its_text(case: FormCase, ported) -> None:
    _, draft, _ = ported
    assert isinstance(draft, Draft)
    assert between_markers(draft.code, case) == case.after.strip()


def test_the_cases_compute_what_pytorch_computes(ported) -> None:
    found, draft, folder = ported
    (result,) = verify(found, import_file(write(found, draft, folder)[0]))
    assert (result.eager.message, result.graph.message, result.ok) == ("", "", True)


def test_every_form_has_a_case() -> None:
    assert [form.name for form in all_forms() if not form.cases] == []
