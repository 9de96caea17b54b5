"""Draws the printed boxes of a field, one function a style."""

from collections.abc import Callable

from scanner.synth.forms import BoxField, BoxStyle
from scanner.synth.sheet import (
    Sheet,
    curve,
    draw_text,
    fill_rectangle,
    horizontal_line,
    rectangle,
    rounded_points,
    text_width_mm,
    vertical_line,
)

MARK_SIZE_PT = 12.0


def draw_frame(sheet: Sheet, field: BoxField) -> None:
    """The boxes of one field, and the print between them."""
    _DRAWERS[field.style](sheet, field)
    for cell, mark in enumerate(field.marks):
        if mark != " ":
            _draw_mark(sheet, field, cell, mark)


def _draw_mark(sheet: Sheet, field: BoxField, cell: int, mark: str) -> None:
    middle_mm = field.cell_left_mm(cell) + field.cell_width_mm + field.gap_mm / 2
    x_mm = middle_mm - text_width_mm(mark, "source-sans-3", MARK_SIZE_PT) / 2
    draw_text(sheet, x_mm, field.bottom_mm - 5.2, mark, size_pt=MARK_SIZE_PT)


def _separate(sheet: Sheet, field: BoxField) -> None:
    for cell in range(field.cells):
        left_mm = field.cell_left_mm(cell)
        rectangle(sheet, left_mm, field.y_mm, field.cell_width_mm, field.cell_height_mm, field.line_mm, field.color)


def _adjoining(sheet: Sheet, field: BoxField) -> None:
    rectangle(sheet, field.x_mm, field.y_mm, field.width_mm, field.cell_height_mm, field.line_mm, field.color)
    inner_mm = field.cell_height_mm - field.line_mm
    for cell in range(1, field.cells):
        left_mm = field.cell_left_mm(cell) - field.line_mm / 2
        fill_rectangle(sheet, left_mm, field.y_mm + field.line_mm / 2, field.line_mm, inner_mm, field.color)


def _comb(sheet: Sheet, field: BoxField) -> None:
    horizontal_line(sheet, field.x_mm, field.bottom_mm, field.width_mm, field.line_mm, field.color)
    tick_mm = field.tick * field.cell_height_mm
    cells = range(field.cells + 1) if field.has_ends else range(1, field.cells)
    for cell in cells:
        left_mm = field.x_mm + cell * field.cell_width_mm - field.line_mm / 2
        top_mm = field.bottom_mm - tick_mm
        fill_rectangle(sheet, left_mm, top_mm, field.line_mm, tick_mm - field.line_mm / 2, field.color)


def _rounded(sheet: Sheet, field: BoxField) -> None:
    for cell in range(field.cells):
        points = rounded_points(
            field.cell_left_mm(cell), field.y_mm, field.cell_width_mm, field.cell_height_mm, field.radius_mm
        )
        curve(sheet, points, field.line_mm, field.color, closed=True)


def _dropout(sheet: Sheet, field: BoxField) -> None:
    (_separate if field.gap_mm > 0 else _adjoining)(sheet, field)


def _open(sheet: Sheet, field: BoxField) -> None:
    """Boxes without a top line."""
    for cell in range(field.cells):
        left_mm = field.cell_left_mm(cell)
        horizontal_line(sheet, left_mm, field.bottom_mm, field.cell_width_mm, field.line_mm, field.color)
        for x_mm in (left_mm, left_mm + field.cell_width_mm):
            height_mm = field.cell_height_mm - field.line_mm
            vertical_line(sheet, x_mm, field.y_mm + field.line_mm / 2, height_mm, field.line_mm, field.color)


_DRAWERS: dict[BoxStyle, Callable[[Sheet, BoxField], None]] = {
    "separate": _separate,
    "cells": _adjoining,
    "comb": _comb,
    "rounded": _rounded,
    "dropout": _dropout,
    "open": _open,
    "table": _adjoining,
    "grid": _adjoining,
}
