"""What is wrong with the tables of a `form.toml`: every mistake has its place, what was found, what is expected."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import regex
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from scanner.errors import FormError
from scanner.form.equations import parse_equation
from scanner.form.model import Code, Fiducials, Form, FormField, Rule, Sheet
from scanner.form.rules import takes_too_long

SIGNS = {"_", "?"}  # what a person types where no box is marked, and where nobody can tell
LONGEST = 60  # characters of what was found that are told
NUMBER_KEYS = {"check", "check_prefix", "pattern", "list", "unique", "zero_cells"}  # that a mark has not
OVER_EDGE_MM = 0.05  # rounding; what ends further beyond the page is a mistake
SHARED_MM = 0.5  # the printed lines of neighbors may lie on each other

TYPE_KEYS: dict[str, set[str]] = {
    "digits": set(),
    "number": {"min", "max", "decimals"},
    "date": {"format", "earliest", "latest"},
    "postal_code": {"country"},
    "mark": {"choices", "multiple"},
}
"""Keys of a field that only one type has."""
KEYS = sorted(
    {key for table in (Form, Sheet, Fiducials, Code, FormField, Rule) for key in table.model_fields} - {"folder"}
)


Table = TypeVar("Table", bound=BaseModel)


def mistakes_in(tables: Mapping[str, Any]) -> Iterator[str]:
    """All of them, a line each; none where the tables make a form."""
    yield from _of_keys(tables)
    yield from _between(tables)


def valid_part(tables: Mapping[str, Any]) -> Form:
    """A form of the pages and fields that have no mistakes by themselves, to look for more mistakes in."""
    sheets = [sheet for _, sheet in _valid(Sheet, tables.get("pages", [{}]))]
    is_whole = len(sheets) == len(_items(tables.get("pages", [{}])))  # else they are numbered otherwise
    fields = {field.name: field for _, field in _valid(FormField, tables.get("fields")) if field.page <= len(sheets)}
    return Form.model_construct(
        name=str(tables.get("name")),
        pages=tuple(sheets) if is_whole and fields else (),
        fields=tuple(fields.values()) if is_whole else (),
        rules=(),
    )


def _of_keys(tables: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with single keys: missing, unknown, of the wrong type or size."""
    if "folder" in tables:
        yield "folder: there is no such key"
    try:
        Form.model_validate({key: value for key, value in tables.items() if key != "folder"})
    except ValidationError as error:
        for each in error.errors(include_url=False):
            if each["type"] == "too_short" and tables.get(str(each["loc"][0])):
                continue  # all of its items have mistakes of their own
            yield f"{_place(each['loc'], tables)}: {_told(each)}"


def _told(error: ErrorDetails) -> str:
    """What was found, and what is expected."""
    if error["type"] == "missing":
        places = error["loc"][-1] in ("x_mm", "y_mm", "cell_width_mm", "cell_height_mm")
        told = FormField.model_fields.get(str(error["loc"][-1]))
        what = f": {told.description}" if told is not None and told.description else ""
        return f"is missing{'; `scanner form blank` gives places to fields that have none' if places else what}"
    found = repr(error["input"])
    found = found if len(found) <= LONGEST else f"{found[:LONGEST]} ..."
    message = error["msg"].removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        alike = difflib.get_close_matches(str(error["loc"][-1]), KEYS, n=1)
        message = "there is no such key" + (f"; is it {alike[0]}?" if alike else "")
    return f"found {found}; {message}"


def _place(location: Sequence[str | int], tables: Mapping[str, Any]) -> str:
    """fields, 2, cells -> field 3 (zip_code), cells."""
    words: list[str] = []
    value: Any = tables
    for step in location:
        if isinstance(step, int) and words:
            value = value[step] if isinstance(value, list) and step < len(value) else None
            name = value.get("name") if isinstance(value, dict) else None
            words[-1] = f"{words[-1].removesuffix('s')} {step + 1}" + (f" ({name})" if name else "")
        else:
            value = value.get(step) if isinstance(value, dict) else None
            words.append(str(step))
    return ", ".join(words)


