"""Boxes of like size side by side are the cells of one field."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.boxes.holes import MAX_SIDE, PRINTED_SIDE
from scanner.boxes.lines import Boxes, Lines, side_coverage, snap_sides

MIN_ASPECT, MAX_ASPECT = 0.28, 1.9  # width / height of a cell: tall table cells to squat survey boxes
SIMILAR = 0.22  # heights and widths of neighbors differ by at most this share
OFF_LINE = 0.22  # of the height: neighbors stand at most this much higher or lower
MAX_GAP = 0.85  # of the width: farther apart are two fields
OVERLAP = 0.05  # of the width: cells that adjoin were measured a little too wide
MOST_BETWEEN = 3  # cells in a row that strokes may have broken up
IRREGULAR = 0.16  # of the pitch: a step that differs more starts a new field
MAX_CELLS = 64  # no number is longer
PRINTED_ROW = 0.85  # mean coverage of all sides of a row; letters and loops of handwriting have less
PRINTED_ALONG = 0.7  # mean coverage of all left, top, right or bottom sides of a row
MIXED = 3.0  # pixels by which cells of one row differ when some were seen inside, some outside their frames ...
UNEVEN = 0.08  # ... and of their size: in perspective large cells differ more
ON_LINE = 1.5  # pixels an edge may lie beside the line of its row
STEEP = 0.1  # cells that agree with a line count less by this much a pixel of unusual slope
LONE_SIDE = 0.85  # coverage of the sides of a cell guessed beside a lone one, where nothing else speaks for it
PEER_SIZE = 0.05  # cells of one design differ by less than this part of their size
FRAME_WIDTH = 2.0  # pixels of the line between two adjoining cells, about
GOING_ON = 0.4  # coverage of the far side of a next cell that is there but broken
WELL_INSIDE = 0.2  # of a cell: frames do not reach there
WRITTEN = 0.03  # of that area is ink where something is written
NESTED = 0.6  # share of the cells of a row that stand in the same cell of another: it is inside of that
NUDGE = 2.0  # pixels that a guessed cell may be moved to meet its frame


def find_rows(holes: Boxes, lines: Lines) -> list[Boxes]:
    """Rows of two or more cells, each (n, 4) from left to right; the guessed missing cells included."""
    cells = holes[_plausible(holes)]
    cells = np.concatenate([cells, _cells_between(cells, lines)])
    chains = [cells[chain] for chain in chain_cells(cells)]
    rows = [row for chain in chains for row in split_irregular(chain)]
    rows = [_even_out(row, lines) for row in _printed([row for row in rows if len(row) <= MAX_CELLS], lines)]
    grown = [row for row in extend_rows(rows, lines) if 2 <= len(row) <= MAX_CELLS]
    return [straighten(row) for row in drop_covered(grown)]


def _even_out(row: Boxes, lines: Lines) -> Boxes:
    """Cells seen partly from inside and partly from outside their frames are first brought to its middle."""
    size = row[:, 2:] - row[:, :2]
    mixed = np.ptp(size, axis=0).max() > max(MIXED, UNEVEN * float(size.mean()))
    return straighten(snap_sides(lines, row) if mixed else row)


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


def _cells_between(cells: Boxes, lines: Lines) -> Boxes:
    """(m, 4) cells that strokes have broken up, between two whole ones: their frames are printed."""
    if len(cells) < 2:
        return cells[:0]
    after = _next_alike(cells)
    first = np.flatnonzero(after >= 0)
    left, right = cells[first], cells[after[first]]
    width, step = left[:, 2] - left[:, 0], right - left
    guesses = []
    for parts in range(2, MOST_BETWEEN + 2):
        pitch = step[:, 0] / parts
        fits = (pitch > (1 - OVERLAP) * width) & (pitch < (1 + MAX_GAP) * width)
        places = np.arange(1, parts)[None, :, None] / parts  # (1, parts - 1, 1)
        cells_in = left[fits][:, None] + places * step[fits][:, None]  # (pairs, parts - 1, 4)
        placed, coverage = _nudge(cells_in.reshape(-1, 4).astype(np.float32), lines)
        is_cell = (coverage.min(axis=1) >= PRINTED_SIDE).reshape(cells_in.shape[:2]).all(axis=1)
        guesses.append(placed.reshape(cells_in.shape)[is_cell].reshape(-1, 4))
    return np.concatenate(guesses)


def _next_alike(cells: Boxes) -> npt.NDArray[np.intp]:
    """(n,) the nearest cell of the same size to the right on the same line; -1 where there is none, or nothing fits
    between."""
    x0, y0, x1, y1 = cells.T
    width, height, middle = x1 - x0, y1 - y0, (y0 + y1) / 2
    gap = x0[None, :] - x1[:, None]  # (n, n) from row's cell to column's cell
    alike = (
        (gap > -0.25 * width[:, None])
        & (np.abs(middle[None, :] - middle[:, None]) < OFF_LINE * height[:, None])
        & (np.abs(height[None, :] - height[:, None]) < SIMILAR * height[:, None] + 2)
        & (np.abs(width[None, :] - width[:, None]) < SIMILAR * width[:, None] + 3)
    )
    np.fill_diagonal(alike, False)
    distance = np.where(alike, gap, np.inf)
    nearest = distance.argmin(axis=1)
    room = distance[np.arange(len(cells)), nearest]
    return np.where((room > MAX_GAP * width) & np.isfinite(room), nearest, -1)


def _right_neighbors(cells: Boxes) -> dict[int, int]:
    x0, y0, x1, y1 = cells.T
    width, height, middle = x1 - x0, y1 - y0, (y0 + y1) / 2
    gap = x0[None, :] - x1[:, None]  # (n, n) from row's cell to column's cell
    smaller_width = np.minimum(width[None, :], width[:, None])
    smaller_height = np.minimum(height[None, :], height[:, None])
    linked = (
        (gap > -0.25 * smaller_width)
        & (gap < MAX_GAP * smaller_width)
        & (np.abs(middle[None, :] - middle[:, None]) < OFF_LINE * smaller_height)
        & (np.abs(height[None, :] - height[:, None]) < SIMILAR * smaller_height + 2)
        & (np.abs(width[None, :] - width[:, None]) < SIMILAR * smaller_width + 3)
    )
    np.fill_diagonal(linked, False)
    distance = np.where(linked, gap, np.inf)
    nearest = distance.argmin(axis=1)
    after: dict[int, int] = {}
    best: dict[int, float] = {}
    for left in np.flatnonzero(linked.any(axis=1)):
        right = int(nearest[left])
        step = float(distance[left, right])
        if right not in best or step < best[right]:  # one left neighbor each
            after = {k: v for k, v in after.items() if v != right} if right in best else after
            best[right] = step
            after[int(left)] = right
    return after


def split_irregular(row: Boxes) -> list[Boxes]:
    """Part a chain where the pitch changes: groups of boxes with wider gaps are several fields."""
    if len(row) < 3:
        return [row]
    centers = (row[:, 0] + row[:, 2]) / 2
    steps = np.diff(centers)
    pitch = float(np.median(np.sort(steps)[: max(1, (len(steps) + 1) // 2 + 1)]))
    cuts = np.flatnonzero(np.abs(steps - pitch) > IRREGULAR * pitch) + 1
    return [part for part in np.split(row, cuts) if len(part)]


def _printed(rows: Sequence[Boxes], lines: Lines) -> list[Boxes]:
    """The rows whose cells have frames."""
    if not rows:
        return []
    coverage = side_coverage(lines, np.concatenate(rows))  # (cells of all rows, 4)
    starts = np.cumsum([0, *(len(row) for row in rows[:-1])])
    sides = np.add.reduceat(coverage, starts, axis=0) / np.array([len(row) for row in rows])[:, None]  # (rows, 4)
    has_frames = (sides.mean(axis=1) >= PRINTED_ROW) & (sides.min(axis=1) >= PRINTED_ALONG)
    return [row for row, framed in zip(rows, has_frames, strict=True) if framed]


def extend_rows(rows: Sequence[Boxes], lines: Lines) -> list[Boxes]:
    """Add the cells at both ends whose frames are printed but whose insides ink has broken up.

    Beside a lone cell another is looked for as far from it as in rows of cells like it, else an adjoining one.
    """
    width = lines.horizontal.shape[1]
    grown = [list(row) for row in rows]
    shapes, has_peers = _shapes(rows)
    active = [(index, side) for index in range(len(grown)) for side in (-1, 1)]
    while active:
        guesses = np.array([_next_cell(grown[index], side, *shapes[index]) for index, side in active])
        placed, coverage = _nudge(guesses.astype(np.float32), lines)
        needed = np.array(
            [LONE_SIDE if len(grown[index]) == 1 and not has_peers[index] else PRINTED_SIDE for index, _ in active]
        )
        is_cell = (coverage.min(axis=1) >= needed) & (placed[:, 0] >= 0) & (placed[:, 2] < width)
        still = []
        for (index, side), cell, found in zip(active, placed, is_cell, strict=True):
            if found and len(grown[index]) < MAX_CELLS:
                grown[index].insert(0 if side < 0 else len(grown[index]), cell)
                if len(grown[index]) == 2:
                    shapes[index] = _step_and_size(np.array(grown[index]))
                still.append((index, side))
        active = still
    return [np.array(row, np.float32) for row in grown]


def _shapes(rows: Sequence[Boxes]) -> tuple[list[tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]], list[bool]]:
    """Step and size of the cells of each row; and whether those of a lone cell are taken from rows of cells like it."""
    shapes = [_step_and_size(row) for row in rows]
    steps = np.array([step for row, (step, _) in zip(rows, shapes, strict=True) if len(row) > 1]).reshape(-1, 2)
    sizes = np.array([size for row, (_, size) in zip(rows, shapes, strict=True) if len(row) > 1]).reshape(-1, 2)
    has_peers = [False] * len(rows)
    for index, row in enumerate(rows):
        if len(row) == 1 and len(sizes):
            off = np.abs(sizes - shapes[index][1]).max(axis=1)
            peer = int(off.argmin())
            if off[peer] <= PEER_SIZE * float(sizes[peer].max()) + 1:
                shapes[index], has_peers[index] = (steps[peer], shapes[index][1]), True
    return shapes, has_peers


def go_on(rows: Sequence[Boxes], ink: Mask, lines: Lines) -> list[bool]:
    """Whether each row seems to have further cells that were not found: there its number would be cut off.

    Where the next cell would be, its upper and lower edge are printed, and its far side too or something is written.
    """
    if not rows:
        return []
    shapes = [_step_and_size(row) for row in rows]
    guesses = [_next_cell(list(row), side, *shape) for row, shape in zip(rows, shapes, strict=True) for side in (-1, 1)]
    placed, coverage = _nudge(np.array(guesses, np.float32), lines)
    has_edges = coverage[:, [1, 3]].min(axis=1) >= PRINTED_SIDE
    far = np.where(np.arange(len(guesses)) % 2 == 0, coverage[:, 0], coverage[:, 2])
    goes_on = has_edges & ((far >= GOING_ON) | [_is_written(ink, cell) for cell in placed])
    return [bool(each) for each in goes_on.reshape(-1, 2).any(axis=1)]


def _is_written(ink: Mask, cell: npt.NDArray[np.float32]) -> bool:
    """Whether a stroke is well inside a cell."""
    x0, y0, x1, y1 = cell
    inset_x, inset_y = WELL_INSIDE * (x1 - x0), WELL_INSIDE * (y1 - y0)
    inside = ink[max(int(y0 + inset_y), 0) : int(y1 - inset_y), max(int(x0 + inset_x), 0) : int(x1 - inset_x)]
    return bool(inside.size and cv2.countNonZero(np.ascontiguousarray(inside)) >= WRITTEN * inside.size)


def _step_and_size(row: Boxes) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """(2,) the median way from one cell to the next, and (2,) the median size."""
    if len(row) == 1:
        size = row[0, 2:] - row[0, :2]
        return np.array([size[0] + FRAME_WIDTH, 0], np.float32), size
    centers, middle = (row[:, :2] + row[:, 2:]) / 2, (len(row) - 1) // 2
    return np.sort(centers[1:] - centers[:-1], axis=0)[middle], np.sort(row[:, 2:] - row[:, :2], axis=0)[middle]


def _next_cell(
    row: Sequence[npt.NDArray[np.float32]], side: int, step: npt.NDArray[np.float32], size: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Where the cell before the first (side -1) or after the last (side 1) would be."""
    last = row[-1 if side > 0 else 0]
    center = (last[:2] + last[2:]) / 2 + side * step
    return np.concatenate([center - size / 2, center + size / 2])


