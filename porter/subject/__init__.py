"""What is ported, and on what it is run. `porter.subject.find` makes one of what the user names."""

from porter.subject.case import Case, InputSpec, ModelCase, Subject

__all__ = ["Case", "InputSpec", "ModelCase", "Subject"]
