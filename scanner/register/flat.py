"""A page that lay on the glass as its form did, but for a small turn and shift: found without any features.

Most pages come so, from a feeder. Their shift is that by which all of their print, taken as a wave, lags behind the
form's (Kuglin and Hines 1975); then each part of the page tells its own, and what they have in common is the map.
"""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.register.features import Matrix, Points, Print, apply

SAME_SHAPE = 0.03  # by which width over height of the two may differ
BLOCKS = 6, 4  # parts of the page, down and across
STRENGTH = 2.0  # gray levels by which a part with print stands out, root mean square
SHARP = 0.08  # of the shift of a part that is one: the part of its print that has moved by it
FARTHEST = 0.25  # of a part's size, by which it may be off after the first shift
OFF_PX = 0.75  # a part further off the map is mistaken
FEWEST, MOST = 6, 0.6  # parts that bear the map out, and their part of those with print

Relief = npt.NDArray[np.float32]


def lay_flat(page: Print, form: Print) -> Matrix | None:
    """From pixels of the form to those of the page; None where the page does not lie so."""
    here, there = page.relief, form.relief
    if min(*here.shape, *there.shape) < 2 * max(BLOCKS) or abs(_shape(here) / _shape(there) - 1) > SAME_SHAPE:
        return None
    here = np.asarray(cv2.resize(here, there.shape[::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    matrix = _first(here, there, page.skew - form.skew)
    better = _bettered(_moved(here, matrix), there)
    if better is None:
        return None
    return _from_relief(page, there) @ matrix @ better @ np.linalg.inv(_from_relief(form, there))


def _shape(relief: Relief) -> float:
    return relief.shape[1] / relief.shape[0]


def _first(here: Relief, there: Relief, degrees: float) -> Matrix:
    """Turned by so much about the middle, then shifted: from the form to the page."""
    middle = there.shape[1] / 2, there.shape[0] / 2
    turn = np.vstack([cv2.getRotationMatrix2D(middle, -degrees, 1.0), [0, 0, 1]])
    window = cv2.createHanningWindow(there.shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(there, _moved(here, turn), window)
    return np.asarray(turn @ np.array([[1, 0, x], [0, 1, y], [0, 0, 1]]), np.float64)


def _moved(here: Relief, matrix: Matrix) -> Relief:
    """The page as it would lie on the form."""
    size = here.shape[::-1]
    return np.asarray(cv2.warpAffine(here, matrix[:2], size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP), np.float32)


def _bettered(seen: Relief, there: Relief) -> Matrix | None:
    """The map that most parts of the page with print agree on, each by its own shift."""
    rows, columns = BLOCKS
    height, width = there.shape[0] // rows, there.shape[1] // columns
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    source, target, printed = [], [], 0
    for top in range(0, rows * height, height):
        for left in range(0, columns * width, width):
            part = np.s_[top : top + height, left : left + width]
            if float(np.square(there[part]).mean()) < STRENGTH**2:
                continue
            printed += 1
            (x, y), sharp = cv2.phaseCorrelate(
                np.ascontiguousarray(there[part]), np.ascontiguousarray(seen[part]), window
            )
            if sharp >= SHARP and max(abs(x) / width, abs(y) / height) <= FARTHEST:
                middle = left + width / 2, top + height / 2
                source.append(middle)
                target.append((middle[0] + x, middle[1] + y))
    if len(source) < max(FEWEST, MOST * printed):
        return None
    return _agreed(np.array(source), np.array(target), printed)


def _agreed(source: Points, target: Points, printed: int) -> Matrix | None:
    found, _ = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=OFF_PX)
    if found is None:
        return None
    matrix = np.vstack([found, [0, 0, 1]])
    near = np.linalg.norm(apply(matrix, source) - target, axis=1) <= OFF_PX
    return matrix if near.sum() >= max(FEWEST, MOST * printed) else None


def _from_relief(picture: Print, relief: Relief) -> Matrix:
    """From pixels of a relief of this size to those of the picture."""
    height, width = picture.gray.shape
    x, y = width / relief.shape[1], height / relief.shape[0]
    return np.array([[x, 0, x / 2 - 0.5], [0, y, y / 2 - 0.5], [0, 0, 1]])
