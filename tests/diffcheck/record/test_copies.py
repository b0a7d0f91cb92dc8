import numpy as np
import pytest

from diffcheck.record.copies import Copies, Spilled


def test_a_tensor_is_copied_once_until_it_is_written_to():
    torch = pytest.importorskip("torch")
    copies, tensor = Copies(), torch.ones(3)
    first = copies(tensor)
    assert copies(tensor) is first
    tensor += 1
    assert np.array_equal(first.array, [1, 1, 1])
    assert np.array_equal(copies(tensor).array, [2, 2, 2])


def test_beyond_the_budget_tensors_lie_on_disk_and_read_the_same():
    torch = pytest.importorskip("torch")
    copies = Copies(max_memory=20_000)
    tensors = [torch.full((4000,), float(number)) for number in range(3)]
    kept = [copies(tensor) for tensor in tensors]
    assert [isinstance(value, Spilled) for value in kept] == [False, True, True]
    assert (copies.used, copies.spilled) == (16_000, 32_000)
    assert all(np.array_equal(value.array, tensor.numpy()) for value, tensor in zip(kept, tensors, strict=True))


def test_plain_values_are_no_tensors():
    assert Copies()("text") is None
    assert Copies()(3).array == 3
