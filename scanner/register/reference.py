"""What a form looks like: its print, and the frames of its fields."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask, Quads
from scanner.register.alike import PrintParts
from scanner.register.features import Matrix, Print, apply
from scanner.register.fiducials import Fiducials
from scanner.register.frames import darkness, goes_on_beside, line_level, on_frame, printed_part

FRAME_MM = 1.2  # around cells: their frame, and how far its relief reaches


@dataclass(frozen=True, slots=True)
class Reference:
    """What a form looks like: a picture of its print, and a patch of each field's frame.

    `to_page`: from millimeters to pixels of the picture. `cells_mm`: (cells, 4, 2) corners of each field's cells.
    `patches`: how dark the frame is, (h, w) 0 - 1, as of `frames.darkness`.
    `levels`: that of its lines. `printed`: part of each field's lines that the picture shows. `parts`: of its print;
    `words`: of that without the frames.
    `goes_on`: fields beside whose cells another one is printed.
    """

    print_: Print
    to_page: Matrix
    cells_mm: Mapping[str, Quads]
    patches: Mapping[str, npt.NDArray[np.float32]]
    levels: Mapping[str, float]
    printed: Mapping[str, float]
    parts: PrintParts
    words: PrintParts
    goes_on: frozenset[str] = frozenset()
    fiducials: Fiducials | None = None


def make_reference(
    gray: Gray, to_page: Matrix, cells_mm: Mapping[str, Quads], fiducials: Fiducials | None = None
) -> Reference:
    """Of a picture of the form, blank or filled: what is written in the cells is left out.

    Args:
        gray: the picture.
        to_page: from millimeters to its pixels.
        cells_mm: (cells, 4, 2) corners of each field's cells in millimeters.
        fiducials: marks that it has to be found by.
    """
    print_ = Print(gray, _outside_cells(gray, to_page, list(cells_mm.values())))
    dark = {name: darkness(gray, to_page, quads) for name, quads in cells_mm.items()}
    patches = {name: dark[name] * on_frame(quads) for name, quads in cells_mm.items()}
    levels = {name: line_level(patch) for name, patch in patches.items()}
    printed = {name: printed_part(dark[name], quads, levels[name], is_pale=True) for name, quads in cells_mm.items()}
    goes_on = {name for name in cells_mm if goes_on_beside(gray, to_page, name, cells_mm, levels[name])}
    parts = PrintParts.of(print_, to_page, fiducials)
    beyond = Print(gray, _outside_cells(gray, to_page, list(cells_mm.values()), FRAME_MM))
    words = PrintParts.of(beyond, to_page, fiducials)
    return Reference(
        print_, to_page, dict(cells_mm), patches, levels, printed, parts, words, frozenset(goes_on), fiducials
    )


def _outside_cells(gray: Gray, to_page: Matrix, cells_mm: Sequence[Quads], margin_mm: float = 0.0) -> Mask:
    """255 where nobody writes, and so far around."""
    mask = np.full_like(gray, 255)
    thickness = round(2 * margin_mm * to_page[0, 0])
    for quads in cells_mm:
        for quad in np.rint(apply(to_page, quads)).astype(np.int32):
            cv2.fillConvexPoly(mask, quad, (0,))
            if thickness:
                cv2.polylines(mask, [quad], True, (0,), thickness)
    return mask
