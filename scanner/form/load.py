"""`form.toml` to a `Form`, every mistake told at once; and its JSON Schema."""

import tomllib
from pathlib import Path
from typing import Any

from scanner.errors import FormError
from scanner.form.mistakes import mistakes_in, valid_part
from scanner.form.model import Form

FILE_NAME = "form.toml"


def load_form(path: Path) -> Form:
    """Read a form; of a folder its `form.toml`.

    Raises:
        FormError: it is not there, no TOML, or has mistakes; all of them are told, a line each.
    """
    path = path / FILE_NAME if path.is_dir() else path
    return parse_form(read_form_text(path), path)


def read_form_text(path: Path) -> str:
    """The text of a form file.

    Raises:
        FormError: it cannot be read.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")  # Windows puts a mark in front; ends of lines stay
    except (OSError, UnicodeDecodeError) as error:
        raise FormError(
            f"{path}: cannot be read ({getattr(error, 'strerror', error)}); name a form.toml or its folder"
        ) from error


def parse_form(text: str, path: Path) -> Form:
    """A form of its text; `path` is where that lies.

    Raises:
        FormError: it is no TOML, or has mistakes.
    """
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise FormError(f"{path}: is no TOML: {error}") from error
    mistakes = list(mistakes_in(tables))
    if mistakes:
        raise FormError(*(f"{path}: {mistake}" for mistake in mistakes))
    return Form.model_validate({**tables, "folder": path.parent})


def valid_part_of(path: Path) -> Form:
    """The pages and fields of a form file that have no mistakes by themselves; none where it cannot be read."""
    path = path / FILE_NAME if path.is_dir() else path
    try:
        tables = tomllib.loads(read_form_text(path))
    except (FormError, tomllib.TOMLDecodeError):
        tables = {"fields": []}
    return valid_part(tables).model_copy(update={"folder": path.parent})


def form_schema() -> dict[str, Any]:
    """The JSON Schema of `form.toml`, for editors that complete and check while one types."""
    schema = Form.model_json_schema()
    del schema["properties"]["folder"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
