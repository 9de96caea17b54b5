"""Geometry proposes, content disposes: which rows of boxes are digit fields.

Bubbles, check boxes, letters, columns of print and signature tables are rows of boxes too; what is in them tells.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median  # of a few numbers ten times as fast as NumPy's

import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Scores
from scanner.boxes import BoxRow
from scanner.cells import CellInk
from scanner.network import CROSSED, NOT_A_DIGIT, Network

MIN_LIKENESS = 0.62  # mean probability of the inked cells to be any digit or a cross ...
MIN_SURENESS = 0.55  # ... and to be the one they are read as
COMB_SURENESS = 0.88  # the same on a comb unlike the others: underlined words make combs more easily than boxes
SAME_SIZE = 0.1  # of the width: cells of one design
ALIKE = 0.95  # correlation of two cells that are the same print; few handwritten ones reach it
TWINS = 3  # cells of the page like this one: more is no accident
REPEATED = 0.4  # share of the inked cells of a row that may be repetitions
STROKE = "1"
PRINT_SIZE = 0.55  # of the cell's height: captions are set smaller than hands write
EVEN_PLACE = 0.03  # of the cell: spread of all four edges of printed marks
EVEN_HEIGHT = 0.09  # of their median: the heights of printed digits differ less
MOST = 0.75  # of the inked cells are even in print; one may be crossed out
MIN_PRINTED = 5  # inked cells from which evenness is no accident
SMALL = 0.36  # of the cell's shorter side: bubbles and captions; people fill boxes
FEW_CELLS = 4  # fewer may come about by chance
DWARF = 0.5  # of the height of the lowest longer row
TINY_COMB = 16.0  # pixels of the page, 4 mm at 100 dpi: words in print make smaller combs
TINY = 11.5  # pixels of the page: a digit in a smaller cell cannot be read, but letters have such holes
BLANK_LIKE_READ = 0.3  # an empty row is a field if its cells are within this share the size of a read one's
BLANK_ASPECT = (0.4, 1.35)  # width / height of the cells of an empty field
DOUBTFUL = 0.8  # a row whose digits are less sure on average says nothing about the turn
ONE_WAY_UP, SURE = "347", 0.95  # digits that look like none on their head; probability of one


@dataclass(frozen=True)
class RowReading:
    """A row of boxes, the ink in its cells, and what the network says of each: (n, classes); zero where blank."""

    row: BoxRow
    ink: CellInk
    scores: Scores

    @cached_property
    def inked(self) -> npt.NDArray[np.intp]:
        return np.flatnonzero(~self.ink.is_blank)

    @cached_property
    def cell_size(self) -> tuple[float, float]:
        """Median width and height of the cells in pixels of the page."""
        quads = self.row.quads
        width = np.linalg.norm(quads[:, 1] - quads[:, 0], axis=1)
        height = np.linalg.norm(quads[:, 3] - quads[:, 0], axis=1)
        return median(width.tolist()), median(height.tolist())

    @cached_property
    def cell_bounds(self) -> npt.NDArray[np.float32]:
        """(n, 4) upright bounding boxes x0, y0, x1, y1 of the cells."""
        return np.concatenate([self.row.quads.min(axis=1), self.row.quads.max(axis=1)], axis=1)

    @cached_property
    def bounds(self) -> tuple[float, float, float, float]:
        """Upright bounding box x0, y0, x1, y1 of the row."""
        low, high = self.cell_bounds[:, :2].min(axis=0), self.cell_bounds[:, 2:].max(axis=0)
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


def score_cells(inks: Sequence[CellInk], network: Network) -> list[Scores]:
    """What the network says of the cells of each row, (n, classes), zero where blank; it is asked once for all rows."""
    if not inks:
        return []
    written = np.concatenate([~ink.is_blank for ink in inks])
    scores = np.zeros((len(written), len(network.card.classes)), np.float32)
    scores[written] = network.scores(np.concatenate([ink.digits for ink in inks])[written])
    return np.split(scores, np.cumsum([len(ink.is_blank) for ink in inks])[:-1])


def keep_digit_rows(readings: Sequence[RowReading], classes: str) -> list[RowReading]:
    """Drop the rows that hold something other than handwritten digits; keep empty ones that look like the others."""
    inked = [reading for reading in readings if len(reading.inked)]
    repeated = share_repeated(inked, classes)
    held = [
        reading
        for reading, share in zip(inked, repeated, strict=True)
        if share < REPEATED and _holds_digits(reading, classes)
    ]
    sure = [each for each in held if each.row.side_share >= 1 or sureness(each, classes) >= COMB_SURENESS]
    likely = [reading for reading in held if any(_same_size(reading, other) for other in sure)]
    read = _with_peers(_best_apart(likely, classes))
    kept = list(read)
    for reading in readings:
        is_empty = not len(reading.inked) and _may_be_field(reading, read)
        if is_empty and not any(_overlap(reading, other) for other in kept):
            kept.append(reading)
    return kept


def evidence(readings: Sequence[RowReading], classes: str) -> tuple[float, float]:
    """How many digits surely read speak for this turn, and the mean probability of all.

    Rows of letters look a little like digits either way up, so doubtful rows count for nothing.
    """
    inked = [reading for reading in readings if len(reading.inked)]
    if not inked:
        return 0.0, 0.0
    count = np.array([len(reading.inked) for reading in inked])
    sure = np.array([sureness(reading, classes) for reading in inked])
    weight = np.clip((sure - DOUBTFUL) / (1 - DOUBTFUL), 0, 1)
    return float((weight * count).sum()), float((sure * count).sum() / count.sum())


def tell_turn(readings: Sequence[RowReading], classes: str) -> bool:
    """Whether there is a digit among them that looks like none on its head; a 6089 may be a 6809."""
    columns = [index for index, name in enumerate(classes) if name in ONE_WAY_UP]
    return any((reading.scores[reading.inked][:, columns] >= SURE).any() for reading in readings)


def with_others(readings: Sequence[RowReading], others: Sequence[RowReading]) -> list[RowReading]:
    """The readings, and of others those that stand on none of them."""
    return [*readings, *(other for other in others if not any(_overlap(other, each) for each in readings))]


def share_repeated(inked: Sequence[RowReading], classes: str) -> list[float]:
    """For each row the share of its inked cells that stand on the page several times: print repeats, hands do not."""
    if not inked:
        return []
    flat = np.concatenate([reading.ink.digits[reading.inked] for reading in inked]).reshape(-1, DIGIT_SIZE**2)
    centered = flat.astype(np.float32) - flat.mean(axis=1, dtype=np.float32, keepdims=True)
    centered /= np.maximum(np.linalg.norm(centered, axis=1, keepdims=True), 1.0)
    twins = (centered @ centered.T > ALIKE).sum(axis=1) - 1
    best = np.concatenate([reading.scores[reading.inked].argmax(axis=1) for reading in inked])
    is_stroke = best == classes.find(STROKE)  # all ones are alike
    repeated = (twins >= TWINS) & ~is_stroke
    cuts = np.cumsum([len(reading.inked) for reading in inked])[:-1]
    return [float(part.mean()) for part in np.split(repeated, cuts)]


def _best_apart(readings: Sequence[RowReading], classes: str) -> list[RowReading]:
    """Of rows that stand on each other the one that reads best."""
    kept: list[RowReading] = []
    for reading in sorted(readings, key=lambda each: -sureness(each, classes) * len(each.inked)):
        if not any(_overlap(reading, other) for other in kept):
            kept.append(reading)
    return kept


def _with_peers(readings: Sequence[RowReading]) -> list[RowReading]:
    """Drop combs of a few cells that no longer row of the page resembles, and boxes much smaller than those of such
    rows: letters make them."""
    long = np.array([each.cell_size for each in readings if len(each.row.quads) >= FEW_CELLS]).reshape(-1, 2)
    kept = []
    for each in readings:
        width, height = each.cell_size
        is_comb, is_long = each.row.side_share < 1, len(each.row.quads) >= FEW_CELLS
        is_like = (np.abs(long[:, 0] - width) <= BLANK_LIKE_READ * long[:, 0]).any()
        is_dwarf = len(long) > 0 and height < DWARF * long[:, 1].min()
        if is_long or (is_like if is_comb else not is_dwarf):
            kept.append(each)
    return kept


def _same_size(reading: RowReading, other: RowReading) -> bool:
    """Whether two rows are of one design."""
    width, other_width = reading.cell_size[0], other.cell_size[0]
    is_comb = (reading.row.side_share < 1, other.row.side_share < 1)
    return is_comb[0] == is_comb[1] and abs(width - other_width) <= SAME_SIZE * other_width


def _overlap(reading: RowReading, other: RowReading) -> bool:
    """Whether a cell of one has its middle in the bounding box of a cell of the other."""
    x0, y0, x1, y1 = reading.bounds
    other_x0, other_y0, other_x1, other_y1 = other.bounds
    if x0 >= other_x1 or other_x0 >= x1 or y0 >= other_y1 or other_y0 >= y1:
        return False
    return _middle_inside(reading.cell_bounds, other.cell_bounds) or _middle_inside(
        other.cell_bounds, reading.cell_bounds
    )


def _middle_inside(bounds: npt.NDArray[np.float32], others: npt.NDArray[np.float32]) -> bool:
    middle = ((bounds[:, :2] + bounds[:, 2:]) / 2)[:, None]  # (n, 1, 2)
    return bool(((middle > others[None, :, :2]) & (middle < others[None, :, 2:])).all(axis=2).any())


def digit_likeness(reading: RowReading, classes: str) -> float:
    """Mean probability of the inked cells to be a digit or a cross."""
    return float(_writable(reading, classes).sum(axis=1).mean())


def sureness(reading: RowReading, classes: str) -> float:
    """Mean probability of the inked cells to be the digit, or the cross, that they most likely are."""
    return float(_writable(reading, classes).max(axis=1).mean())


def _writable(reading: RowReading, classes: str) -> Scores:
    """(inked cells, classes that people write into boxes)"""
    columns = [index for index, name in enumerate(classes) if name != NOT_A_DIGIT]
    return reading.scores[reading.inked][:, columns]


def _holds_digits(reading: RowReading, classes: str) -> bool:
    if digit_likeness(reading, classes) < MIN_LIKENESS or sureness(reading, classes) < MIN_SURENESS:
        return False
    if min(reading.cell_size) < (TINY if reading.row.side_share >= 1 else TINY_COMB):
        return False
    if _only_crosses(reading, classes) and len(reading.inked) < 2:
        return False  # a ticked check box
    return not (_is_print(reading, classes) or _is_small(reading))


def _only_crosses(reading: RowReading, classes: str) -> bool:
    best = reading.scores[reading.inked].argmax(axis=1)
    return all(classes[index] in (CROSSED, NOT_A_DIGIT) for index in best)


def _is_print(reading: RowReading, classes: str) -> bool:
    """Marks of one size at one place in each cell, as bubbles; or a printed scale, 1 2 3 4 5, one perhaps crossed."""
    extent = reading.ink.extent[reading.inked]
    if len(extent) < MIN_PRINTED:
        return False
    return bool((extent.std(axis=0) < EVEN_PLACE).all()) or (_is_even(extent) and _is_ascending(reading, classes))


def _is_even(extent: npt.NDArray[np.float32]) -> bool:
    """Whether marks, (n, 4) in parts of their cells, are of one height and small, as print."""
    height = extent[:, 3] - extent[:, 1]
    typical = median(height.tolist())
    is_even = np.abs(height - typical) < EVEN_HEIGHT * typical
    return bool(is_even.mean() >= MOST and typical < PRINT_SIZE)


def _is_ascending(reading: RowReading, classes: str) -> bool:
    """Whether most cells hold the digit after that of the cell before."""
    best = reading.scores[reading.inked].argmax(axis=1)
    digits = np.array([int(classes[index]) if classes[index].isdigit() else -100 for index in best])
    offsets = (digits - reading.inked) % 10
    return bool(((offsets == np.bincount(offsets[digits >= 0], minlength=1).argmax()) & (digits >= 0)).mean() >= MOST)


def _is_small(reading: RowReading) -> bool:
    extent = reading.ink.extent[reading.inked]
    width, height = reading.cell_size
    return median((extent[:, 3] - extent[:, 1]).tolist()) * height < SMALL * min(width, height)


def _may_be_field(empty: RowReading, read: Sequence[RowReading]) -> bool:
    width, height = empty.cell_size
    if not BLANK_ASPECT[0] <= width / max(height, 1) <= BLANK_ASPECT[1]:
        return False
    sizes = np.array([reading.cell_size for reading in read]).reshape(-1, 2)
    return bool((np.abs(sizes - (width, height)) <= BLANK_LIKE_READ * sizes).all(axis=1).any())
