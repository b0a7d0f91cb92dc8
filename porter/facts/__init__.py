"""What PyTorch said about each expression of a modeling file: frozen, mergeable, saved as JSON."""

from porter.facts.fact import UNSEEN, Constant, Fact, Json
from porter.facts.facts import Facts, ModuleFact, NestedModel
from porter.facts.span import Span

__all__ = ["UNSEEN", "Constant", "Fact", "Facts", "Json", "ModuleFact", "NestedModel", "Span"]
