"""Numbers that stand on ruled lines, where nothing else tells where they are."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask, Quads
from scanner.strings.words import at_work_size, frame_of, ink_of

SHORT, LONG = 0.11, 0.2  # of the picture's width: level strokes that tell how it leans; that are ruled
PALE = 0.3  # of what parts ink from paper: ruled lines are paler than writing
WRITTEN = 0.5  # of that: writing may be paler than dashes
GAP = 3  # pixels that a line may miss; print has wider ones between its letters
THICK = 9  # pixels: lines are thinner
SLOPE = 3  # pixels that a line may climb while it is that long
BESIDE, HIGH_BESIDE = 0.5, 0.16  # distances of lines: ink so near a number, and so high, is of it
INKED = 0.25  # of ruled lines, at least, is ink, or none is taken for such
CROSSED = 0.3  # of a line's ink, at most, is higher than the line is thick, where strokes cross it ...
MARGIN = 1  # ... by more than so many pixels: it may be thicker here and there
LEVELINGS = 2  # times that strokes are looked for to level them
MOST_STROKES = 200  # the longest, that level a page
MOST_GROWTH = 0.5  # more slope at the foot of a page as wide as high than at its head
ACROSS = 0.75  # of the width of the widest: so far a line goes across the page; shorter ones fill up a row
ONE_RULE = 0.25  # of the distance of ruled lines: what is closer is one
PITCH = (14, 200)  # pixels that ruled lines are apart
UPRIGHT = 1.3  # distances of lines: longer upright strokes are ruled
TALL = 0.35  # distances of lines: what is lower is a dash or a dot
STROKE = 0.22  # distances of lines: so far up and down some column of a digit has ink, and no dash
LEANING = 1.5  # times as wide as high is a leaning stroke at most; what is wider is a dash
SMALL, NEAR = 0.2, 1.0  # distances of lines: a small digit is so high, and so near to the others of its number
APART = 2.2  # distances of lines: digits of a number are no farther apart
ROOM = 0.06  # distances of lines: paper around a number
WALL = 0.15, 0.4, 0.85  # distances of lines: an upright stroke so thin, so close to where they end, so high, is ruled
SHARED, BEYOND = 0.5, 0.25  # distances of lines: a part of a row has so much in it; writing goes so far beyond
SLACK = 0.1  # distances of lines: so much farther up or down than most may a digit reach
MOST = 20  # parts of a number

Ints = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Leveled:
    """A page at work size on which ruled lines are level: ink without them, what was taken away, their rows."""

    rest: Mask
    taken: Mask
    rules: Ints  # (n, 3) row, start and end of each
    to_page: Floats  # (3, 3)


def ruled_frames(page: Gray) -> tuple[Gray, Quads]:
    """A page (height, width), 0 = ink, without its ruled lines, and (n, 4, 2) frames around what is written on them."""
    nothing = page, np.zeros((0, 4, 2), np.float32)
    leveled = _leveled(page)
    if leveled is None:
        return nothing
    parts = _Parts.of(leveled.rest)
    frames = [
        _widened(frame_of(boxes, ROOM * (low - top)), leveled.rest, low - top, ends)
        for (top, *_), (low, *ends) in pairwise(_with_one_above(leveled.rules).tolist())
        for boxes in _numbers_between(parts, (top, low), ends)
    ]
    if not frames:
        return nothing
    corners = cv2.perspectiveTransform(np.concatenate(frames)[None], leveled.to_page).reshape(-1, 4, 2)
    return _painted_over(page, leveled), np.asarray(corners, np.float32)


def _widened(frame: Quads, ink: Mask, pitch: int, ends: Sequence[int]) -> Quads:
    """A frame that leaves no ink out beside it: a digit may be broken into parts too low for one.

    Short of where its ruled lines end: there are upright ones.
    """
    (x0, y0), (x1, y1) = frame[0], frame[2]
    part = ink[max(round(float(y0)), 0) : round(float(y1))] > 0
    columns = np.flatnonzero(_extents(part) >= HIGH_BESIDE * pitch)
    reach = WALL[1] * pitch
    columns = columns[(columns >= max(min(ends) + reach, 0)) & (columns < max(ends) - reach)]
    while len(found := columns[(columns < x0) & (columns > x0 - BESIDE * pitch)]):
        x0 = found.min() - ROOM * pitch
    while len(found := columns[(columns > x1) & (columns < x1 + BESIDE * pitch)]):
        x1 = found.max() + ROOM * pitch
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def _extents(part: npt.NDArray[np.bool_]) -> Ints:
    """(w,) pixels from the highest to the lowest ink of each column; 0 where there is none."""
    extents = len(part) - part[::-1].argmax(axis=0) - part.argmax(axis=0)
    return np.asarray(np.where(part.any(axis=0), extents, 0), np.intp)


def _with_one_above(rules: Ints) -> Ints:
    """Ruled lines with one where another would be above the first: something may stand on that."""
    pitch = int(np.median(np.diff(rules[:, 0])))
    return np.vstack([rules[:1] - np.array([pitch, 0, 0]), rules])


def _leveled(page: Gray) -> _Leveled | None:
    """None where there are no ruled lines."""
    small, scale = at_work_size(page)
    height, width = small.shape
    to_level = np.eye(3)
    for _ in range(LEVELINGS):
        level = cv2.warpPerspective(small, to_level, (width, height), borderMode=cv2.BORDER_REPLICATE)
        strokes = _lines(ink_of(np.asarray(level, np.uint8), PALE), round(SHORT * width))
        to_level = _to_level(strokes) @ to_level
    level = cv2.warpPerspective(small, to_level, (width, height), borderMode=cv2.BORDER_REPLICATE)
    ink = ink_of(np.asarray(level, np.uint8), WRITTEN)
    pale = ink_of(np.asarray(level, np.uint8), PALE)
    lines, rules = _rules(_lines(pale, round(LONG * width)))
    if len(rules) < 2:
        return None
    pitch = float(np.median(np.diff(rules[:, 0])))
    upright = np.ascontiguousarray(_lines(np.ascontiguousarray(ink.T), round(UPRIGHT * pitch)).T)
    rest = _without(ink, lines)
    rest = np.ascontiguousarray(_without(np.ascontiguousarray(rest.T), np.ascontiguousarray(upright.T)).T)
    to_page = np.diag([1 / scale, 1 / scale, 1]) @ np.linalg.inv(to_level)
    return _Leveled(rest, np.asarray(cv2.subtract(ink, rest), np.uint8), rules, to_page)


def _to_level(strokes: Mask) -> Floats:
    """(3, 3) map that makes most of these strokes level, also where they run together, as a phone sees them."""
    height, width = strokes.shape
    _, labels, stats, _ = cv2.connectedComponentsWithStats(strokes, connectivity=8)
    rows, slopes, lengths = [], [], []
    for label in 1 + np.argsort(-stats[1:, cv2.CC_STAT_WIDTH])[:MOST_STROKES]:
        x, y, wide, high, _ = stats[label].tolist()
        down, along = np.nonzero(labels[y : y + high, x : x + wide] == label)
        slope, row = np.polyfit(along + x - width / 2, down + y, 1) if wide > 1 else (0.0, y)
        rows.append(float(row))
        slopes.append(float(slope))
        lengths.append(float(wide))
    if not rows:
        return np.eye(3)
    slope, growth = _line_through(np.array(rows) - height / 2, np.array(slopes), np.array(lengths))
    growth = float(np.clip(growth, -MOST_GROWTH / width, MOST_GROWTH / width))
    edges = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    falls = (slope + growth * (edges[:, 1] - height / 2)) * (edges[:, 0] - width / 2)
    there = edges + np.stack([np.zeros(4), falls], axis=1).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(there, edges), np.float64)


def _line_through(x: Floats, y: Floats, weights: Floats) -> tuple[float, float]:
    """Height at 0 and slope of the line that half of the points, by weight, lie above (Theil and Sen)."""
    one, other = np.triu_indices(len(x), 1)
    apart = np.abs(x[one] - x[other])
    is_far = apart > 0.5 * np.median(apart) if len(apart) else np.zeros(0, np.bool_)
    one, other = one[is_far], other[is_far]
    slopes = (y[one] - y[other]) / (x[one] - x[other])
    slope = _median(slopes, weights[one] * weights[other] * np.abs(x[one] - x[other])) if len(slopes) else 0.0
    return _median(y - slope * x, weights), slope


def _median(values: Floats, weights: Floats) -> float:
    order = np.argsort(values)
    share = np.cumsum(weights[order])
    return float(values[order[np.searchsorted(share, share[-1] / 2)]])


def _rules(lines: Mask) -> tuple[Mask, Ints]:
    """The lines that go across; (n, 3) row, start and end of each, from the top down.

    What is shorter leads to a number, or strikes it out.
    """
    joined = cv2.morphologyEx(lines, cv2.MORPH_CLOSE, np.ones((THICK, 4 * THICK), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    x, y, wide, high = stats[1:, :4].T
    is_across = wide >= ACROSS * wide.max(initial=1)
    across = np.where(np.concatenate([[False], is_across])[labels], lines, 0).astype(np.uint8)
    found = np.stack([y + high // 2, x, x + wide], axis=1)[is_across]
    found = found[np.argsort(found[:, 0])]
    pitch = float(np.median(np.diff(found[:, 0]))) if len(found) > 1 else 0.0
    kept: list[int] = []
    for place, row in enumerate(found[:, 0].tolist()):
        if not kept or row - int(found[kept[-1], 0]) > ONE_RULE * pitch:
            kept.append(place)
    return across, np.asarray(found[kept], np.intp)


@dataclass(frozen=True)
class _Parts:
    """Ink that hangs together: (h, w) numbers of each, and (n, 5) number, x0, y0, x1, y1."""

    labels: Ints
    boxes: Ints

    @staticmethod
    def of(ink: Mask) -> "_Parts":
        _, labels, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
        high = np.flatnonzero(stats[1:, cv2.CC_STAT_HEIGHT] >= TALL * PITCH[0]) + 1
        x, y, wide, height = stats[high, :4].T
        return _Parts(np.asarray(labels, np.intp), np.stack([high, x, y, x + wide, y + height], axis=1).astype(np.intp))

    def without_dashes(self, box: Ints, top: int, low: int, tall: float) -> tuple[int, int, int, int] | None:
        """x0, y0, x1, y1 of what one of `boxes` has between two rows, without dashes at its sides; None of a dash."""
        label, x0, y0, x1, y1 = box.tolist()
        y0, y1 = max(y0, top), min(y1, low)
        high = np.flatnonzero(_extents(self.labels[y0:y1, x0:x1] == label) >= tall)
        if len(high):
            return x0 + int(high[0]) - 1, y0, x0 + int(high[-1]) + 2, y1
        return (x0, y0, x1, y1) if x1 - x0 <= LEANING * (y1 - y0) else None  # a stroke that leans is high nowhere


def _numbers_between(parts: _Parts, rows: tuple[int, int], ends: Sequence[int]) -> list[Ints]:
    """(n, 4) boxes of the parts of each number between two ruled lines that start and end there."""
    top, low = rows
    pitch = low - top
    if not PITCH[0] <= pitch <= PITCH[1]:
        return []
    _, x0, y0, x1, y1 = parts.boxes.T
    middle, shared = (y0 + y1) / 2, np.minimum(y1, low) - np.maximum(y0, top)
    is_near_end = np.any([np.abs((x0 + x1) / 2 - end) < WALL[1] * pitch for end in ends], axis=0)
    is_wall = is_near_end & (x1 - x0 < WALL[0] * pitch) & (y1 - y0 > WALL[2] * pitch)
    is_here = ((middle > top) & (middle < low)) | (shared >= SHARED * pitch)  # digits may hang on those below
    is_high = y1 - y0 >= TALL * pitch
    kept = parts.boxes[is_here & is_high & ~is_wall]
    small = parts.boxes[is_here & ~is_high & (y1 - y0 >= SMALL * pitch) & (x1 - x0 <= LEANING * (y1 - y0))]
    limits = round(top - BEYOND * pitch), round(low + BEYOND * pitch)
    found = [parts.without_dashes(box, *limits, STROKE * pitch) for box in kept]
    here = np.array(sorted(box for box in found if box is not None), np.intp).reshape(-1, 4)
    if not len(here):
        return []
    reach = np.maximum.accumulate(here[:, 2])
    groups = np.split(here, np.flatnonzero(here[1:, 0] - reach[:-1] > APART * pitch) + 1)
    whole = [_with_small(group, small[:, 1:], NEAR * pitch) for group in groups if len(group) <= MOST]
    return [_as_high_as_most(group, SLACK * pitch) for group in whole]


def _with_small(group: Ints, small: Ints, near: float) -> Ints:
    """The boxes (n, 4) of a number's parts with those of small ones that stand beside it, one after the other."""
    for box in sorted(small.tolist(), key=lambda box: abs(box[0] - int(group[:, 0].mean()))):
        shared = np.minimum(group[:, 2], box[2]) - np.maximum(group[:, 0], box[0])
        is_beside = float(shared.max()) <= 0.5 * (box[2] - box[0])  # above and below are the feet of other rows
        if is_beside and group[:, 0].min() - box[2] <= near and box[0] - group[:, 2].max() <= near:
            group = np.vstack([group, np.array([box], np.intp)])
    return group


