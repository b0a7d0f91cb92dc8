"""Arguments as rules see them."""

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

TYPES = """
numbers = torch.tensor([1, 2], dtype=int).sum()
if not isinstance(numbers, (torch.Tensor, list)):
    raise TypeError("numbers")
return x * numbers + torch.ones(x.shape[-1], dtype=float).to(x.dtype) + torch.zeros(1, dtype=bool)
"""


def test_pythons_types_are_the_dtypes_that_pytorch_takes_them_for(tmp_path):
    found = port_bodies("types", {"Types": TYPES}, tmp_path)
    (result,) = verify(found.subject, found.module())
    assert (result.eager.message, result.graph.message, result.ok) == ("", "", True)
    call = found.text("TFTypes.call")
    assert all(f"dtype=tf.{dtype}" in call for dtype in ("int64", "float64", "bool"))
    assert "isinstance(numbers, (tf.Tensor, list))" in call
