import numpy as np
import pytest

from porter.runtime.stored.layouts import LAYOUTS, Layout, layouts_of

KERNEL = Layout.parse("kernel: i o h w -> h w o i")


def test_parse():
    assert Layout.parse("kernel: o i -> i o") == Layout("kernel", ("o", "i"), ("i", "o"))
    assert Layout.parse("bias") == Layout("bias")


def test_the_same_axes_on_both_sides():
    with pytest.raises(ValueError, match="same axes"):
        Layout.parse("kernel: o i -> i i")


def test_there_and_back():
    array = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    moved = KERNEL.to_keras(array)
    assert moved.shape == KERNEL.keras_shape(array.shape) == (4, 5, 3, 2)
    assert moved[1, 2, 0, 1] == array[1, 0, 1, 2]
    np.testing.assert_array_equal(KERNEL.to_torch(moved), array)
    assert KERNEL.torch_shape(moved.shape) == array.shape


def test_another_rank_is_refused():
    with pytest.raises(ValueError, match="4 axes"):
        KERNEL.to_keras(np.zeros((2, 3)))


@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_every_row_can_be_read(name):
    row = {parameter: Layout.parse(text) for parameter, text in LAYOUTS[name].items()}
    assert len({layout.variable for layout in row.values()}) == len(row)


def test_a_subclass_has_the_row_of_its_base():
    class Dense:
        pass

    class Special(Dense):
        pass

    assert (
        layouts_of(Special)
        == layouts_of(Dense)
        == {
            "weight": Layout("kernel", ("o", "i"), ("i", "o")),
            "bias": Layout("bias"),
        }
    )
    assert layouts_of(int) == {}
