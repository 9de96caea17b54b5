"""A `Form` to the text of its `form.toml`."""

import tomlkit
from pydantic import BaseModel

from scanner.form.model import Form

HEAD = (
    "A form: places in millimeters from the top left of the page. Name the fields, and say",
    "what may be written in them; `scanner form check` tells every mistake.",
)


def form_text(form: Form) -> str:
    """TOML without what is there by default; `load_form` reads it back."""
    document = tomlkit.document()
    for line in HEAD:
        document.add(tomlkit.comment(line))
    document.add("name", tomlkit.item(form.name))
    if form.title:
        document.add("title", tomlkit.item(form.title))
    document.add("pages", _tables(form.pages))
    document.add("fields", _tables(form.fields))
    if form.rules:
        document.add("rules", _tables(form.rules))
    return tomlkit.dumps(document)


def _tables(items: tuple[BaseModel, ...]) -> tomlkit.items.AoT:
    tables = tomlkit.aot()
    for item in items:
        table = tomlkit.table()
        table.update(item.model_dump(exclude_unset=True, exclude_none=True))
        tables.append(table)
    return tables
