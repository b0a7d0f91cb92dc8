import numpy as np
import pytest

from porter.runtime.layout import Layout, LayoutError, Placement

LAYOUTS = {
    "o i -> i o": ((5, 3), (3, 5)),
    "o i h w -> h w i o": ((7, 3, 2, 4), (2, 4, 3, 7)),
    "o 1 h w -> h w o 1": ((6, 1, 3, 2), (3, 2, 6, 1)),
    "o -> 1 o": ((4,), (1, 4)),
    "": ((2, 3, 4), (2, 3, 4)),
}


@pytest.mark.parametrize(("text", "shapes"), LAYOUTS.items())
def test_apply_gives_the_announced_shape_and_the_inverse_leads_back(text, shapes):
    layout = Layout.parse(text)
    array = np.arange(np.prod(shapes[0])).reshape(shapes[0])
    placed = layout.apply(array)
    assert layout.shape(shapes[0]) == placed.shape == shapes[1]
    assert np.array_equal(layout.inverse().apply(placed), array)
    assert np.shares_memory(placed, array)


def test_every_element_goes_where_the_axes_say():
    array = np.random.default_rng(0).normal(size=(4, 3, 2, 5))
    placed = Layout.parse("o i h w -> h w i o").apply(array)
    assert placed[1, 4, 2, 3] == array[3, 2, 1, 4]


@pytest.mark.parametrize("text", ["o i", "o i -> i", "o o -> o o", "o i -> i o -> o i", "o i -> i p"])
def test_nonsense_is_refused(text):
    with pytest.raises(LayoutError, match="no layout"):
        Layout.parse(text)


def test_nothing_is_reshaped_to_fit():
    with pytest.raises(LayoutError, match="is not 'o i'"):
        Layout.parse("o i -> i o").apply(np.zeros((2, 3, 4)))
    with pytest.raises(LayoutError, match="is not 'o 1 h w'"):
        Layout.parse("o 1 h w -> h w o 1").apply(np.zeros((2, 3, 1, 1)))


def test_a_placement_names_the_variable_and_the_layout():
    placement = Placement.parse("kernel: o i -> i o")
    assert (placement.variable, str(placement.layout)) == ("kernel", "o i -> i o")
    assert Placement.parse("bias") == Placement("bias", Layout())
    assert str(Placement.parse(" kernel : o i -> i o")) == "kernel: o i -> i o"
    with pytest.raises(LayoutError):
        Placement.parse(": o i -> i o")
