"""Digits written into boxes by the mirror, scanned with its faults, found and cut out by the reader itself.

What a cell yields is not what a data set holds: frames take strokes away or leave rests, neighbors reach over,
a fax tears what a phone blurs. The network learns it from the very code that it will read with.
"""

from collections.abc import Iterator

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Gray, Quads
from scanner.boxes import BoxRow, find_box_rows
from scanner.cells import read_cells_of
from scanner.synth.blocks import MAX_CELLS, Design, box_field, random_design
from scanner.synth.fill import BLANK, CROSSED
from scanner.synth.forms import BOX_STYLES, EXTRA_STYLES, BoxField, Layout, in_reading_order
from scanner.synth.hand import DigitSource, Writer, tight_ink
from scanner.synth.pages import FieldTruth, scan_form
from scanner.training.augment import rewrite

WIDTH_MM, HEIGHT_MM, MARGIN_MM = 148.0, 105.0, 6.0  # a postcard: small pages mix designs and faults
ROW_GAP_MM = (1.5, 5.0)
MIN_CELLS = 3  # shorter rows may be taken for part of something else
STYLES = BOX_STYLES + EXTRA_STYLES
STYLE_WEIGHTS = np.array([4, 4, 3, 3, 3, 1, 1, 1]) / 20
FAULTS = ("clean", "scan", "photo", "fax", "low", "photocopy", "scan+low", "skew+scan")
FAULT_WEIGHTS = np.array([2, 4, 4, 4, 4, 1, 1, 1]) / 21
DPI = (150.0, 200.0, 300.0)
DPI_WEIGHTS = (0.2, 0.3, 0.5)
BLANK_SHARE, CROSSED_SHARE = 0.06, 0.03  # of the cells
FREEDOM = 0.7  # how far a digit's shape changes, of what `scan_like` does: writers differ already
BODY = 100  # pixels of a digit before it is written
SAME_PLACE = 0.3  # of a cell's size: the reader's cell is the written one

Labels = npt.NDArray[np.int64]


def boxed_digits(
    source: DigitSource, alphabet: str, count: int, rng: np.random.Generator, classes: str
) -> tuple[Digits, Labels]:
    """`count` digits as cells yield them: (count, 28, 28), and their places in `classes`.

    `alphabet`: the digits that the source can write. A cell that is blank but does not look so yields "?": it holds
    a rest of its frame.
    """
    images: list[Digits] = []
    labels: list[Labels] = []
    while sum(map(len, labels)) < count:
        for digits, written in _read_sheet(_Rewritten(source), alphabet, rng):
            is_inked = digits.any(axis=(1, 2))
            images.append(digits[is_inked])
            labels.append(np.array([classes.index("?" if each == BLANK else each) for each in written])[is_inked])
    return np.concatenate(images)[:count], np.concatenate(labels)[:count].astype(np.int64)


class _Rewritten:
    """Digits of another source, each turned, leaned, stretched and bent a little."""

    def __init__(self, source: DigitSource) -> None:
        self._source = source

    def __call__(self, label: int, rng: np.random.Generator, writer: Writer | None = None) -> npt.NDArray[np.uint8]:
        ink = rewrite(self._source(label, rng, writer), rng, FREEDOM, BODY)
        return tight_ink((255 * np.clip(ink, 0, 1)).astype(np.uint8))


def _read_sheet(source: DigitSource, alphabet: str, rng: np.random.Generator) -> Iterator[tuple[Digits, str]]:
    """Of each field of one random sheet that the reader finds, its digits and what is written in its cells."""
    layout = _sheet(rng)
    values = {field.name: _random_cells(field.cells, alphabet, rng) for field in layout.fields}
    fault, dpi = str(rng.choice(FAULTS, p=FAULT_WEIGHTS)), float(rng.choice(DPI, p=DPI_WEIGHTS))
    page = scan_form(layout, values, fault, source, rng, dpi)
    gray: Gray = page.image if page.image.ndim == 2 else np.asarray(cv2.cvtColor(page.image, cv2.COLOR_BGR2GRAY))
    pairs = list(_matched(find_box_rows(gray), page.truth))
    inks = read_cells_of(gray, [row.quads for row, _ in pairs], [row.side_share for row, _ in pairs])
    for ink, (_, field) in zip(inks, pairs, strict=True):
        yield ink.digits, field.cells


def _sheet(rng: np.random.Generator) -> Layout:
    """Rows of boxes of one design, as many as fit; without labels, which would only cost time."""
    design = random_design(STYLES[int(rng.choice(len(STYLES), p=STYLE_WEIGHTS))], rng)
    fields: list[BoxField] = []
    gap_mm = 0.0 if design.style == "grid" else float(rng.uniform(*ROW_GAP_MM))
    top_mm = MARGIN_MM
    while top_mm + design.cell_height_mm < HEIGHT_MM - MARGIN_MM:
        fields += _row(design, top_mm, rng)
        top_mm += design.cell_height_mm + gap_mm
    return Layout("sheet", WIDTH_MM, HEIGHT_MM, in_reading_order(fields))


def _row(design: Design, top_mm: float, rng: np.random.Generator) -> Iterator[BoxField]:
    pitch_mm, left_mm = design.cell_width_mm + design.gap_mm, MARGIN_MM
    while (room := int((WIDTH_MM - MARGIN_MM - left_mm) / pitch_mm)) >= MIN_CELLS:
        field = box_field(design, left_mm, top_mm, int(rng.integers(MIN_CELLS, min(room, MAX_CELLS) + 1)))
        yield field
        left_mm = field.right_mm + 1.5 * pitch_mm


def _random_cells(count: int, alphabet: str, rng: np.random.Generator) -> str:
    share = (1 - BLANK_SHARE - CROSSED_SHARE) / len(alphabet)
    shares = [share] * len(alphabet) + [BLANK_SHARE, CROSSED_SHARE]
    return "".join(rng.choice(list(alphabet + BLANK + CROSSED), count, p=shares))


def _matched(rows: list[BoxRow], truth: tuple[FieldTruth, ...]) -> Iterator[tuple[BoxRow, FieldTruth]]:
    for row in rows:
        for field in truth:
            if _is_same(row.quads, field.quads):
                yield row, field


def _is_same(found: Quads, written: Quads) -> bool:
    if len(found) != len(written):
        return False
    size = np.linalg.norm(written[:, 2] - written[:, 0], axis=1)
    apart = np.linalg.norm(found.mean(axis=1) - written.mean(axis=1), axis=1)
    return bool((apart < SAME_PLACE * size).all())
