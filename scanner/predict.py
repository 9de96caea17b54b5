"""One digit from a picture of it: drawn, photographed, of a data set; any size, dark on light or light on dark."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask, Scores
from scanner.digits import normalize
from scanner.network import Network, load_network

SMALLEST, LARGEST = 160, 480  # pixels of the long side to which pictures are brought: pens are 2 - 20 wide then
BORDER = 1 / 12  # of the short side: what is mostly paper
NEIGHBORHOOD = 0.5  # of the long side: the window that tells how light paper is here, wider than any stroke
EDGE = 0.36  # of the darkness of the darkest strokes: there ink begins, as in cells of forms
LEAST_CONTRAST = 24  # gray levels; less is an empty picture ...
NOISE = 8.0  # ... or as many sigma of its grain, averaged: a large picture has grains of five
MEDIAN_SIGMA = 0.6745  # the median of |x| for normal x of sigma 1
LESSER = 0.06  # of the largest stroke's area: smaller ones, apart, are dirt
TOUCHING = 0.3  # of the picture's height and width: what touches the border so much, and is that large, is no shadow
EDGE_SHARE = 0.25  # of its bounding box's outline: strokes that lie along the edge are shadows or the paper's end


@dataclass(frozen=True, slots=True)
class DigitReading:
    """What a picture shows.

    `digit`: "0" - "9", or "" where it is rejected: something else is drawn, or nothing; then all figures are 0.
    `confidence` and `runner_up` with `runner_up_confidence` are calibrated probabilities of the best and the second
    best class ("x" is something crossed out, "?" no digit); `scores` (classes,) of all, in the order of `classes`.
    `normalized` (28, 28), 255 = ink, is what the network sees.
    """

    digit: str
    confidence: float
    runner_up: str
    runner_up_confidence: float
    scores: npt.NDArray[np.float32]
    classes: str
    normalized: npt.NDArray[np.uint8]


def predict_digit(picture: Gray, *, network: Network | None = None, min_confidence: float = 0.0) -> DigitReading:
    """Read the digit in a picture (height, width) of gray levels.

    Args:
        picture: one digit, dark on light or light on dark; the border tells which.
        network: by default the one that comes with scanner.
        min_confidence: less sure answers are rejected.
    """
    network = network or load_network()
    classes = network.card.classes
    normalized = normalize_picture(picture)
    if not normalized.any():
        return DigitReading("", 0.0, "", 0.0, np.zeros(len(classes), np.float32), classes, normalized)
    scores: Scores = network.scores(normalized[None])[0]
    best, second = (int(index) for index in np.argsort(-scores, kind="stable")[:2])
    is_read = classes[best].isdigit() and scores[best] >= min_confidence
    return DigitReading(
        digit=classes[best] if is_read else "",
        confidence=float(scores[best]),
        runner_up=classes[second],
        runner_up_confidence=float(scores[second]),
        scores=scores,
        classes=classes,
        normalized=normalized,
    )


def normalize_picture(picture: Gray) -> npt.NDArray[np.uint8]:
    """The digit of a picture in MNIST form (28, 28), 255 = ink; all zero where nothing is drawn."""
    gray = _at_work_size(picture)
    if paper_level(gray) < gray.mean():  # light on dark
        gray = 255 - gray
    mask = _ink(gray)
    return normalize(gray, mask) if cv2.countNonZero(mask) else normalize(np.full_like(gray, 255))


def _at_work_size(picture: Gray) -> Gray:
    long_side = max(picture.shape)
    scale = min(max(long_side, SMALLEST), LARGEST) / long_side
    size = tuple(max(round(side * scale), 1) for side in picture.shape[::-1])
    smooth = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(picture, size, interpolation=smooth), np.uint8)


def paper_level(gray: Gray) -> float:
    """Median gray level along the border."""
    width = max(round(BORDER * min(gray.shape)), 1)
    inside = np.zeros(gray.shape, np.bool_)
    inside[width:-width, width:-width] = True
    return float(np.median(gray[~inside]))


def _ink(gray: Gray) -> Mask:
    """255 where a stroke is: darker than the paper around it, and no dirt or shadow."""
    window = int(NEIGHBORHOOD * max(gray.shape)) | 1
    paper = cv2.blur(cv2.max(gray, cv2.blur(gray, (window, window))), (window, window))
    darkness = cv2.blur(cv2.subtract(paper, gray), (3, 3))
    grain = float(np.median(cv2.absdiff(gray, cv2.blur(gray, (3, 3))))) / MEDIAN_SIGMA / 3  # a ninth of it averaged
    peak = cv2.minMaxLoc(darkness)[1]
    if peak < max(LEAST_CONTRAST, NOISE * grain):
        return np.zeros_like(gray)
    return _strokes(cv2.threshold(darkness, EDGE * peak, 255, cv2.THRESH_BINARY)[1])


def _strokes(mask: Mask) -> Mask:
    """Without dirt, and without what lies along the edge of the picture."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    if count == 1:
        return mask
    outline = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    at_edge = np.bincount(outline, minlength=count)
    around = 2 * (stats[:, cv2.CC_STAT_WIDTH] + stats[:, cv2.CC_STAT_HEIGHT])
    is_stroke = at_edge < EDGE_SHARE * around
    is_stroke[0] = False
    area = np.where(is_stroke, stats[:, cv2.CC_STAT_AREA], 0)
    if not is_stroke.any():  # a digit that touches the border, rather than shadows all around nothing
        spans = stats[:, [cv2.CC_STAT_HEIGHT, cv2.CC_STAT_WIDTH]] / mask.shape
        is_stroke = (np.arange(count) > 0) & (spans >= TOUCHING).all(axis=1)
        area = np.where(is_stroke, stats[:, cv2.CC_STAT_AREA], 0)
    keep = is_stroke & (area >= LESSER * area.max())
    return np.asarray(keep[labels], np.uint8) * np.uint8(255)
