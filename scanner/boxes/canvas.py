"""The page at the size boxes are looked for: reduced, straightened, and its ink."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask, Quads
from scanner.register import estimate_skew

LONG_SIDE = 1750  # pixels; an A4 page at 150 dpi: 1,240 found 2 % fewer fields, more costs time
NEAR = 1.15  # pages this near in size are taken as they are
MAX_ENLARGE = 4.0
MIN_SKEW = 0.15  # degrees; less moves a line by under 5 pixels across the page and is left alone
WINDOW = 0.018  # of the long side: the neighborhood that tells how light paper is here
DESK = 0.5  # of the paper's brightness: no shadow is darker, the desk under a photographed page often is
INK_SHARE = 0.97  # ink is darker than this share of the paper around it ...
MIN_CONTRAST = 4.0  # ... and by at least this many gray levels, or two sigma of the paper's noise


@dataclass(frozen=True)
class Canvas:
    """A page reduced to about `LONG_SIDE` and straightened."""

    gray: Gray
    ink: Mask
    to_page: npt.NDArray[np.float64]  # (2, 3): canvas x, y, 1 -> page x, y

    def quads_on_page(self, boxes_xyxy: npt.NDArray[np.float32]) -> Quads:
        """(n, 4) boxes on the canvas -> (n, 4, 2) corners on the page."""
        x0, y0, x1, y1 = boxes_xyxy.T
        corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
        return (corners @ self.to_page[:, :2].T + self.to_page[:, 2]).astype(np.float32)


def make_canvas(page: Gray) -> Canvas:
    """Reduce (by a whole factor where possible: exact and fast), straighten, find the ink."""
    small, scale = _resize(page)
    to_page = np.array([[scale, 0, (scale - 1) / 2], [0, scale, (scale - 1) / 2]])
    skew = estimate_skew(find_ink(cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)))
    if abs(skew) >= MIN_SKEW:
        small, turn = _rotate(small, skew)
        inverse = np.vstack([cv2.invertAffineTransform(turn), [0, 0, 1]])
        to_page = to_page @ inverse
    return Canvas(small, find_ink(small), to_page)


def _resize(page: Gray) -> tuple[Gray, float]:
    height, width = page.shape
    factor = round(max(height, width) / LONG_SIDE)
    if factor >= 2:
        whole = page[: height // factor * factor, : width // factor * factor]
        size = (width // factor, height // factor)
        return cv2.resize(whole, size, interpolation=cv2.INTER_AREA), float(factor)
    scale = min(LONG_SIDE / max(height, width), MAX_ENLARGE)
    if 1 / NEAR < scale < NEAR:
        return page, 1.0
    size = (round(width * scale), round(height * scale))
    smooth = cv2.INTER_LINEAR if scale < 1 else cv2.INTER_CUBIC
    return cv2.resize(page, size, interpolation=smooth), 1.0 / scale


def find_ink(gray: Gray) -> Mask:
    """255 where a pixel is clearly darker than the paper around it.

    A heavy stroke would darken the mean and hide a light frame beside it; so the mean is taken
    twice, the second time with the ink of the first replaced by the mean.
    """
    window = int(max(gray.shape) * WINDOW) | 1
    contrast = max(MIN_CONTRAST, 2 * _noise(gray))
    work = cv2.blur(gray, (window, window))  # one array for all that follows: new memory costs as much as the sums
    paper = cv2.blur(cv2.max(gray, work, work), (window, window))
    cv2.addWeighted(paper, INK_SHARE, paper, 0.0, -contrast, work, cv2.CV_8U)
    ink = cv2.compare(gray, work, cv2.CMP_LT, work)
    desk = _desk_level(paper)
    return ink if desk is None else cv2.bitwise_and(ink, cv2.compare(paper, desk, cv2.CMP_GT))


def _desk_level(paper: Gray) -> float | None:
    """Gray level that parts the paper from a dark desk around it; None where there is no such desk."""
    small = cv2.resize(paper, None, fx=1 / 16, fy=1 / 16, interpolation=cv2.INTER_NEAREST)
    level, is_paper = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    bright, dark = cv2.mean(small, is_paper)[0], cv2.mean(small, cv2.bitwise_not(is_paper))[0]
    return level if dark < DESK * bright else None


def _noise(gray: Gray) -> float:
    """Sigma of the paper's grain, from the median difference of neighbors (mostly paper)."""
    sample = np.ascontiguousarray(gray[::16])
    difference = cv2.absdiff(sample[:, 2:], sample[:, :-2])
    histogram = cv2.calcHist([difference], [0], None, [256], [0, 256]).cumsum()
    median = int(np.searchsorted(histogram, histogram[-1] / 2))
    return median / 0.954  # the median of |a - b| for normal noise of sigma 1


def _rotate(gray: Gray, degrees: float) -> tuple[Gray, npt.NDArray[np.float64]]:
    """Turn about the center; the canvas grows so that no corner is lost."""
    height, width = gray.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
    cosine, sine = abs(turn[0, 0]), abs(turn[0, 1])
    new_width, new_height = int(width * cosine + height * sine), int(width * sine + height * cosine)
    turn[:, 2] += (new_width - width) / 2, (new_height - height) / 2
    rotated = cv2.warpAffine(
        gray, turn, (new_width, new_height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return rotated, np.asarray(turn, np.float64)
