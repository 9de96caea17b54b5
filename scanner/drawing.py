"""Fields drawn on the picture of their page: each cell's frame, what was read there, a note beside.

What is drawn where is computed first, as values; drawing them is the last step.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads

Bgr: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""
Color: TypeAlias = tuple[int, int, int]

GREEN: Color = (0, 140, 0)
ORANGE: Color = (0, 110, 255)
GRAY: Color = (130, 130, 130)
WHITE: Color = (255, 255, 255)

JPEG_QUALITY = 85

LONG_SIDE = 1800  # of an overlay: letters of a page stay legible, a file has some 400 kB
MAX_ENLARGEMENT = 3.0  # small pages are enlarged, so that what is written beside a cell fits
LETTER = 0.6  # height of a read character, in heights of its cell
LETTER_PX = (11.0, 36.0)  # and its limits on the overlay
INSIDE_LETTER = 0.3  # the same where a cell has others above and below it, so that it must go inside
NOTE_PX = 13.0  # height of a field's name and confidence
GAP_PX = 3.0
BOLD_PX = 16.0  # higher text is written with a broader pen
RIM = [(right, down) for right in (-2, 0, 2) for down in (-2, 0, 2) if right or down]
FONT = cv2.FONT_HERSHEY_SIMPLEX
FONT_PX = 21.0  # height of a digit at scale 1

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the overlay."""
Side: TypeAlias = Literal["below", "above", "inside"]


@dataclass(frozen=True, slots=True)
class Outline:
    """A cell's frame in pixels of the overlay."""

    quad: npt.NDArray[np.float32]  # (4, 2)
    color: Color


@dataclass(frozen=True, slots=True)
class Label:
    """Text in pixels of the overlay; `x, y` is the bottom left of its digits."""

    text: str
    x: float
    y: float
    height: float
    color: Color


@dataclass(frozen=True, slots=True)
class Drawing:
    """All that an overlay shows over the page."""

    outlines: tuple[Outline, ...]
    labels: tuple[Label, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """A field to draw: `quads` (cells, 4, 2) in pixels, what was read in each cell, or nothing, and a note beside."""

    quads: Quads
    note: str
    color: Color
    cells: str = ""


def draw_fields(gray: Gray, fields: Sequence[Shown]) -> Bgr:
    """The page, upright and at a width a person can look at, with its fields on it.

    Args:
        gray: (height, width) the page image that the quads are in.
        fields: to draw; those without cells are left out.

    Returns:
        (height, width, 3), the longer side at most `LONG_SIDE`.
    """
    turns = quarter_turns([field.quads for field in fields])
    scale = min(LONG_SIDE / max(gray.shape), MAX_ENLARGEMENT)
    height, width = gray.shape
    placed = [replace(field, quads=_turn(field.quads, turns, width, height) * np.float32(scale)) for field in fields]
    canvas = resized(np.rot90(gray, -turns), scale)
    return _draw(canvas, lay_out(placed, canvas.shape[1], canvas.shape[0]))


def quarter_turns(quads: Sequence[Quads]) -> int:
    """How often the page must be turned by 90 degrees clockwise until its fields are upright, 0 to 3."""
    tops = [quad[:, 1] - quad[:, 0] for quad in quads if len(quad)]  # along the upper edge of each cell
    if not tops:
        return 0
    x, y = np.concatenate(tops).sum(axis=0)
    return round(-float(np.degrees(np.arctan2(y, x))) / 90) % 4


def _turn(quads: Quads, turns: int, width: int, height: int) -> Quads:
    """Points of a page that is turned clockwise `turns` times by 90 degrees."""
    x, y = quads[..., 0], quads[..., 1]
    turned = [(x, y), (height - y, x), (width - x, height - y), (y, width - x)][turns]
    return np.stack(turned, axis=-1).astype(np.float32)


def resized(gray: Gray, scale: float) -> Gray:
    size = (max(round(gray.shape[1] * scale), 1), max(round(gray.shape[0] * scale), 1))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(gray), size, interpolation=way), np.uint8)


# --- what is drawn where


def lay_out(fields: Sequence[Shown], width: int, height: int) -> Drawing:
    """Place outlines and labels of fields whose quads are in pixels of an overlay of `width` x `height`."""
    shown = [(field, bounds(field.quads)) for field in fields if len(field.quads)]
    taken = [box for _, box in shown]
    outlines: list[Outline] = []
    labels: list[Label] = []
    for field, box in shown:
        if field.cells:
            side, strip = _free_side(box, taken, height)
            taken.append(strip)
            labels += _letters(field, side)
        note, place = _note(field, box, taken, width)
        taken.append(place)
        labels.append(note)
        outlines += [Outline(cell, field.color) for cell in field.quads]
    return Drawing(tuple(outlines), tuple(labels))


