"""Pictures of a page: its boxes and readings drawn on it, and the crops of single fields.

What is drawn where is computed first, as values; drawing them is the last step.
"""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Literal, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.fields import FieldReading
from scanner.pipeline import PageFailure, PageReading, PageResult

Bgr: TypeAlias = npt.NDArray[np.uint8]
"""(height, width, 3), blue, green, red."""
Color: TypeAlias = tuple[int, int, int]

COLORS: dict[str, Color] = {"accepted": (0, 140, 0), "review": (0, 110, 255), "blank": (130, 130, 130)}
WHITE: Color = (255, 255, 255)

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

THUMBNAIL_PX = 320
CROP_MARGIN = 0.3  # around a crop, in heights of its cells: shows ink that left the box
JPEG_QUALITY = 85
DIGEST_LETTERS = 8  # of a file's SHA-256, in the names of its pictures
NAME_BYTES = 170  # of a picture's name; file systems allow 255, and page, field and suffix are added

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


def draw_overlay(gray: Gray, reading: PageReading) -> Bgr:
    """The page, upright and at a width a person can look at, with every cell, reading and confidence on it.

    Args:
        gray: the page image that the coordinates of the reading are in.
        reading: what was read from it.

    Returns:
        (height, width, 3), the longer side at most `LONG_SIDE`.
    """
    quads = [_quads(field) for field in reading.fields]
    turns = quarter_turns(quads)
    scale = min(LONG_SIDE / max(gray.shape), MAX_ENLARGEMENT)
    placed = [_turn(quad, turns, gray.shape[1], gray.shape[0]) * np.float32(scale) for quad in quads]
    canvas = _resize(np.rot90(gray, -turns), scale)
    height, width = canvas.shape
    return _draw(canvas, lay_out(reading.fields, placed, width, height))


def quarter_turns(quads: list[Quads]) -> int:
    """How often the page must be turned by 90 degrees clockwise until its fields are upright, 0 to 3."""
    tops = [quad[:, 1] - quad[:, 0] for quad in quads if len(quad)]  # along the upper edge of each cell
    if not tops:
        return 0
    x, y = np.concatenate(tops).sum(axis=0)
    return round(-float(np.degrees(np.arctan2(y, x))) / 90) % 4


def _quads(field: FieldReading) -> Quads:
    return np.asarray(field.cell_quads, np.float32).reshape(-1, 4, 2)


def _turn(quads: Quads, turns: int, width: int, height: int) -> Quads:
    """Points of a page that is turned clockwise `turns` times by 90 degrees."""
    x, y = quads[..., 0], quads[..., 1]
    turned = [(x, y), (height - y, x), (width - x, height - y), (y, width - x)][turns]
    return np.stack(turned, axis=-1).astype(np.float32)


def _resize(gray: Gray, scale: float) -> Gray:
    size = (max(round(gray.shape[1] * scale), 1), max(round(gray.shape[0] * scale), 1))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(np.ascontiguousarray(gray), size, interpolation=way), np.uint8)


# --- what is drawn where


def lay_out(fields: tuple[FieldReading, ...], quads: list[Quads], width: int, height: int) -> Drawing:
    """Place outlines and labels on an overlay of `width` x `height` pixels; `quads` has the cells of each field."""
    shown = [(field, quad, _bounds(quad)) for field, quad in zip(fields, quads, strict=True) if len(quad)]
    taken = [box for _, _, box in shown]
    outlines: list[Outline] = []
    labels: list[Label] = []
    for field, quad, box in shown:
        color = COLORS.get(field.status, COLORS["review"])
        side, strip = _free_side(box, taken, height)
        taken.append(strip)
        note, place = _note(field, box, taken, color, width)
        taken.append(place)
        outlines += [Outline(cell, color) for cell in quad]
        labels += [*_letters(field.cells, quad, color, side), note]
    return Drawing(tuple(outlines), tuple(labels))


def _bounds(quad: Quads) -> Box:
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


def _letters(cells: str, quads: Quads, color: Color, side: Side) -> list[Label]:
    return [_letter(text, quad, color, side) for text, quad in zip(cells, quads, strict=False)]


def _letter(text: str, quad: npt.NDArray[np.float32], color: Color, side: Side) -> Label:
    left, top, right, bottom = _bounds(quad[None])
    share = INSIDE_LETTER if side == "inside" else LETTER
    size = float(np.clip(share * (bottom - top), *LETTER_PX))
    baseline = {"below": bottom + GAP_PX + size, "above": top - GAP_PX, "inside": top + GAP_PX + size}[side]
    x = left + GAP_PX if side == "inside" else (left + right - _text_width(text, size)) / 2
    return Label(text, x, baseline, size, color)


