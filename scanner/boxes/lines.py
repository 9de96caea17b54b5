"""Straight printed lines of the canvas, and how much of a wished-for line is really there."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask

Boxes = npt.NDArray[np.float32]  # (n, 4) x0, y0, x1, y1 on the canvas

RUN = 15  # pixels: a straight run at least this long may be a frame; letters of 10 points are shorter
GAP = 7  # pixels: a line may be interrupted this long (fax, worn copies)
RIDGE = 3  # pixels above and below a faint line where paper must be
FAINT = 5.0  # gray levels: averaged over a run, the grain of paper stays below
TOLERANCE = 2  # pixels a frame may sit beside where it is expected


@dataclass(frozen=True)
class Lines:
    """Horizontal and vertical runs of ink, their small gaps closed, and sums for fast queries."""

    horizontal: Mask
    vertical: Mask
    horizontal_sum: npt.NDArray[np.int32]  # (h + 1, w + 1) integral of the runs, thickened by TOLERANCE
    vertical_sum: npt.NDArray[np.int32]


def find_lines(ink: Mask) -> Lines:
    """Straight runs of the ink, their small gaps bridged."""
    return _with_sums(_runs(ink, (1, RUN), (1, GAP)), _runs(ink, (RUN, 1), (GAP, 1)))


def add_faint_lines(lines: Lines, gray: Gray) -> Lines:
    """Also the faint or broken lines that show when the page is smoothed along their course."""
    return _with_sums(
        cv2.bitwise_or(lines.horizontal, _faint_lines(gray, (1, RUN))),
        cv2.bitwise_or(lines.vertical, _faint_lines(gray, (RUN, 1))),
    )


def _with_sums(horizontal: Mask, vertical: Mask) -> Lines:
    return Lines(
        horizontal,
        vertical,
        _thick_integral(horizontal, (2 * TOLERANCE + 1, 1)),
        _thick_integral(vertical, (1, 2 * TOLERANCE + 1)),
    )


def _runs(ink: Mask, run: tuple[int, int], gap: tuple[int, int]) -> Mask:
    opened = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(run, np.uint8))
    return cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones(gap, np.uint8))


def _faint_lines(gray: Gray, along: tuple[int, int]) -> Mask:
    """Lines lighter than ink: darker than both sides when averaged along their course, (height, width) = `along`."""
    smooth = cv2.blur(gray, along[::-1])
    beside = np.zeros_like(gray)
    if along[0] == 1:
        cv2.min(smooth[: -2 * RIDGE], smooth[2 * RIDGE :], beside[RIDGE:-RIDGE])
    else:
        beside[:, RIDGE:-RIDGE] = cv2.min(smooth[:, : -2 * RIDGE], smooth[:, 2 * RIDGE :])
    dark = cv2.compare(cv2.subtract(beside, smooth), FAINT, cv2.CMP_GT)
    return cv2.morphologyEx(dark, cv2.MORPH_OPEN, np.ones((2 * along[0] - 1, 2 * along[1] - 1), np.uint8))


def _thick_integral(runs: Mask, kernel: tuple[int, int]) -> npt.NDArray[np.int32]:
    thick = cv2.dilate(runs, np.ones(kernel, np.uint8))
    return cv2.integral(cv2.threshold(thick, 127, 1, cv2.THRESH_BINARY)[1])


def side_coverage(lines: Lines, boxes: Boxes) -> npt.NDArray[np.float32]:
    """(n, 4): the share of the left, top, right and bottom side of each box that is printed."""
    if len(boxes) == 0:
        return np.zeros((0, 4), np.float32)
    height, width = lines.horizontal.shape
    x0, y0, x1, y1 = np.rint(boxes).astype(np.intp).T
    x0, x1 = np.clip(x0, 0, width - 1), np.clip(x1, 1, width)
    y0, y1 = np.clip(y0, 0, height - 1), np.clip(y1, 1, height)
    return np.stack(
        [
            _along_y(lines.vertical_sum, x0, y0, y1),
            _along_x(lines.horizontal_sum, y0, x0, x1),
            _along_y(lines.vertical_sum, x1, y0, y1),
            _along_x(lines.horizontal_sum, y1, x0, x1),
        ],
        axis=1,
    ).astype(np.float32)


Index = npt.NDArray[np.intp]


def _along_x(total: npt.NDArray[np.int32], y: Index, x0: Index, x1: Index) -> npt.NDArray[np.float64]:
    y = np.minimum(y, total.shape[0] - 2)
    printed = total[y + 1, x1] - total[y + 1, x0] - total[y, x1] + total[y, x0]
    return printed / np.maximum(x1 - x0, 1)


def _along_y(total: npt.NDArray[np.int32], x: Index, y0: Index, y1: Index) -> npt.NDArray[np.float64]:
    x = np.minimum(x, total.shape[1] - 2)
    printed = total[y1, x + 1] - total[y1, x] - total[y0, x + 1] + total[y0, x]
    return printed / np.maximum(y1 - y0, 1)
