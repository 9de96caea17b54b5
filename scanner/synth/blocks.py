"""The pieces of a random form, each with its own origin: heading, fields with labels, decoys, footer."""

from dataclasses import dataclass, replace

import numpy as np

from scanner.synth.forms import DROPOUT_COLORS, BoxField, BoxStyle, Decoy, Label
from scanner.synth.sheet import Color, line_pitch_mm, text_width_mm
from scanner.synth.words import random_label, random_words

MAX_CELLS = 12
LABEL_GAP_MM = 2.0
DECOY_HEIGHTS_MM = {
    "check_boxes": (6.0, 7.0),
    "print_table": (18.0, 40.0),
    "bubbles": (14.0, 40.0),
    "long_box": (7.0, 10.0),
    "ruled_lines": (17.0, 28.0),
    "paragraph": (10.0, 25.0),
    "rating_row": (6.0, 8.0),
    "stamp": (18.0, 22.0),
}


@dataclass(frozen=True, slots=True)
class Design:
    """What all fields of one form share."""

    style: BoxStyle
    cell_width_mm: float
    cell_height_mm: float
    gap_mm: float
    line_mm: float
    color: Color
    radius_mm: float
    tick: float
    has_ends: bool
    font: str
    label_pt: float
    is_label_above: bool


@dataclass(frozen=True, slots=True)
class Block:
    """A piece of a form with its own origin, to be put somewhere on the page."""

    height_mm: float
    fields: tuple[BoxField, ...] = ()
    labels: tuple[Label, ...] = ()
    decoys: tuple[Decoy, ...] = ()


def random_design(style: BoxStyle, rng: np.random.Generator) -> Design:
    cell_width_mm = float(rng.uniform(4.5, 9.0))
    ratio = float(rng.uniform(1.0, 1.4))
    is_spaced = style in ("separate", "rounded", "open") or (style == "dropout" and rng.random() < 0.5)
    line_mm = float(rng.uniform(0.2, 0.4) if style == "dropout" else rng.uniform(0.15, 0.5))
    shade = int(rng.integers(20, 90))
    is_dropout = style == "dropout"
    cell_height_mm = float(np.clip(cell_width_mm * ratio, 5.0, 11.0))
    return Design(
        style=style,
        cell_width_mm=cell_width_mm,
        cell_height_mm=cell_height_mm,
        gap_mm=float(rng.uniform(1.0, 3.0)) if is_spaced else 0.0,
        line_mm=line_mm,
        color=DROPOUT_COLORS[int(rng.integers(len(DROPOUT_COLORS)))] if is_dropout else (shade, shade, shade),
        radius_mm=float(rng.uniform(0.8, 1.8)),
        tick=float(rng.uniform(0.25, 0.5)),
        has_ends=True,
        font="source-sans-3" if rng.random() < 0.85 else "courier-prime",
        label_pt=float(rng.uniform(8, 11.5)),
        is_label_above=bool(rng.random() < 0.4),
    )


def box_field(design: Design, x_mm: float, y_mm: float, cells: int) -> BoxField:
    return BoxField(
        name="",
        x_mm=x_mm,
        y_mm=y_mm,
        cells=cells,
        style=design.style,
        cell_width_mm=design.cell_width_mm,
        cell_height_mm=design.cell_height_mm,
        gap_mm=design.gap_mm,
        line_mm=design.line_mm,
        color=design.color,
        radius_mm=design.radius_mm,
        tick=design.tick,
        has_ends=design.has_ends,
    )


def moved(block: Block, x_mm: float, y_mm: float) -> Block:
    fields = tuple(replace(f, x_mm=f.x_mm + x_mm, y_mm=f.y_mm + y_mm) for f in block.fields)
    labels = tuple(replace(label, x_mm=label.x_mm + x_mm, y_mm=label.y_mm + y_mm) for label in block.labels)
    return Block(block.height_mm, fields, labels, tuple(_moved_decoy(d, x_mm, y_mm) for d in block.decoys))


def _moved_decoy(decoy: Decoy, x_mm: float, y_mm: float) -> Decoy:
    box = decoy.box and replace(decoy.box, x_mm=decoy.box.x_mm + x_mm, y_mm=decoy.box.y_mm + y_mm)
    return replace(decoy, x_mm=decoy.x_mm + x_mm, y_mm=decoy.y_mm + y_mm, box=box)


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))


def header(width_mm: float, design: Design, rng: np.random.Generator) -> Block:
    """A heading, often a logo or a code, and a paragraph of instructions."""
    title = random_words(rng, int(rng.integers(2, 4))).title()
    size_pt = float(rng.uniform(15, 22))
    decoys: list[Decoy] = []
    x_mm = 0.0
    if rng.random() < 0.5:
        decoys.append(Decoy("logo", 0, 0, 14, 14, _seed(rng)))
        x_mm = 18.0
    if rng.random() < 0.5:
        kind = "square_code" if rng.random() < 0.6 else "bar_code"
        code_mm = (15.0, 15.0) if kind == "square_code" else (38.0, 13.0)
        decoys.append(Decoy(kind, width_mm - code_mm[0], 0, *code_mm, seed=_seed(rng)))
    room_mm = width_mm - x_mm - 42
    size_pt *= min(1.0, room_mm / text_width_mm(title, design.font, size_pt) / 1.06)
    labels = (Label(title, x_mm, 1.0, size_pt, design.font, is_bold=True),)
    height_mm = 18.0
    if rng.random() < 0.7:
        paragraph_mm = float(rng.uniform(8, 16))
        decoys.append(Decoy("paragraph", 0, height_mm, width_mm, paragraph_mm, _seed(rng)))
        height_mm += paragraph_mm + 4
    return Block(height_mm, (), labels, tuple(decoys))


