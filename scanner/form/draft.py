"""A `form.toml` that says what its fields are, but not where: places for them, as forms are well designed.

Separate boxes wide enough for a digit, light between them, the label above; boxes to mark below one another; fields
fill a row, rows a page. What is written in the file stays as it is, comments and order too.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import tomlkit
from tomlkit import TOMLDocument

from scanner.form.model import A4_MM

CELL_MM, PITCH_MM = (5.5, 7.5), 7.5
MARK_MM, MARK_PITCH_MM = (4.5, 4.5), 7.0  # a box to mark; the next one is below it
CHOICE_MM = 2.0  # between such a box and what is printed beside it
MARGIN_MM, TOP_MM, BOTTOM_MM = 20.0, 46.0, 22.0
LABEL_MM = 5.0  # above the boxes
BETWEEN_MM = 10.0  # fields beside each other
ROW_GAP_MM = 6.0
FIDUCIAL_MM, INSET_MM = 5.0, 10.0  # their middles from the edges of the page
CODE_MM, CODE_TOP_MM = 16.0, 16.0

Width: TypeAlias = Callable[[str], float]
"""How wide a label is printed, in millimeters."""


def label_of(table: Any) -> str:
    """What is printed above a field: its label, else its name in words; and how a date is written."""
    label = str(table.get("label") or str(table.get("name", "")).replace("_", " ").capitalize())
    return f"{label} ({table['format']})" if table.get("format") else label


def complete_draft(text: str, width_mm: Width) -> tuple[str, bool]:
    """The text of a form file with places for the fields that have none; and whether any had none.

    Pages that the file does not describe are A4, with a fiducial in each corner and a code.

    Raises:
        tomlkit.exceptions.ParseError: it is no TOML.
    """
    document = tomlkit.parse(text)
    fields = _tables(document, "fields")
    pages = _tables(document, "pages")
    if not any("x_mm" not in field or "y_mm" not in field for field in fields):
        return text, False
    sizes = [(float(page.get("width_mm", A4_MM[0])), float(page.get("height_mm", A4_MM[1]))) for page in pages]
    last = _place(fields, sizes or [A4_MM], width_mm)
    if not pages:
        document["pages"] = _sheets(str(document.get("name", "")), last)
    return tomlkit.dumps(document), True


def _tables(document: TOMLDocument, key: str) -> list[Any]:
    """Tables under a key; what is none is for `mistakes_in` to tell."""
    found = document.get(key, [])
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _place(fields: Sequence[Any], sizes: Sequence[tuple[float, float]], width_mm: Width) -> int:
    """Give the fields their places; gives the last page that has some."""
    page, x_mm, y_mm, row_mm = 1, MARGIN_MM, TOP_MM, 0.0
    for field in _unplaced(fields):
        _give_boxes(field)
        wide_mm, high_mm = _block_mm(field, width_mm)
        asked = field.get("page", page)
        if isinstance(asked, int) and asked > page:
            page, x_mm, y_mm, row_mm = asked, MARGIN_MM, TOP_MM, 0.0
        width, height = sizes[min(page, len(sizes)) - 1]
        if x_mm > MARGIN_MM and x_mm + wide_mm > width - MARGIN_MM:
            x_mm, y_mm, row_mm = MARGIN_MM, y_mm + row_mm + ROW_GAP_MM, 0.0
        if y_mm + high_mm > height - BOTTOM_MM:
            page, x_mm, y_mm, row_mm = page + 1, MARGIN_MM, TOP_MM, 0.0
        if page > 1:
            field["page"] = page
        field["x_mm"], field["y_mm"] = round(x_mm, 2), round(y_mm + LABEL_MM, 2)
        x_mm, row_mm = x_mm + wide_mm + BETWEEN_MM, max(row_mm, high_mm)
    return page


def _give_boxes(field: Any) -> None:
    """Boxes of the usual size, and for marks one for each choice."""
    is_mark = field.get("type") == "mark"
    if is_mark and "cells" not in field:
        field["cells"] = len(field.get("choices", "1"))
    if is_mark:
        field["direction"] = "down"
    field["cell_width_mm"], field["cell_height_mm"] = MARK_MM if is_mark else CELL_MM
    field["pitch_mm"] = MARK_PITCH_MM if is_mark else PITCH_MM


def _block_mm(field: Any, width_mm: Width) -> tuple[float, float]:
    """Width and height of a field with its label."""
    cells = field.get("cells")
    steps = (cells if isinstance(cells, int) else 1) - 1
    label_mm = width_mm(label_of(field))
    if field.get("type") == "mark":
        choices_mm = max((width_mm(str(choice)) for choice in field.get("choices", ())), default=0.0)
        return max(label_mm, MARK_MM[0] + CHOICE_MM + choices_mm), LABEL_MM + steps * MARK_PITCH_MM + MARK_MM[1]
    return max(label_mm, steps * PITCH_MM + CELL_MM[0]), LABEL_MM + CELL_MM[1]


def _unplaced(fields: Sequence[Any]) -> Iterator[Any]:
    return (field for field in fields if "x_mm" not in field or "y_mm" not in field)


def _sheets(name: str, count: int) -> Any:
    tables = tomlkit.aot()
    width, height = A4_MM
    for number in range(1, count + 1):
        sheet = tomlkit.table()
        sheet["width_mm"], sheet["height_mm"] = width, height
        corners = [[x, y] for y in (INSET_MM, height - INSET_MM) for x in (INSET_MM, width - INSET_MM)]
        sheet["fiducials"] = _inline({"shape": "square", "size_mm": FIDUCIAL_MM, "at": corners})
        text = name if count == 1 else f"{name}-{number}"
        place = {"x_mm": width - MARGIN_MM - CODE_MM, "y_mm": CODE_TOP_MM, "size_mm": CODE_MM}
        sheet["code"] = _inline({"text": text, **place})
        tables.append(sheet)
    return tables


def _inline(entries: dict[str, object]) -> Any:
    table = tomlkit.inline_table()
    table.update(entries)
    return table
