"""A registration made exact: corners of the form's print are followed to where they are on the page.

Matched features are off by pixels, and far from them a page is anywhere; tracked corners are off by a tenth of a pixel.
"""

import cv2
import numpy as np

from scanner.arrays import Gray, Mask
from scanner.register.features import LONG_SIDE_PX, Matrix, Points, apply, fit_affine, fit_homography

CORNERS, QUALITY, APART_PX = 600, 0.01, 12  # corners that are tracked; how distinct, how far from each other
WINDOW, LEVELS = (21, 21), 3  # of the tracker: it finds what is up to 80 pixels off
BACK_PX = 0.5  # a corner that is not tracked back to its place was lost
OFF_PX = 2.0, 0.7  # a corner further off the fit was mistaken: at first, at last
FEWEST = 12  # corners
ROUNDS = 2
PAPER_PX, INK_PERCENTILE, INK = 25, 98, 200.0  # what paper is estimated over; how dark print is made
BENT = 0.97  # of the corners that a homography explains: an affine map that explains so many is enough


def track(page: Gray, reference: Gray, mask: Mask | None, matrix: Matrix) -> Matrix | None:
    """A better `matrix` from pixels of the reference to the page; None where print cannot be followed.

    Corners of Shi and Tomasi (1994), followed as by Lucas and Kanade (1981) on a pyramid, there and back.
    """
    scale = LONG_SIDE_PX / max(reference.shape)
    size = round(reference.shape[1] * scale), round(reference.shape[0] * scale)
    small = _evened(np.asarray(cv2.resize(reference, size, interpolation=cv2.INTER_AREA), np.uint8))
    inside = None if mask is None else cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    corners = cv2.goodFeaturesToTrack(small, CORNERS, QUALITY, APART_PX, mask=inside)
    if corners is None:
        return None
    to_reference = np.array([[1 / scale, 0, 0.5 / scale - 0.5], [0, 1 / scale, 0.5 / scale - 0.5], [0, 0, 1]])
    corners = corners.astype(np.float32)
    for _ in range(ROUNDS):
        seen = cv2.warpPerspective(
            page, matrix @ to_reference, size, flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip
        seen = _evened(np.asarray(seen, np.uint8))
        there, is_there, _ = cv2.calcOpticalFlowPyrLK(small, seen, corners, None, winSize=WINDOW, maxLevel=LEVELS)
        back, is_back, _ = cv2.calcOpticalFlowPyrLK(seen, small, there, None, winSize=WINDOW, maxLevel=LEVELS)
        is_kept = (is_there * is_back).ravel() > 0
        is_kept &= np.linalg.norm((back - corners).reshape(-1, 2), axis=1) < BACK_PX
        moved = _fit(corners.reshape(-1, 2)[is_kept], there.reshape(-1, 2)[is_kept])
        if moved is None:
            return None
        matrix = matrix @ to_reference @ moved @ np.linalg.inv(to_reference)
    return matrix / matrix[2, 2]


def _evened(gray: Gray) -> Gray:
    """Paper white and print as dark as on any other page: what is followed must look alike."""
    paper = cv2.blur(cv2.dilate(gray, np.ones((PAPER_PX, PAPER_PX), np.uint8)), (PAPER_PX, PAPER_PX))
    dark = cv2.subtract(paper, gray)
    darkest = max(float(np.percentile(dark, INK_PERCENTILE)), 1.0)
    return np.asarray(cv2.convertScaleAbs(dark, alpha=INK / darkest), np.uint8)


def _fit(source: Points, target: Points) -> Matrix | None:
    """The map that most corners follow, as simple as it may be."""
    if len(source) < FEWEST:
        return None
    bent, _ = cv2.findHomography(source, target, cv2.USAC_MAGSAC, OFF_PX[0], maxIters=3000, confidence=0.999)
    flat, _ = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=OFF_PX[0])
    if bent is None or flat is None:
        return None
    flat = np.vstack([flat, [0, 0, 1]])
    followers = [np.linalg.norm(apply(each, source) - target, axis=1) < OFF_PX[1] for each in (bent, flat)]
    is_flat = followers[1].sum() >= BENT * followers[0].sum()
    near = followers[1] if is_flat else followers[0]
    if near.sum() < FEWEST:
        return None
    return (fit_affine if is_flat else fit_homography)(source[near], target[near])
