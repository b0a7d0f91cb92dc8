"""Writes through another name or a view: followed, or named in a Note; never silently other numbers."""

import pytest

from porter.port.verify import verify
from tests.rewrite.bodies import port_bodies

FOLLOWED = {
    "Permuted": ("v = x.permute(2, 0, 1)\nv[0] = 0.0\nreturn x", "x = tf.transpose(v, perm=[1, 2, 0])"),
    "Chained": (
        "x.transpose(0, 1)[2].zero_()\nreturn x",
        "slice_update(tf.transpose(x, perm=[1, 0, 2]), np.s_[2], ",
    ),
    "Base": ("first = x[:, 0]\nx += 1\nreturn x + first[:, None]", "x += 1\n        first = x[:, 0]"),
    "Residual": ("residual = x\nx *= 2\nreturn x + residual", "x *= 2\n        residual = x"),
    "Twice": (
        "a = x[:, 1:]\nb = a[:, 0]\nb += 5\nreturn x",
        "b += 5\n        a = slice_update(a, np.s_[:, 0], b)\n        x = slice_update(x, np.s_[:, 1:], a)",
    ),
    "Rows": ("a, b = x.view(x.shape[0], -1, 2).unbind(-1)\na.mul_(3.0)\nreturn x", "tf.stack([a, b], axis=-1)"),
    "Narrow": ("x.narrow(1, 0, 2).add_(1)\nreturn x", "x = slice_update(x, np.s_[:, 0 : 0 + 2], "),
    "Loop": (
        "for i in range(2):\n    part = x[:, i]\n    part *= 2\nreturn x",
        "x = slice_update(x, np.s_[:, i], part)",
    ),
    "Nested": ("x[0][1] = 5.0\nreturn x", "x = slice_update(x, np.s_[0], slice_update(x[0], np.s_[1], 5.0))"),
    "Flat": ("y = x.flatten(1)\ny[:, 0] = 0\nreturn x", "x = tf.reshape(y, shape_list(x))"),
    "Chosen": ("y = x.view(-1, 8)\ny[ids.view(-1) > 15] = 0.0\nreturn x", "x = tf.reshape(y, shape_list(x))"),
    "Casted": ("y = x.float()\ny += 1\nreturn x", "x = y"),
    "Branch": ("y = x[:, 0]\nif self.training:\n    y += 1\ny -= 1\nreturn x", "y -= 1\n        x = slice_update("),
    "Helper": ("y = x[:, 0]\nshifted(y)\nreturn x", "y = shifted(y)\n        x = slice_update(x, np.s_[:, 0], y)"),
    "Given": ("doubled(x)\nreturn x", "x = doubled(x)"),
    "Passed": ("y = advanced(ids.view(-1), x)\nreturn x + y", "y, x = advanced(tf.reshape(ids, (-1,)), x)"),
    "Farther": ("a, b = further(x, h=x)\nreturn x + a + b", "(a, b), x = further(x, h=x)"),
    "Replaced": (
        "def laid(self, h):\n    first = h[0]\n    first[:, :1] = h[1, :, :1]\n    return first * 2\n---\n"
        "x = self.laid(torch.stack([x, x + 1]))\ny = torch.stack([x, x])\ny = self.laid(y)\nreturn x + y",
        "y = self.laid(y)",
    ),
    "Kept": (
        "def fill(self, h):\n    h += 1\n    return h * 2\n---\ny = self.fill(x)\nreturn x + y",
        "y, x = self.fill(x)",
    ),
    "Function": ("torch.relu_(x)\nreturn x", "x = tf.nn.relu(x)"),
    "Positional": ("nn.functional.leaky_relu(x, 0.1, True)\nreturn x", "x = tf.nn.leaky_relu(x, alpha=0.1)"),
    "Activated": ("nn.ReLU(inplace=True)(x)\nreturn x", "x = keras.layers.ReLU()(x)"),
    "Both": ("y = nn.functional.relu(x, inplace=True)\nreturn x + y", "y = tf.nn.relu(x)\n        x = y"),
    "Again": ("first = x\nx = x.mul_(2)\nreturn x + first", "x = x * 2\n        first = x"),
    "Part": ("y = x[:, 0].mul_(2).add_(1)\nreturn x + y[:, None]", "x = slice_update(x, np.s_[:, 0], y)"),
    "Farthest": (
        "y = x.mul_(2)\ny.add_(1)\nx.sub_(3)\nreturn x + y",
        "y = y + 1\n        x = y\n        x = x - 3\n        y = x",
    ),
    "Inside": (
        "def fill(self, h):\n    h += 1\n    return h * 2\n---\ny = self.fill(x).unsqueeze(0)\nreturn x + y.sum(0)",
        "y, x = self.fill(x)\n        y = tf.expand_dims(y, 0)",
    ),
    "Taken": ("y = shifted(x)\nreturn x + y", "y = shifted(x)\n        x = y"),
}
UNTOUCHED = {
    "Clone": "y = x.clone()\ny += 1\nreturn x + y",
    "New": "y = x * 1.0\ny += 1\nreturn x + y",
    "Masked": "y = x[ids > 15]\ny += 1\nreturn x + y.sum()",
    "Rebound": "y = x.view(-1)\nx = x * 2\ny += 1\nreturn x + y.sum()",
    "Dead": "y = x[:, 0]\ny += 1\nreturn y[:, None]",
    "Copied": "x[ids > 15].add_(1)\nreturn x",
    "Single": "y = nn.functional.relu(self.layer(x), inplace=True)\nreturn x + y",
    "Wider": "y = x.double()\ny += 1\nreturn x + y.float()",
    "Moved": "residual = x\nx = self.layer(x)\nx += residual\nreturn x",
}
HELPERS = """
def shifted(t):
    t[:, 1:] -= 1.0
    return t


def doubled(t):
    t.mul_(2.0)


def advanced(t, state):
    first = state[:, 0]
    first += t.sum()
    if t.dtype == torch.int64:
        return state * 2
    return state * 3


def further(t, h) -> tuple[torch.Tensor, torch.Tensor]:
    out = advanced(t.view(-1).long(), h)
    return t, out


def scaled(t):
    t.mul_(2.0)
    return t * 3
"""
LOST = {
    "Held": (
        "rows = []\nrows.append(x)\nx += 1\nreturn torch.stack(rows)[0] + x",
        "PyTorch writes into `rows` through `x`",
    ),
    "Within": ("return x + 2 * scaled(x)", "`scaled` writes into its `t`, which is `x` here"),
    "Answered": ("def fill(self, h):\n    return scaled(h)\n---\ny = self.fill(x)\nreturn x + y", "writes into its"),
    "Turns": (
        "y = x\nfor i in range(2):\n    y += 1\n    y = self.layer(y)\nreturn x + y",
        "PyTorch writes into `x` through `y`",
    ),
    "Maybe": ("y = x if self.training else x.view(-1, 8)\ny += 1\nreturn x", "PyTorch writes into `x` through `y`"),
    "Added": ("return x.add_(1) + x", "PyTorch writes into `x` inside an expression"),
    "Operand": ("y = torch.relu(x.sub_(0.1))\nreturn x + y", "PyTorch writes into `x` inside an expression"),
    "Pair": ("y = x * 2\nx.add_(1), y.add_(1)\nreturn x + y", "PyTorch writes into `x` inside an expression"),
    "Listed": ("[t.add_(1) for t in (x,)]\nreturn x", "PyTorch writes into `t` inside an expression"),
    "Defined": ("def f():\n    x.add_(1)\nf()\nreturn x", "PyTorch writes into `x` inside an expression or an inner"),
    "Anonymous": ("f = lambda t: t.add_(1)\nf(x)\nreturn x", "PyTorch writes into `t` inside an expression"),
    "Each": ("y = x * 2\nfor t in (x, y):\n    t.add_(1)\nreturn x + y", "PyTorch writes into `(x, y)` through `t`"),
    "Element": ("rows = [x, x]\nrows[0].add_(1)\nreturn x", "PyTorch writes into `x` through `rows[0]`"),
    "Entry": ("rows = {'a': x}\nx.add_(1)\nreturn rows['a']", "PyTorch writes into `rows` through `x`"),
    "Attribute": ("self.kept = x\nx.add_(1)\nreturn self.kept", "PyTorch writes into `self.kept` through `x`"),
    "Stored": ("self.kept = x\nself.kept.add_(1)\nreturn x", "PyTorch writes into `x` through `self.kept`"),
    "Together": ("y = z = x * 1\ny += 1\nreturn z", "PyTorch writes into `z` through `y`"),
    "Nameless": ("x.chunk(2, dim=-1)[0].mul_(3)\nreturn x", "what is written into `x.chunk(2, dim=-1)[0]` is lost"),
    "Looped": (
        "parts = list(x.unbind(1))\nfor part in parts:\n    part += 1\nreturn x + torch.stack(parts, 1)",
        "`parts`",
    ),
}


