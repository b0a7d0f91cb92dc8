"""How text is generated: transformers' names and defaults, read from a call, a checkpoint and a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType
from typing import Any

from porter.runtime.port_errors import Unsupported, WrongValue

DEFAULT_NEW_TOKENS = 20

# What transformers can do besides, with the value at which it does nothing.
WITHOUT_COUNTERPART: Mapping[str, Any] = MappingProxyType(
    {
        "assistant_early_exit": None,
        "bad_words_ids": None,
        "constraints": None,
        "diversity_penalty": 0.0,
        "dola_layers": None,
        "encoder_no_repeat_ngram_size": 0,
        "encoder_repetition_penalty": 1.0,
        "epsilon_cutoff": 0.0,
        "eta_cutoff": 0.0,
        "exponential_decay_length_penalty": None,
        "force_words_ids": None,
        "forced_decoder_ids": None,
        "guidance_scale": 1.0,
        "max_time": None,
        "num_beam_groups": 1,
        "penalty_alpha": None,
        "prompt_lookup_num_tokens": None,
        "renormalize_logits": False,
        "remove_invalid_values": False,
        "sequence_bias": None,
        "stop_strings": None,
        "top_h": None,
        "typical_p": 1.0,
        "watermarking_config": None,
    }
)


@dataclass(frozen=True)
class Settings:
    """One way of generating; the fields have transformers' meaning.

    Attributes:
        max_length: the most tokens of a result, the prompt's included; None for 20 new ones.
        max_new_tokens: the most new tokens; it takes precedence.
        min_length: before that many tokens no result ends.
        min_new_tokens: the same, without the prompt.
        do_sample: whether tokens are drawn; otherwise the likeliest is taken.
        num_beams: how many results are followed at once.
        num_return_sequences: how many results each prompt gets.
        early_stopping: True ends a beam search with the first `num_beams` results, "never" with the best possible.
        length_penalty: above 0 longer results of beams are preferred.
        temperature: logits are divided by it before drawing.
        top_k: only so many tokens are drawn from; 0 for all.
        top_p: only the likeliest tokens that have this probability together are drawn from.
        min_p: only tokens with this share of the likeliest one's probability are drawn from.
        repetition_penalty: tokens that stand already count less.
        no_repeat_ngram_size: no sequence of so many tokens stands twice.
        use_cache: whether the model remembers what it has seen.
        pad_token_id: what stands behind the end of a result.
        bos_token_id: the first token where there is no prompt.
        eos_token_id: tokens that end a result.
        decoder_start_token_id: the first token of a decoder that has an encoder.
        forced_bos_token_id: the first new token.
        forced_eos_token_id: the last token of a result of full length.
        suppress_tokens: tokens that never come.
        begin_suppress_tokens: tokens that do not come first.
    """

    max_length: int | None = None
    max_new_tokens: int | None = None
    min_length: int = 0
    min_new_tokens: int | None = None
    do_sample: bool = False
    num_beams: int = 1
    num_return_sequences: int = 1
    early_stopping: bool | str = False
    length_penalty: float = 1.0
    temperature: float = 1.0
    top_k: int = 50
    top_p: float = 1.0
    min_p: float | None = None
    repetition_penalty: float = 1.0
    no_repeat_ngram_size: int = 0
    use_cache: bool = True
    pad_token_id: int | None = None
    bos_token_id: int | None = None
    eos_token_id: tuple[int, ...] = ()
    decoder_start_token_id: int | None = None
    forced_bos_token_id: int | None = None
    forced_eos_token_id: tuple[int, ...] = ()
    suppress_tokens: tuple[int, ...] = ()
    begin_suppress_tokens: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check what goes together.

        Raises:
            WrongValue: it does not.
        """
        if self.num_beams < 1 or self.num_return_sequences < 1:
            raise WrongValue("num_beams and num_return_sequences must be 1 or more.")
        if self.do_sample and self.num_beams > 1:
            raise Unsupported("Beams are searched, not drawn: leave do_sample or num_beams away.")
        if not self.do_sample and self.num_return_sequences > self.num_beams:
            raise WrongValue(
                f"num_return_sequences={self.num_return_sequences} needs do_sample=True or as many num_beams."
            )
        if self.temperature <= 0:
            raise WrongValue(
                f"temperature must be above 0, not {self.temperature}; do_sample=False takes the likeliest."
            )

    @property
    def padding(self) -> int:
        """What stands behind the end of a result."""
        if self.pad_token_id is not None:
            return self.pad_token_id
        return self.eos_token_id[0] if self.eos_token_id else 0

    @property
    def padding_of_beams(self) -> int:
        """What stands behind the end of a beam: transformers takes a `pad_token_id` of 0 there for none."""
        return self.pad_token_id or (self.eos_token_id[0] if self.eos_token_id else self.padding)

    def longest(self, prompt: int, positions: int | None) -> int:
        """The most tokens of a result for a prompt of this length, in a model that has so many positions."""
        if self.max_new_tokens is not None:
            return prompt + self.max_new_tokens
        if self.max_length is not None:
            return self.max_length
        return min(prompt + DEFAULT_NEW_TOKENS, positions or prompt + DEFAULT_NEW_TOKENS)

    def shortest(self, prompt: int) -> int:
        """How many tokens a result has at least."""
        return max(self.min_length, 0 if self.min_new_tokens is None else prompt + self.min_new_tokens)


FIELDS = frozenset(field.name for field in fields(Settings))
_SEVERAL = ("eos_token_id", "forced_eos_token_id", "suppress_tokens", "begin_suppress_tokens")


def settings_of(asked: Mapping[str, Any], *sources: Mapping[str, Any]) -> Settings:
    """The settings of a call.

    Args:
        asked: what the call says; None takes back what the sources say.
        sources: what is said elsewhere; a later one takes precedence, None says nothing.

    Raises:
        Unsupported: one asks for what has no counterpart.
    """
    given: dict[str, Any] = {}
    for source in sources:
        given |= {name: value for name, value in source.items() if value is not None}
    given = {name: value for name, value in (given | dict(asked)).items() if value is not None}
    lacking = sorted(name for name, idle in WITHOUT_COUNTERPART.items() if given.get(name, idle) not in (idle, None))
    if lacking:
        raise Unsupported(f"generate has no {', '.join(lacking)}; leave it out of the generation configuration.")
    known = {name: value for name, value in given.items() if name in FIELDS}
    return Settings(**known | {name: _several(known[name]) for name in _SEVERAL if name in known})


def _several(value: Any) -> tuple[int, ...]:
    return tuple(int(each) for each in value) if isinstance(value, list | tuple) else (int(value),)


def as_mapping(configuration: Any) -> Mapping[str, Any]:
    """A `GenerationConfig` of transformers, a mapping or None, as a mapping."""
    if configuration is None:
        return {}
    found: Mapping[str, Any] = configuration if isinstance(configuration, Mapping) else configuration.to_dict()
    return found
