"""Whether a page shows the print of a form, part by part, given where it should be.

A sibling of the form, of the same house and designer, has fiducials and boxes in the same places and other words.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.register.features import Matrix, Print, Reduced, apply
from scanner.register.fiducials import Fiducials

LONG_SIDE_PX, PAPER_BLUR = 800, 5  # at which print is compared; what it stands out from
PART = 40, 20  # pixels of its parts, across and down: a few words
PRINTED_LEVEL = 6.0  # gray levels by which a part with print stands out, root mean square
SEEN = 0.4  # of the print, that a picture must show
ALIKE = 0.7  # correlation from which print is the same


@dataclass(frozen=True, slots=True)
class PrintParts:
    """What stands out on a form, (h, w) gray levels, 0 where people write and where its fiducials are.

    `strength` (rows, columns): mean square of each part. `from_mm`: from millimeters to its pixels.
    """

    there: npt.NDArray[np.float32]
    inside: npt.NDArray[np.float32]
    strength: npt.NDArray[np.float32]
    from_mm: Matrix

    @classmethod
    def of(cls, form: Print, to_page: Matrix, fiducials: Fiducials | None) -> "PrintParts":
        """Of the picture of a form; `to_page` takes millimeters to its pixels."""
        scale = LONG_SIDE_PX / max(form.gray.shape)
        size = round(form.gray.shape[1] * scale), round(form.gray.shape[0] * scale)
        from_mm = np.array([[scale, 0, scale / 2 - 0.5], [0, scale, scale / 2 - 0.5], [0, 0, 1]]) @ to_page
        mask = np.full_like(form.gray, 255) if form.mask is None else form.mask
        inside = np.where(cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST) > 0, np.float32(1), np.float32(0))
        marks = [] if fiducials is None else [(*place, fiducials.size_mm / 2) for place in fiducials.at.tolist()]
        if fiducials is not None and fiducials.code_mm is not None:
            x, y, side = fiducials.code_mm
            marks.append((x + side / 2, y + side / 2, side / 2))
        for x, y, half in marks:  # they are there already
            x, y = apply(from_mm, np.array([x, y])).tolist()
            reach = math.ceil(half * from_mm[0, 0]) + 2 * PAPER_BLUR
            cv2.rectangle(
                inside, (round(x) - reach, round(y) - reach), (round(x) + reach, round(y) + reach), (0.0,), -1
            )
        there = _standing_out(cv2.resize(form.gray, size, interpolation=cv2.INTER_AREA)) * inside
        return cls(there, inside, _by_part(there * there), from_mm)

    @property
    def is_printed(self) -> npt.NDArray[np.bool_]:
        """(rows, columns) which parts have print."""
        return self.strength > PRINTED_LEVEL**2

    def alike(self, page: Reduced, to_px: Matrix) -> float:
        """The part of the places with print, of those in the picture, where the page has the same; 1 where none is.

        `to_px`: from millimeters to pixels of the page before it was reduced.
        """
        height, width = self.there.shape
        to_page, flags = page.from_page @ to_px @ np.linalg.inv(self.from_mm), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        seen = cv2.warpPerspective(page.gray, to_page, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
        rows, columns = self.strength.shape
        across, down = np.meshgrid((np.arange(columns) + 0.5) * PART[0], (np.arange(rows) + 0.5) * PART[1])
        at = apply(to_page, np.stack([across, down], axis=-1))
        is_seen = ((at >= 0) & (at < page.gray.shape[::-1])).all(axis=-1)
        is_printed = self.is_printed
        if not is_printed.any():
            return 1.0  # the frames alone will tell
        has_print = is_seen & is_printed
        if has_print.sum() < SEEN * is_printed.sum():
            return 0.0
        here = _standing_out(seen) * self.inside
        likeness = _by_part(self.there * here) / np.sqrt(self.strength * _by_part(here * here) + 1e-6)
        return float((likeness >= ALIKE)[has_print].mean())


def _standing_out(gray: cv2.typing.MatLike) -> npt.NDArray[np.float32]:
    """How much darker than what is around it each place is; lighter ones are negative."""
    level = gray.astype(np.float32)
    around: npt.NDArray[np.float32] = cv2.blur(level, (4 * PAPER_BLUR + 1,) * 2) - cv2.GaussianBlur(level, (0, 0), 1)
    return around


def _by_part(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(rows, columns) mean of each part."""
    across, down = PART
    height, width = values.shape
    whole = values[: height // down * down, : width // across * across]
    means: npt.NDArray[np.float32] = whole.reshape(height // down, down, width // across, across).mean(axis=(1, 3))
    return means
