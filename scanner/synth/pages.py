"""Whole synthetic pages with their truth: layout, values, writing and scan from one seed."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanner.arrays import Quads
from scanner.synth.effects import PhotoImage
from scanner.synth.files import TruthRow, save_scan, write_truth
from scanner.synth.fill import Filled, fill, random_values
from scanner.synth.forms import BoxStyle, Layout, cell_quads
from scanner.synth.hand import DigitSource
from scanner.synth.layouts import RESERVED_SEEDS, random_layout
from scanner.synth.scan import scan
from scanner.synth.scanned import Scan, move_points


@dataclass(frozen=True, slots=True)
class FieldTruth:
    """What is written in one field and where it stands in the scanned image."""

    name: str
    value: str  # the digits, blanks left out
    cells: str  # one character a cell: a digit, `_` blank, `x` crossed out
    quads: Quads  # (cells, 4, 2), pixels of the scanned image


def truth_rows(file: str, page: int, truth: Sequence[FieldTruth]) -> list[TruthRow]:
    return [TruthRow(file, page, field.name, field.value, field.cells) for field in truth]


@dataclass(frozen=True, slots=True)
class SyntheticPage:
    """A scanned page and all that is true of it."""

    name: str
    image: PhotoImage
    truth: tuple[FieldTruth, ...]
    layout: Layout
    dpi_xy: tuple[float, float]  # across, down


def make_page(
    style: BoxStyle,
    fault: str,
    layout_seed: int,
    seed: int,
    digits: DigitSource,
    dpi: float = 300.0,
) -> SyntheticPage:
    """A random form of a box style, filled with random numbers and scanned; the same arguments, the same page."""
    layout = random_layout(style, layout_seed)
    rng = np.random.default_rng((seed, layout_seed, zlib.crc32(f"{style} {fault}".encode())))
    return scan_form(layout, random_values(layout, rng), fault, digits, rng, dpi)


def scan_form(
    layout: Layout,
    values: Mapping[str, str],
    fault: str,
    digits: DigitSource,
    rng: np.random.Generator,
    dpi: float = 300.0,
) -> SyntheticPage:
    """A given form, filled with given values and scanned."""
    filled = fill(layout, values, digits, rng, dpi)
    scanned = scan(filled.image, fault, rng, dpi=dpi)
    return SyntheticPage(
        f"{layout.name}_{fault}", scanned.image, field_truths(layout, filled, scanned), layout, scanned.dpi_xy
    )


def field_truths(layout: Layout, filled: Filled, scanned: Scan) -> tuple[FieldTruth, ...]:
    return tuple(
        FieldTruth(
            name=field.name,
            value="".join(character for character in filled.cells[field.name] if character.isdigit()),
            cells=filled.cells[field.name],
            quads=move_points(scanned.homography, cell_quads(field, filled.px_per_mm)),
        )
        for field in layout.fields
    )


def write_pages(
    folder: Path, count: int, styles: Sequence[BoxStyle], faults: Sequence[str], seed: int, digits: DigitSource
) -> None:
    """Write `count` pages, styles and faults taking turns, and their `truth.csv`; another seed has none of them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[TruthRow] = []
    for number in range(count):
        turn, place = divmod(number, len(styles))
        style, fault = styles[place], faults[(place + turn) % len(faults)]  # soon many, in time each with each
        layout_seed, page_seed = np.random.default_rng((seed, number)).integers((RESERVED_SEEDS, 2**32)).tolist()
        page = make_page(style, fault, layout_seed, page_seed, digits)
        path = save_scan(page.image, folder / f"page{number + 1:04d}_{style}_{fault.replace('+', '_')}", page.dpi_xy)
        rows += truth_rows(path.name, 1, page.truth)
    write_truth(folder / "truth.csv", rows)
