"""What is added is one file: each kind of addition is made in a copy of the packages, and is seen to work."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ADDITIONS = {
    "porter/rules/added_rule.py": """
from porter.rulebook import rule

rule(
    "torch.special.erfcx(input)",
    to="tf.exp(tf.square(input)) * tf.math.erfc(input)",
    cases={"torch.special.erfcx(x)": "tf.exp(tf.square(x)) * tf.math.erfc(x)"},
)
""",
    "porter/rules/added_card.py": """
from porter.rulebook import layer

layer(
    "torch.nn.modules.linear.NonDynamicallyQuantizableLinear(in_features, out_features, bias=True)",
    to="keras.layers.EinsumDense('...i,io->...o', output_shape=out_features, bias_axes='o')",
    build="(None, None, in_features)",
    layouts={"weight": "kernel: o i -> i o", "bias": "bias"},
    cases={
        "nn.modules.linear.NonDynamicallyQuantizableLinear(4, 3)": (
            'laid_out(keras.layers.EinsumDense("...i,io->...o", output_shape=3, bias_axes="o"), '
            '{"weight": "kernel: o i -> i o", "bias": "bias"})'
        )
    },
)
""",
    "porter/rules/added_statement.py": """
from porter.rulebook import Drop, statement

statement("del $name", to=Drop(), cases={"y = x\\ndel y": "y = x"})
""",
    "porter/rules/added_view.py": """
from porter.rulebook.views import view

view(
    "torch.Tensor.adjoint(input)",
    back="tf.linalg.matrix_transpose(new)",
    cases={"x.adjoint()": "tf.linalg.matrix_transpose(new)"},
)
""",
    "diffcheck/explain/causes/added_cause.py": """
from diffcheck.explain.causes.suspect import Cause

CAUSES = (Cause("an added cause", lambda suspect: None, 4),)
""",
    "porter/weights/formats/added_format.py": """
from dataclasses import replace

from porter.weights.formats import safetensors

FORMAT = replace(safetensors.FORMAT, name="added")
""",
}
SEEN = """
import sys
from pathlib import Path

import diffcheck
import porter
from diffcheck.explain.causes import CAUSES
from porter.port.verify import verify
from porter.weights.formats import all_formats
from tests.rewrite.bodies import port_bodies

folder = Path(sys.argv[1])
assert Path(porter.__file__).is_relative_to(folder) and Path(diffcheck.__file__).is_relative_to(folder)
assert "an added cause" in [cause.name for cause in CAUSES]
assert "added" in all_formats()
bodies = {
    "Ruled": "return torch.special.erfcx(x)",
    "Stated": "y = x * 2\\nz = y + 1\\ndel y\\nreturn z",
    "Viewed": "y = x.adjoint()\\ny += 1\\nreturn x",
}
ported = port_bodies("added", bodies, folder, linear="nn.modules.linear.NonDynamicallyQuantizableLinear")
(found,) = verify(ported.subject, ported.module())
print(ported.draft.code, found, ported.messages("left"))
assert found.ok and not ported.messages("left")
assert "tf.exp(tf.square(x)) * tf.math.erfc(x)" in ported.draft.code and "del y" not in ported.draft.code
assert "x = tf.linalg.matrix_transpose(y)" in ported.draft.code
assert "self.layer = laid_out(" in ported.draft.code and "keras.layers.EinsumDense(" in ported.draft.code
"""


def test_each_kind_of_addition_is_one_file(tmp_path: Path) -> None:
    for package in ("porter", "diffcheck", "templates"):
        shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
    for place, text in ADDITIONS.items():
        (tmp_path / place).write_text(text, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    script = [sys.executable, "-P", "-c", SEEN, str(tmp_path)]
    ran = subprocess.run(script, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
