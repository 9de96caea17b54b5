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
SAMPLES = 32  # places along a side at which to look; enough for shares of a twentieth
SNAP = 6  # pixels from where a side was found to where its line may be
SNAP_SAMPLES = 16
SNAP_PULL = 0.03  # of the share of ink: a line a pixel nearer is better by this
SNAP_SHARE = 0.6  # of the side must be ink to call it a line
TOLERANCE = 2  # pixels a frame may sit beside where it is expected


@dataclass(frozen=True)
class Lines:
    """Horizontal and vertical runs of ink, their small gaps closed; and both thickened by TOLERANCE."""

    horizontal: Mask
    vertical: Mask
    near_horizontal: Mask
    near_vertical: Mask


def find_lines(ink: Mask) -> Lines:
    """Straight runs of the ink, their small gaps bridged."""
    return _with_neighborhood(_runs(ink, (1, RUN), (1, GAP)), _runs(ink, (RUN, 1), (GAP, 1)))


def add_faint_lines(lines: Lines, gray: Gray) -> Lines:
    """Also the faint or broken lines that show when the page is smoothed along their course."""
    horizontal, vertical = lines.horizontal.copy(), lines.vertical.copy()
    smooth = cv2.blur(gray, (RUN, 1))
    _add_faint(horizontal[RIDGE:-RIDGE], smooth[: -2 * RIDGE], smooth[RIDGE:-RIDGE], smooth[2 * RIDGE :], (1, RUN))
    smooth = cv2.blur(gray, (1, RUN))
    sides = smooth[:, : -2 * RIDGE], smooth[:, RIDGE:-RIDGE], smooth[:, 2 * RIDGE :]
    _add_faint(vertical[:, RIDGE:-RIDGE], *sides, (RUN, 1))
    return _with_neighborhood(horizontal, vertical)


def _with_neighborhood(horizontal: Mask, vertical: Mask) -> Lines:
    thick = 2 * TOLERANCE + 1
    return Lines(
        horizontal,
        vertical,
        cv2.dilate(horizontal, np.ones((thick, 1), np.uint8)),
        cv2.dilate(vertical, np.ones((1, thick), np.uint8)),
    )


def _runs(ink: Mask, run: tuple[int, int], gap: tuple[int, int]) -> Mask:
    opened = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones(run, np.uint8))
    return cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones(gap, np.uint8), opened)


def _add_faint(lines: Mask, before: Gray, at: Gray, after: Gray, along: tuple[int, int]) -> None:
    """Add lines lighter than ink, (height, width) = `along`: darker than what is before and after them."""
    dark = cv2.min(before, after)
    cv2.compare(cv2.subtract(dark, at, dark), FAINT, cv2.CMP_GT, dark)
    whole = np.ones((2 * along[0] - 1, 2 * along[1] - 1), np.uint8)
    cv2.bitwise_or(lines, cv2.morphologyEx(dark, cv2.MORPH_OPEN, whole, dark), lines)


def side_coverage(lines: Lines, boxes: Boxes) -> npt.NDArray[np.float32]:
    """(n, 4): the share of the left, top, right and bottom side of each box that is printed, at `SAMPLES` places."""
    height, width = lines.horizontal.shape
    along = (np.arange(SAMPLES, dtype=np.float32) + 0.5) / SAMPLES
    x0, y0, x1, y1 = boxes.T[:, :, None]  # (n, 1) each
    xs, ys = _inside(x0 + along * (x1 - x0), width), _inside(y0 + along * (y1 - y0), height)  # (n, SAMPLES)
    left, right, top, bottom = _inside(x0, width), _inside(x1, width), _inside(y0, height), _inside(y1, height)
    printed = np.stack(
        [
            lines.near_vertical[ys, left],
            lines.near_horizontal[top, xs],
            lines.near_vertical[ys, right],
            lines.near_horizontal[bottom, xs],
        ],
        axis=1,
    )  # (n, 4, SAMPLES)
    return np.count_nonzero(printed, axis=2).astype(np.float32) / SAMPLES


def _inside(places: npt.NDArray[np.float32], size: int) -> npt.NDArray[np.int32]:
    return np.clip(places + 0.5, 0, size - 1).astype(np.int32)


def snap_sides(lines: Lines, boxes: Boxes) -> Boxes:
    """Move each side of each box (n, 4) to the middle of the printed line near it, if there is one.

    Holes end at the inner edge of a frame, outer contours at its outer edge; thick frames part them by 1 mm.
    """
    height, width = lines.horizontal.shape
    along = (np.arange(SNAP_SAMPLES, dtype=np.float32) + 0.5) / SNAP_SAMPLES
    x0, y0, x1, y1 = boxes.T[:, :, None]  # (n, 1) each
    xs = _inside(x0 + along * (x1 - x0), width)[:, None]  # (n, 1, SNAP_SAMPLES)
    ys = _inside(y0 + along * (y1 - y0), height)[:, None]
    reach = np.arange(-SNAP, SNAP + 1, dtype=np.float32)
    moves = [
        _to_line(np.count_nonzero(lines.vertical[ys, _inside(x0 + reach, width)[:, :, None]], axis=2)),
        _to_line(np.count_nonzero(lines.horizontal[_inside(y0 + reach, height)[:, :, None], xs], axis=2)),
        _to_line(np.count_nonzero(lines.vertical[ys, _inside(x1 + reach, width)[:, :, None]], axis=2)),
        _to_line(np.count_nonzero(lines.horizontal[_inside(y1 + reach, height)[:, :, None], xs], axis=2)),
    ]
    return boxes + np.stack(moves, axis=1)


def _to_line(counts: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """(n,) way from the middle column to the middle of the line in (n, 2 * SNAP + 1) counts of ink; 0 without one."""
    columns = np.arange(-SNAP, SNAP + 1)
    share = counts / SNAP_SAMPLES
    peak = (share - SNAP_PULL * np.abs(columns)).argmax(axis=1)
    top = share[np.arange(len(share)), peak]
    is_line = share >= 0.7 * top[:, None]
    place = columns[peak][:, None]
    start = np.where(~is_line & (columns < place), columns, -SNAP - 1).max(axis=1) + 1
    end = np.where(~is_line & (columns > place), columns, SNAP + 1).min(axis=1) - 1
    return np.where(top >= SNAP_SHARE, (start + end) / 2, 0.0).astype(np.float32)