@pytest.fixture(scope="module")
def followed(tmp_path_factory):
    bodies = {name: body for name, (body, _) in FOLLOWED.items()} | UNTOUCHED
    return port_bodies("aliases", bodies, tmp_path_factory.mktemp("aliases"), HELPERS)


@pytest.fixture(scope="module")
def lost(tmp_path_factory):
    bodies = {name: body for name, (body, _) in LOST.items()}
    return port_bodies("lost", bodies, tmp_path_factory.mktemp("lost"), HELPERS)


@pytest.mark.parametrize("name", FOLLOWED)
def test_a_write_is_followed(name, followed):
    assert FOLLOWED[name][1] in followed.text(f"TF{name}.call")


@pytest.mark.parametrize("name", UNTOUCHED)
def test_what_shares_nothing_stays(name, followed):
    call = followed.text(f"TF{name}.call")
    assert "slice_update" not in call
    assert call.count("x = ") == UNTOUCHED[name].count("x = ") + 1


def test_the_ports_compute_the_same(followed):
    (found,) = verify(followed.subject, followed.module())
    assert (found.eager.message, found.graph.message, found.ok) == ("", "", True)
    assert followed.messages("left") == []


@pytest.mark.parametrize("name", LOST)
def test_what_cannot_be_followed_is_named(name, lost):
    assert any(LOST[name][1] in message for message in lost.messages("left"))
