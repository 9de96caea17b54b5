"""Writing on a page without boxes: connected ink, put together to parts of words, to lines, and to blocks of lines."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask, Quads

WORK_SIDE = 1600  # pixels that the longer side of a picture is brought to
PAPER = 31  # pixels: side of the window in which paper is looked for; letters have thinner strokes
MIN_INK = 24  # gray levels darker than paper
HIGH, WIDE = (6, 130), 400  # pixels of a letter, or of some that are joined up
MOST_LETTERS, MOST_LINES = 1000, 60  # of an envelope
FLAT = 5.0  # times as wide as high: no letter, unless it is high
GAP = 1.3  # heights: letters of one line are no farther apart
OVERLAP = 0.3  # of the lower one's height
ALIKE = 4.0  # times as high at most is a neighbor
PART_GAP = 0.12  # heights of the line: between its parts
BARS = 8  # lines of a bar code, at least
LEADING = 3.6  # heights: lines of a block begin no farther below each other
SLIDE = 3.0  # heights that a line may begin beside the block
SAME_LINE, FAR = 0.4, 3.0  # of the lower one's height on the same rows, and so many heights apart: one line
WIDER = 1.8  # times as wide as high is a line of an address
TWO_LINES = 2.4  # times as high as its letters is what holds two lines
SLOPES = np.linspace(-0.2, 0.2, 41)
MOST_POINTS = 6000  # of the ink that are looked at

Ints = npt.NDArray[np.intp]


@dataclass(frozen=True)
class TextLine:
    """A line of writing: (n, 4) boxes x0, y0, x1, y1 of its parts from left to right, and the height of its letters."""

    parts: Ints
    height: float

    @property
    def box(self) -> tuple[int, int, int, int]:
        x0, y0 = self.parts[:, :2].min(axis=0).tolist()
        x1, y1 = self.parts[:, 2:].max(axis=0).tolist()
        return x0, y0, x1, y1


@dataclass(frozen=True)
class Block:
    """Lines from the top down, and by how many pixels they fall on each to the right."""

    lines: list[TextLine]
    slope: float

    @property
    def writing(self) -> float:
        """How much is written, and how large; what is hardly wider than high is none."""
        wide = [line for line in self.lines if line.box[2] - line.box[0] >= WIDER * (line.box[3] - line.box[1])]
        return float(sum((line.box[2] - line.box[0]) * line.height for line in wide))


def find_blocks(page: Gray) -> list[Block]:
    """Blocks of lines; in pixels of the page (height, width), 0 = ink."""
    small, scale = at_work_size(page)
    ink = ink_of(small)
    lines = find_lines(_with_lines_apart(ink, find_lines(ink)))
    largest = sorted(lines, key=lambda line: line.box[0] - line.box[2])[:MOST_LINES]
    blocks = _blocks(sorted(largest, key=lambda line: line.box[1]))
    return [
        Block([TextLine(np.round(line.parts / scale).astype(np.intp), line.height / scale) for line in block],
              _slope(ink, block))
        for block in blocks
    ]  # fmt: skip


def at_work_size(page: Gray) -> tuple[Gray, float]:
    """A page at the size in which lines are looked for, and how much smaller it is."""
    scale = min(WORK_SIDE / max(page.shape), 1.0)
    small = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else page
    return np.asarray(small, np.uint8), scale


def find_lines(ink: Mask) -> list[TextLine]:
    """Lines of what may be letters; `ink` (h, w) is 255 where there is any."""
    letters = _letters(ink)
    return [line for group in _groups(letters) if (line := _line(letters[group])) is not None]


def frame_of(boxes: Ints, room: float) -> Quads:
    """(4, 2) corners of a frame around boxes, with so many pixels of room."""
    x0, y0 = boxes[:, :2].min(axis=0) - room
    x1, y1 = boxes[:, 2:].max(axis=0) + room
    return np.array([(x0, y0), (x1, y0), (x1, y1), (x0, y1)], np.float32)


def ink_of(gray: Gray, strictness: float = 0.6) -> Mask:
    """255 where a picture at work size is darker than its paper, by so much of what parts ink from paper best."""
    paper = cv2.blur(cv2.morphologyEx(gray, cv2.MORPH_CLOSE, np.ones((PAPER, PAPER), np.uint8)), (PAPER, PAPER))
    darkness = cv2.subtract(paper, cv2.GaussianBlur(gray, (3, 3), 0))
    dark = darkness[darkness > MIN_INK]
    limit = cv2.threshold(dark, 0, 255, cv2.THRESH_OTSU)[0] * strictness if dark.size else MIN_INK
    return np.asarray(cv2.threshold(darkness, max(limit, strictness * MIN_INK), 255, cv2.THRESH_BINARY)[1], np.uint8)


def _letters(ink: Mask) -> Ints:
    """(n, 4) boxes x0, y0, x1, y1 of what may be letters, from left to right."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    x, y, wide, high = stats[1:, :4].T
    is_letter = (high >= HIGH[0]) & (high <= HIGH[1]) & (wide <= WIDE) & (wide <= FLAT * high)
    boxes = np.stack([x, y, x + wide, y + high], axis=1)[is_letter]
    boxes = boxes[np.argsort(boxes[:, 1] - boxes[:, 3], kind="stable")[:MOST_LETTERS]]  # the highest: others are dust
    return np.asarray(boxes[np.argsort(boxes[:, 0])], np.intp)