def _as_high_as_most(group: Ints, slack: float) -> Ints:
    """The boxes (n, 4) of a number's parts, cut where few reach: into other rows, with which they hang together."""
    top, low = np.median(group[:, 1]) - slack, np.median(group[:, 3]) + slack
    cut = group.copy()
    cut[:, 1], cut[:, 3] = np.maximum(group[:, 1], round(top)), np.minimum(group[:, 3], round(low))
    return cut


def _painted_over(page: Gray, leveled: _Leveled) -> Gray:
    """The page with paper where ruled lines are."""
    thick = cv2.dilate(leveled.taken, np.ones((3, 3), np.uint8))
    height, width = page.shape
    whole = cv2.warpPerspective(thick, leveled.to_page, (width, height), flags=cv2.INTER_NEAREST)
    side = round(2 * THICK * height / len(thick)) | 1
    paper = cv2.blur(cv2.morphologyEx(page, cv2.MORPH_CLOSE, np.ones((side, side), np.uint8)), (side, side))
    return np.where(whole > 0, paper, page)


def _lines(ink: Mask, length: int) -> Mask:
    """Strokes that run level for so many pixels, and are thin."""
    thick = cv2.dilate(ink, np.ones((SLOPE, 1), np.uint8))
    closed = cv2.morphologyEx(thick, cv2.MORPH_CLOSE, np.ones((1, GAP), np.uint8))
    lines = cv2.morphologyEx(closed, cv2.MORPH_OPEN, np.ones((1, length), np.uint8))
    thin = cv2.subtract(lines, cv2.morphologyEx(lines, cv2.MORPH_OPEN, np.ones((THICK + SLOPE, 1), np.uint8)))
    return np.asarray(thin, np.uint8)


def _without(ink: Mask, lines: Mask) -> Mask:
    """The ink without level lines, but with the strokes that cross them: they are higher than most of a line is."""
    on_lines = cv2.bitwise_and(ink, lines)
    if cv2.countNonZero(on_lines) < INKED * cv2.countNonZero(lines):
        return ink  # paler than ink, so they are not in it: only what crosses them is
    most = CROSSED * cv2.countNonZero(on_lines)
    higher = (_higher_than(ink, thick) for thick in range(1, THICK + SLOPE))
    thick = 1 + next((n for n, high in enumerate(higher) if cv2.countNonZero(on_lines & high) <= most), THICK + SLOPE)
    return np.asarray(cv2.subtract(ink, cv2.subtract(on_lines, _higher_than(ink, thick + MARGIN))), np.uint8)


def _higher_than(ink: Mask, pixels: int) -> Mask:
    """The ink that goes on up and down for more than so many pixels."""
    return np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((pixels + 1, 1), np.uint8)), np.uint8)
