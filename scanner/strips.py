"""The rows of a page cut out upright and at one scale, all on one sheet: what follows is done once for all of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads

CELL_SIZE = 64  # pixels of a cell on the sheet: a digit has 30 - 60, normalization makes 20 of them
WIDE_AS = 1.4  # of a cell's width is its height at most, for its scale: digits do not fill tall cells
MARGIN = 16  # pixels around the cells, for strokes that leave them
GAP = 16  # pixels between strips: farther than any search around a cell goes beyond its strip
MAX_STRIP = 8000  # pixels; no row is that long
SHEET_WIDTH = 1200  # pixels, about; a longer strip has a wider sheet
SMOOTH_FROM = 1.3  # magnification from which linear interpolation shows

Ints = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sheet:
    """Strips of rows side by side, and where their cells lie on it; all boxes are x0, y0, x1, y1."""

    gray: Gray  # paper and ink; 0 between the strips
    strips: Ints  # (rows, 4), margins included
    boxes: Ints  # (cells, 4), row by row
    row_of: npt.NDArray[np.intp]  # (cells,)

    @property
    def starts(self) -> npt.NDArray[np.intp]:
        """(rows,) index of the first cell of each row."""
        return np.searchsorted(self.row_of, np.arange(len(self.strips)))


def cut_sheet(page: Gray, rows: Sequence[Quads]) -> Sheet:
    """Put the rows, each the quads (n, 4, 2) of its cells from left to right, upright on one sheet."""
    quads = np.concatenate(rows).astype(np.float64)
    row_of = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    origin, axes, sizes, scale = _grids(quads, row_of)
    places, (width, height) = _side_by_side(sizes)
    gray = np.zeros((height, width), np.uint8)
    for start, axis, (x, y), size, zoom in zip(
        origin, axes, places.tolist(), sizes.tolist(), scale.tolist(), strict=True
    ):
        to_page = np.column_stack([axis, start - axis @ (MARGIN, MARGIN)])
        flags = cv2.WARP_INVERSE_MAP | (cv2.INTER_LINEAR if zoom < SMOOTH_FROM else cv2.INTER_CUBIC)
        strip = gray[y : y + size[1], x : x + size[0]]
        cv2.warpAffine(page, to_page, size, strip, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    from_page = np.linalg.inv(axes)[row_of]  # (cells, 2, 2)
    corners = (quads - origin[row_of, None]) @ from_page.transpose(0, 2, 1) + MARGIN  # (cells, 4, 2)
    boxes = np.clip(_upright(corners), 1, np.tile(sizes, 2)[row_of] - 2) + np.tile(places, 2)[row_of]
    strips = np.concatenate([places, places + sizes], axis=1)
    return Sheet(gray, strips.astype(np.int32), boxes.astype(np.int32), row_of)


def _grids(quads: Floats, row_of: npt.NDArray[np.intp]) -> tuple[Floats, Floats, Ints, Floats]:
    """Of each row: its first corner on the page (2,), the page's way for a pixel right and down on its strip (2, 2),
    the strip's width and height, and its scale."""
    counts = np.bincount(row_of)
    ends = np.cumsum(counts)
    first, last = quads[ends - counts], quads[ends - 1]
    height = np.bincount(row_of, _norm(quads[:, 3] - quads[:, 0])) / counts
    width = np.bincount(row_of, _norm(quads[:, 1] - quads[:, 0])) / counts
    length = _norm(last[:, 1] - first[:, 0])
    scale = CELL_SIZE / np.maximum(np.minimum(height, WIDE_AS * width), 1.0)
    scale = np.minimum(scale, MAX_STRIP / np.maximum(length, 1.0))
    span = np.stack([length, height], axis=1) * scale[:, None]  # (rows, 2)
    axes = np.stack([last[:, 1] - first[:, 0], first[:, 3] - first[:, 0]], axis=2) / span[:, None]
    return first[:, 0], axes, np.rint(span).astype(np.int32) + 2 * MARGIN, scale


def _norm(vectors: Floats) -> Floats:
    return np.asarray(np.hypot(vectors[:, 0], vectors[:, 1]))


def _upright(corners: Floats) -> Floats:
    """(n, 4) boxes x0, y0, x1, y1 whose sides go through the middles of the sides of quads."""
    sides = (corners + np.roll(corners, 1, axis=1)) / 2  # left, top, right, bottom
    return np.rint(np.stack([sides[:, 0, 0], sides[:, 1, 1], sides[:, 2, 0], sides[:, 3, 1]], axis=1))


def _side_by_side(sizes: Ints) -> tuple[Ints, tuple[int, int]]:
    """Where strips of these widths and heights go, line after line, and the size of the sheet."""
    widest = int(sizes[:, 0].max()) + GAP
    sheet_width = GAP + widest * max(SHEET_WIDTH // widest, 1)  # rows of a form are often of one length
    places, x, y, line = [], GAP, GAP, 0
    for width, height in sizes.tolist():
        if x + width + GAP > sheet_width:
            x, y, line = GAP, y + line + GAP, 0
        places.append((x, y))
        x, line = x + width + GAP, max(line, height)
    return np.array(places, np.int32), (sheet_width, y + line + GAP)


def medians_by(groups: npt.NDArray[np.intp], values: npt.NDArray[np.generic], count: int) -> Floats:
    """(count,) median of the values of each group; 0 for a group without any."""
    ordered = np.append(values[np.lexsort((values, groups))], 0).astype(np.float64)
    sizes = np.bincount(groups, minlength=count)
    starts = np.cumsum(sizes) - sizes
    middle = (
        ordered[starts + np.maximum(sizes - 1, 0) // 2] + ordered[np.minimum(starts + sizes // 2, len(values))]
    ) / 2
    return np.where(sizes > 0, middle, 0.0)
