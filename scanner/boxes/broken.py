"""Cells that strokes have broken up: what is printed of their frames tells where they are."""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.boxes.holes import MAX_CELLS, MAX_GAP, PRINTED_SIDE, bands, gaps_to_alike
from scanner.boxes.lines import Boxes, Lines, side_coverage

OVERLAP = 0.05  # of the width: cells that adjoin were measured a little too wide
MOST_BETWEEN = 3  # cells in a row that strokes may have broken up
LONE_SIDE = 0.85  # coverage of the sides of a cell guessed beside a lone one, where nothing else speaks for it
MIN_PEER = 3  # cells of a row that others are like; letters of print make shorter rows
PEER_SIZE = 0.05  # cells of one design differ by less than this part of their size
MOST_LOST = 2  # cells between two parts of a row
AT_PLACE = 0.2  # of the width: cells of one row are that near to where the others say
FRAME_WIDTH = 2.0  # pixels of the line between two adjoining cells, about
GOING_ON = 0.4  # coverage of the far side of a next cell that is there but broken
WELL_INSIDE = 0.2  # of a cell: frames do not reach there
WRITTEN = 0.03  # of that area is ink where something is written
WEDGE, LEAST_WEDGE = 0.08, 3.0  # of the way from the first cell to the last; pixels
SEEN = 0.08  # of the width of a cell that the edge of the page cuts
NUDGE = 2.0  # pixels that a guessed cell may be moved to meet its frame

Vector = npt.NDArray[np.float32]  # (2,) along x and y


def cells_between(cells: Boxes, lines: Lines) -> Boxes:
    """(m, 4) cells that strokes have broken up, between two whole ones: their frames are printed."""
    if len(cells) < 2:
        return cells[:0]
    after = _next_alike(cells)
    first = np.flatnonzero(after >= 0)
    left, right = cells[first], cells[after[first]]
    width, step = left[:, 2] - left[:, 0], right - left
    guesses, is_open = [], np.ones(len(left), np.bool_)
    for parts in range(2, MOST_BETWEEN + 2):
        pitch = step[:, 0] / parts
        tried = np.flatnonzero(is_open & (pitch > (1 - OVERLAP) * width) & (pitch < (1 + MAX_GAP) * width))
        places = np.arange(1, parts)[None, :, None] / parts  # (1, parts - 1, 1)
        cells_in = left[tried][:, None] + places * step[tried][:, None]  # (pairs, parts - 1, 4)
        placed, coverage = nudge(cells_in.reshape(-1, 4).astype(np.float32), lines)
        is_cell = (coverage.min(axis=1) >= PRINTED_SIDE).reshape(cells_in.shape[:2]).all(axis=1)
        guesses.append(placed.reshape(cells_in.shape)[is_cell].reshape(-1, 4))
        is_open[tried[is_cell]] = False
    return np.concatenate(guesses)


def _next_alike(cells: Boxes) -> npt.NDArray[np.intp]:
    """(n,) the nearest cell of the same size to the right on the same line; -1 where there is none, or nothing fits
    between."""
    after = np.full(len(cells), -1)
    for some, others in bands(cells):
        distance = gaps_to_alike(cells[some], cells[others])
        room = distance.min(axis=1)
        has_room = (room > MAX_GAP * (cells[some, 2] - cells[some, 0])) & np.isfinite(room)
        after[some] = np.where(has_room, others[distance.argmin(axis=1)], -1)
    return after


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
        placed, coverage = nudge(guesses.astype(np.float32), lines)
        needed = np.array(
            [LONE_SIDE if len(grown[index]) == 1 and not has_peers[index] else PRINTED_SIDE for index, _ in active]
        )
        is_cell = (coverage.min(axis=1) >= needed) & (placed[:, 0] >= 0) & (placed[:, 2] < width)
        still = []
        for (index, side), cell, found in zip(active, placed, is_cell, strict=True):
            if found and len(grown[index]) < MAX_CELLS:
                grown[index].insert(0 if side < 0 else len(grown[index]), cell)
                if len(grown[index]) == 2:
                    shapes[index] = step_and_size(np.array(grown[index]))
                still.append((index, side))
        active = still
    return [np.array(row, np.float32) for row in grown]