def bounds(quad: Quads) -> Box:
    (left, top), (right, bottom) = quad.min(axis=(0, 1)), quad.max(axis=(0, 1))
    return (float(left), float(top), float(right), float(bottom))


def _free_side(box: Box, taken: Sequence[Box], height: int) -> tuple[Side, Box]:
    """Where what was read can stand, and the strip it fills."""
    left, top, right, bottom = box
    room = float(np.clip(LETTER * (bottom - top), *LETTER_PX)) + 2 * GAP_PX
    below, above = (left, bottom + 1, right, bottom + room), (left, top - room, right, top - 1)
    if bottom + room <= height and not _hits(below, taken):
        return "below", below
    if top >= room and not _hits(above, taken):
        return "above", above
    return "inside", box


def _hits(box: Box, taken: Sequence[Box]) -> bool:
    left, top, right, bottom = box
    return any(x0 < right and left < x1 and y0 < bottom and top < y1 for x0, y0, x1, y1 in taken)


def _letters(field: Shown, side: Side) -> list[Label]:
    return [_letter(text, quad, field.color, side) for text, quad in zip(field.cells, field.quads, strict=False)]


def _letter(text: str, quad: npt.NDArray[np.float32], color: Color, side: Side) -> Label:
    left, top, right, bottom = bounds(quad[None])
    share = INSIDE_LETTER if side == "inside" else LETTER
    size = float(np.clip(share * (bottom - top), *LETTER_PX))
    baseline = {"below": bottom + GAP_PX + size, "above": top - GAP_PX, "inside": top + GAP_PX + size}[side]
    x = left + GAP_PX if side == "inside" else (left + right - _text_width(text, size)) / 2
    return Label(text, x, baseline, size, color)


def _note(field: Shown, box: Box, taken: Sequence[Box], width: int) -> tuple[Label, Box]:
    """The note beside the field, else above or below it; and the place it fills."""
    text = field.note
    left, top, right, bottom = box
    length, middle = _text_width(text, NOTE_PX), (top + bottom + NOTE_PX) / 2
    start = max(min(left, width - length), 0.0)
    away = (LETTER_PX[1], 0.0)  # past what was read, or not
    corners = [(right + 2 * GAP_PX, middle), (left - length - 2 * GAP_PX, middle)]
    corners += [(start, top - 2 * GAP_PX - more) for more in away[::-1]]
    corners += [(start, bottom + 2 * GAP_PX + NOTE_PX + more) for more in away]
    places = [(x, y - NOTE_PX, x + length, y) for x, y in corners]
    free = (place for place in places if place[0] >= 0 and place[2] <= width and not _hits(place, taken))
    place = next(free, places[2])
    return Label(text, place[0], place[3], NOTE_PX, field.color), place


def _text_width(text: str, height: float) -> float:
    return float(cv2.getTextSize(text, FONT, height / FONT_PX, 1)[0][0])


# --- drawing


def _draw(canvas: Gray, drawing: Drawing) -> Bgr:
    picture = cv2.cvtColor(canvas, cv2.COLOR_GRAY2BGR)
    for outline in drawing.outlines:
        corners = np.round(outline.quad).astype(np.int32)
        cv2.polylines(picture, [corners], True, outline.color, 2, cv2.LINE_AA)
    for label in drawing.labels:
        _write(picture, label)
    return np.asarray(picture, np.uint8)


def _write(picture: Any, label: Label) -> None:
    scale, weight = label.height / FONT_PX, 2 if label.height > BOLD_PX else 1
    x, y = round(label.x), round(label.y)
    for right, down in RIM:  # in white first: legible on ink as on paper
        cv2.putText(picture, label.text, (x + right, y + down), FONT, scale, WHITE, weight, cv2.LINE_AA)
    cv2.putText(picture, label.text, (x, y), FONT, scale, label.color, weight, cv2.LINE_AA)


def encode_picture(path: str, picture: npt.NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG or JPEG, by the suffix of `path`."""
    suffix = PurePosixPath(path).suffix
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    return cv2.imencode(suffix, picture, options)[1].tobytes()
