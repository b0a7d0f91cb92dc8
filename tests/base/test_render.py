"""Templates, and the Python text of the values put into them."""

import ast
import subprocess
import sys
from dataclasses import dataclass

import pytest
from jinja2 import UndefinedError

from porter.base.render import LINE_LENGTH, python_literal, render
from porter.subject import Case, InputSpec, ModelCase

CASE = Case(
    id="x",
    config_module="transformers.models.bert.configuration_bert",
    config_class="BertConfig",
    config={"hidden_size": 32, "hidden_act": "gelu", "scales": [1.0, 2.5], "pad": None},
    inputs=(InputSpec("input_ids", (2, 7), "int64", {"kind": "randint", "low": 20, "high": 99}),),
    models=(ModelCase("BertModel", noise=4e-7), ModelCase("BertForMaskedLM", comparable=False)),
)


def test_a_dataclass_is_written_so_that_python_reads_it_back() -> None:
    names = {"Case": Case, "InputSpec": InputSpec, "ModelCase": ModelCase}
    assert eval(python_literal([CASE, CASE]), names) == [CASE, CASE]


def test_lines_are_broken_as_ruff_breaks_them() -> None:
    text = f"CASES = {python_literal([CASE], used=len('CASES = '))}\n"
    call = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={LINE_LENGTH}", "-"]
    assert text == subprocess.run(call, input=text, capture_output=True, text=True, check=True).stdout


def test_numbers_that_are_not_finite_are_read_back() -> None:
    values = {"epsilon": float("nan"), "limits": [float("inf"), -float("inf")]}
    assert str(eval(python_literal(values))) == str(values)


def test_defaults_are_left_out_and_lonely_tuples_keep_their_comma() -> None:
    assert python_literal(ModelCase("A")) == 'ModelCase(name="A")'
    assert python_literal((1,)) == "(1,)"


def test_the_generated_test_is_python() -> None:
    text = render(
        "test_modeling_tf.py.j2",
        module_name="a.modeling_x",
        torch_file=None,
        modeling_file="modeling_tf_x.py",
        version="1",
        cases=[CASE],
    )
    names = {node.name for node in ast.parse(text).body if isinstance(node, ast.FunctionDef)}
    assert {"test_every_weight_is_loaded", "test_outputs_match", "test_one_graph_serves_other_sizes"} <= names


EVIL = """modeling_"+str(open('PWNED', "w"))+'\\".py"""


@pytest.mark.parametrize("name", [EVIL, f'""" + {EVIL}', f"x\n{EVIL}", f"x\r{EVIL}", "\\", "ü {{ x }} {% y %}.py"])
@pytest.mark.parametrize("template", ["test_modeling_tf.py.j2", "test_modeling_tf_module.py.j2", "file_header.py.j2"])
def test_the_name_of_a_file_is_text_wherever_it_stands(template: str, name: str) -> None:
    of_test = {"module_name": name, "torch_file": name, "modeling_file": name, "cases": [CASE]}
    of_header = {"licence": "", "source_name": name, "framework": None, "style": ""}
    for more in (of_test | of_header, of_test | of_header | {"torch_file": None}):
        tree = ast.parse(render(template, version="1", **more))
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
        assert "open" not in {node.func.id for node in calls}  # type: ignore[attr-defined]
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert template == "file_header.py.j2" or name in texts or name.removesuffix(".py") in texts


def test_the_header_keeps_the_licence_and_says_where_the_file_comes_from() -> None:
    values = {
        "licence": "# Licensed",
        "version": "1.2",
        "source_name": "modeling_x.py",
        "framework": "transformers 5.0",
    }
    lines = render("file_header.py.j2", **values, style="").splitlines()
    assert lines[:3] == ["# Licensed", "#", "# Written by porter 1.2 from modeling_x.py of transformers 5.0."]
    styled = render("file_header.py.j2", **values, style="RUF012, SIM102").splitlines()
    assert styled == [*lines, "# ruff: noqa: RUF012, SIM102"]


def test_a_forgotten_value_is_an_error() -> None:
    with pytest.raises(UndefinedError):
        render("file_header.py.j2", licence="")


def test_a_mutable_value_of_a_dataclass_is_compared_with_its_default() -> None:
    @dataclass
    class Point:
        x: int = 0
        y: int = 0

    assert python_literal(Point(y=2)) == "Point(y=2)"