def _shapes(rows: Sequence[Boxes]) -> tuple[list[tuple[Vector, Vector]], list[bool]]:
    """Step and size of the cells of each row; and whether those of a lone cell are taken from rows of cells like it."""
    shapes = [step_and_size(row) for row in rows]
    known = [shape for row, shape in zip(rows, shapes, strict=True) if len(row) >= MIN_PEER]
    steps, sizes = np.array(known, np.float32).reshape(-1, 2, 2).transpose(1, 0, 2)  # (peers, 2) each
    has_peers = [False] * len(rows)
    for index, row in enumerate(rows):
        if len(row) == 1 and len(sizes):
            off = np.abs(sizes - shapes[index][1]).max(axis=1)
            peer = int(off.argmin())
            if off[peer] <= PEER_SIZE * float(sizes[peer].max()) + 1:
                shapes[index], has_peers[index] = (steps[peer], shapes[index][1]), True
    return shapes, has_peers


def go_on(
    rows: Sequence[Boxes], side_shares: Sequence[float], ink: Mask, lines: Lines
) -> tuple[list[bool], list[Boxes]]:
    """Whether each row seems to have further cells that were not found: there its number would be cut off.

    Also, of each row, the places (n, 4) of a next cell where something is written, with a frame or without.

    Where the next cell would be, its upper and lower edge are printed, and its far side too or something is written.
    A comb, with `side_shares` below 1, has no upper edge: there the far tick and something else must be there.
    Where something is written, and another row begins where this one would have its next cell but one, that is enough.
    Where the edge of the page cuts the next cell, its edges are printed up to there. And where upper and lower edges
    are far from parallel, a stroke through the boxes was taken for one of them.
    """
    if not rows:
        return [], []
    shapes = [step_and_size(row) for row in rows]
    guesses = [_next_cell(list(row), side, *shape) for row, shape in zip(rows, shapes, strict=True) for side in (-1, 1)]
    places = np.array(guesses, np.float32)
    share = np.repeat(np.array(side_shares), 2)
    sides = places.copy()
    sides[:, 1] = np.where(share < 1, places[:, 3] - share * (places[:, 3] - places[:, 1]), places[:, 1])
    placed, coverage = nudge(sides.astype(np.float32), lines)
    far = np.where(np.arange(len(guesses)) % 2 == 0, coverage[:, 0], coverage[:, 2])
    is_written = np.array([_is_written(ink, cell) for cell in np.where(share[:, None] < 1, places, placed)])
    has_edges = coverage[:, [1, 3]].min(axis=1) >= PRINTED_SIDE
    goes_on = has_edges & ((far >= GOING_ON) | is_written)
    comb_goes_on = (far >= PRINTED_SIDE) & (is_written | (coverage[:, 3] >= GOING_ON))
    goes_on = np.where(share < 1, comb_goes_on, goes_on) | (is_written & _is_taken_up(rows, shapes))
    goes_on |= _is_cut(sides, share, lines) | np.repeat([_is_wedge(row) for row in rows], 2)
    written = [each[marks] for each, marks in zip(places.reshape(-1, 2, 4), is_written.reshape(-1, 2), strict=True)]
    return np.asarray(goes_on.reshape(-1, 2).any(axis=1)).tolist(), written


def _is_wedge(row: Boxes) -> bool:
    """Whether its cells grow faster from one to the next than boxes seen from nearby do."""
    if len(row) < 2:
        return False
    height = row[:, 3] - row[:, 1]
    grows, along = abs(float(height[-1] - height[0])), float(row[-1, 0] - row[0, 0])
    return grows > max(WEDGE * along, LEAST_WEDGE)


