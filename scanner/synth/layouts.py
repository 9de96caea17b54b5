"""Random forms: A4 or Letter pages with 6 to 16 number fields, printed labels and decoys.

Seeds below `RESERVED_SEEDS` are for development. Those from there on belong to the final benchmark:
nobody looks at their pages while developing.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from scanner.synth.blocks import Block, Design, decoy_block, field_block, footer, header, moved, random_design
from scanner.synth.forms import (
    A4_MM,
    BOX_STYLES,
    EXTRA_STYLES,
    LETTER_MM,
    BoxStyle,
    Layout,
    in_reading_order,
)

RESERVED_SEEDS = 1000
MIN_FIELDS, MAX_FIELDS = 6, 16
GUTTER_MM = 9.0  # between two columns
BLOCK_GAP_MM = (2.0, 5.0)  # between blocks of a column, before the page is stretched
BODY_DECOYS = (
    "check_boxes",
    "print_table",
    "bubbles",
    "letter_row",
    "long_box",
    "ruled_lines",
    "paragraph",
    "stamp",
    "rating_row",
)


def random_layout(style: BoxStyle, seed: int) -> Layout:
    """A form whose boxes are of one style; the same seed gives the same form."""
    styles = (*BOX_STYLES, *EXTRA_STYLES)
    rng = np.random.default_rng((seed, styles.index(style)))
    width_mm, height_mm = A4_MM if rng.random() < 0.7 else LETTER_MM
    margin_mm = float(rng.uniform(12, 20))
    inner_mm = width_mm - 2 * margin_mm
    design = random_design(style, rng)
    head, foot = header(inner_mm, design, rng), footer(inner_mm, rng)
    top_mm = margin_mm + head.height_mm
    bottom_mm = height_mm - margin_mm - foot.height_mm
    placed = [
        moved(head, margin_mm, margin_mm),
        *_body(margin_mm, top_mm, inner_mm, bottom_mm, design, rng),
        moved(foot, margin_mm, bottom_mm),
    ]
    return join_blocks(f"{style}_{seed}", width_mm, height_mm, placed)


def join_blocks(name: str, width_mm: float, height_mm: float, blocks: Sequence[Block]) -> Layout:
    """One layout of blocks that are already where they belong."""
    return Layout(
        name=name,
        width_mm=width_mm,
        height_mm=height_mm,
        fields=in_reading_order(field for block in blocks for field in block.fields),
        labels=tuple(label for block in blocks for label in block.labels),
        decoys=tuple(decoy for block in blocks for decoy in block.decoys),
    )


def _body(
    left_mm: float, top_mm: float, width_mm: float, bottom_mm: float, design: Design, rng: np.random.Generator
) -> list[Block]:
    """Fields and decoys stacked in one or two columns until the page is full."""
    columns = 2 if design.cell_width_mm < 7.5 and rng.random() < 0.6 else 1
    column_mm = (width_mm - (columns - 1) * GUTTER_MM) / columns
    lefts = [left_mm + column * (column_mm + GUTTER_MM) for column in range(columns)]
    stretch = float(rng.uniform(1.0, 2.2))
    queue = _queue(column_mm, design, rng)
    gaps_mm = stretch * rng.uniform(*BLOCK_GAP_MM, size=len(queue))
    placed = _stacked(queue, gaps_mm, lefts, top_mm, bottom_mm)
    if _field_count(placed) < MIN_FIELDS:  # decoys took the room
        fields_first = sorted(queue, key=lambda block: not block.fields)
        placed = _stacked(fields_first, gaps_mm / stretch, lefts, top_mm, bottom_mm)
    return placed


def _field_count(blocks: Sequence[Block]) -> int:
    return sum(len(block.fields) for block in blocks)


def _stacked(
    queue: Sequence[Block], gaps_mm: npt.NDArray[np.float64], lefts: Sequence[float], top_mm: float, bottom_mm: float
) -> list[Block]:
    """Blocks one below the other, each in the column with most room; what does not fit is left out."""
    tops = [top_mm] * len(lefts)
    placed: list[Block] = []
    for block, gap_mm in zip(queue, gaps_mm, strict=True):
        column = int(np.argmin(tops))
        is_too_many = _field_count(placed) + len(block.fields) > MAX_FIELDS
        if is_too_many or tops[column] + block.height_mm > bottom_mm:
            continue
        placed.append(moved(block, lefts[column], tops[column]))
        tops[column] += block.height_mm + float(gap_mm)
    return placed


def _queue(width_mm: float, design: Design, rng: np.random.Generator) -> list[Block]:
    """What is to be placed, in order: enough fields early on, decoys strewn among them."""
    wanted = int(rng.integers(MIN_FIELDS, MAX_FIELDS + 1))
    blocks: list[Block] = []
    while _field_count(blocks) < wanted:
        blocks.append(field_block(width_mm, design, rng))
    for kind in rng.choice(BODY_DECOYS, size=int(rng.integers(3, 8)), replace=False):
        at = int(rng.integers(0, len(blocks) + 1))
        blocks.insert(at, decoy_block(str(kind), width_mm, design, rng))
    return blocks
