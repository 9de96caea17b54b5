"""A file that holds options: a table a command, its options by their names, `-` or `_` between words.

[read]
inputs = ["/srv/scans"]
output = "/srv/numbers"
settle = 30
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scanner.errors import UsageError


def read_config(path: Path, commands: Mapping[str, set[str]]) -> dict[str, dict[str, Any]]:
    """The options of each command, as Click wants them.

    Args:
        path: the file.
        commands: the options that each command has.

    Raises:
        UsageError: it cannot be read, is no TOML, or names what there is not.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    return {command: _options(path, command, options, commands) for command, options in tables.items()}


def _options(path: Path, command: str, options: object, commands: Mapping[str, set[str]]) -> dict[str, Any]:
    if command not in commands:
        raise UsageError(f"{path}: there is no command {command!r}; choose of {', '.join(sorted(commands))}")
    if not isinstance(options, dict):
        raise UsageError(f"{path}: {command} is no table of options; write [{command}] above them")
    known = {name.replace("-", "_"): value for name, value in options.items()}
    for name in known.keys() - commands[command]:
        there = ", ".join(sorted(each.replace("_", "-") for each in commands[command]))
        raise UsageError(f"{path}: {command} has no option {name.replace('_', '-')!r}; choose of {there}")
    return known
