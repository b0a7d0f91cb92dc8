"""Habits of other people's files, each as a layer: what the port writes for them, and that it computes the same."""

import pytest
import tensorflow as tf

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

HELPERS = """
import functools
import math


def ramp(length):
    return torch.arange(length)[None, :, None]


def counted(t):
    return t.sum(-1)


try:
    from a_library_that_is_not_here import Doubled
except ImportError:

    class Doubled(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.gain = nn.Parameter(torch.ones(size))

        def forward(self, x):
            return 2 * x * self.gain


if torch.cuda.is_available():

    def shifted(t):
        return t.cuda() + 1

else:

    def shifted(t):
        return t + 1


def settings(name="", **kwargs):
    return {"name": name, "scale": 1.0, **kwargs}


def named(name, **kwargs):
    return dict(kwargs, name=name)


SETTINGS = settings(scale=2.0)
NAMED = named("ramp", shift=1.0)


@torch.jit.script
def gated(a, b):
    return a * torch.sigmoid(b)


def noticed(function):
    @functools.wraps(function)
    def wrapper(self, *args, **kwargs):
        self.noticed = function.__name__
        return function(self, *args, **kwargs)

    return wrapper


RATES = torch.tensor([1.0, 2.0])
ACTIVATIONS = {"relu": torch.relu, "tanh": torch.tanh}
"""
HABITS = {
    "Asserted": (
        "b, n, c = x.shape\nassert list(x.shape) == [b, n, c]\nassert (b, c) == (x.size(0), 8)\nreturn x",
        "assert same_shape(list(shape_list(x)), [b, n, c])",
    ),
    "Defaulted": ("n = x.shape[1]\nlimit = n or 4\nreturn x * limit", "limit = n if possibly(n) else 4"),
    "KeptOnce": (
        "once = None\n---\n"
        "if self.once is None:\n    self.once = torch.arange(64.0)\nreturn x + self.once[: x.shape[1], None]",
        "once = tf.range(64.0, dtype=tf.float32)",
    ),
    "GivenBack": (
        "given = None\n\ndef table(self, n):\n"
        "    if self.given is not None and len(self.given) >= n:\n        return self.given[:n]\n"
        "    kept = torch.arange(float(n))\n    self.given = kept\n    return self.given\n---\n"
        "return x + self.table(x.shape[1])[:, None]",
        "self.table(shape_list(x)[1])",
    ),
    "OneByOne": ("y = x * 0\nfor row in RATES:\n    y = y + x * row\nreturn y", "for row in tf.unstack(RATES)"),
    "Noticed": (
        "@noticed\ndef dropped(self, y):\n    return torch.dropout(y, 0.1, self.training)\n---\n"
        "return self.dropped(x)",
        "self.dropped(x, training=training)",
    ),
    "Settings": ('return x * SETTINGS["scale"] + NAMED["shift"]', 'x * SETTINGS["scale"]'),
    "Scripted": ("return gated(x, x + 1)", "return gated(x, x + 1)"),
    "Final": ("n: torch.jit.Final[int]\n---\nreturn x * 2", "return x * 2"),
    "Context": (
        "ctx = torch.no_grad() if x.shape[1] > 2 else torch.enable_grad()\nwith ctx:\n    x = x * 2\nreturn x",
        "ctx = contextlib.nullcontext()",
    ),
    "Options": ('options = {"dim": -1}\nreturn torch.softmax(x, **options)', "tf.nn.softmax(x, axis=-1)"),
    "OtherOptions": (
        'options = {"dim": -1} if x.shape[1] > 999 else {"dim": 1}\nreturn torch.softmax(x, **options)',
        "tf.nn.softmax(x, axis=-1) if surely(",
    ),
    "Flags": (
        "with torch.no_grad(), torch.backends.cudnn.flags(enabled=False):\n    x = x * 2\nreturn x",
        "x = self.layer(x)\n        x = x * 2",
    ),
    "Side": (
        "side = int(math.sqrt(x.shape[1]))\nreturn x + x[:, :side].sum(1, keepdim=True)",
        "as_int(square_root(shape_list(x)[1]))",
    ),
    "Counted": ("return x + (counted(ids > 15) + counted(ids))[:, None, None]", "counted(ids > 15)"),
    "Either": (
        "f = ramp\nif x.shape[1] > 999:\n    f = torch.numel\nreturn x + f(x.shape[1])",
        "x + tf.cast(f(shape_list(x)[1]), x.dtype)",
    ),
    "Halves": (
        "b, n, c = x.view(-1, 4, 2).size()\nif n % 0.5 != 0:\n    raise ValueError\nreturn x * int(n * 0.5)",
        "as_int(as_float(n) * 0.5)",
    ),
    "Evaluated": ("layer = self.layer.eval()\nreturn layer(x)", "layer = self.layer\n"),
    "Halved": ("layer = self.layer.train(False).float()\nreturn layer(x)", "layer = self.layer\n"),
    "Assigned": (
        "@property\ndef scale(self):\n    return self._scale\n\n"
        "@scale.setter\ndef scale(self, value):\n    self._scale = 2 * value\n---\n"
        "self.scale = 1.5\nreturn x * self.scale",
        "self.scale = 1.5\n        return x * self.scale",
    ),
    "Chosen": ("f = torch.tanh if x.shape[-1] > 4 else torch.relu\nreturn f(x)", "f = tf.tanh if"),
    "Looked": ('return ACTIVATIONS["tanh"](x)', 'ACTIVATIONS["tanh"](x)'),
    "Logarithm": (
        "steps = max(math.ceil(4 * math.log(x.shape[1], 2)), 1)\nreturn x / steps",
        "greatest(rounded_up(4 * logarithm(shape_list(x)[1], 2)), 1)",
    ),
    "Root": (
        "scale = math.sqrt(x.shape[1])\nreturn x * scale / math.sqrt(x.shape[1] + 1)",
        "x * tf.cast(scale, x.dtype) / tf.cast(square_root(shape_list(x)[1] + 1), x.dtype)",
    ),
    "Sizes": ("y = x * 2\nif x.shape[1] != y.shape[1]:\n    y = y[:, :1]\nreturn y", "if surely(shape_list(x)[1] != "),
    "Alike": (
        "y = x * 2\nif x.shape[1] == ids.shape[1]:\n    y = y + 1\nreturn y",
        "if possibly(shape_list(x)[1] == ",
    ),
    "Fixed": ("y = x if x.size(2) > 1 else x * 2\nreturn y", "y = x if possibly(shape_list(x)[2] > 1) else x * 2"),
    "Unpacked": (
        "a, b, c = x.shape\nreturn x * (2 if c == 1 else 3)",
        "2 if surely(c == 1) else 3",
    ),
    "Odd": (
        "if x.shape[1] % 2 == 1:\n    x = nn.functional.pad(x, (0, 0, 0, x.shape[1] % 2))\nreturn x.sum(1, True)",
        "if possibly(shape_list(x)[1] % 2 == 1):",
    ),
    "Even": (
        "if x.shape[1] % 2 != 1:\n    return x.sum(1, True)\nreturn x.sum(1, True)",
        "if surely(shape_list(x)[1] % 2 != 1):",
    ),
    "Third": ("if x.shape[1] % 3 == 1:\n    x = x * 1.0\nreturn x", "if shape_list(x)[1] % 3 == 1:"),
    "Kept": ("many = x.shape[0] > 1\nreturn x * 2 if many else x", "many = possibly(shape_list(x)[0] > 1)"),
    "Joined": (
        "causal = x.shape[1] > 1 and ids is not None\nreturn x * 2 if causal else x",
        "causal = possibly(shape_list(x)[1] > 1)",
    ),
    "Listed": ("parts = [x for _ in range(2) if x.shape[0] > 1]\nreturn sum(parts)", "if possibly(shape_list(x)[0]"),
    "Own": ("return x * 2 if self.layer.weight.shape[0] > 1 else x", "x * 2 if shape_list(tf.transpose(self.layer."),
    "Uncalled": (
        "def odd(self, x):\n    return x * 2 if x.size(0) > 1 else x\n---\n"
        "if x.shape[1] > 999:\n    x = self.odd(x)\nreturn x",
        "x = self.odd(x)",
    ),
    "Unseen": (
        "if x.shape[1] > 999:\n    x = x * ramp(x.shape[1]).to(x)\nreturn x",
        "tf.cast(ramp(shape_list(x)[1]), x.dtype)",
    ),
    "Shaped": (
        "if x.shape[1] > 999:\n    shape = (x.shape[0],) + (1,) * (x.ndim - 1)\n"
        "    x = x * torch.ones(shape)\nreturn x",
        "tf.ones(shape)",
    ),
    "Grown": (
        "def table(self, length):\n    if length > self.cached:\n        self.cached = length\n"
        "        ramp = torch.arange(length).float()\n        self.kept = ramp[:, None].cos()\n"
        "    return self.kept[:length]\n---\nreturn x * self.table(x.shape[1])",
        "return x * self.table(shape_list(x)[1])",
    ),
    "Narrowed": (
        "def narrowed(self, length):\n    if length <= self.limit:\n        self.limit = length\n"
        "    return self.limit\n---\nreturn x * (1 + self.narrowed(x.shape[1]))",
        "self.narrowed(shape_list(x)[1])",
    ),
    "Filled": (
        "def scaled(self, key):\n    if key not in self.entries:\n        self.entries[key] = self.layer.bias * 2\n"
        "    return self.entries[key]\n---\nreturn x + self.scaled(x.ndim)",
        "x + self.scaled(x.shape.rank)",
    ),
    "Asked": ("if x.shape[1]:\n    x = x * 2\nreturn x", "if possibly(shape_list(x)[1]):"),
    "Denied": (
        "length = x.shape[1]\nreturn x * 2 if ids is not None and not length else x",
        "ids is not None and not possibly(length)",
    ),
    "Counting": (
        "k = (x.shape[1] > 1) * 2\nreturn x + x[:, k:].sum(1, keepdim=True)",
        "k = as_int(shape_list(x)[1] > 1) * 2",
    ),
    "Lengthened": (
        "longest = 0\n\ndef lengthen(self, length):\n    self.longest = length\n"
        "    angles = torch.arange(length).float()[:, None]\n"
        "    if length > 999:\n        angles = angles / length\n"
        '    self.register_buffer("table", angles.cos(), persistent=False)\n---\n'
        "length = x.shape[1]\nif length > self.longest:\n    self.lengthen(length)\nreturn x * self.table[:length]",
        "length = shape_list(x)[1]\n        self.lengthen(length)\n        return",
    ),
    "Extended": (
        "angles = None\n\ndef extend(self, x):\n"
        "    if self.angles is not None and self.angles.size(0) >= x.size(1):\n        return\n"
        "    ramp = torch.zeros(x.size(1), 2)\n    ramp[:, 0] = torch.arange(x.size(1)).float()\n"
        "    self.angles = ramp[:, :1].cos()\n---\n"
        "self.extend(x)\nreturn x * self.angles[: x.size(1)]",
        "self.extend(x)\n        return x * self.angles[: shape_list(x)[1]]",
    ),
    "Regrown": (
        "angles = None\n\ndef regrow(self, x):\n    if self.angles is not None:\n"
        "        if self.angles.size(0) >= x.size(1):\n"
        "            if self.angles.dtype != x.dtype:\n                self.angles = self.angles.to(x.dtype)\n"
        "            return\n    self.angles = torch.arange(x.size(1)).float()[:, None].cos()\n---\n"
        "self.regrow(x)\nreturn x * self.angles[: x.size(1)]",
        "self.regrow(x)\n        return x * self.angles[: shape_list(x)[1]]",
    ),
    "Guarded": (
        "def made(self):\n    return Doubled(8)\n---\nreturn shifted(x)",
        "return shifted(x)",
    ),
    "Rated": ("return x * RATES[1]", "x * RATES[1]"),
    "Optional": (
        'options = {"device": x.device, "dtype": x.dtype}\nreturn x + torch.ones(8, **options)',
        "x + tf.ones((8,), dtype=x.dtype)",
    ),
    "Rows": (
        "a, b = x.view(*x.shape[:-1], 2, 4).permute(2, 0, 1, 3)\nreturn torch.cat((b, a), dim=-1)",
        "a, b = tf.unstack(tf.transpose(tf.reshape(x, (*shape_list(x)[:-1], 2, 4)), perm=[2, 0, 1, 3]), num=2)",
    ),
    "First": ("first, *_ = x.transpose(0, 2)\nreturn x + first.t()[..., None]", "first, *_ = tf.unstack("),
    "Joint": (
        "if x.shape[1] > 999:\n    both = torch.cat((x, x), dim=-1)\n    x = both.cos().to(x.dtype)\nreturn x",
        "x = tf.cast(tf.cos(both), x.dtype)",
    ),
    "Parted": (
        "if x.shape[1] > 999:\n    parts = self.layer.weight.split(4, dim=0)\n    x = x @ parts[0].t()\nreturn x",
        "parts = split(tf.transpose(self.layer.kernel), 4, axis=0)",
    ),
    "Mapped": (
        "a, b = map(lambda row: row[:4], x.view(*x.shape[:-1], 2, 4).permute(2, 0, 1, 3))\nreturn x + (a * b).sum()",
        "map(\n            lambda row: row[:4],\n            tf.unstack(",
    ),
    "Comprehended": ("return x + sum(row for row in self.layer.weight)", "for row in tf.unstack("),
    "Masked": (
        "mask = None\nif ids is not None and not (ids > 3).all():\n    mask = (ids > 3)[..., None]\n"
        "return x if mask is None else torch.where(mask, x, 0 * x)",
        "if ids is not None and not surely(tf.reduce_all(ids > 3)):",
    ),
    "Typed": ("return x * 2 if type(x) is torch.Tensor else x", "x * 2 if tf.is_tensor(x) else x"),
    "Versioned": (
        'major = int(torch.__version__.split(".")[0])\nreturn x * 2 if major >= 2 else x',
        "major = 2\n        return x * 2 if major >= 2 else x",
    ),
    "Compared": (
        'return x * 2 if torch.__version__ >= "1.12" and torch.__version__.startswith("2") else x',
        "return x * 2",
    ),
    "Added": (
        "rows = ids.flatten() * 0\ny = x.flatten(0, 1)\ny[rows] += 1.0\nreturn y.view(x.shape)",
        "y = index_put(y, np.s_[rows], tf.gather(y, rows) + 1.0)",
    ),
    "Beside": (
        "y = torch.tanh(x)\nreturn y.view(-1, 8).to(x.dtype).mul_(2.0).to(y.dtype).view(x.shape)",
        "y = tf.tanh(x)",
    ),
    "Ahead": (
        "reached = None\n\ndef reach(self, length):\n    if length > self.limit:\n        import math\n\n"
        "        self.limit = max(2 * length, 8)\n        ramp = torch.arange(self.limit).float()\n"
        "        cos, sin = ramp.cos(), math.pi * ramp.sin()\n        self.reached = cos + sin\n---\n"
        "self.reach(x.shape[1])\nreturn x * self.reached[: x.shape[1], None]",
        "self.reach(shape_list(x)[1])",
    ),
    "Short": ("if x.shape[-1] > 4: x.mul_(2.0)\nreturn x", "x = x * 2.0"),
    "Written": (
        "self.layer.weight.data = self.layer.weight.data * 1.0\nreturn x",
        'set_weight(self.layer, "weight", ',
    ),
}
NOTED = {
    "Tensors": ("x.kept = 1\nreturn x", "`x.kept` is not set"),
    "Unknown": ("if x.shape[1] > 999:\n    x = self.given.to(x)\nreturn x", "no run has shown what `self.given` is"),
}


