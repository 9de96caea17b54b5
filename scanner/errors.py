"""What can go wrong, and the exit code of each.

A `ScannerError` stops the run: one line on stderr that says what to do next.
A `PageError` costs one page: it becomes a `PageFailure` value and a row in pages.csv.
"""

from typing import ClassVar

OK = 0
SOME_PAGES_FAILED = 8
INTERRUPTED = 130


class ScannerError(Exception):
    """Stops the run. The message says what was found, where, and what to do next."""

    exit_code: ClassVar[int] = 1


class UsageError(ScannerError):
    """The command line asks for something that makes no sense."""

    exit_code = 2


class NoInputError(ScannerError):
    """Nothing that could be read was found."""

    exit_code = 3


class MistakesError(ScannerError):
    """A file has mistakes, and each argument is one of them."""

    def __str__(self) -> str:
        return "\n".join(self.args)


class FormError(MistakesError):
    """A form file is wrong. Each argument is one of its mistakes."""

    exit_code = 4


class ModelError(ScannerError):
    """The network's files are missing, damaged or of another version."""

    exit_code = 5


class OutputError(ScannerError):
    """Results cannot be written."""

    exit_code = 6


class EngineError(ScannerError):
    """Workers cannot be started, or the cluster cannot be reached."""

    exit_code = 7


class RunningError(ScannerError):
    """Another run is writing to the same folder."""

    exit_code = 9


class PageError(Exception):
    """Costs one page.

    `reason` is a snake_case word that a person can group by, `detail` says what was found.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(reason, detail)  # both, so that the exception can be pickled
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}"
