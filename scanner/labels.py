"""What is printed beside the fields of a form, read by Tesseract where it is installed: names for them."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Literal

import cv2
import numpy as np

from scanner.arrays import Gray
from scanner.errors import UsageError
from scanner.form import FormField, usable_name

LANGUAGE = "eng"  # as Tesseract calls it
SURE = 75.0  # of 100: words that Tesseract is less sure of are frames, logos and dirt
SCATTERED = "--psm 11"  # print is looked for everywhere, in no order
PX_PER_MM = 12.0  # at 300 dpi Tesseract reads best
SECONDS = 120  # for a page
ROOM_MM = 0.6  # around the boxes, which Tesseract shall not see
WORD_GAP = 1.5  # heights of a line: words farther apart are two labels
LEFT_MM, ABOVE_MM = 90.0, 9.0  # from its label to a field
ASIDE_MM = 3.0  # so far a label above may begin before its field
LONGEST = 40  # characters of a name

Side = Literal["left", "above"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """Words side by side, and where they stand in millimeters."""

    text: str
    left: float
    top: float
    right: float
    low: float


def missing() -> str | None:
    """What labels cannot be read without, and how to get it; None where all is there."""
    try:
        import pytesseract
    except ImportError:
        return "pip install 'scanner[labels]', and install the program tesseract"
    try:
        pytesseract.get_tesseract_version()
    except (pytesseract.TesseractNotFoundError, SystemExit):
        return "install the program tesseract (Debian: apt install tesseract-ocr)"
    return None


def find_labels(picture: Gray, px_per_mm: float, fields: Sequence[FormField], language: str = LANGUAGE) -> list[str]:
    """What is printed beside or above each field of a page, empty where nothing is.

    Args:
        picture: (height, width) the page, 0 = ink.
        px_per_mm: its resolution.
        fields: with their places.
        language: of the print, as Tesseract calls it: `eng`, `deu+fra`.

    Raises:
        UsageError: Tesseract does not know the language, or fails.
    """
    return labels_among(read_phrases(picture, px_per_mm, fields, language), fields)


def with_names(fields: Sequence[FormField], labels: Sequence[str]) -> tuple[FormField, ...]:
    """The fields of a form with their labels, and names made of these; those without one stay as they are."""
    names = [_name_of(label) for label in labels]
    named, taken = [], {name for name in names if names.count(name) == 1}
    taken |= {field.name for field, name in zip(fields, names, strict=True) if not name}
    for field, label, name in zip(fields, labels, names, strict=True):
        own = name
        if names.count(name) > 1:
            own = next(each for number in count(1) if (each := f"{name}_{number}") not in taken)
        taken.add(own)
        change = {"name": own, "label": label} if name else {}
        named.append(FormField.model_validate(field.model_dump(exclude_unset=True) | change))
    return tuple(named)


def read_phrases(picture: Gray, px_per_mm: float, fields: Sequence[FormField], language: str) -> list[Phrase]:
    """What is printed on a page, but for what stands in its boxes."""
    import pytesseract

    scale = PX_PER_MM / px_per_mm
    px_per_mm, shown = PX_PER_MM, cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    paper = np.asarray(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=shown), np.uint8)
    for field in fields:
        left, top, right, low = (round(px_per_mm * edge) for edge in _box_mm(field, ROOM_MM))
        paper[max(top, 0) : low, max(left, 0) : right] = 255
    try:
        words = pytesseract.image_to_data(
            cv2.cvtColor(paper, cv2.COLOR_GRAY2RGB),
            lang=language,
            config=SCATTERED,
            timeout=SECONDS,
            output_type=pytesseract.Output.DICT,
        )
    except (pytesseract.TesseractError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"Tesseract cannot read labels in language {language!r}: `tesseract --list-langs` tells which are there "
            f"(Debian: apt install tesseract-ocr-deu); it says {str(error)[:200]}"
        ) from error
    lines: dict[tuple[int, ...], list[Phrase]] = {}
    for place in np.flatnonzero(np.array(words["conf"], float) >= SURE).tolist():
        text = str(words["text"][place]).strip()
        if text:
            x, y, wide, high = (words[key][place] / px_per_mm for key in ("left", "top", "width", "height"))
            line = tuple(int(words[key][place]) for key in ("block_num", "par_num", "line_num"))
            lines.setdefault(line, []).append(Phrase(text, x, y, x + wide, y + high))
    return [phrase for words_of in lines.values() for phrase in _phrases(words_of)]


def labels_among(phrases: Sequence[Phrase], fields: Sequence[FormField]) -> list[str]:
    """The nearest phrase of each field, on the side where most fields have one if there is any; none serves two."""
    usable = [phrase for phrase in phrases if _letters(phrase.text) > 1]
    sides: tuple[Side, ...] = ("left", "above")
    found = [[_nearest(field, fields, usable, side) for field in fields] for side in sides]
    first, second = sorted(found, key=lambda side: side.count(None))
    taken = [one or other for one, other in zip(first, second, strict=True)]
    return [phrase.text if phrase is not None and taken.count(phrase) == 1 else "" for phrase in taken]


def _phrases(words: Sequence[Phrase]) -> list[Phrase]:
    """A line of words, parted where it has wide gaps."""
    parted: list[list[Phrase]] = []
    for word in sorted(words, key=lambda word: word.left):
        if parted and word.left - parted[-1][-1].right <= WORD_GAP * (word.low - word.top):
            parted[-1].append(word)
        else:
            parted.append([word])
    return [
        Phrase(
            " ".join(word.text for word in part),
            part[0].left,
            min(word.top for word in part),
            part[-1].right,
            max(word.low for word in part),
        )
        for part in parted
    ]


def _nearest(field: FormField, fields: Sequence[FormField], phrases: Sequence[Phrase], side: Side) -> Phrase | None:
    """The label on one side of a field that no other field lies between."""
    x0, y0, x1, y1 = _box_mm(field)
    near: list[tuple[float, Phrase]] = []
    for phrase in phrases:
        if side == "left":
            gap = x0 - phrase.right
            is_beside = y0 <= (phrase.top + phrase.low) / 2 <= y1 and -ROOM_MM <= gap <= LEFT_MM
            between = phrase.right, y0, x0, y1
        else:
            gap = y0 - phrase.low
            is_beside = x0 - ASIDE_MM <= phrase.left < x1 and -ROOM_MM <= gap <= ABOVE_MM
            between = phrase.left, phrase.low, phrase.right, y1  # what is above two fields is a heading
        if is_beside and not any(_meet(_box_mm(other), between) for other in fields if other is not field):
            near.append((gap, phrase))
    return min(near, key=lambda each: each[0])[1] if near else None


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def _box_mm(field: FormField, room: float = 0.0) -> tuple[float, float, float, float]:
    """x0, y0, x1, y1 of all its cells."""
    return field.x_mm - room, field.y_mm - room, field.right_mm + room, field.bottom_mm + room


def _name_of(label: str) -> str:
    """Letters, digits and _ alone, a letter first: "Meter reading (m3):" is meter_reading; empty if that is none."""
    plain = unicodedata.normalize("NFKD", re.sub(r"[(\[].*", "", label)).lower()
    words = re.findall(r"[^\W_]+", unicodedata.normalize("NFKC", "".join(filter(_is_no_accent, plain))))
    while words and (not words[0][0].isalpha() or len("_".join(words)) > LONGEST):
        words = words[:-1] if words[0][0].isalpha() else words[1:]
    name = "_".join(words)
    try:
        return usable_name(name) if _letters(name) > 1 else ""
    except ValueError:
        return ""


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))


def _is_no_accent(character: str) -> bool:
    return not unicodedata.combining(character)
