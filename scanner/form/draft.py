"""A `form.toml` that says what its fields are, but not where: places for them, as forms are well designed.

Separate boxes wide enough for a digit, light between them, the label above; boxes to mark below one another; fields
fill a row, rows a page, below what has its place already. What is written in the file stays as it is, comments and
order too; what is wrong with it is for `mistakes_in` to tell.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import tomlkit
from tomlkit import TOMLDocument

from scanner.form.model import A4_MM, MOST_PAGES

CELL_MM, PITCH_MM = (5.5, 7.5), 7.5
ADJOINING_MM = 6.0  # width of cells without paper between them
MARK_MM, MARK_PITCH_MM = (4.5, 4.5), 7.0  # a box to mark; the next one is below it, or farther to the right
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

    Its pages get a fiducial in each corner and a code, where they have none; pages that it does not describe are A4.

    Raises:
        tomlkit.exceptions.TOMLKitError: it is no TOML.
    """
    document = tomlkit.parse(text)
    fields, pages = _tables(document, "fields"), _tables(document, "pages")
    if not any(_has_no_place(field) for field in fields):
        return text, False
    sizes = [(_number(page, "width_mm", A4_MM[0]), _number(page, "height_mm", A4_MM[1])) for page in pages]
    last = _place(fields, sizes or [A4_MM], width_mm)
    if "pages" not in document:
        if not text.endswith("\n\n"):
            document.add(tomlkit.nl())
        document["pages"] = tomlkit.aot()
        for _ in range(last):
            table = tomlkit.table()
            table["width_mm"], table["height_mm"] = A4_MM
            document["pages"].append(table)
        pages, sizes = _tables(document, "pages"), [A4_MM] * last
    for number, (page, size) in enumerate(zip(pages, sizes, strict=True), start=1):
        name = str(document.get("name", "form"))
        _give_marks(page, size, name if len(pages) == 1 else f"{name}-{number}")
    return tomlkit.dumps(document), True


def _tables(document: TOMLDocument, key: str) -> list[Any]:
    found = document.get(key, [])
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _number(table: Any, key: str, default: float) -> float:
    value = table.get(key, default)
    try:
        return float(value) if isinstance(value, int | float) else default
    except OverflowError:  # the check of the form will tell
        return default


def _has_no_place(field: Any) -> bool:
    return "x_mm" not in field and "y_mm" not in field


@dataclass(slots=True)
class _Cursor:
    """Where the next field of a page goes, and how high its row is."""

    x_mm: float = MARGIN_MM
    y_mm: float = TOP_MM
    row_mm: float = 0.0

    def next_row(self) -> None:
        self.x_mm, self.y_mm, self.row_mm = MARGIN_MM, self.y_mm + self.row_mm + ROW_GAP_MM, 0.0


def _place(fields: Sequence[Any], sizes: Sequence[tuple[float, float]], width_mm: Width) -> int:
    """Give the fields their places; gives the last page that has some."""
    cursors: dict[int, _Cursor] = {}
    for field in fields:
        if not _has_no_place(field):
            cursor = cursors.setdefault(_page_of(field, 1), _Cursor())
            high_mm = _block_mm(field, width_mm)[1] - LABEL_MM
            cursor.y_mm = max(cursor.y_mm, _number(field, "y_mm", 0.0) + high_mm + ROW_GAP_MM)
    page = 1
    for field in filter(_has_no_place, fields):
        _give_boxes(field, width_mm)
        wide_mm, high_mm = _block_mm(field, width_mm)
        page = _page_of(field, page)
        cursor = cursors.setdefault(page, _Cursor())
        width, height = sizes[min(page, len(sizes)) - 1]
        if cursor.x_mm > MARGIN_MM and cursor.x_mm + wide_mm > width - MARGIN_MM:
            cursor.next_row()
        if cursor.y_mm + high_mm > height - BOTTOM_MM and cursor.y_mm > TOP_MM and page < MOST_PAGES:
            page += 1
            cursor = cursors.setdefault(page, _Cursor())
        if page > 1:
            field["page"] = page
        field["x_mm"], field["y_mm"] = round(cursor.x_mm, 2), round(cursor.y_mm + LABEL_MM, 2)
        cursor.x_mm, cursor.row_mm = cursor.x_mm + wide_mm + BETWEEN_MM, max(cursor.row_mm, high_mm)
    return max(cursors)


def _page_of(field: Any, default: int) -> int:
    page = field.get("page", default)
    return page if isinstance(page, int) and 1 <= page <= MOST_PAGES else default


def _give_boxes(field: Any, width_mm: Width) -> None:
    """Boxes of the usual size, and for marks one for each choice; what the field says of them stays."""
    is_mark, choices = field.get("type") == "mark", field.get("choices", ["1"])
    size, pitch = (MARK_MM, MARK_PITCH_MM) if is_mark else (CELL_MM, PITCH_MM)
    if field.get("layout", "boxes") not in ("boxes", "open") and not is_mark:
        size, pitch = (ADJOINING_MM, CELL_MM[1]), ADJOINING_MM
    if is_mark and "cells" not in field and isinstance(choices, list):
        field["cells"] = len(choices)
    if is_mark and "direction" not in field:
        field["direction"] = "down"
    if field.get("direction") == "right" and is_mark and isinstance(choices, list):  # a choice has room beside its box
        pitch = round(size[0] + 2 * CHOICE_MM + max(map(width_mm, map(str, choices)), default=0.0), 1)
    if "pitch_mm" not in field and "cell_width_mm" not in field and pitch != size[0]:
        field["pitch_mm"] = pitch
    for key, value in zip(("cell_width_mm", "cell_height_mm"), size, strict=True):
        if key not in field:
            field[key] = value


def _block_mm(field: Any, width_mm: Width) -> tuple[float, float]:
    """Width and height of a field with its label."""
    cells, choices = field.get("cells"), field.get("choices", [])
    is_down = field.get("direction") == "down"
    steps = (cells if isinstance(cells, int) else 1) - 1
    wide, high = _number(field, "cell_width_mm", CELL_MM[0]), _number(field, "cell_height_mm", CELL_MM[1])
    length = steps * _number(field, "pitch_mm", high if is_down else wide)
    texts = [width_mm(str(choice)) for choice in choices] if isinstance(choices, list) else []
    beside_mm = CHOICE_MM + max(texts) if texts else 0.0
    boxes_mm = wide + beside_mm + (0.0 if is_down else length)
    return max(width_mm(label_of(field)), boxes_mm), LABEL_MM + high + (length if is_down else 0.0)


def _give_marks(page: Any, size: tuple[float, float], text: str) -> None:
    """A fiducial in each corner, and a code at the top right."""
    width, height = size
    if "fiducials" not in page:
        corners = [[x, y] for y in (INSET_MM, height - INSET_MM) for x in (INSET_MM, width - INSET_MM)]
        page["fiducials"] = _inline({"shape": "square", "size_mm": FIDUCIAL_MM, "at": corners})
    if "code" not in page:
        page["code"] = _inline({"text": text})
    code = page["code"]
    if isinstance(code, dict) and "x_mm" not in code and "y_mm" not in code:
        side = _number(code, "size_mm", CODE_MM)
        code["x_mm"], code["y_mm"], code["size_mm"] = width - MARGIN_MM - side, CODE_TOP_MM, side


def _inline(entries: dict[str, object]) -> Any:
    table = tomlkit.inline_table()
    table.update(entries)
    return table
