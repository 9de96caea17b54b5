"""Digits beside a row, where its next box would be: the number may go on where no frame was found."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.cells import read_cells_of
from scanner.content import RowReading
from scanner.network import Network

DIGIT = 0.9  # probability of being a digit, whichever
AS_HIGH = 0.6  # of the digits of the row: captions are smaller
HIGH = 0.45  # of a cell, where the row is empty
OVERLAP = 0.1, 0.5  # of the width and of the height of a place: what is there is in the cell of another row


def mark_cut_off(gray: Gray, readings: Sequence[RowReading], network: Network) -> list[RowReading]:
    """The readings, `goes_on` set on rows beside which a digit is written that no other row has."""
    cells = np.concatenate([reading.cell_bounds for reading in readings]) if readings else np.zeros((0, 4))
    places = [
        (index, place)
        for index, reading in enumerate(readings)
        if not reading.row.goes_on
        for place in reading.row.beside
        if not _overlaps(place, cells)
    ]
    if not places:
        return list(readings)
    shares = [readings[index].row.side_share for index, _ in places]
    pairs = [_with_next(place, readings[index].row.quads) for index, place in places]
    read = read_cells_of(gray, [cells for cells, _ in pairs], shares)
    inks = [ink.only(at) for ink, (_, at) in zip(read, pairs, strict=True)]
    scores = network.scores(np.concatenate([ink.digits for ink in inks]))
    is_digit = [name.isdigit() for name in network.card.classes]
    marked = list(readings)
    for (index, _), ink, score in zip(places, inks, scores, strict=True):
        own = readings[index].ink.extent[readings[index].inked]
        usual = AS_HIGH * np.median(own[:, 3] - own[:, 1]) if len(own) else HIGH
        is_high = np.ptp(ink.extent[0, [1, 3]]) >= usual
        is_mark = not (ink.is_blank[0] or ink.runs_on[0])  # what runs on is a printed line
        if is_mark and is_high and score[is_digit].sum() >= DIGIT:
            marked[index] = replace(readings[index], row=replace(readings[index].row, goes_on=True))
    return marked


def _with_next(place: Quads, cells: Quads) -> tuple[Quads, int]:
    """(2, 4, 2) the place with the cell of the row beside it, whose frame is known so; and which of the two it is."""
    before, after = np.linalg.norm(cells[[0, -1]].mean(axis=1) - place.mean(axis=0), axis=1).tolist()
    return (np.stack([cells[-1], place]), 1) if after < before else (np.stack([place, cells[0]]), 0)


def _overlaps(place: Quads, cells: npt.NDArray[np.floating]) -> bool:
    """Whether one of the cells (n, 4), x0, y0, x1, y1, reaches into a place (4, 2)."""
    low, high = place.min(axis=0), place.max(axis=0)
    shared = np.minimum(cells[:, 2:], high) - np.maximum(cells[:, :2], low)  # (n, 2)
    return bool((shared > np.array(OVERLAP) * (high - low)).all(axis=1).any())
