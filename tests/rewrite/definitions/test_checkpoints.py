"""What transformers declares of checkpoints stands in generated classes as data, or as a Note."""

from dataclasses import replace
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import libcst as cst
import pytest

from porter.rewrite.definitions.checkpoints import checkpoint_attributes, declared_for
from porter.rewrite.reading.source import LocalClass
from porter.runtime.stored.conversions import Conversion
from porter.runtime.stored.pairing import Scope


def context(module_name: str, **lineages: tuple[str, ...]) -> Any:
    """As much of a context as the attributes need: the classes of one module, and the Notes written."""
    node = cst.ensure_type(cst.parse_statement("class Any: ..."), cst.ClassDef)
    classes = {name: LocalClass(name, node, "model", (name, *bases), None) for name, bases in lineages.items()}
    subject = SimpleNamespace(module_name=module_name)
    notes: list[str] = []
    source = SimpleNamespace(subject=subject, module=import_module(module_name), classes=classes)
    return SimpleNamespace(source=source, notes=notes, note=lambda node, level, message: notes.append(message))


def attributes(context: Any, name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for statement in checkpoint_attributes(context, context.source.classes[name]):
        exec(cst.Module([statement]).code, {}, found)
    return found


def test_those_of_the_model_type_stand_with_the_base_alone():
    mixtral = context(
        "transformers.models.mixtral.modeling_mixtral",
        MixtralPreTrainedModel=(),
        MixtralModel=("MixtralPreTrainedModel",),
    )
    declared = declared_for("MixtralPreTrainedModel", "mixtral")
    assert declared is not None
    assert attributes(mixtral, "MixtralPreTrainedModel") == {
        "_checkpoint_renames": list(declared.renames),
        "_checkpoint_conversions": [
            {
                "from": [".experts.*.w1.weight", ".experts.*.w3.weight"],
                "to": [".experts.gate_up_proj"],
                "by": [("merge", 0), ("concatenate", 1)],
            },
            {"from": [".experts.*.w2.weight"], "to": [".experts.down_proj"], "by": [("merge", 0)]},
        ],
    }
    assert attributes(mixtral, "MixtralModel") == {}
    assert not mixtral.notes


def test_those_of_one_class_stand_with_it():
    dinov2 = context(
        "transformers.models.dinov2.modeling_dinov2",
        Dinov2PreTrainedModel=(),
        Dinov2Model=("Dinov2PreTrainedModel",),
    )
    assert attributes(dinov2, "Dinov2PreTrainedModel") == {}
    assert [each["by"] for each in attributes(dinov2, "Dinov2Model")["_checkpoint_conversions"]] == [
        [("chunk", 0)]
    ] * 2


def test_a_class_of_its_own_does_not_inherit(monkeypatch):
    def declared(class_name: str, model_type: str) -> Any:
        of_type = declared_for("", "mixtral")
        assert of_type is not None
        return replace(of_type, conversions=()) if class_name == "MixtralModel" else of_type

    monkeypatch.setattr("porter.rewrite.definitions.checkpoints.declared_for", declared)
    mixtral = context(
        "transformers.models.mixtral.modeling_mixtral",
        MixtralPreTrainedModel=(),
        MixtralModel=("MixtralPreTrainedModel",),
    )
    assert attributes(mixtral, "MixtralModel")["_checkpoint_conversions"] == []


def test_what_the_runtime_does_not_know_is_a_note():
    kimi = context("transformers.models.kimi_k25.modeling_kimi_k25", Kimi_K25PreTrainedModel=())
    declared = declared_for("", "kimi_k25")
    assert declared is not None
    attributes(kimi, "Kimi_K25PreTrainedModel")
    assert len(kimi.notes) == 1
    assert all(pattern in kimi.notes[0] for pattern in declared.unknown)


@pytest.mark.parametrize(
    ("model_type", "operation"),
    [
        ("qwen3_vl_moe", ("transpose_to_fit", 1, 2)),
        ("nemo_speechlm", ("transpose", 1, 2)),
        ("ernie4_5_vl_moe", ("distribute", 0, 1)),
        ("inkling_mm_model", ("interleave", 1)),
        ("mistral_large4", ("permute_for_rope", "vision_config")),
        ("gradium_phonon_tts", ("permute_for_rope", None, ("q_proj", "k_proj"))),
        ("qwen4_exp_text", ("concatenate", 0)),
    ],
)
def test_operations(model_type, operation):
    declared = declared_for("", model_type)
    assert declared is not None
    assert operation in [each for conversion in declared.conversions for each in conversion["by"]]


def test_the_runtime_reads_all_that_is_declared():
    from transformers.conversion_mapping import _build_checkpoint_conversion_mapping

    for name in _build_checkpoint_conversion_mapping():
        declared = declared_for("", name)
        assert declared is not None
        for entry in declared.conversions:
            assert Conversion.declared(Scope(), entry).match("no.such.name") is None
