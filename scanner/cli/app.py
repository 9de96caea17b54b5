"""The application: what commands raise becomes a line on stderr and an exit code; what they print is one line."""

import os
import sys
import traceback
from errno import EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from scanner import __version__
from scanner.errors import INTERRUPTED, MistakesError, OutputError, ScannerError

if TYPE_CHECKING:
    from scanner.cli.config import ConfigOption

BUG = 1
CONFIG_FILE = "scanner.toml"


class ExitCodes(TyperGroup):
    """Turns what a command raises into a line on stderr and an exit code, in the shell and in tests alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ScannerError as error:
            for message in error.args if isinstance(error, MistakesError) else [error]:
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
    encoding = sys.stdout.encoding or "utf-8"
    return " ".join(line.splitlines()).encode(encoding, errors="backslashreplace").decode(encoding)


app = typer.Typer(cls=ExitCodes, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"scanner {__version__}")
        raise typer.Exit


def _options_of_commands(context: typer.Context) -> "dict[str, dict[str, ConfigOption]]":
    """The options and arguments of each command as people call them; an option before an argument of its name."""
    commands = getattr(context.command, "commands", {})
    return {
        name: {}
        if hasattr(command, "commands")
        else dict(_named_option(each) for each in sorted(command.params, key=lambda each: each.opts[0].startswith("-")))
        for name, command in commands.items()
    }


def _named_option(parameter: Any) -> "tuple[str, ConfigOption]":
    from scanner.cli.config import ConfigOption

    name = max(parameter.opts, key=len).lstrip("-").replace("-", "_")
    is_list = bool(parameter.nargs == -1 or getattr(parameter, "multiple", False))
    return name, ConfigOption(str(parameter.name), is_list)


@app.callback()
def _scanner(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help=f"Options of commands, in TOML. Default: {CONFIG_FILE} in this folder, if there is one."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Read handwritten numbers from scanned forms: a folder of scans in, a CSV of numbers out."""
    if config is None and os.path.isfile(CONFIG_FILE):  # noqa: PTH113 - Path.is_file may raise
        config = Path(CONFIG_FILE)
    if config is not None:
        from scanner.cli.config import read_config

        context.default_map = read_config(config, _options_of_commands(context))  # the command line comes first
