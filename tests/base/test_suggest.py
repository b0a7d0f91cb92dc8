"""The closest known name, as a user would mean it."""

import pytest

from porter.base.suggest import did_you_mean, meant

TYPES = ("bert", "roberta", "albert", "xlm-roberta", "gpt2", "llama", "deberta-v2", "wav2vec2")


@pytest.mark.parametrize(
    ("written", "found"),
    [
        ("brt", "bert"),
        ("Bert", "bert"),
        ("bert-base-uncased", "bert"),
        ("xlm-roberta-large", "xlm-roberta"),
        ("deberta_v2", "deberta-v2"),
        ("DebertaV2", "deberta-v2"),
        ("gpt-2", "gpt2"),
        ("lama", "llama"),
        ("zzz", None),
        ("", None),
    ],
)
def test_what_is_meant(written: str, found: str | None) -> None:
    assert meant(written, TYPES) == found


def test_where_nothing_is_close_the_hint_is_another() -> None:
    assert did_you_mean("zzz", TYPES, "porter --help") == "porter --help"
    assert did_you_mean("brt", TYPES, "porter --help") == "did you mean bert?"
