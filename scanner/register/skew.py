"""The skew of a page, from its ink alone."""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask

MAX_SKEW = 12.0  # degrees; further is a turned page, not a skewed one
COARSE_STEP = 0.5
FINE_STEP = 0.1
COARSE_SAMPLE, FINE_SAMPLE = 4_000, 12_000  # ink pixels are plenty to feel the lines of a page
COARSE_BIN, FINE_BIN = 2.0, 1.0  # pixels of the projection


def estimate_skew(ink: Mask) -> float:
    """Angle in degrees by which lines of the page fall to the right (y grows downward).

    The right angle makes the projection of the ink on the vertical axis most uneven
    (Postl 1986). A page without ink has no skew.
    """
    points = cv2.findNonZero(ink)
    if points is None:
        return 0.0
    points = points.reshape(-1, 2).astype(np.float32)  # (n, 2) x, y, row by row
    coarse = np.arange(-MAX_SKEW, MAX_SKEW + COARSE_STEP / 2, COARSE_STEP)
    best = _sharpest(_thin_out(points, COARSE_SAMPLE), coarse, COARSE_BIN)
    fine = np.arange(best - COARSE_STEP, best + COARSE_STEP + FINE_STEP / 2, FINE_STEP)
    return _sharpest(_thin_out(points, FINE_SAMPLE), fine, FINE_BIN)


def _thin_out(points: npt.NDArray[np.float32], count: int) -> npt.NDArray[np.float32]:
    return points[:: max(1, len(points) // count)]


def _sharpest(points: npt.NDArray[np.float32], degrees: npt.NDArray[np.float64], bin_px: float) -> float:
    """The angle whose projection changes most from bin to bin."""
    x, y = points.T / bin_px
    offset = float(x.max()) * np.tan(np.radians(MAX_SKEW + 1))  # keeps the bins positive
    energies = []
    for angle in degrees:
        rows = (y - np.float32(np.tan(np.radians(angle))) * x + np.float32(offset)).astype(np.int32)
        energies.append(float(np.square(np.diff(np.bincount(rows).astype(np.float32))).sum()))
    return float(degrees[int(np.argmax(energies))])