def _between(tables: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong between keys that are right by themselves."""
    sheets = _valid(Sheet, tables.get("pages", [{}]))
    fields = [(f"field {number} ({field.name})", field) for number, field in _valid(FormField, tables.get("fields"))]
    pages = dict(sheets)
    names: set[str] = set()
    for place, field in fields:
        if field.name in names:
            yield f"{place}: another field has this name"
        names.add(field.name)
        yield from (f"{place}, {mistake}" for mistake in _of_field(field))
        if field.page in pages:
            yield from (f"{place}: {mistake}" for mistake in _off_page(field, pages[field.page]))
        elif field.page > len(_items(tables.get("pages", [{}]))):
            yield f"{place}, page: found {field.page}, the form has {len(pages)}"
    yield from _of_sheets(sheets)
    yield from _hidden_fields(pages, fields)
    yield from _overlaps(fields)
    marks = {field.name for _, field in fields if field.type == "mark"}
    are_all_known = len(fields) == len(_items(tables.get("fields")))  # else a rule may name one with other mistakes
    for number, rule in _valid(Rule, tables.get("rules")):
        yield from (f"rule {number}, expression: {mistake}" for mistake in _of_rule(rule, names, marks, are_all_known))


def _of_sheets(sheets: Sequence[tuple[int, Sheet]]) -> Iterator[str]:
    codes: dict[str, int] = {}
    for number, sheet in sheets:
        for x, y in sheet.fiducials.at if sheet.fiducials else ():
            if x > sheet.width_mm or y > sheet.height_mm:
                yield f"page {number}, fiducials, at: [{x:g}, {y:g}] is off the page"
        yield from (f"page {number}, code: {mistake}" for mistake in _of_code(sheet))
        if sheet.code and (first := codes.setdefault(sheet.code.text, number)) != number:
            yield f"page {number}, code, text: page {first} has the same code"


def _hidden_fields(pages: Mapping[int, Sheet], fields: Sequence[tuple[str, FormField]]) -> Iterator[str]:
    """Fiducials and codes that lie on fields."""
    for number, sheet in pages.items():
        marks, code = sheet.fiducials, sheet.code
        spots = [("fiducials, at", x, y, marks.size_mm / 2) for x, y in marks.at] if marks else []
        if code and code.x_mm is not None and code.y_mm is not None:
            half = code.size_mm / 2
            spots.append(("code", code.x_mm + half, code.y_mm + half, half))
        for what, x, y, half in spots:
            for _, field in fields:
                is_beside = x + half < field.x_mm or field.right_mm < x - half
                is_above = y + half < field.y_mm or field.bottom_mm < y - half
                if field.page == number and not (is_beside or is_above):
                    yield f"page {number}, {what}: [{x:g}, {y:g}] lies on field {field.name}"


def _of_code(sheet: Sheet) -> Iterator[str]:
    code = sheet.code
    if code is None or (code.x_mm is None and code.y_mm is None):
        return
    if code.x_mm is None or code.y_mm is None:
        yield "has only one of x_mm and y_mm"
    elif code.x_mm + code.size_mm > sheet.width_mm or code.y_mm + code.size_mm > sheet.height_mm:
        yield f"ends at {code.x_mm + code.size_mm:g}, {code.y_mm + code.size_mm:g} mm, off the page"


def _of_rule(rule: Rule, names: set[str], marks: set[str], are_all_known: bool) -> Iterator[str]:
    try:
        equation = parse_equation(rule.expression)
    except FormError as error:
        yield str(error)
        return
    for name in equation.names:
        if name not in names and are_all_known:
            yield f"{rule.expression!r} names {name}, which is no field"
        if name in marks:
            yield f"{rule.expression!r} names {name}, which is no number"


def _valid(model: type[Table], tables: object) -> list[tuple[int, Table]]:
    """(number from 1, item) of the items that have no mistakes."""
    items: list[tuple[int, Table]] = []
    for number, table in enumerate(_items(tables), start=1):
        try:
            items.append((number, model.model_validate(table)))
        except ValidationError:
            continue
    return items


def _items(tables: object) -> list[object]:
    return tables if isinstance(tables, list) else []


def _of_field(field: FormField) -> Iterator[str]:
    for kind, keys in TYPE_KEYS.items():
        for key in sorted(keys & field.model_fields_set):
            if kind != field.type:
                yield f"{key}: is for type {kind!r}, this field is of type {field.type!r}"
    yield from _of_date(field)
    if field.type == "postal_code" and field.country is None:
        yield "country: is missing; give its two letters, or any"
    yield from _of_mark(field)
    yield from _of_zeros(field)
    yield from _of_line(field)
    if field.gap_mm < -OVER_EDGE_MM:
        side = "wide" if field.direction == "right" else "high"
        yield f"pitch_mm: found {field.step_mm:g}, but a cell is {field.step_mm - field.gap_mm:g} mm {side}"
    if field.min is not None and field.max is not None and field.min > field.max:
        yield f"max: found {field.max:g}, less than min, {field.min:g}"
    if field.check_prefix is not None and field.check is None:
        yield "check_prefix: is for check, which this field has not"
    yield from _of_pattern(field)


def _of_pattern(field: FormField) -> Iterator[str]:
    if field.pattern is not None:
        try:
            if takes_too_long(field.pattern, field.cells):
                yield f"pattern: {field.pattern!r} takes forever to match; write it without repetitions in repetitions"
        except regex.error as error:
            yield f"pattern: {field.pattern!r} is no regular expression: {error}"


def _of_zeros(field: FormField) -> Iterator[str]:
    if field.unique and field.zero_cells:
        yield "unique: a number with cells that mean zero is no name of anything; remove one of the two keys"


def _of_line(field: FormField) -> Iterator[str]:
    if field.layout != "line":
        if field.fewer:
            yield "fewer: is for layout 'line'; in boxes, those that are not needed stay empty"
        return
    if field.type == "mark":
        yield "layout: a line has no boxes to mark; use boxes or cells"
    if field.zero_cells:
        yield "zero_cells: a line has no cells; remove it"
    if field.fewer and field.type == "date":
        yield "fewer: a date has all its digits; remove it"


def _of_mark(field: FormField) -> Iterator[str]:
    if field.type != "mark":
        if field.direction == "down":
            yield "direction: only boxes to mark stand below one another, numbers are written to the right"
        return
    for key in sorted(NUMBER_KEYS & field.model_fields_set):
        yield f"{key}: is for numbers, this field is of type 'mark'"
    if field.choices is not None and len(field.choices) != field.cells:
        yield f"choices: found {len(field.choices)}, the field has {field.cells} cells"
    if field.choices is not None and len(set(field.choices)) < len(field.choices):
        yield "choices: two are the same"
    if taken := sorted(set(field.choices or ()) & SIGNS):
        yield f"choices: found {taken[0]}, which says that no box is marked, or that nobody can tell"
    if odd := [each for each in field.choices or () if each != each.strip().removeprefix("'")]:
        yield f"choices: found {odd[0]!r}; leave out blanks at its ends, and a quote at its beginning"
    if field.layout in ("comb", "open"):
        yield f"layout: {field.layout} has no closed boxes to mark; use boxes or cells"


def _of_date(field: FormField) -> Iterator[str]:
    if field.type == "date" and field.format is None:
        yield "format: is missing; say how dates are written: DDMMYYYY"
    elif field.format is not None and len(field.format) != field.cells:
        yield f"format: {field.format} has {len(field.format)} digits, the field {field.cells} cells"
    if field.earliest is not None and field.latest is not None and field.earliest > field.latest:
        yield f"latest: found {field.latest}, before earliest, {field.earliest}"


def _off_page(field: FormField, sheet: Sheet) -> Iterator[str]:
    if field.right_mm > sheet.width_mm + OVER_EDGE_MM:
        yield f"ends at {field.right_mm:.1f} mm, the page is {sheet.width_mm:g} mm wide"
    if field.bottom_mm > sheet.height_mm + OVER_EDGE_MM:
        yield f"ends at {field.bottom_mm:.1f} mm, the page is {sheet.height_mm:g} mm high"


def _overlaps(fields: Sequence[tuple[str, FormField]]) -> Iterator[str]:
    for index, (place, field) in enumerate(fields):
        for _, other in fields[:index]:
            width = min(field.right_mm, other.right_mm) - max(field.x_mm, other.x_mm)
            height = min(field.bottom_mm, other.bottom_mm) - max(field.y_mm, other.y_mm)
            if field.page == other.page and min(width, height) > SHARED_MM:
                yield f"{place}: lies on field {other.name}"
