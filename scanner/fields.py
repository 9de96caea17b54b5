"""Scores to numbers: value, confidence, accept / review / blank, and the names of fields without a form."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanner.arrays import Quads, Scores
from scanner.cells import CellInk
from scanner.network import CROSSED, NOT_A_DIGIT, in_fields

BLANK = "_"
BLANK_CONFIDENCE = 0.999  # an empty cell is read as empty wrongly about as often as a sure digit
SAME_LINE = 0.5  # of the height: fields whose middles are nearer than this stand in one row

UPPER, LOWER = 0, 1
HIDING = {"1": (UPPER, "7"), "7": (LOWER, "2")}  # digits that may be another with a level stroke hidden in that line
DIGITS = "0123456789"
ACCEPTED, REVIEW, BLANK_STATUS = "accepted", "review", "blank"
CORRECTED = "corrected"  # settled by a person, also where the machine was right
UNREADABLE = "unreadable"  # the reason of a corrected one that a person could not read either
REASONS = {
    "low_confidence": "a digit, or the number as a whole, is less sure than asked for",
    "unreadable_digit": "a cell holds something that is no digit",
    "touching_digits": "digits without boxes hang together, and may be parted in other ways",
    "cut_off": "the row of boxes seems to go on where no boxes were found: digits may be missing",
    "ink_on_frame": (
        "a 1 hangs from the frame, a 7 stands on it, a stroke lies along it or between boxes, or one is very pale: "
        "more may be written"
    ),
    "runs_on": "a stroke goes on far beyond its box, or through a whole number: it may cross out, and be no digit",
    "gap": "an empty cell stands between digits",
    "crossed_out": "cells are crossed out behind the digits, or no digit is left",
    "check_failed": "the number breaks a rule of the form: look what is written",
    "box_not_found": "its boxes are not where the form says: they are covered, cut off or out of the picture",
    "code_not_found": "no word of the address reads as a postal code of the country",
    "missing": "the form asks for a number, and nothing is written",
    "not_unique": "another page says the same number, and the form allows each once",
    "several_marks": "more than one box is marked, where the form asks for one",
    "taken_back": "a box is blackened beside another that is marked: that mark was taken back, it seems",
    "doubtful_mark": "what is in a box may be dirt, or a faint mark",
}
"""Every reason why a field goes to review, and what it means."""


@dataclass(frozen=True, slots=True)
class FieldReading:
    """One number as read, and where it stands on the page.

    `cells` has one character a box: a digit, `_` blank, `?` unreadable, `x` crossed out.
    `digit_confidences` has one probability a cell. `box_xywh` and `cell_quads` are in pixels of the
    original page image, upright as a viewer shows it. Where it is not `is_boxed`, there are no boxes on the paper:
    the number may have more digits, or fewer. To `side_share` of their height the sides of its boxes are printed.
    """

    name: str
    value: str
    confidence: float
    status: str  # accepted, review or blank; corrected
    reason: str  # empty, or one of REASONS
    cells: str
    digit_confidences: tuple[float, ...]
    box_xywh: tuple[int, int, int, int]
    cell_quads: tuple[tuple[tuple[float, float], ...], ...]  # a cell: four x, y corners, clockwise from top left
    alternatives: tuple[tuple[str, float], ...] = ()  # what it may be: cells and probability, the likeliest first
    crop: str = ""  # path of its picture in the output folder, where it has one
    is_boxed: bool = True
    side_share: float = 1.0

    @property
    def runner_up(self) -> str:
        """The likeliest other cells; empty where none are known."""
        return next((cells for cells, _ in self.alternatives if cells != self.cells), "")


@dataclass(frozen=True, slots=True)
class Policy:
    """When a number is accepted: every cell at least `min_digit` sure, and the whole at least `min_field`."""

    min_digit: float
    min_field: float = 0.0


def make_field(
    name: str,
    scores: Scores,
    ink: CellInk,
    quads: Quads,
    classes: str,
    policy: Policy,
    *,
    goes_on: bool = False,
    is_boxed: bool = True,
    side_share: float = 1.0,
    touching: bool = False,
) -> FieldReading:
    """One row of cells, (n, classes) scores and (n, 4, 2) corners, to a number.

    Where the row `goes_on` beyond the boxes that were found, or the `ink` may be more than the cells show, the number
    is not accepted. `touching` digits are the reason where their number is not sure.
    """
    looks = in_fields(scores, classes) if is_boxed else scores
    cells, confidences = decode(looks, ink.is_blank, classes)
    status, reason = judge(cells, confidences, policy)
    if status in (ACCEPTED, BLANK_STATUS) and goes_on:
        status, reason = REVIEW, "cut_off"
    elif status == ACCEPTED:
        status, reason = hold_back(cells, ink)
    elif status == BLANK_STATUS and ink.on_frame.any():
        status, reason = REVIEW, "ink_on_frame"
    elif touching and reason == "low_confidence":
        reason = "touching_digits"
    confidence = float(np.prod(confidences))
    others = tuple(_next_likeliest(cells, confidences, looks, classes))
    return field_reading(
        name, cells, confidences, confidence, status, reason, quads,
        alternatives=((cells, round(confidence, 4)), *others) if others else (), is_boxed=is_boxed,
        side_share=side_share,
    )  # fmt: skip


def _next_likeliest(
    cells: str, confidences: npt.NDArray[np.float64], scores: Scores, classes: str
) -> Iterator[tuple[str, float]]:
    """What the cells may hold if not what they are read as: one of them another, or those legible that are not."""
    looks = scores.astype(np.float64)
    looks[:, [index for index, name in enumerate(classes) if name == NOT_A_DIGIT]] = 0
    looks[np.arange(len(cells)), [classes.find(cell) for cell in cells]] = 0
    second = looks.max(axis=1)
    inked = [place for place, cell in enumerate(cells) if cell != BLANK]
    changed = [place for place in inked if cells[place] == NOT_A_DIGIT]
    changed = changed or sorted(inked, key=lambda place: -second[place] / confidences[place])[:1]
    if changed:
        text, parts = list(cells), confidences.copy()
        for place in changed:
            text[place], parts[place] = classes[int(looks[place].argmax())], second[place]
        yield "".join(text), round(float(parts.prod()), 4)


def field_reading(
    name: str,
    cells: str,
    confidences: npt.NDArray[np.float64],
    confidence: float,
    status: str,
    reason: str,
    quads: Quads,
    *,
    value: str | None = None,
    alternatives: tuple[tuple[str, float], ...] = (),
    is_boxed: bool = True,
    side_share: float = 1.0,
) -> FieldReading:
    """A reading of cells (n,) with their corners (n, 4, 2); by default its value is their digits."""
    low, high = np.floor(quads.min(axis=(0, 1))).astype(int), np.ceil(quads.max(axis=(0, 1))).astype(int)
    return FieldReading(
        name=name,
        value=digits_in(cells) if value is None else value,
        confidence=round(confidence, 4),
        status=status,
        reason=reason,
        cells=cells,
        digit_confidences=tuple(round(float(each), 4) for each in confidences),
        box_xywh=(int(low[0]), int(low[1]), int(high[0] - low[0]), int(high[1] - low[1])),
        cell_quads=tuple(tuple((float(x), float(y)) for x, y in quad) for quad in quads),
        alternatives=alternatives,
        is_boxed=is_boxed,
        side_share=side_share,
    )


def digits_in(cells: str) -> str:
    """The digits of a row of cells, blanks and crosses left out."""
    return "".join(filter(str.isdigit, cells))


def hold_back(cells: str, ink: CellInk) -> tuple[str, str]:
    """Status and reason of a number whose cells are sure: strokes beyond its cells, or on their frames, may be more."""
    if ink.runs_on.any():
        return REVIEW, "runs_on"
    return (REVIEW, "ink_on_frame") if any(other_readings(cells, ink)) else (ACCEPTED, "")


def other_readings(cells: str, ink: CellInk) -> Iterator[str]:
    """What else may be written, of one cell each, where a stroke lies on its frame or goes on far beyond it.

    A level one may have gone with the frame: a 1 that hangs from the upper line may be a 7 whose bar lies in it, a 7
    that stands on the lower line a 2 without its foot.
    """
    for place, cell in enumerate(cells):
        others = ""
        if ink.on_frame[place] or ink.runs_on[place]:
            others = DIGITS
        elif cell in HIDING and ink.touches[place, HIDING[cell][0]]:
            others = HIDING[cell][1]
        yield from (f"{cells[:place]}{other}{cells[place + 1 :]}" for other in others if other != cell)


def decode(scores: Scores, is_blank: npt.NDArray[np.bool_], classes: str) -> tuple[str, npt.NDArray[np.float64]]:
    """The most probable character of each cell, and its probability."""
    best = scores.argmax(axis=1)
    cells = "".join(BLANK if blank else classes[index] for blank, index in zip(is_blank, best, strict=True))
    confidences = np.where(is_blank, BLANK_CONFIDENCE, scores.max(axis=1)).astype(np.float64)
    return cells, confidences


def judge(cells: str, confidences: npt.NDArray[np.float64], policy: Policy) -> tuple[str, str]:
    """Status and reason of a number."""
    written = cells.strip(BLANK + CROSSED)
    if not written:
        return (REVIEW, "crossed_out") if CROSSED in cells else (BLANK_STATUS, "")
    if NOT_A_DIGIT in cells:
        return REVIEW, "unreadable_digit"
    if not written.isdigit():
        return REVIEW, "gap"
    if CROSSED in cells[cells.rindex(written[-1]) :]:  # before a number it fills unused boxes
        return REVIEW, "crossed_out"
    if confidences.min() < policy.min_digit or confidences.prod() < policy.min_field:
        return REVIEW, "low_confidence"
    return ACCEPTED, ""


def name_in_reading_order(quads: Sequence[Quads]) -> list[tuple[int, str]]:
    """(index, name) of each field in reading order: `r01f02` is the second field of the first row from the top.

    Rows follow the slope of the fields themselves, so a skewed page has the same names as a straight one.
    """
    if not quads:
        return []
    along = np.mean([(each[-1, 1] - each[0, 0]) / max(float(np.linalg.norm(each[-1, 1] - each[0, 0])), 1.0)
                     for each in quads], axis=0)  # fmt: skip
    down = np.array([-along[1], along[0]])
    middles = np.array([each.mean(axis=(0, 1)) for each in quads])
    heights = np.array([np.linalg.norm(each[:, 3] - each[:, 0], axis=1).mean() for each in quads])
    across, depth = middles @ along, middles @ down
    named = []
    for number, line in enumerate(_lines(depth, heights), start=1):
        for place, index in enumerate(sorted(line, key=lambda each: across[each]), start=1):
            named.append((index, f"r{number:02d}f{place:02d}"))
    return named


def _lines(depth: npt.NDArray[np.float64], heights: npt.NDArray[np.float64]) -> list[list[int]]:
    """Indices of the fields of each line, top to bottom."""
    lines: list[list[int]] = []
    for index in np.argsort(depth, kind="stable"):
        if lines and depth[index] - depth[lines[-1][0]] < SAME_LINE * min(heights[index], heights[lines[-1][0]]):
            lines[-1].append(int(index))
        else:
            lines.append([int(index)])
    return lines
