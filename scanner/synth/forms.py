"""A blank form as a designer describes it: fields of boxes, labels and other print, in millimeters."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np

from scanner.arrays import Quads
from scanner.synth.sheet import BLACK, Color

BoxStyle: TypeAlias = Literal["separate", "cells", "comb", "rounded", "dropout", "open", "table", "grid"]

BOX_STYLES: tuple[BoxStyle, ...] = ("separate", "cells", "comb", "rounded", "dropout")
"""The styles that benchmarks report."""

EXTRA_STYLES: tuple[BoxStyle, ...] = ("open", "table", "grid")
"""Rarer ones: a side of each box missing, cells at the end of a ruled table row, rows that share their lines."""

A4_MM = (210.0, 297.0)
LETTER_MM = (215.9, 279.4)
DROPOUT_COLORS: tuple[Color, ...] = ((190, 170, 250), (240, 205, 160), (170, 220, 170), (130, 190, 250))
"""Pink, light blue, light green, orange: printed so that a scanner's lamp can drop them."""

SAME_ROW = 0.5  # fields whose middles differ by less than this share of a height stand in one row


@dataclass(frozen=True, slots=True)
class BoxField:
    """One number: a row of cells. Positions are those of the centers of the printed lines."""

    name: str
    x_mm: float
    y_mm: float
    cells: int
    style: BoxStyle
    cell_width_mm: float
    cell_height_mm: float
    gap_mm: float = 0.0  # between two cells; 0 where they adjoin
    line_mm: float = 0.25
    color: Color = BLACK
    radius_mm: float = 0.0  # rounded corners
    tick: float = 0.35  # comb: height of the ticks as a share of the cell's
    has_ends: bool = True  # comb: ticks at both ends too
    marks: str = ""  # one character a cell: print between this cell and the next, as the dots of a date; blank = none

    @property
    def pitch_mm(self) -> float:
        return self.cell_width_mm + self.gap_mm

    @property
    def width_mm(self) -> float:
        return self.cells * self.pitch_mm - self.gap_mm

    @property
    def right_mm(self) -> float:
        return self.x_mm + self.width_mm

    @property
    def bottom_mm(self) -> float:
        return self.y_mm + self.cell_height_mm

    def cell_left_mm(self, cell: int) -> float:
        return self.x_mm + cell * self.pitch_mm


@dataclass(frozen=True, slots=True)
class Label:
    """A line of print; `x_mm`, `y_mm` is the top left of its line box."""

    text: str
    x_mm: float
    y_mm: float
    size_pt: float = 10.0
    font: str = "source-sans-3"
    color: Color = BLACK
    is_bold: bool = False


@dataclass(frozen=True, slots=True)
class Decoy:
    """Something on the page that is no digit field; `kind` names its drawing in `decoys`."""

    kind: str
    x_mm: float
    y_mm: float
    width_mm: float
    height_mm: float
    seed: int = 0
    box: BoxField | None = None  # letter rows: the boxes written into
    texts: tuple[str, ...] = ()  # lines or words printed or written; where empty, random ones


@dataclass(frozen=True, slots=True)
class Layout:
    """A blank form; nothing overlaps."""

    name: str
    width_mm: float
    height_mm: float
    fields: tuple[BoxField, ...]
    labels: tuple[Label, ...] = ()
    decoys: tuple[Decoy, ...] = ()


def cell_quads(field: BoxField, px_per_mm: float) -> Quads:
    """Corners of the cells in pixels of the page, (cells, 4, 2)."""
    left = field.x_mm + np.arange(field.cells) * field.pitch_mm  # (cells,)
    right = left + field.cell_width_mm
    top, bottom = np.full(field.cells, field.y_mm), np.full(field.cells, field.bottom_mm)
    corners = [np.stack(pair, axis=1) for pair in ((left, top), (right, top), (right, bottom), (left, bottom))]
    return (np.stack(corners, axis=1) * px_per_mm - 0.5).astype(np.float32)


def in_reading_order(fields: Iterable[BoxField]) -> tuple[BoxField, ...]:
    """Fields renamed `r01f02` = second field of the first row, rows counted from the top."""
    rows: list[list[BoxField]] = []
    for field in sorted(fields, key=lambda f: f.y_mm + f.cell_height_mm / 2):
        middle = field.y_mm + field.cell_height_mm / 2
        first = rows[-1][0] if rows else None
        if first and middle - (first.y_mm + first.cell_height_mm / 2) < SAME_ROW * first.cell_height_mm:
            rows[-1].append(field)
        else:
            rows.append([field])
    return tuple(
        replace(field, name=f"r{row:02d}f{column:02d}")
        for row, members in enumerate(rows, start=1)
        for column, field in enumerate(sorted(members, key=lambda f: f.x_mm), start=1)
    )
