"""What a person means by what they type for a field: digits, `_` for an empty box, `x` crossed out, `?` unreadable."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scanner.fields import BLANK, FieldReading, digits_in
from scanner.network import CROSSED, NOT_A_DIGIT

if TYPE_CHECKING:
    from scanner.form import FormField

EXPONENT = re.compile(r"[+-]?[0-9]+([.,][0-9]+)?[eE][+-]?[0-9]+")
SEPARATED = re.compile(  # dates, thousands, two halves of a postal code
    r"[0-9]+([./-][0-9]+){2,}|[0-9]{1,3}([.,'’][0-9]{3})+|[0-9]+[-/][0-9]+"
)
SEPARATORS = re.compile(r"[.,/'’-]")
LOOSE = ("cut_off", "box_not_found")  # reasons of readings that may have missed boxes


@dataclass(frozen=True, slots=True)
class Meant:
    """What is written in a field, as a person says; `cells` has a character a box, exactly so or as it may be."""

    value: str
    cells: str
    is_readable: bool = True
    is_exact: bool = True


class Impossible(ValueError):
    """What was typed cannot stand in the field; the message says why, and what to do."""


def meaning_of(
    typed: str, reading: FieldReading, *, field: "FormField | None" = None, has_lost_zeros: bool = False
) -> Meant | None:
    """What was typed for a field; None where nothing was.

    Args:
        typed: digits, with `_` for empty boxes where their place matters; or the choices of boxes to tick.
        reading: the field as it was read.
        field: what its form says of it.
        has_lost_zeros: whether the table it stands in has gone through a program that takes leading zeros away.

    Raises:
        Impossible: it cannot stand there.
    """
    text = typed.strip().removeprefix("'")
    if not text:
        return None
    has_lost_zeros = has_lost_zeros and reading.value.startswith("0")  # else it may be meant so
    boxes = len(reading.cells)
    if not text.strip(NOT_A_DIGIT):
        return Meant("", NOT_A_DIGIT * boxes, is_readable=False)
    if field is not None and field.type == "mark":
        return _marks(text, field)
    if text == reading.value and NOT_A_DIGIT not in reading.cells:
        return Meant(reading.value, reading.cells)
    text = _without_separators(typed, "".join(text.split()), reading, field.decimals if field is not None else 0)
    if not reading.is_boxed and text.isdigit():  # as many digits as there are
        text = text.zfill(boxes) if has_lost_zeros else text
        return Meant(text, text, is_exact=len(text) == boxes)
    return _in_boxes(typed, text, reading, field, has_lost_zeros)


def _in_boxes(typed: str, text: str, reading: FieldReading, field: "FormField | None", has_lost_zeros: bool) -> Meant:
    """What is meant by signs for the boxes."""
    boxes = len(reading.cells)
    if len(text) == boxes:
        is_readable = NOT_A_DIGIT not in text
        return Meant(_value(text, field) if is_readable else "", text, is_readable)
    if not text.strip(BLANK):
        return Meant("", BLANK * boxes)
    if len(text) > boxes and reading.reason in LOOSE:
        return Meant(digits_in(text), text, is_exact=False)
    if len(text) > boxes:
        raise Impossible(f"{typed!r} has {len(text)} characters, the field {boxes} boxes")
    if not text.isdigit():
        raise Impossible(f"{typed!r}: with _, x or ? in it, it needs a character for each of the {boxes} boxes")
    return _placed(typed, text, reading, field, has_lost_zeros)


def _without_separators(typed: str, text: str, reading: FieldReading, decimals: int) -> str:
    """Digits and signs alone; the points of a date and the like may be typed, if the digits are all there."""
    is_amount = decimals > 0 and re.fullmatch(rf"[0-9]+[.,][0-9]{{{decimals}}}", text) is not None
    bare = SEPARATORS.sub("", text).lower()
    filled = sum(cell != BLANK for cell in reading.cells)
    if bare != text.lower():
        is_whole = (is_amount or SEPARATED.fullmatch(text)) and (
            len(bare) in (len(reading.cells), filled) or not reading.is_boxed
        )
        if not is_whole:
            raise Impossible(f"{typed!r} was rewritten by a program, or is no number of boxes; type the digits alone")
    if EXPONENT.fullmatch(text):
        raise Impossible(f"{typed!r} was rewritten by a program; format the column as text, and type it again")
    if wrong := set(bare) - set("0123456789" + BLANK + CROSSED + NOT_A_DIGIT):
        signs = " ".join(sorted(wrong))
        raise Impossible(f"{typed!r} has {signs} in it; type digits, _ for an empty box, ? where it is unreadable")
    return bare


def _placed(typed: str, digits: str, reading: FieldReading, field: "FormField | None", has_lost_zeros: bool) -> Meant:
    """Fewer digits than boxes."""
    filled = [place for place, cell in enumerate(reading.cells) if cell != BLANK]
    legible = [place for place in filled if reading.cells[place] != CROSSED]
    if has_lost_zeros:
        digits = digits.zfill(len(legible))
    for places in (filled, legible):
        if len(digits) == len(places):
            cells = [cell if cell == CROSSED else BLANK for cell in reading.cells]
            for place, digit in zip(places, digits, strict=True):
                cells[place] = digit
            return Meant(_value("".join(cells), field), "".join(cells))
    if len(digits) < len(filled):
        spelled = digits.rjust(len(reading.cells), BLANK)
        raise Impossible(
            f"{typed!r} has fewer digits than boxes are filled ({len(filled)}); if zeros were lost, format the column "
            f"as text and type them again; else type _ for empty boxes: {spelled}"
        )
    return Meant(digits, digits.rjust(len(reading.cells), BLANK), is_exact=False)


def _value(cells: str, field: "FormField | None") -> str:
    """The number in these cells: where the form takes a cross or a blank for zero, it counts."""
    if field is None or not field.zero_cells:
        return digits_in(cells)
    from scanner.filled import number_in  # forms take a tenth of a second to import

    return number_in(cells, field) or digits_in(cells)


def _marks(text: str, field: "FormField") -> Meant:
    choices = field.options
    if text == BLANK:
        return Meant("", BLANK * len(choices))
    chosen = [part.strip() for part in text.split(";")]
    if wrong := [part for part in chosen if part not in choices]:
        raise Impossible(f"{wrong[0]!r} is none of the choices: {'; '.join(choices)}")
    value = ";".join(choice for choice in choices if choice in chosen)
    return Meant(value, "".join(CROSSED if choice in chosen else BLANK for choice in choices))
