"""Points of the print on a page, and the homography between two pages that show the same print."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask
from scanner.register.skew import estimate_skew

Matrix: TypeAlias = npt.NDArray[np.float64]
"""(3, 3), points as columns (x, y, 1)."""

Points: TypeAlias = npt.NDArray[np.float64]
"""(n, 2), x and y; the middle of the top left pixel is (0, 0)."""

LONG_SIDE_PX = 1200  # 4 pixels a millimeter of an A4 page: captions still have corners
REDUCED_PX = 850  # long side at least: 3 pixels a millimeter of an A4 page
LEAST_PX = 64  # a reduced page with less in one direction has no room for a corner's surroundings
RELIEF_PX, RELIEF_AROUND, RELIEF_INK = 640, 15, 12.0  # long side of a relief; what print stands out from, and how much
CORNERS = 5000
GRID, FEATURES = 8, 1200  # parts of the page each way; corners that are kept, of each part about as many
CORNER_LEVEL = 12  # gray levels by which a corner stands out: pale dropout print has some too
BLUR_PX = 1.0  # noise has corners, print blurred like this still has
BLOBS, BLOB_CONTRAST = 2500, 0.024  # with less than 0.0236 OpenCV looks closely at all flat paper: three times as slow
DISTINCT = 0.85  # a match must be so much nearer than the next best one (Lowe 2004)
COARSE_PX = 4.0  # how far a match may lie off, at the reduced size, at first ...
NEAR_PX = (8.0, 8.0, 6.0, 4.0, 2.5, 1.5)  # ... and then, step by step
FLAT = 0.85  # of a homography's matches: an affine map with so many says the page lies flat
FEWEST = 8  # matches that are worth a try
STEPS = 3000  # of the search for a homography


@dataclass(frozen=True, slots=True)
class Features:
    """`points` (n, 2) in pixels of the page and their descriptors (n, ...); `pixel`: size of one as it was searched."""

    points: Points
    descriptors: npt.NDArray[Any]
    pixel: float

    def __len__(self) -> int:
        return len(self.points)


@dataclass(frozen=True, slots=True)
class Match:
    """`matrix` takes pixels of the reference to the page; `points` (n, 2) of the reference bear it out."""

    matrix: Matrix
    points: Points


@dataclass(frozen=True, slots=True)
class Reduced:
    """A page halved until it is just large enough; `from_page` takes pixels of the page to its pixels."""

    gray: Gray
    from_page: Matrix


@dataclass(frozen=True)
class Print:
    """What is printed on a page, with features that are found once they are asked for.

    `mask` (height, width): 255 where they are looked for, by default everywhere.
    """

    gray: Gray
    mask: Mask | None = None

    @cached_property
    def half(self) -> Gray:
        """A large page at half its size."""
        return _halved(self.gray) if max(self.gray.shape) >= 2 * REDUCED_PX else self.gray

    @cached_property
    def reduced(self) -> Reduced:
        """For what needs no features."""
        page = self.half
        while max(page.shape) >= 2 * REDUCED_PX:
            page = _halved(page)
        factor = self.gray.shape[1] // page.shape[1]
        shift = 0.5 / factor - 0.5
        return Reduced(page, np.array([[1 / factor, 0, shift], [0, 1 / factor, shift], [0, 0, 1]]))

    @cached_property
    def relief(self) -> npt.NDArray[np.float32]:
        """(h, w) by how many gray levels each place of the page, made small, is darker than what is around it."""
        scale = RELIEF_PX / max(self.half.shape)
        size = max(round(self.half.shape[1] * scale), 1), max(round(self.half.shape[0] * scale), 1)
        small = np.asarray(cv2.resize(self.half, size, interpolation=cv2.INTER_AREA), np.float32)
        return np.asarray(cv2.blur(small, (RELIEF_AROUND,) * 2) - small, np.float32)

    @cached_property
    def skew(self) -> float:
        """Degrees, as of `estimate_skew`."""
        return estimate_skew(np.asarray(np.where(self.relief > RELIEF_INK, 255, 0), np.uint8))

    @cached_property
    def corners(self) -> Features:
        """Of the ink (ORB, Rublee et al. 2011): quick, and enough for any scan of print that is sharp."""
        factor = max(1, round(max(self.gray.shape) / LONG_SIDE_PX))
        size = self.gray.shape[1] // factor, self.gray.shape[0] // factor
        if min(size) < LEAST_PX:
            return _NONE
        reduced, inside = self._searched(size)
        blurred = cv2.GaussianBlur(reduced, (0, 0), BLUR_PX)
        detector = cv2.ORB_create(CORNERS, fastThreshold=CORNER_LEVEL)  # type: ignore[attr-defined]
        corners, descriptors = detector.compute(blurred, _spread(detector.detect(blurred, inside), size))
        return self._features(corners, descriptors, size)

    @cached_property
    def blobs(self) -> Features:
        """Light and dark ones of any size (SIFT, Lowe 2004; compared as by Arandjelovic and Zisserman 2012).

        Several times as slow as corners, but found again on small, soft, stained pages.
        """
        scale = LONG_SIDE_PX / max(self.gray.shape)
        size = round(self.gray.shape[1] * scale), round(self.gray.shape[0] * scale)
        if min(self.gray.shape) < LEAST_PX or min(size) < LEAST_PX:
            return _NONE
        reduced, inside = self._searched(size)
        detector = cv2.SIFT_create(BLOBS, contrastThreshold=BLOB_CONTRAST)  # type: ignore[attr-defined]
        blobs, descriptors = detector.detectAndCompute(reduced, inside)
        if descriptors is not None:
            descriptors = np.sqrt(descriptors / np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6))
        return self._features(blobs, descriptors, size)

    def _searched(self, size: tuple[int, int]) -> tuple[Gray, Mask | None]:
        is_smaller = size[0] < self.gray.shape[1]
        page = cv2.resize(self.gray, size, interpolation=cv2.INTER_AREA if is_smaller else cv2.INTER_CUBIC)
        inside = None if self.mask is None else cv2.resize(self.mask, size, interpolation=cv2.INTER_NEAREST)
        return np.asarray(page, np.uint8), None if inside is None else np.asarray(inside, np.uint8)

    def _features(self, found: Sequence[cv2.KeyPoint], descriptors: Any, size: tuple[int, int]) -> Features:
        if descriptors is None:
            return _NONE
        scale = np.array([self.gray.shape[1] / size[0], self.gray.shape[0] / size[1]])
        points = np.array([each.pt for each in found], np.float64)
        return Features((points + 0.5) * scale - 0.5, descriptors, float(scale.mean()))


def _halved(gray: Gray) -> Gray:
    """Each pixel the mean of four; an odd last row or column is left out."""
    width, height = gray.shape[1] // 2, gray.shape[0] // 2
    even = gray[: 2 * height, : 2 * width]
    return np.asarray(cv2.resize(even, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


_NONE = Features(np.zeros((0, 2)), np.zeros((0, 32), np.uint8), 1.0)


def _spread(corners: Sequence[cv2.KeyPoint], size: tuple[int, int]) -> list[cv2.KeyPoint]:
    """The strongest of each part of the page, FEATURES in all: else all would be of its densest print."""
    if len(corners) <= FEATURES:
        return list(corners)
    points = np.array([corner.pt for corner in corners])
    places = (points * GRID / size).astype(int) @ [1, GRID]
    order = np.lexsort((-np.array([corner.response for corner in corners]), places))  # part by part, strongest first
    rank = np.arange(len(order)) - np.searchsorted(places[order], places[order])  # within its part
    kept = order[np.argsort(rank, kind="stable")[:FEATURES]]
    return [corners[index] for index in np.sort(kept)]


def match_features(page: Features, reference: Features) -> Match | None:
    """The homography from the reference to the page; None where the two have too little in common for one.

    Robust fit: MAGSAC++ (Barath et al. 2020), then least squares on what is near; a page that lies flat needs no
    homography, and gets none.
    """
    if min(len(page), len(reference)) < 2:
        return None
    norm = cv2.NORM_HAMMING if page.descriptors.dtype == np.uint8 else cv2.NORM_L2
    pairs = cv2.BFMatcher(norm).knnMatch(page.descriptors, reference.descriptors, k=2)
    good = [best for best, second in pairs if best.distance < DISTINCT * second.distance]
    if len(good) < FEWEST:
        return None
    source = reference.points[[match.trainIdx for match in good]]
    target = page.points[[match.queryIdx for match in good]]
    reach = COARSE_PX * page.pixel
    seen, _ = cv2.findHomography(source, target, cv2.USAC_MAGSAC, reach, maxIters=STEPS, confidence=0.999)
    laid, _ = cv2.estimateAffine2D(source, target, method=cv2.RANSAC, ransacReprojThreshold=reach, maxIters=STEPS)
    from_lens = _grown(source, target, seen, page.pixel, fit_homography)
    from_glass = _grown(source, target, None if laid is None else np.vstack([laid, [0, 0, 1]]), page.pixel, fit_affine)
    if from_lens is None or (from_glass and len(from_glass.points) >= FLAT * len(from_lens.points)):
        return from_glass  # what a homography has more it may have from chance, far from print it would lead astray
    return from_lens


def _grown(
    source: Points, target: Points, matrix: Any, pixel: float, fit: Callable[[Points, Points], Matrix | None]
) -> Match | None:
    """What was found may fit a part of the page only: let it grow over what is near, then be exact."""
    is_near = np.ones(len(source), np.bool_)
    for near_px in NEAR_PX:
        if matrix is None:
            return None
        is_near = np.linalg.norm(apply(matrix, source) - target, axis=1) < near_px * pixel
        if is_near.sum() < FEWEST:
            return None
        matrix = fit(source[is_near], target[is_near])
    return None if matrix is None else Match(np.asarray(matrix, np.float64), source[is_near])


def fit_homography(source: Points, target: Points) -> Matrix | None:
    """The homography from (n, 2) to (n, 2) points, by least squares; None where they determine none."""
    return cv2.findHomography(source, target, 0)[0]


def fit_affine(source: Points, target: Points) -> Matrix:
    """The affine map from (n, 2) to (n, 2) points, by least squares."""
    columns = np.append(source, np.ones((len(source), 1)), axis=1)
    solved = np.linalg.lstsq(columns, target, rcond=None)[0]
    return np.vstack([solved.T, [0, 0, 1]])


def apply(matrix: npt.NDArray[Any], points: npt.NDArray[Any]) -> Points:
    """Move points (..., 2) by a homography."""
    flat = np.asarray(points, np.float64).reshape(-1, 2)
    moved = flat @ matrix[:, :2].T + matrix[:, 2]
    return (moved[:, :2] / moved[:, 2:]).reshape(points.shape)
