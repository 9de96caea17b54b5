"""From scan to canonical page. So far: the skew; fiducials and forms come with their issue."""

import numpy as np

from scanner.arrays import Mask

MAX_SKEW = 12.0  # degrees; further is a turned page, not a skewed one
COARSE_STEP = 0.5
FINE_STEP = 0.05
SAMPLE = 20_000  # ink pixels are plenty to feel the lines of a page


def estimate_skew(ink: Mask) -> float:
    """Angle in degrees by which lines of the page fall to the right (y grows downward).

    The right angle makes the projection of the ink on the vertical axis most uneven
    (Postl 1986). A page without ink has no skew.
    """
    ys, xs = np.nonzero(ink)
    if len(xs) == 0:
        return 0.0
    step = max(1, len(xs) // SAMPLE)
    xs, ys = xs[::step].astype(np.float32), ys[::step].astype(np.float32)
    coarse = _sharpest(xs[::3], ys[::3], np.arange(-MAX_SKEW, MAX_SKEW + 0.01, COARSE_STEP), 4.0)
    fine = _sharpest(xs, ys, np.arange(coarse - COARSE_STEP, coarse + COARSE_STEP + 0.01, FINE_STEP * 2), 2.0)
    return float(fine)


def _sharpest(xs: np.ndarray, ys: np.ndarray, degrees: np.ndarray, bin_px: float) -> float:
    best, best_energy = 0.0, -1.0
    reach = float(xs.max()) + 1
    for angle in degrees:
        slope = float(np.tan(np.radians(angle)))
        rows = ((ys - slope * xs + reach * 0.25) / bin_px).astype(np.intp)
        counts = np.bincount(np.maximum(rows, 0)).astype(np.float64)
        energy = float(np.square(np.diff(counts)).sum())
        if energy > best_energy:
            best, best_energy = float(angle), energy
    return best