def _is_cut(places: Boxes, share: npt.NDArray[np.float64], lines: Lines) -> npt.NDArray[np.bool_]:
    """(n,) places of a next cell that an edge of the page cuts, with the lines of a cell up to there."""
    width = lines.horizontal.shape[1]
    is_over = (places[:, 0] < 0) | (places[:, 2] > width - 1)
    there = places.copy()
    there[:, [0, 2]] = np.clip(places[:, [0, 2]], 0, width - 1)
    is_seen = there[:, 2] - there[:, 0] >= SEEN * (places[:, 2] - places[:, 0])
    cut = np.flatnonzero(is_over & is_seen)
    found = np.zeros(len(places), np.bool_)
    if len(cut):
        coverage = nudge(there[cut], lines)[1]
        found[cut] = np.where(share[cut] < 1, coverage[:, 3], coverage[:, [1, 3]].min(axis=1)) >= PRINTED_SIDE
    return found


def _is_taken_up(rows: Sequence[Boxes], shapes: Sequence[tuple[Vector, Vector]]) -> npt.NDArray[np.bool_]:
    """(2 * rows,) whether, beyond one or two cells left and right of each row, another goes on at the same step."""
    ends = np.array([row[end] for row in rows for end in (0, -1)])  # (2 * rows, 4)
    taken_up = np.zeros(len(ends), np.bool_)
    for index, (step, size) in enumerate(shapes):
        for side in (0, 1):
            for missing in range(1, MOST_LOST + 1):
                place = ends[2 * index + side] + np.tile((missing + 1) * (2 * side - 1) * step, 2)
                taken_up[2 * index + side] |= (
                    np.abs(ends[1 - side :: 2] - place).max(axis=1) < AT_PLACE * size[0]
                ).any()
    return taken_up


def _is_written(ink: Mask, cell: npt.NDArray[np.float32]) -> bool:
    """Whether a stroke is well inside a cell."""
    x0, y0, x1, y1 = cell
    inset_x, inset_y = WELL_INSIDE * (x1 - x0), WELL_INSIDE * (y1 - y0)
    top, bottom, left, right = (max(int(at), 0) for at in (y0 + inset_y, y1 - inset_y, x0 + inset_x, x1 - inset_x))
    inside = ink[top:bottom, left:right]
    return bool(inside.size and cv2.countNonZero(np.ascontiguousarray(inside)) >= WRITTEN * inside.size)


def step_and_size(row: Boxes) -> tuple[Vector, Vector]:
    """(2,) the median way from one cell to the next, and (2,) the median size."""
    if len(row) == 1:
        size = row[0, 2:] - row[0, :2]
        return np.array([size[0] + FRAME_WIDTH, 0], np.float32), size
    centers, middle = (row[:, :2] + row[:, 2:]) / 2, (len(row) - 1) // 2
    return np.sort(centers[1:] - centers[:-1], axis=0)[middle], np.sort(row[:, 2:] - row[:, :2], axis=0)[middle]


def _next_cell(
    row: Sequence[npt.NDArray[np.float32]], side: int, step: Vector, size: Vector
) -> npt.NDArray[np.float32]:
    """Where the cell before the first (side -1) or after the last (side 1) would be."""
    last = row[-1 if side > 0 else 0]
    center = (last[:2] + last[2:]) / 2 + side * step
    return np.concatenate([center - size / 2, center + size / 2])


def nudge(guesses: Boxes, lines: Lines) -> tuple[Boxes, npt.NDArray[np.float32]]:
    """Move each guess by up to NUDGE to where most of its frame is printed."""
    steps = (-NUDGE, 0.0, NUDGE)
    shifts = np.array([(dx, dy, dx, dy) for dx in steps for dy in steps], np.float32)  # (9, 4)
    tried = (guesses[:, None] + shifts).reshape(-1, 4)
    coverage = side_coverage(lines, tried).reshape(len(guesses), len(shifts), 4)
    best = coverage.mean(axis=2).argmax(axis=1)
    index = np.arange(len(guesses))
    return tried.reshape(len(guesses), len(shifts), 4)[index, best], coverage[index, best]
