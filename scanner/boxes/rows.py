"""Boxes of like size side by side are the cells of one field."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scanner.boxes.broken import cells_between, extend_rows
from scanner.boxes.holes import MAX_ASPECT, MAX_CELLS, MAX_GAP, MIN_ASPECT, bands, gaps_to_alike
from scanner.boxes.lines import Boxes, Lines, side_coverage, snap_sides
from scanner.boxes.overlap import drop_covered

ENCLOSED = 0.5  # coverage of each side of a hole; else a stroke parts it from the rest of its cell
IRREGULAR = 0.16  # of the pitch: a step that differs more starts a new field
PRINTED_ROW = 0.85  # mean coverage of all sides of a row; letters and loops of handwriting have less
PRINTED_ALONG = 0.7  # mean coverage of all left, top, right or bottom sides of a row
MIXED = 3.0  # pixels by which cells of one row differ when some were seen inside, some outside their frames ...
UNEVEN = 0.08  # ... and of their size: in perspective large cells differ more
ON_LINE = 1.5  # pixels an edge may lie beside the line of its row
BENT_FROM = 5  # cells of a row that can tell perspective from accidents
MORE_AGREE = 3.0  # edges more than agree with lines must agree with curves; through accidents two more do
MOST_BENT = 0.35  # of a step: by so much the last step may differ from the first
DRIFTING_FROM = 8  # cells of a row over which that adds up to more than IRREGULAR
DRIFTS = 15  # from shrinking to growing by that
EVEN, MOSTLY = 0.05, 0.8  # of the pitch: so near to an even growth are most steps
BENT_TRIED = 8  # cells of each third of a row that curves are tried through
STEEP = 0.1  # cells that agree with a line count less by this much a pixel of unusual slope


def find_rows(holes: Boxes, lines: Lines) -> list[Boxes]:
    """Rows of two or more cells, each (n, 4) from left to right; the guessed missing cells included."""
    cells = holes[_plausible(holes)]
    cells = cells[side_coverage(lines, cells).min(axis=1) >= ENCLOSED]
    cells = np.concatenate([cells, cells_between(cells, lines)])
    chains = [cells[chain] for chain in chain_cells(cells)]
    rows = [row for chain in chains for row in split_irregular(chain)]
    rows = [_even_out(row, lines) for row in _printed([row for row in rows if len(row) <= MAX_CELLS], lines)]
    grown = [row for row in extend_rows(rows, lines) if 2 <= len(row) <= MAX_CELLS]
    return [straighten(row) for row in drop_covered(grown)]


def _even_out(row: Boxes, lines: Lines) -> Boxes:
    """Cells seen partly from inside and partly from outside their frames are first brought to its middle."""
    size = row[:, 2:] - row[:, :2]
    mixed = np.ptp(size, axis=0).max() > max(MIXED, UNEVEN * float(size.mean()))
    if not mixed:
        return straighten(row)
    return straighten(_level_pair(snap_sides(lines, row), lines))


def _level_pair(row: Boxes, lines: Lines) -> Boxes:
    """Two cells, one of which a stroke has cut short, both as high as the other, if their frames are printed there.

    Of three and more cells most tell where the lines are.
    """
    if len(row) != 2:
        return row
    level = row.copy()
    level[:, 1], level[:, 3] = row[:, 1].min(), row[:, 3].max()
    is_printed = side_coverage(lines, level).min() >= side_coverage(lines, row).min()
    return level if is_printed else row


def _plausible(boxes: Boxes) -> npt.NDArray[np.bool_]:
    width, height = boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1]
    aspect = width / np.maximum(height, 1)
    return (aspect >= MIN_ASPECT) & (aspect <= MAX_ASPECT)


def chain_cells(cells: Boxes) -> list[list[int]]:
    """Link each cell to its nearest right neighbor of like size; the chains, left to right."""
    if len(cells) == 0:
        return []
    after = _right_neighbors(cells)
    has_left = set(after.values())
    chains = []
    for start in range(len(cells)):
        if start in has_left:
            continue
        chain = [start]
        while chain[-1] in after:
            chain.append(after[chain[-1]])
        chains.append(chain)
    return chains


def _right_neighbors(cells: Boxes) -> dict[int, int]:
    after: dict[int, int] = {}
    width = cells[:, 2] - cells[:, 0]
    best: dict[int, tuple[float, int]] = {}  # of each right cell: the step from its left neighbor, and that
    for some, others in bands(cells):
        distance = gaps_to_alike(cells[some], cells[others])
        nearest = distance.argmin(axis=1)
        for place in np.flatnonzero(np.isfinite(distance.min(axis=1))):
            left, right, step = int(some[place]), int(others[nearest[place]]), float(distance[place, nearest[place]])
            is_near = step < MAX_GAP * min(width[left], width[right])
            if is_near and (right not in best or step < best[right][0]):  # one left neighbor each
                if right in best:
                    del after[best[right][1]]
                best[right] = step, left
                after[left] = right
    return after


def split_irregular(row: Boxes) -> list[Boxes]:
    """Part a chain where the pitch changes: groups of boxes with wider gaps are several fields."""
    if len(row) < 3:
        return [row]
    centers = (row[:, 0] + row[:, 2]) / 2
    steps = np.diff(centers)
    narrow = np.sort(steps)[: (len(steps) + 1) // 2 + 1]
    pitch = float(narrow[(len(narrow) - 1) // 2] + narrow[len(narrow) // 2]) / 2  # the median, ten times as fast
    cuts = np.flatnonzero(np.abs(steps - pitch) > IRREGULAR * pitch) + 1
    if len(cuts) and len(row) >= DRIFTING_FROM and _grow_evenly(steps):
        return [row]
    return [part for part in np.split(row, cuts) if len(part)]


def _grow_evenly(steps: npt.NDArray[np.floating]) -> bool:
    """Whether the steps grow along the row as on a photographed page, which parts nothing."""
    along = np.linspace(-0.5, 0.5, len(steps))
    growth = 1 + np.linspace(-MOST_BENT, MOST_BENT, DRIFTS)[:, None] * along  # (drifts, steps)
    pitch = np.median(steps / growth, axis=1)[:, None] * growth
    off = np.abs(steps - pitch) / pitch
    fits = (off.max(axis=1) <= IRREGULAR) & ((off <= EVEN).mean(axis=1) >= MOSTLY)
    return bool(fits.any())


def _printed(rows: Sequence[Boxes], lines: Lines) -> list[Boxes]:
    """The rows whose cells have frames."""
    if not rows:
        return []
    coverage = side_coverage(lines, np.concatenate(rows))  # (cells of all rows, 4)
    starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
    sides = np.add.reduceat(coverage, starts, axis=0) / np.array([len(row) for row in rows])[:, None]  # (rows, 4)
    has_frames = (sides.mean(axis=1) >= PRINTED_ROW) & (sides.min(axis=1) >= PRINTED_ALONG)
    return [row for row, framed in zip(rows, has_frames, strict=True) if framed]


def straighten(row: Boxes) -> Boxes:
    """Put the edges of three or more cells on the straight, evenly spaced lines that most of them are on.

    Ink bites pieces out of holes, and some frames were seen from inside, some from outside. For each of the four
    edges the line through two cells that most others agree with is taken (RANSAC, all pairs). On a photographed page
    the cells come nearer to each other along the row: curves through three cells are tried where lines fit few.
    """
    count = len(row)
    if count < 3:
        return row
    slope = (row[-1] - row[0]) / (count - 1)
    place = np.arange(count, dtype=np.float32)
    if np.ptp(row - place[:, None] * slope, axis=0).max() <= 2 * ON_LINE:
        return row
    first, second = np.triu_indices(count, 1)
    slopes = (row[second] - row[first]) / (second - first)[:, None]  # (pairs, 4)
    lines = row[first, None] + (place - first[:, None])[:, :, None] * slopes[:, None]  # (pairs, cells, 4)
    agreeing = (np.abs(lines - row) <= ON_LINE).sum(axis=1) - STEEP * np.abs(slopes - np.median(slopes, axis=0))
    best = agreeing.argmax(axis=0)[None]
    fitted = np.take_along_axis(lines, best[None], axis=0)[0]
    fitted = _bent(row, fitted, np.take_along_axis(agreeing, best, axis=0)[0])
    off = np.abs(fitted - row)
    is_worse = off.max() > IRREGULAR * abs(float(slope[0])) and np.median(off) > ON_LINE
    return row if is_worse else fitted.astype(np.float32)


def _bent(row: Boxes, fitted: Boxes, agreeing: npt.NDArray[np.float32]) -> Boxes:
    """The fitted edges, or parabolas through three cells where clearly more cells agree with these.

    What bends the left edges bends the right ones, and the upper edges the lower ones: they decide together.
    """
    count = len(row)
    if count < BENT_FROM or _in_pairs(count - agreeing).max() < MORE_AGREE:
        return fitted
    thirds = np.array_split(np.arange(count), 3)
    some = [third[np.linspace(0, len(third) - 1, min(len(third), BENT_TRIED)).round().astype(int)] for third in thirds]
    first, second, third = (each.ravel() for each in np.meshgrid(*some, indexing="ij"))
    place = np.arange(count, dtype=np.float32)
    curves = np.zeros((len(first), count, 4), np.float32)
    for own, one, other in ((first, second, third), (second, first, third), (third, first, second)):  # Lagrange
        share = (place - one[:, None]) * (place - other[:, None]) / ((own - one) * (own - other))[:, None]
        curves += share[:, :, None] * row[own, None]
    steps = np.diff(curves, axis=1)
    is_smooth = np.abs(steps[:, -1] - steps[:, 0]) <= MOST_BENT * np.abs(row[-1, 0] - row[0, 0]) / (count - 1)
    score = np.where(is_smooth, (np.abs(curves - row) <= ON_LINE).sum(axis=1), 0)
    best = score.argmax(axis=0)[None]
    more = _in_pairs(np.take_along_axis(score, best, axis=0)[0] - agreeing)
    return np.where(more >= MORE_AGREE, np.take_along_axis(curves, best[None], axis=0)[0], fitted)


def _in_pairs(edges: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """(4,) the sum of left and right, of top and bottom, at both."""
    return np.asarray(edges + np.roll(edges, 2), np.float32)