def _groups(letters: Ints) -> list[Ints]:
    """Letters that stand side by side, one after another."""
    count = len(letters)
    x0, y0, x1, y1 = letters.T
    high = y1 - y0
    lower, higher = np.minimum.outer(high, high), np.maximum.outer(high, high)
    shared = np.minimum.outer(y1, y1) - np.maximum.outer(y0, y0)
    apart = np.maximum.outer(x0, x0) - np.minimum.outer(x1, x1)
    near = (shared >= OVERLAP * lower) & (apart <= GAP * higher) & (higher <= ALIKE * lower)
    owner = np.arange(count)
    while True:  # each takes the least owner of its neighbors, and that one's owner
        least = np.where(near, owner[None, :], count).min(axis=1, initial=count)
        taken = owner[np.minimum(owner, least)]
        if (taken == owner).all():
            break
        owner = taken
    return [np.flatnonzero(owner == each) for each in np.unique(owner)]


def _line(letters: Ints) -> TextLine | None:
    """Letters of one line put together where they stand over one another; None of what is no writing."""
    height = float(np.percentile(letters[:, 3] - letters[:, 1], 70))
    if height < 1.3 * HIGH[0] or _is_bar_code(letters):
        return None
    parts = [letters[0].copy()]
    for box in letters[1:]:
        if box[0] - parts[-1][2] <= PART_GAP * height:
            parts[-1] = np.concatenate([np.minimum(parts[-1][:2], box[:2]), np.maximum(parts[-1][2:], box[2:])])
        else:
            parts.append(box.copy())
    return TextLine(np.stack(parts), height)


def _is_bar_code(letters: Ints) -> bool:
    """Whether all are upright lines of about one height."""
    wide, high = (letters[:, 2:] - letters[:, :2]).T
    return len(letters) >= BARS and bool(np.median(high / wide) > 2.5 and high.std() < 0.15 * high.mean())


def _with_lines_apart(ink: Mask, lines: Sequence[TextLine]) -> Mask:
    """The ink, cut between lines whose letters reach into each other."""
    apart = ink.copy()
    for line in lines:
        x0, y0, x1, y1 = line.box
        if y1 - y0 >= TWO_LINES * line.height:
            rows = (ink[y0:y1, x0:x1] > 0).sum(axis=1)
            middle = slice(round(0.3 * (y1 - y0)), round(0.7 * (y1 - y0)) + 1)
            cut = y0 + middle.start + int(np.argmin(rows[middle]))
            apart[cut : cut + 2, x0:x1] = 0
    return apart


def _blocks(lines: Sequence[TextLine]) -> list[list[TextLine]]:
    """Lines put together that stand below each other; parts of a line that are far apart become one."""
    blocks: list[list[TextLine]] = []
    for line in lines:
        x0, y0, x1, y1 = line.box
        for block in blocks:
            left, top, right, low = block[-1].box
            size = max(line.height, block[-1].height)
            apart = max(x0 - right, left - x1)
            if not _is_alike(line, block):
                continue
            if min(y1, low) - max(y0, top) > SAME_LINE * min(y1 - y0, low - top) and 0 < apart <= FAR * size:
                parts = np.concatenate([block[-1].parts, line.parts])
                block[-1] = TextLine(parts[np.argsort(parts[:, 0])], size)
                break
            if 0 < y0 - top <= LEADING * size and apart <= SLIDE * size:
                block.append(line)
                break
        else:
            blocks.append([line])
    return blocks


def _slope(ink: Mask, block: Sequence[TextLine]) -> float:
    """The shear that brings most ink of a block to few rows."""
    boxes = np.array([line.box for line in block])
    (x0, y0), (x1, y1) = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    points = np.argwhere(ink[y0:y1, x0:x1])
    points = points[:: max(len(points) // MOST_POINTS, 1)]
    best, best_score = 0.0, -1.0
    for slope in SLOPES:
        rows = np.round(points[:, 0] - slope * points[:, 1]).astype(int)
        counts = np.bincount(rows - rows.min())
        score = float((counts.astype(np.float64) ** 2).sum()) * (1 - abs(slope))
        if score > best_score:
            best, best_score = float(slope), score
    return best


def _is_alike(line: TextLine, block: Sequence[TextLine]) -> bool:
    height = float(np.median([each.height for each in block]))
    return 0.5 <= line.height / height <= 2.0
