"""Check boxes: which boxes of a field are marked, by how much of each is ink.

A cross or a tick covers a tenth of its box and more, dirt less than a fiftieth. A box that is blackened all over is a
mark where all marks are like that, as in bubbles; beside a plain mark it was taken back.
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.fields import ACCEPTED, BLANK, BLANK_STATUS, REVIEW, FieldReading, Policy, field_reading
from scanner.network import CROSSED, NOT_A_DIGIT

SIDE_PX = 32  # of a box, straightened
AROUND = 0.5  # of the box, on each side: the paper that ink is compared with
INSET = 0.2  # of the box, on each side: frames and their blur
PAPER_PERCENTILE = 80
DARK, PALE = 0.22, 0.1  # of paper, by which ink is darker; by which what may be ink is
SMOOTH = (3, 3)  # pixels: grain is no pale ink
PRINTED = 0.15  # of a box on the form at most, as the letter of a bubble; more was written there
BUSIEST = 2.0  # times as much is printed in a box as in most of its field, at most: letters differ; more was written
HALF, STEEP = 0.03, 6.0  # part of a box that is ink where a mark is as likely as none; how soon that changes
MARK = 0.08  # part of a box that a thin mark covers
BLACK = 0.85  # of a box: blackened all over; a bold cross covers 0.6


def ink_parts(gray: Gray, quads: Quads, *, is_pale: bool = False) -> npt.NDArray[np.float64]:
    """(n,) part of the inside of each box (n, 4, 2) that is ink; `is_pale`: or may be."""
    side = round(SIDE_PX * (1 + 2 * AROUND))
    margin, inset = (side - SIDE_PX) // 2, round(INSET * SIDE_PX)
    corners = np.array([(0, 0), (1, 0), (1, 1), (0, 1)], np.float32) * SIDE_PX + margin - 0.5
    inside = np.s_[margin + inset : margin + SIDE_PX - inset, margin + inset : margin + SIDE_PX - inset]
    parts = []
    for quad in quads:
        matrix = cv2.getPerspectiveTransform(corners, np.asarray(quad, np.float32))
        patch = cv2.warpPerspective(
            gray, matrix, (side, side), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        )
        paper = float(np.percentile(patch, PAPER_PERCENTILE))
        inner = cv2.blur(patch, SMOOTH)[inside] if is_pale else patch[inside]
        parts.append(float((inner < (1 - (PALE if is_pale else DARK)) * paper).mean()))
    return np.array(parts)


def read_marks(
    name: str,
    written: npt.NDArray[np.float64],
    printed: npt.NDArray[np.float64],
    quads: Quads,
    choices: Sequence[str],
    policy: Policy,
    *,
    pale: npt.NDArray[np.float64] | None = None,
    multiple: bool,
    required: bool,
) -> FieldReading:
    """The choices of one field whose boxes are marked.

    Args:
        name: of the field.
        written: (n,) of `ink_parts` on the page.
        printed: (n,) the same on the form, which may be filled.
        quads: (n, 4, 2) corners of the boxes on the page.
        choices: what each box stands for.
        policy: how sure each box must be.
        pale: (n,) of `ink_parts` that may be ink, on the page more than on the form.
        multiple: whether several may be marked.
        required: whether one must be.

    Returns:
        The reading: `value` is what is chosen, joined by `;`; `cells` has `x` for a mark, `_` for none, `?` for one
        that was taken back or may be dirt.
    """
    print_, is_hidden = _print_in(printed)
    ink = np.clip(written - print_, 1e-6, None)
    marked = 1 / (1 + (HALF / ink) ** STEEP)
    is_marked, is_sure = marked >= 0.5, np.maximum(marked, 1 - marked) >= policy.min_digit
    is_sure &= ~(is_hidden & (written > HALF) & ~is_marked)
    if pale is not None:
        is_sure &= is_marked | (pale < MARK)
    is_black = ink >= BLACK
    is_taken_back = is_black & bool((is_marked & ~is_black).any())
    is_chosen = is_marked & ~is_taken_back
    cells = "".join(
        NOT_A_DIGIT if taken_back or not sure else CROSSED if chosen else BLANK
        for chosen, sure, taken_back in zip(is_chosen, is_sure, is_taken_back, strict=True)
    )
    status, reason = _judge(int(is_chosen.sum()), multiple=multiple, required=required)
    confidences = np.maximum(marked, 1 - marked)
    confidence = float(np.prod(confidences))
    if is_taken_back.any():
        status, reason = REVIEW, "taken_back"
    elif not is_sure.all() or confidence < policy.min_field:
        status, reason = REVIEW, "doubtful_mark"
    value = ";".join(choice for choice, chosen in zip(choices, is_chosen, strict=True) if chosen)
    return field_reading(name, cells, confidences, confidence, status, reason, quads, value=value)


def _print_in(printed: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], bool]:
    """Part of each box (n,) that is covered by print, not by a mark on the form itself; whether nothing can tell.

    Print is like in most boxes of a field. A box alone may hold either.
    """
    usual = float(np.sort(printed)[(len(printed) - 1) // 2])
    is_alike = (printed <= PRINTED) & (printed <= BUSIEST * usual + HALF)
    return np.where(is_alike, printed, usual if usual <= PRINTED else 0.0), len(printed) == 1 and usual > HALF


def _judge(count: int, *, multiple: bool, required: bool) -> tuple[str, str]:
    if count > 1 and not multiple:
        return REVIEW, "several_marks"
    if count == 0:
        return (REVIEW, "missing") if required else (BLANK_STATUS, "")
    return ACCEPTED, ""
