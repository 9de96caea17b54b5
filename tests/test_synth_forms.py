"""Random layouts: right counts, nothing overlaps, names in reading order."""

import dataclasses
import itertools

import numpy as np
import pytest

from scanner.synth import BOX_STYLES, EXTRA_STYLES, random_layout
from scanner.synth.forms import BoxField, BoxStyle, Layout, cell_quads, in_reading_order
from scanner.synth.layouts import MAX_FIELDS, MIN_FIELDS
from scanner.synth.sample_forms import SAMPLE_FORMS
from scanner.synth.sheet import line_pitch_mm, text_width_mm

ALL_STYLES = (*BOX_STYLES, *EXTRA_STYLES)
Box = tuple[float, float, float, float]


def boxes_of(layout: Layout) -> list[Box]:
    fields = [(f.x_mm, f.y_mm, f.right_mm, f.bottom_mm) for f in layout.fields]
    decoys = [(d.x_mm, d.y_mm, d.x_mm + d.width_mm, d.y_mm + d.height_mm) for d in layout.decoys]
    labels = [
        (v.x_mm, v.y_mm, v.x_mm + text_width_mm(v.text, v.font, v.size_pt), v.y_mm + line_pitch_mm(v.size_pt))
        for v in layout.labels
    ]
    return fields + decoys + labels


def overlaps(a: Box, b: Box) -> bool:
    slack_mm = 0.1  # neighbors in a table share a line
    return min(a[2], b[2]) - max(a[0], b[0]) > slack_mm and min(a[3], b[3]) - max(a[1], b[1]) > slack_mm


@pytest.mark.parametrize("style", ALL_STYLES)
def test_random_layouts_are_full_and_nothing_overlaps(style: BoxStyle) -> None:
    for seed in range(40):
        layout = random_layout(style, seed)
        assert MIN_FIELDS <= len(layout.fields) <= MAX_FIELDS
        assert all(2 <= field.cells <= 12 for field in layout.fields)
        assert all(5 <= field.cell_height_mm <= 11 and 4.5 <= field.cell_width_mm <= 9 for field in layout.fields)
        things = boxes_of(layout)
        for x0, y0, x1, y1 in things:
            assert x0 >= 5
            assert y0 >= 5
            assert x1 <= layout.width_mm - 5
            assert y1 <= layout.height_mm - 5
        if style == "table":  # its labels stand inside the ruled rows
            things = [box for box in things if box in boxes_of(dataclasses.replace(layout, labels=()))]
        assert not [pair for pair in itertools.combinations(things, 2) if overlaps(*pair)]


def test_the_same_seed_gives_the_same_layout() -> None:
    assert random_layout("comb", 7) == random_layout("comb", 7)
    assert random_layout("comb", 7) != random_layout("comb", 8)


def test_most_layouts_have_decoys() -> None:
    layouts = [random_layout(style, seed) for style in BOX_STYLES for seed in range(10)]
    assert np.mean([len(layout.decoys) >= 3 for layout in layouts]) > 0.9
    kinds = {decoy.kind for layout in layouts for decoy in layout.decoys}
    assert {"letter_row", "bubbles", "print_table", "rating_row", "bar_code"} <= kinds


def box(x_mm: float, y_mm: float) -> BoxField:
    return BoxField("", x_mm, y_mm, 3, "separate", 6.0, 8.0, gap_mm=2.0)


def test_fields_are_named_in_reading_order() -> None:
    named = in_reading_order([box(80, 51), box(10, 90), box(10, 50)])
    assert [(f.name, f.x_mm, f.y_mm) for f in named] == [("r01f01", 10, 50), ("r01f02", 80, 51), ("r02f01", 10, 90)]


def test_no_fields_is_a_legal_form() -> None:
    assert in_reading_order([]) == ()


def test_cell_quads_are_in_pixels_clockwise_from_top_left() -> None:
    quads = cell_quads(box(10, 20), 10.0)
    assert quads.shape == (3, 4, 2)
    assert quads[1].tolist() == [[179.5, 199.5], [239.5, 199.5], [239.5, 279.5], [179.5, 279.5]]


@pytest.mark.parametrize("make_form", SAMPLE_FORMS)
def test_sample_forms_have_room_and_a_value_for_each_field(make_form) -> None:  # type: ignore[no-untyped-def]
    form = make_form()
    things = [(f.x_mm, f.y_mm, f.right_mm, f.bottom_mm) for f in form.layout.fields]
    assert not [pair for pair in itertools.combinations(things, 2) if overlaps(*pair)]
    values = form.values(np.random.default_rng(0))
    assert [len(value) for value in values] == [field.cells for field in form.layout.fields]
