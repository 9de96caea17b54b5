"""Rows that stand on each other: of the same cells seen twice one row is kept."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scanner.boxes.holes import MAX_SIDE, SIMILAR
from scanner.boxes.lines import Boxes

NESTED = 0.6  # share of the cells of a row that stand in the same cell of another: it is inside of that


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


def outside(rows: Sequence[Boxes], others: Sequence[Boxes]) -> list[Boxes]:
    """The rows that have no cell whose center is in a cell of the others."""
    return [row for row in rows if not any(_centers_inside(row, other).any() for other in _near(row, others))]


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
