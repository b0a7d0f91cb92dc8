"""`--resume`: what an earlier run wrote is taken up if it is what this run would write, which is looked at anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from porter.base.errors import LeftOver, UsageError
from porter.hub.trust import is_known
from porter.weights.conversion import Conversion, Options, asked_for, code_of, prepared
from porter.weights.convert.convert import index_of
from porter.weights.convert.output_folder import companions
from porter.weights.convert.readback import check_whole, check_written
from porter.weights.report.conversion_report import FILE, Data, read_report
from porter.weights.report.model_card import FILE as CARD
from porter.weights.report.model_card import card_text

ANEW = "remove the folder, or choose another --output"
WORDS = {
    "source": "--model", "revision": "--revision", "weights": "the source's files", "tf": "--tf",
    "class": "--override-model-class", "format": "--format", "dtype": "--dtype", "shard_limit": "--max-shard-size",
    "seed": "--seed", "max_error": "--max-error", "with_code": "--with-code",
}  # fmt: skip


def earlier_report(options: Options) -> Data | None:
    """The report of an earlier run whose output is, file by file, what these options would give; None without one.

    Raises:
        UsageError: it was made from other weights or with other options, porter did not write it here, or a file is
            not what it would be.
    """
    found = read_report(options.output) if options.output.is_dir() else None
    if found is None:
        return None
    if not is_known(options.output / FILE):  # its differences would be published as measured
        raise UsageError(f"{options.output / FILE} is not the report that porter wrote here.", hint=ANEW)
    check_request(found.get("request"), asked_for(options), options.output)
    with prepared(options) as conversion:
        check_files(conversion, list(found["files"]))
    return found


def check_request(made: Any, wanted: Data, output: Path) -> None:
    """Refuse a report that answers another request.

    Raises:
        UsageError: naming the first option that differs.
    """
    if not isinstance(made, dict):
        raise UsageError(f"The report in {output} does not say what it was made from.", hint=ANEW)
    for name, value in wanted.items():
        if made.get(name) != value:
            other = "other files of the source" if name == "weights" else f"another {WORDS[name]}"
            raise UsageError(f"What lies in {output} was made with {other}.", hint=ANEW)


def check_files(conversion: Conversion, names: list[str]) -> None:
    """Read the weights back, and compare every other file with what it is made from.

    Raises:
        UsageError: a file holds something else, or has no business there.
    """
    output = conversion.options.output
    try:
        known = {*_weights(conversion, names), *_others(conversion)}
    except LeftOver as error:
        raise UsageError(f"{output} is not what was converted: {error}", hint=ANEW) from error
    odd = [name for name in names if name not in known]
    if odd:
        raise UsageError(f"{output / odd[0]} is not what was converted.", hint=ANEW)


def _weights(conversion: Conversion, names: list[str]) -> list[str]:
    """The files that hold the weights, after reading them."""
    options, plan = conversion.options, conversion.plan
    whole = options.target.whole_format
    if whole is not None:
        check_whole(whole.load(options.output / whole.file, conversion.model_class), plan, conversion.checkpoint)
        return [name for name in names if name.partition("/")[0] == whole.file]
    found = [name for name in names if name.startswith("tf_model") and name.endswith(f".{options.target.format}")]
    check_written(plan, conversion.checkpoint, [options.output / name for name in found], options.target)
    index = index_of(plan, options.target)
    if index is not None and (options.output / index[0]).read_text(encoding="utf-8") == index[1]:
        found.append(index[0])
    return found


def _others(conversion: Conversion) -> Iterator[str]:
    """The companions, the code and the model card that are what a new run would write."""
    options, output = conversion.options, conversion.options.output
    sources = companions(options.source)
    if options.with_code:
        conversion.model_class  # noqa: B018 - what it imports is part of the code
        sources += code_of(conversion.port)
    for file in sources:
        if (output / file.name).is_file() and (output / file.name).read_bytes() == file.read_bytes():
            yield file.name
    card = card_text(options.source, output, options.name, conversion.plan)
    if card is not None and (output / CARD).is_file() and (output / CARD).read_text(encoding="utf-8") == card:
        yield CARD