@pytest.fixture(scope="module")
def habits(tmp_path_factory):
    bodies = {name: body for name, (body, _) in HABITS.items()}
    return port_bodies("habits", bodies, tmp_path_factory.mktemp("habits"), HELPERS)


@pytest.fixture(scope="module")
def noted(tmp_path_factory):
    bodies = {name: body for name, (body, _) in NOTED.items()}
    return port_bodies("noted", bodies, tmp_path_factory.mktemp("noted"))


@pytest.mark.parametrize("name", HABITS)
def test_what_is_written(name, habits):
    assert HABITS[name][1] in habits.text(f"TF{name}.call")


def test_a_decorator_hands_training_on_with_all_keywords(habits):
    assert "training" not in habits.text("noticed")


def test_what_was_of_truth_in_one_run_and_numbers_in_another_is_counted(habits):
    assert "tf.reduce_sum(as_numbers(t), axis=-1)" in habits.text("counted")


def test_a_table_that_grows_is_computed_anew(habits):
    table = habits.text("TFGrown.table")
    assert "if" not in table
    assert "    kept = tf.cos(ramp[:, None])\n        return kept[:length]" in table
    assert any("`self.kept` is computed anew" in message for message in habits.messages("assumed"))


def test_a_number_that_a_branch_on_a_size_sets_is_set_there_only(habits):
    assert "(length <= self.limit):\n            self.limit = length" in habits.text("TFNarrowed.narrowed")


