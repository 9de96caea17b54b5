"""Digits beside a row, where its next box would be: the number may go on where no frame was found."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scanner.arrays import Gray, Quads
from scanner.cells import read_cells_of
from scanner.content import RowReading
from scanner.network import Network

DIGIT = 0.9  # probability of being a digit, whichever
AS_HIGH = 0.6  # of the digits of the row: captions are smaller


def mark_cut_off(gray: Gray, readings: Sequence[RowReading], network: Network) -> list[RowReading]:
    """The readings, `goes_on` set on rows beside which a digit is written that no other row has."""
    cells = np.concatenate([reading.cell_bounds for reading in readings]) if readings else np.zeros((0, 4))
    places = [
        (index, place)
        for index, reading in enumerate(readings)
        if len(reading.inked) and not reading.row.goes_on
        for place in reading.row.beside
        if not _is_in(place, cells)
    ]
    if not places:
        return list(readings)
    shares = [readings[index].row.side_share for index, _ in places]
    inks = read_cells_of(gray, [place[None] for _, place in places], shares)
    scores = network.scores(np.concatenate([ink.digits for ink in inks]))
    is_digit = [name.isdigit() for name in network.card.classes]
    marked = list(readings)
    for (index, _), ink, score in zip(places, inks, scores, strict=True):
        own = readings[index].ink.extent[readings[index].inked]
        is_high = np.ptp(ink.extent[0, [1, 3]]) >= AS_HIGH * np.median(own[:, 3] - own[:, 1])
        if not ink.is_blank[0] and is_high and score[is_digit].sum() >= DIGIT:
            marked[index] = replace(readings[index], row=replace(readings[index].row, goes_on=True))
    return marked


def _is_in(place: Quads, cells: np.ndarray) -> bool:
    """Whether the middle of a place is in one of the cells (n, 4)."""
    x, y = place.mean(axis=0)
    return bool(((cells[:, 0] < x) & (x < cells[:, 2]) & (cells[:, 1] < y) & (y < cells[:, 3])).any())
