"""A file that holds options: a table a command, its options by their names, `-` or `_` between words.

[read]
inputs = ["/srv/scans"]
output = "/srv/numbers"
settle = 30
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from scanner.errors import UsageError


class ConfigOption(NamedTuple):
    """An option of a command: Click's name of it, and whether it may be given several times."""

    parameter: str
    is_list: bool


def read_config(path: Path, commands: Mapping[str, Mapping[str, ConfigOption]]) -> dict[str, dict[str, Any]]:
    """The options of each command, as Click wants them.

    Args:
        path: the file.
        commands: the options that each command has, by the names that people give them, with `_` between words.

    Raises:
        UsageError: it cannot be read, is no TOML, or names what there is not.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}") from error
    read = {command: _options(path, command, options, commands) for command, options in tables.items()}
    if "read" in read:  # `watch` is `read` that goes on
        read["watch"] = read["read"] | read.get("watch", {})
    return read


def _options(
    path: Path, command: str, options: object, commands: Mapping[str, Mapping[str, ConfigOption]]
) -> dict[str, Any]:
    if not commands.get(command):
        there = ", ".join(sorted(name for name in commands if commands[name]))
        raise UsageError(f"{path}: there is no command {command!r} with options; choose of {there}")
    if not isinstance(options, dict):
        raise UsageError(f"{path}: {command} is no table of options; write [{command}] above them")
    known = {name.replace("-", "_"): value for name, value in options.items()}
    for name in known.keys() - commands[command].keys():
        there = ", ".join(sorted(each.replace("_", "-") for each in commands[command]))
        raise UsageError(f"{path}: {command} has no option {name.replace('_', '-')!r}; choose of {there}")
    return {
        commands[command][name].parameter: _value(f"{path}: {command}, {name}", value, commands[command][name].is_list)
        for name, value in known.items()
    }


def _value(place: str, value: object, is_list: bool) -> object:
    """As it would stand on the command line."""
    if is_list:
        return [_value(place, each, False) for each in (value if isinstance(value, list) else [value])]
    if isinstance(value, bool):
        return value
    if isinstance(value, str | int | float):
        return str(value)
    raise UsageError(f"{place}: found {value!r}; write one value, a text in quotes, a number, or true")
