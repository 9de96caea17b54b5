"""Cells that people crossed out: an X, strokes or a zigzag through the cell, a digit struck out.

A single slanted stroke is left out on purpose: once normalized, nobody can tell it from a 1.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from scanner.training.pen import Points, blank, draw_curve, pen_px, shaky

Ink = npt.NDArray[np.uint8]
TURN_DEGREES, OFF_CENTER, CROSS_BOW = 10.0, 0.09, 0.05  # standard deviations of what haste does to a cross
SHORTEST = 0.65  # arm of a cross, of the longest
STRIKING_PX = 5  # a finer pen fades beside a digit in a bold one
UNSTRIKABLE = (0, 1, 4, 7)  # a single line through these may be part of the digit: slashed 0, crossed 7


def draw_crossed(digits: Ink, labels: npt.NDArray[np.int64], rng: np.random.Generator) -> Ink:
    """Draw one crossed-out cell.

    Args:
        digits: (n, CANVAS, CANVAS) ink maps, of which some are struck out.
        labels: (n,) which digits they are.
        rng: decides everything.

    Returns:
        (CANVAS, CANVAS) uint8, 255 = ink.
    """
    kinds: tuple[tuple[Callable[[np.random.Generator], Ink], float], ...] = (
        (_cross, 0.5),
        (_parallel_strokes, 0.1),
        (_zigzag, 0.1),
        (_cross_without_lifting, 0.05),
    )
    struck_out = 0.25
    if len(digits) and rng.random() < struck_out:
        chosen = int(rng.integers(len(digits)))
        return _strike_out(digits[chosen], int(labels[chosen]), rng)
    weights = np.array([weight for _, weight in kinds])
    return kinds[rng.choice(len(kinds), p=weights / weights.sum())][0](rng)


def _cross(rng: np.random.Generator, thinnest_px: int = 0) -> Ink:
    """Two strokes corner to corner, in cells of any shape, turned and uneven as in haste; perhaps more of them."""
    canvas, width = blank(), max(pen_px(rng), thinnest_px)
    half = rng.uniform(0.2, 0.45, 2)
    turn = np.radians(rng.normal(0, TURN_DEGREES))
    rotation = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    lines = [np.array([[-1.0, -1.0], [1.0, 1.0]]), np.array([[1.0, -1.0], [-1.0, 1.0]])]
    if rng.random() < 0.1:
        lines.append(np.array([[-1.0, 0.0], [1.0, 0.0]] if rng.random() < 0.5 else [[0.0, -1.0], [0.0, 1.0]]))
    if rng.random() < 0.15:
        lines += lines[: int(rng.integers(1, 3))]
    for line in lines:
        uneven = line * rng.uniform(SHORTEST, 1, (2, 1)) + rng.normal(0, OFF_CENTER, 2)
        ends = 0.5 + uneven * half @ rotation
        draw_curve(canvas, _bowed(shaky(ends, rng, 0.03), rng, CROSS_BOW), width)
    return canvas


def _cross_without_lifting(rng: np.random.Generator) -> Ink:
    """An X in one go: the pen stays down along one side."""
    canvas = blank()
    wide, high = rng.uniform(0.28, 0.42), rng.uniform(0.22, 0.36)  # a narrow one looks like an 8
    path = np.array([[-1, -1], [1, 1], [1.1, 0.2], [1, -1], [-1, 1]])
    if rng.random() < 0.5:
        path[:, 0] *= -1
    draw_curve(canvas, shaky(0.5 + path * [wide, high], rng, 0.03), pen_px(rng))
    return canvas


def _parallel_strokes(rng: np.random.Generator) -> Ink:
    """Two to four slanted strokes side by side."""
    canvas, width = blank(), pen_px(rng)
    slant = rng.uniform(-0.3, 0.3)
    for x in np.linspace(-0.28, 0.28, int(rng.integers(3, 5))):
        ends = np.array([[0.5 + x - slant, 0.12], [0.5 + x + slant, 0.88]])
        draw_curve(canvas, _bowed(shaky(ends, rng, 0.03), rng), width)
    return canvas


def _zigzag(rng: np.random.Generator, thinnest_px: int = 0) -> Ink:
    """One stroke up and down through the whole cell."""
    canvas = blank()
    turns = int(rng.integers(7, 11))  # fewer look like a W or a 3
    along = np.linspace(0.12, 0.88, turns)
    across = np.where(np.arange(turns) % 2, rng.uniform(0.7, 0.88), rng.uniform(0.12, 0.3))
    points = np.stack([along, across], axis=1)
    if rng.random() < 0.4:
        points = points[:, ::-1]
    draw_curve(canvas, shaky(points, rng, 0.03), max(pen_px(rng), thinnest_px))
    return canvas


def _strike_out(digit: Ink, label: int, rng: np.random.Generator) -> Ink:
    """A digit with an X, with lines, or with one line over it."""
    choice = rng.random()
    if choice < 0.45:
        return np.maximum(digit, _cross(rng, STRIKING_PX))
    if choice < 0.6:
        return np.maximum(digit, _zigzag(rng, STRIKING_PX))
    canvas, width = digit.copy(), max(pen_px(rng), STRIKING_PX)
    lines = 2 if label in UNSTRIKABLE else int(rng.integers(1, 4))
    tilt = rng.uniform(-0.25, 0.25)
    for y in 0.5 + np.linspace(-0.14, 0.14, lines) * (lines > 1):
        ends = np.array([[0.05, y + tilt], [0.95, y - tilt]])
        draw_curve(canvas, _bowed(shaky(ends, rng, 0.02), rng), width)
    return canvas


def _bowed(ends: Points, rng: np.random.Generator, bow: float = 0.04) -> Points:
    """A stroke between two ends, bent a little in the middle."""
    middle = ends.mean(axis=0) + rng.normal(0, bow, 2)
    return np.stack([ends[0], middle, ends[1]])