def _nudge(guesses: Boxes, lines: Lines) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """Move each guess by up to NUDGE to where most of its frame is printed."""
    steps = (-NUDGE, 0.0, NUDGE)
    shifts = np.array([(dx, dy, dx, dy) for dx in steps for dy in steps], np.float32)  # (9, 4)
    tried = (guesses[:, None] + shifts).reshape(-1, 4)
    coverage = side_coverage(lines, tried).reshape(len(guesses), len(shifts), 4)
    best = coverage.mean(axis=2).argmax(axis=1)
    index = np.arange(len(guesses))
    return tried.reshape(len(guesses), len(shifts), 4)[index, best], coverage[index, best]


def straighten(row: Boxes) -> Boxes:
    """Put the edges of three or more cells on the straight, evenly spaced lines that most of them are on.

    Ink bites pieces out of holes, and some frames were seen from inside, some from outside. For each of the four
    edges the line through two cells that most others agree with is taken (RANSAC, all pairs).
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
    fitted = np.take_along_axis(lines, agreeing.argmax(axis=0)[None, None], axis=0)[0]
    off = np.abs(fitted - row)
    is_worse = off.max() > IRREGULAR * abs(float(slope[0])) and np.median(off) > ON_LINE
    return row if is_worse else fitted.astype(np.float32)


def drop_covered(rows: Sequence[Boxes], before: Sequence[Boxes] = ()) -> list[Boxes]:
    """Of rows that stand on each other, or on one of `before`, keep the one with more, then with larger, cells."""
    order = sorted(rows, key=lambda row: (len(row), float((row[:, 2] - row[:, 0]).mean())), reverse=True)
    kept: list[Boxes] = []
    for row in order:
        if not any(_stands_on(row, other) for other in _near(row, [*before, *kept])):
            kept.append(row)
    return kept


def merge_rows(sure: Sequence[Boxes], faint: Sequence[Boxes]) -> list[Boxes]:
    """The sure rows, the faint ones beside them, and the faint ones that hold a sure one and more cells."""
    merged = list(sure)
    for row in faint:
        under = [other for other in _near(row, merged) if _stands_on(other, row) or _stands_on(row, other)]
        if not under:
            merged.append(row)
        elif all(_holds(row, other) for other in under):
            merged = [other for other in merged if all(other is not each for each in under)] + [row]
    return merged


def _near(row: Boxes, others: Sequence[Boxes]) -> list[Boxes]:
    """Those of the others whose bounding box meets that of the row."""
    x0, y0, x1, y1 = row[0, 0], row[:, 1].min(), row[-1, 2], row[:, 3].max()
    return [
        other
        for other in others
        if other[0, 0] < x1 and other[-1, 2] > x0 and other[0, 1] < y1 + MAX_SIDE and other[0, 3] > y0 - MAX_SIDE
    ]


def _holds(row: Boxes, other: Boxes) -> bool:
    """Whether `row` has all the cells of `other`, of the same size, and more."""
    if len(row) <= len(other):
        return False
    distance = np.abs(row[:, None] - other[None]).max(axis=2)  # (n, m) worst edge
    width = float((other[:, 2] - other[:, 0]).mean())
    return bool((distance.min(axis=0) < SIMILAR * width).mean() >= 0.8)


def _stands_on(row: Boxes, other: Boxes) -> bool:
    """Whether at least half the cells of `row` have their center in a cell of `other`, and neither is within one cell
    of the other: a row of boxes in a cell of a table is a field of its own."""
    inside = _centers_inside(row, other)
    return bool(2 * np.count_nonzero(inside.any(axis=1)) >= len(row)) and not (
        _is_within_one(inside) or _is_within_one(_centers_inside(other, row))
    )


def _centers_inside(row: Boxes, other: Boxes) -> npt.NDArray[np.bool_]:
    """(n, m): whether the center of a cell of `row` is in a cell of `other`."""
    center = (row[:, None, :2] + row[:, None, 2:]) / 2  # (n, 1, 2)
    return np.asarray(((center > other[None, :, :2]) & (center < other[None, :, 2:])).all(axis=2))


def _is_within_one(inside: npt.NDArray[np.bool_]) -> bool:
    return len(inside) > 1 and bool(inside.sum(axis=0).max() > NESTED * len(inside))