def test_of_a_guard_the_side_stands_that_ran(habits):
    assert "try" not in habits.draft.code
    assert "class TFDoubled(keras.layers.Layer):" in habits.draft.code
    assert ".cuda()" not in habits.text("shifted")
    assert sum("of this guard" in message for message in habits.messages("assumed")) == 2


@pytest.mark.parametrize("method", ["TFExtended.extend", "TFRegrown.regrow"])
def test_a_table_that_is_long_enough_is_computed_all_the_same(habits, method):
    assert "if" not in habits.text(method)
    assert "return" not in habits.text(method)


def test_a_number_that_one_run_alone_has_computed_is_not_fixed(habits):
    assert "self.limit = greatest(2 * length, 8)" in habits.text("TFAhead.reach")


def test_an_entry_that_is_kept_by_its_key_is_computed_anew(habits):
    assert "        entries = self.layer.bias * 2\n        return entries" in habits.text("TFFilled.scaled")


def test_a_method_that_makes_a_table_longer_is_called_each_time(habits):
    method = habits.text("TFLengthened.lengthen")
    assert "self.table = tf.cos(angles)" in method
    assert any("`self.longest`, `self.table` is computed anew" in message for message in habits.messages("assumed"))


def test_a_size_that_each_run_had_alike_may_be_unknown_to_a_graph(habits):
    module = habits.module()
    layer = module.TFFixed(module.TinyConfig())
    signature = [tf.TensorSpec([None, None, None]), tf.TensorSpec([None, None], tf.int64)]
    layer(tf.zeros((2, 5, 8)), tf.zeros((2, 5), tf.int64))
    assert tf.function(layer, input_signature=signature)(tf.zeros((2, 5, 8)), tf.zeros((2, 5), tf.int64)).shape[2] == 8


def test_a_size_that_no_run_has_asked_may_be_unknown_too(habits):
    assert "x * 2 if possibly(shape_list(x)[0] > 1) else x" in habits.text("TFUncalled.odd")


def test_a_property_keeps_both_its_methods(habits):
    layer = habits.text("TFAssigned")
    assert "    @property\n    def scale(self" in layer
    assert "    @scale.setter\n    def scale(self, value" in layer


def test_the_ports_compute_the_same(habits):
    (found,) = verify(habits.subject, habits.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert habits.messages("left") == []


@pytest.mark.parametrize("name", NOTED)
def test_what_is_left_is_named(name, noted):
    assert any(NOTED[name][1] in message for message in noted.messages("left"))
