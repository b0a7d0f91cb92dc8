"""What a comparison of the backward pass found."""

from __future__ import annotations

from dataclasses import dataclass

from diffcheck.compare.outputs import Comparison


@dataclass(frozen=True)
class Backward:
    """The backward pass compared: the loss, each parameter's gradient, BatchNorm's statistics after the step.

    ``training`` says whether both ran in training mode; ``unexercised`` parameters got no gradient in PyTorch.
    """

    loss: Comparison
    gradients: Comparison
    statistics: Comparison
    training: bool
    unexercised: tuple[str, ...]

    @property
    def matches(self) -> bool:
        """Everything within its bound; a model without BatchNorm has no statistics to compare."""
        return self.loss.matches and self.gradients.matches and not self.statistics.failures

    def differences(self) -> list[str]:
        """A sentence for each tensor that differs."""
        return [result.sentence() for part in (self.loss, self.gradients, self.statistics) for result in part.failures]

    def widened(self) -> str:
        """How many gradients were allowed more than the tolerance; empty where none was."""
        count = sum(result.widened for result in self.gradients.tensors)
        total = len(self.gradients.tensors)
        return f"{count} of {total} gradients were allowed 8 x the reference's own rounding." if count else ""

    def sentences(self) -> list[str]:
        """The result in words."""
        mode = "in training mode, dropout off" if self.training else "in evaluation mode"
        lines = [f"loss and {len(self.gradients.tensors)} gradients, {mode}:"]
        if self.matches:
            lines.append(f"  {self.gradients.sentence()}")
            lines += [f"  {said}" for said in [self.widened()] if said]
        for part in (self.loss, self.gradients, self.statistics):
            lines += [f"  {result.sentence()}" for result in part.failures[:10]]
        if self.unexercised:
            lines.append(f"  {len(self.unexercised)} parameters are not exercised: {', '.join(self.unexercised[:8])}")
        return lines