def _note(field: FieldReading, box: Box, taken: Sequence[Box], color: Color, width: int) -> tuple[Label, Box]:
    """Name, confidence and reason beside the field, else above or below it; and the place they fill."""
    text = " ".join(part for part in (field.name, f"{field.confidence:.3f}", field.reason) if part)
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
    return Label(text, place[0], place[3], NOTE_PX, color), place


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


# --- crops and files


def cut_field(gray: Gray, field: FieldReading) -> Gray:
    """The field with a margin, upright and straight however the page lies: (height, width) in pixels of the page."""
    turn, size = _crop_of(_quads(field))
    return np.asarray(cv2.warpPerspective(gray, turn, size, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def cells_in_crop(field: FieldReading) -> list[Box]:
    """Where each cell is in the picture of `cut_field`: left, top, right, bottom as parts of its width and height."""
    quads = _quads(field)
    turn, size = _crop_of(quads)
    inside = cv2.perspectiveTransform(quads.reshape(-1, 1, 2), turn).reshape(-1, 4, 2) / np.array(size)
    return [_bounds(quad[None]) for quad in inside]


def _crop_of(quads: Quads) -> tuple[npt.NDArray[np.float64], tuple[int, int]]:
    """What turns the page to a crop of these cells, and the crop's width and height."""
    right, down = quads[0, 1] - quads[0, 0], quads[0, 3] - quads[0, 0]
    on = quads[-1].mean(axis=0) - quads[0].mean(axis=0)
    is_column = abs(on @ down) * np.linalg.norm(right) > abs(on @ right) * np.linalg.norm(down)
    ends = (quads[0, 1], quads[-1, 2], quads[-1, 3]) if is_column else (quads[-1, 1], quads[-1, 2], quads[0, 3])
    corners = np.stack([quads[0, 0], *ends])  # clockwise from top left
    width = float(np.linalg.norm(corners[1] - corners[0]))
    height = float(np.linalg.norm(corners[3] - corners[0]))
    margin = CROP_MARGIN * float(np.linalg.norm(down))
    inner = np.array([[0, 0], [width, 0], [width, height], [0, height]]) + margin
    turn = cv2.getPerspectiveTransform(corners, inner.astype(np.float32))
    return turn, (max(round(width + 2 * margin), 1), max(round(height + 2 * margin), 1))


def draw_thumbnail(gray: Gray) -> Gray:
    """The page, so small that a report can hold many."""
    return _resize(gray, min(THUMBNAIL_PX / max(gray.shape), 1.0))


def overlay_path(page: PageReading, digest: str) -> str:
    """Relative to the output folder, which holds one for each page; `digest` is that of the file."""
    return f"overlays/{_picture_name(page, digest)}.jpg"


def thumbnail_path(page: PageFailure, digest: str) -> str:
    """Relative to the output folder, which holds one for each page that failed and could be decoded."""
    return f"thumbnails/{_picture_name(page, digest)}.jpg"


def crop_path(page: PageReading, field: FieldReading, digest: str) -> str:
    """Relative to the output folder, which holds one for each field to review; `digest` is that of the file."""
    name = re.sub(r"[^a-z0-9.-]", "_", field.name.lower())
    if name != field.name:  # others may come to look the same
        name += f"-{hashlib.sha256(field.name.encode()).hexdigest()[:DIGEST_LETTERS]}"
    return f"crops/{_picture_name(page, digest)}-{name}.png"


def _picture_name(page: PageResult, digest: str) -> str:
    """`exams/a.tif`, page 2, gives `exams/a.tif-1b4f0e98-p02`: another file of that name gives another."""
    parts = [part for part in page.file.split("/") if part not in ("", ".", "..")]
    name = "/".join(_safe_name(part) for part in parts)
    name = f"{name}-{digest[:DIGEST_LETTERS]}"
    return f"{name}-p{page.page:02d}" if page.page > 1 else name


def _safe_name(name: str) -> str:
    """What is too long or cannot be printed is replaced, and told apart by a digest."""
    safe = "".join(char if char.isprintable() else "_" for char in name)
    if safe == name and len(name.encode()) <= NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{safe.encode()[:NAME_BYTES].decode(errors='ignore')}-{digest}"


def encode_picture(path: str, picture: npt.NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG or JPEG, by the suffix of `path`."""
    suffix = PurePosixPath(path).suffix
    options = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY] if suffix == ".jpg" else []
    return cv2.imencode(suffix, picture, options)[1].tobytes()
