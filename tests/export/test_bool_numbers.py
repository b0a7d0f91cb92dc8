"""True and False where PyTorch takes a number: what TorchScript's tracer refuses is traced, and gives the same."""

import pytest

torch = pytest.importorskip("torch")

from porter.export.bool_numbers import bools_as_tensors  # noqa: E402 - without PyTorch there is nothing to test

FORMS = {
    "scatter": lambda x: (x > 0).scatter(1, torch.tensor([[0, 1]]), False),
    "scatter, by name": lambda x: (x > 0).scatter(dim=1, index=torch.tensor([[0, 1]]), value=True),
    "scatter into numbers": lambda x: x.scatter(1, torch.tensor([[0, 1]]), True),
    "masked_fill": lambda x: (x > 0).masked_fill(x > 1, True),
    "fill_": lambda x: (x > 0).clone().fill_(True),
    "full": lambda x: torch.full((x.shape[0], 2), True),
    "full, of a type": lambda x: torch.full((x.shape[0], 2), True, dtype=torch.float32),
    "full_like": lambda x: torch.full_like(x, True),
    "new_full": lambda x: x.new_full((x.shape[0], 2), fill_value=True, dtype=torch.bool),
    "==": lambda x: (x > 0) == True,  # noqa: E712 - the form in question
    "where": lambda x: torch.where(x > 0, True, False),
    "where, of bools": lambda x: torch.where(x > 0, x > 1, False),
    "where, of numbers": lambda x: torch.where(x > 0, x, False),
    "index_fill": lambda x: (x > 0).index_fill(1, torch.tensor([0]), True),
    "clamp": lambda x: x.clamp(min=False),
    "a flag stays": lambda x: x.sum(1, True),
}


class Form(torch.nn.Module):
    def __init__(self, name):
        super().__init__()
        self.name = name

    def forward(self, x):
        return FORMS[self.name](x)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("name", FORMS)
def test_a_bool_as_a_number_is_traced(name):
    x = torch.tensor([[-1.5, 0.5, 2.0], [3.0, -0.25, 1.5]])
    with bools_as_tensors():
        script = torch.jit.trace(Form(name), (x,), check_trace=False)
    found, expected = script(x), FORMS[name](x)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)
