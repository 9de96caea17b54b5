"""Pictures of a page that was read: what was read drawn on it, and the crops of single fields; and their files."""

import hashlib
import re

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.drawing import GRAY, GREEN, ORANGE, Bgr, Box, Color, Shown, bounds, draw_fields, resized
from scanner.fields import FieldReading
from scanner.pipeline import PageFailure, PageReading, PageResult

COLORS: dict[str, Color] = {"accepted": GREEN, "review": ORANGE, "blank": GRAY}
THUMBNAIL_PX = 320
CROP_MARGIN = 0.3  # around a crop, in heights of its cells: shows ink that left the box
DIGEST_LETTERS = 8  # of a file's SHA-256, in the names of its pictures
NAME_BYTES = 170  # of a picture's name; file systems allow 255, and page, field and suffix are added


def draw_overlay(gray: Gray, reading: PageReading) -> Bgr:
    """The page with every cell, reading and confidence on it, as `draw_fields` shows it.

    Args:
        gray: the page image that the coordinates of the reading are in.
        reading: what was read from it.
    """
    return draw_fields(gray, [_shown(field) for field in reading.fields])


def _shown(field: FieldReading) -> Shown:
    note = " ".join(part for part in (field.name, f"{field.confidence:.3f}", field.reason) if part)
    return Shown(_quads(field), note, COLORS.get(field.status, COLORS["review"]), field.cells)


def _quads(field: FieldReading) -> Quads:
    return np.asarray(field.cell_quads, np.float32).reshape(-1, 4, 2)


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
    return [bounds(quad[None]) for quad in inside]


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
    return resized(gray, min(THUMBNAIL_PX / max(gray.shape), 1.0))


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
    return numbered(f"{safe_path(page.file)}-{digest[:DIGEST_LETTERS]}", page.page)


def numbered(name: str, page: int) -> str:
    """The name of a picture of this page of a file."""
    return f"{name}-p{page:02d}" if page > 1 else name


def safe_path(file: str) -> str:
    """The name of a file, with its folders, as one that can be written anywhere below another folder."""
    return "/".join(_safe_name(part) for part in file.split("/") if part not in ("", ".", ".."))


def _safe_name(name: str) -> str:
    """What is too long or cannot be printed is replaced, and told apart by a digest."""
    safe = "".join(char if char.isprintable() else "_" for char in name)
    if safe == name and len(name.encode()) <= NAME_BYTES:
        return name
    digest = hashlib.sha256(name.encode(errors="surrogateescape")).hexdigest()[:8]
    return f"{safe.encode()[:NAME_BYTES].decode(errors='ignore')}-{digest}"
