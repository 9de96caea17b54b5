"""The command line: each command checks its options, calls one library function and prints one summary.

What reads pages is imported inside the commands: `scanner --help` answers at once.
"""

from scanner.cli.app import app

# Each adds its commands, in this order.
# isort: off
from scanner.cli import reading, runs, serving, forms, networks, making  # noqa: F401

# isort: on

__all__ = ["app", "main"]


def main() -> None:
    """The command `scanner`."""
    app(prog_name="scanner")
