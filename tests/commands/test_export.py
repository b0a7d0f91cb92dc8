"""What `porter export` says at the end claims no more than was compared."""

from types import SimpleNamespace

import pytest

from porter.commands.export import _verdict

TRIALS = tuple(SimpleNamespace(trial=name) for name in ("1 token", "7 tokens"))


def exported(kind="exact", matches=True, bound=()):
    validation = SimpleNamespace(piece=SimpleNamespace(kind=kind), compared=TRIALS, bound=bound)
    feature = SimpleNamespace(class_name="BertModel")
    return SimpleNamespace(validations=(validation,), feature=feature, matches=matches)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (exported(), "BertModel matches PyTorch on 2 inputs: 1 token; 7 tokens."),
        (exported(matches=False), "BertModel differs from PyTorch on 2 inputs: 1 token; 7 tokens."),
        (exported(bound=("1 token",)), "BertModel matches PyTorch on 1 input: 7 tokens."),
        (
            exported("quantized"),
            "BertModel is quantized, and was compared with PyTorch on 2 inputs: 1 token; 7 tokens.",
        ),
        (exported("quantized", matches=False), "BertModel differs from PyTorch on 2 inputs: 1 token; 7 tokens."),
    ],
)
def test_the_last_sentence_says_what_was_compared(found, sentence):
    assert _verdict(found) == sentence