def footer(width_mm: float, rng: np.random.Generator) -> Block:
    """A signature box, a paragraph or a bar code, or nothing."""
    kind = rng.random()
    if kind < 0.25:
        return Block(0.0)
    if kind < 0.6:
        decoys = (
            Decoy("signature_box", 0, 4, width_mm * 0.45, 20, _seed(rng)),
            Decoy("paragraph", width_mm * 0.55, 6, width_mm * 0.45, 16, _seed(rng)),
        )
        return Block(26.0, (), (), decoys)
    if kind < 0.8:
        return Block(16.0, (), (), (Decoy("paragraph", 0, 4, width_mm, 11, _seed(rng)),))
    return Block(17.0, (), (), (Decoy("bar_code", width_mm * 0.3, 4, width_mm * 0.4, 12, _seed(rng)),))


def field_block(width_mm: float, design: Design, rng: np.random.Generator) -> Block:
    if design.style in ("table", "grid"):
        return _table_block(width_mm, design, rng)
    text = random_label(rng)
    label_mm = text_width_mm(text, design.font, design.label_pt)
    if design.is_label_above or label_mm > width_mm * 0.4:
        return _block_label_above(text, width_mm, design, rng)
    x_mm = max(label_mm + LABEL_GAP_MM, width_mm * 0.32)
    field = box_field(design, x_mm, 0.3, _random_cells(width_mm - x_mm, design, rng))
    label_y_mm = (design.cell_height_mm - line_pitch_mm(design.label_pt)) / 2
    return Block(design.cell_height_mm + 0.6, (field,), (Label(text, 0, label_y_mm, design.label_pt, design.font),))


def _block_label_above(text: str, width_mm: float, design: Design, rng: np.random.Generator) -> Block:
    """A label over one field, or two labels over two fields side by side where the width allows."""
    y_mm = line_pitch_mm(design.label_pt) + 0.8
    first = box_field(design, 0.3, y_mm, _random_cells(width_mm, design, rng))
    fields, labels = [first], [Label(text, 0, 0, design.label_pt, design.font)]
    rest_mm = width_mm - first.right_mm - 8.0
    second = random_label(rng)
    fits = rest_mm > max(3 * first.pitch_mm, text_width_mm(second, design.font, design.label_pt))
    if fits and first.right_mm > text_width_mm(text, design.font, design.label_pt):
        x_mm = first.right_mm + 8.0
        fields.append(box_field(design, x_mm, y_mm, _random_cells(rest_mm, design, rng)))
        labels.append(Label(second, x_mm, 0, design.label_pt, design.font))
    return Block(y_mm + design.cell_height_mm + 0.6, tuple(fields), tuple(labels))


def _random_cells(room_mm: float, design: Design, rng: np.random.Generator) -> int:
    """Two to twelve cells, as the room allows."""
    most = int((room_mm - 0.6 + design.gap_mm) // (design.cell_width_mm + design.gap_mm))
    return int(rng.integers(2, max(2, min(MAX_CELLS, most)) + 1))


def _table_block(width_mm: float, design: Design, rng: np.random.Generator) -> Block:
    """Rows of equal fields one below the other, sharing lines; in a table, at the right end of ruled rows."""
    rows = int(rng.integers(2, 6))
    cells = min(_random_cells(width_mm * 0.5, design, rng), 6)
    x_mm = width_mm - cells * design.cell_width_mm
    fields = tuple(box_field(design, x_mm, 0.3 + row * design.cell_height_mm, cells) for row in range(rows))
    words = [random_label(rng) for _ in range(rows)]
    top_mm = 0.3 + (design.cell_height_mm - line_pitch_mm(design.label_pt)) / 2
    labels = tuple(
        Label(word, 2.0, top_mm + row * design.cell_height_mm, design.label_pt, design.font)
        for row, word in enumerate(words)
    )
    height_mm = rows * design.cell_height_mm
    frame = Decoy("ruled_rows", 0.3, 0.3, x_mm - 0.3, height_mm, rows)
    return Block(height_mm + 0.6, fields, labels, (frame,) if design.style == "table" else ())


def decoy_block(kind: str, width_mm: float, design: Design, rng: np.random.Generator) -> Block:
    if kind == "letter_row":
        cells = min(14, max(4, int((width_mm - 1 + design.gap_mm) // (design.cell_width_mm + design.gap_mm))))
        box = box_field(design, 0.3, line_pitch_mm(design.label_pt) + 0.8, cells)
        label = Label("Name", 0, 0, design.label_pt, design.font)
        decoy = Decoy(kind, box.x_mm, box.y_mm, box.width_mm, box.cell_height_mm, _seed(rng), box)
        return Block(box.bottom_mm + 0.6, (), (label,), (decoy,))
    height_mm = float(rng.uniform(*DECOY_HEIGHTS_MM[kind]))
    share = 0.35 if kind == "stamp" else float(rng.uniform(0.7, 1.0))
    return Block(height_mm, (), (), (Decoy(kind, 0.3, 0, width_mm * share, height_mm, _seed(rng)),))
