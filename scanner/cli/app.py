"""The application: what commands raise becomes a line on stderr and an exit code; what they print is one line."""

import traceback
from errno import EPIPE
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from scanner import __version__
from scanner.errors import INTERRUPTED, FormError, OutputError, ScannerError

BUG = 1


class ExitCodes(TyperGroup):
    """Turns what a command raises into a line on stderr and an exit code, in the shell and in tests alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ScannerError as error:
            for message in error.args if isinstance(error, FormError) else [error]:
                tell(f"error: {message}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            tell("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if _is_typers(error):
                raise
            traceback.print_exc()
            tell(f"this is a bug in scanner {__version__}, please report it: {error!r}")
            raise typer.Exit(BUG) from error


def _is_typers(error: Exception) -> bool:
    """Typer's own, by their attribute: depending on its version Typer brings its own Click or uses the package."""
    ends = hasattr(error, "exit_code") or isinstance(error, (typer.Abort, EOFError))
    return ends or (isinstance(error, OSError) and error.errno == EPIPE)


def tell(message: str) -> None:
    """Say it on stderr."""
    typer.echo(printable(f"scanner: {message}"), err=True)


def say(line: str) -> None:
    """Say it on stdout.

    Raises:
        OutputError: nobody can hear it, as where the disk is full that it is redirected to.
    """
    try:
        typer.echo(line)
    except OSError as error:
        if error.errno == EPIPE:  # nobody listens any more
            raise
        raise OutputError(f"the summary cannot be written: {error.strerror}; the results are complete") from error


def printable(line: str) -> str:
    """One line, whatever is in the names of files."""
    return " ".join(line.splitlines()).encode(errors="backslashreplace").decode()


app = typer.Typer(cls=ExitCodes, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"scanner {__version__}")
        raise typer.Exit


@app.callback()
def _scanner(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Read handwritten numbers from scanned forms: a folder of scans in, a CSV of numbers out."""
