"""Whether the packages that a command needs are there and fit each other, and how to get them."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

from porter.base.errors import NotInstalled

DISTRIBUTION = "porter-tf"
# Packages that come with an extra of porter; all others that it needs come with porter itself.
EXTRAS = {
    "torch": "torch",
    **dict.fromkeys(("onnx", "onnxruntime", "onnxscript", "tf2onnx"), "onnx"),
    "ai_edge_litert": "tflite",
    **dict.fromkeys(("jinja2", "libcst", "rich", "ruff", "typer"), "tools"),
}
CHECKOUT = Path(__file__).parents[2]
OWN = ("porter", "diffcheck")


def need(*packages: str) -> None:
    """Refuse to begin without these packages; none of them is imported.

    Raises:
        NotInstalled: naming those that are missing and the command that installs them.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise NotInstalled(f"{' and '.join(missing)} {verb} not installed.", hint=how_to_install(missing[0]))


def how_to_install(package: str) -> str:
    """The command that installs a package: an extra of porter where it belongs to one."""
    return f"pip install {with_extra(EXTRAS[package])}" if package in EXTRAS else f"pip install {package}"


def with_extra(extra: str) -> str:
    """What pip installs porter and an extra from: the checkout that this file lies in, else the package index."""
    if not (CHECKOUT / "pyproject.toml").is_file():
        return f"'{DISTRIBUTION}[{extra}]'"
    place = "." if Path.cwd() == CHECKOUT else CHECKOUT
    return f"'{place}[{extra}]'"


def absent(problem: ImportError, place: str = "") -> NotInstalled | None:
    """The error for an import of a package that is not installed; None where something else was wrong with it."""
    package = (problem.name or "").partition(".")[0]
    if not package or not isinstance(problem, ModuleNotFoundError) or package in sys.modules:
        return None
    if importlib.util.find_spec(package) is not None:
        return None
    return NotInstalled(f"{package} is not installed.", hint=how_to_install(package), place=place)


def failed_import(problem: ImportError) -> NotInstalled | None:
    """The error for an import that failed; None where the module is porter's own, which is a defect of porter."""
    package = (problem.name or "").partition(".")[0]
    if package in OWN:
        return None
    missing = absent(problem)
    if missing is not None:
        return missing
    reason = (str(problem).strip().splitlines() or ["no reason is given"])[0].rstrip(".")
    which = f"{package} does not fit what is installed beside it" if package else "A package does not fit the others"
    return NotInstalled(f"{which}: {reason}.", hint=f"pip install --upgrade {with_extra('torch')}")
