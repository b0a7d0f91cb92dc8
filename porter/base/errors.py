"""What can go wrong, each as one sentence with a place and the next command to run.

PorterError          exit code 2
+-- UsageError       bad input: a name, a file, a configuration that does not fit
+-- LeftOver         exit code 1: finished, but something differs or was left
+-- NotInstalled     exit code 3: a framework or package is missing
+-- Defect           exit code 70: porter itself failed
"""

INTERRUPTED = 130
"""The exit code of a command that the user broke off."""

TERMINATED = 143
"""The exit code of a command that was asked to end by SIGTERM."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came: the command ends as after Ctrl-C, with an exit code of its own."""


class PorterError(Exception):
    """An error that the user can act on.

    Args:
        sentence: what is wrong, ending with a full stop.
        hint: the next command or edit, without a full stop where it is a command.
        place: `file:line`, a folder, a module path: where it is wrong.
        after_result: the command has printed its result, so that an error in JSON would be a second document.
    """

    exit_code = 2

    def __init__(self, sentence: str, *, hint: str = "", place: str = "", after_result: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.hint = hint
        self.place = place
        self.after_result = after_result

    def __str__(self) -> str:
        return f"{self.place}  {self.sentence}" if self.place else self.sentence


class UsageError(PorterError):
    """What the user gave is not there, is broken, or does not fit."""


class LeftOver(PorterError):
    """The work was done, but a difference beyond the bound or an untranslated piece remains."""

    exit_code = 1


class NotInstalled(PorterError):
    """A package that this command needs is not installed."""

    exit_code = 3


class Defect(PorterError):
    """Something happened that porter does not foresee, so that nothing can be said about the model."""

    exit_code = 70
