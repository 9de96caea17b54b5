"""Overlays show what was read, whichever way the page lies; crops are upright."""

import dataclasses
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray
from scanner.drawing import GRAY, LONG_SIDE, Shown, encode_picture, lay_out, quarter_turns
from scanner.fields import FieldReading
from scanner.overlay import (
    COLORS,
    cells_in_crop,
    crop_path,
    cut_field,
    draw_overlay,
    overlay_path,
)
from scanner.pipeline import PageReading

SIZE = 40  # of a cell, pixels
Point = tuple[float, float]


def cell(x: float, y: float) -> tuple[Point, ...]:
    return ((x, y), (x + SIZE, y), (x + SIZE, y + SIZE), (x, y + SIZE))


def field(
    name: str = "r01f01", *, x: int = 100, y: int = 100, cells: str = "12_", status: str = "review"
) -> FieldReading:
    quads = tuple(cell(float(x + SIZE * number), float(y)) for number in range(len(cells)))
    return FieldReading(
        name, "12", 0.5, status, "", cells, (0.5,) * len(cells), (x, y, SIZE * len(cells), SIZE), quads
    )  # fmt: skip


def page(*fields: FieldReading, file: str = "a.png", number: int = 1) -> PageReading:
    return PageReading(file, number, fields, 0.1)


def test_fields_whose_names_look_alike_have_crops_of_their_own() -> None:
    names = ("total", "Total", "größe", "grüße", "счет", "дата", "数量", "金額")
    paths = {crop_path(page(), field(name), "d" * 64) for name in names}
    assert len({path.lower() for path in paths}) == len(names)
    assert all(path.isascii() for path in paths)
    assert crop_path(page(), field("total"), "d" * 64) == "crops/a.png-dddddddd-total.png"


def blank_page(height: int = 600, width: int = 400) -> Gray:
    return np.full((height, width), 255, np.uint8)


def turned(reading: PageReading, turns: int, width: int, height: int) -> PageReading:
    """The reading of the same page lying `turns` quarter turns clockwise."""
    move = {0: lambda x, y: (x, y), 1: lambda x, y: (height - y, x), 2: lambda x, y: (width - x, height - y),
            3: lambda x, y: (y, width - x)}[turns]  # fmt: skip
    fields = tuple(
        dataclasses.replace(one, cell_quads=tuple(tuple(move(*corner) for corner in quad) for quad in one.cell_quads))
        for one in reading.fields
    )
    return dataclasses.replace(reading, fields=fields)


def test_a_page_without_fields_is_only_scaled() -> None:
    overlay = draw_overlay(blank_page(), page())
    assert overlay.dtype == np.uint8
    assert overlay.shape == (1800, 1200, 3)
    assert (overlay == 255).all()


def test_a_field_without_cells_draws_nothing() -> None:
    assert (draw_overlay(blank_page(), page(field(cells=""))) == 255).all()


@pytest.mark.parametrize("shape", [(7000, 5000), (1, 1), (30, 2000)])
def test_an_overlay_is_never_larger_than_people_look_at(shape: tuple[int, int]) -> None:
    assert max(draw_overlay(blank_page(*shape), page(field())).shape) <= LONG_SIDE


@pytest.mark.parametrize("status", ["accepted", "review", "blank"])
def test_each_status_has_its_color_on_the_outline(status: str) -> None:
    overlay = draw_overlay(blank_page(1800, 1200), page(field(status=status)))
    assert tuple(overlay[100, 120].tolist()) == COLORS[status]


@pytest.mark.parametrize("turns", [1, 2, 3])
def test_a_page_that_lies_wrong_is_shown_upright(turns: int) -> None:
    gray = blank_page(1800, 1200)
    gray[105:135, 105:110] = 0
    reading = page(field())
    lying = draw_overlay(np.rot90(gray, -turns), turned(reading, turns, 1200, 1800))
    assert np.array_equal(lying, draw_overlay(gray, reading))


def test_skew_does_not_turn_a_page() -> None:
    quads = np.float32([[[0, 0], [10, 2], [8, 12], [-2, 10]]])
    assert quarter_turns([quads]) == 0
    assert quarter_turns([]) == 0


def labels(*fields: FieldReading) -> dict[str, list[tuple[float, float]]]:
    """Where each text stands."""
    shown = [
        Shown(
            np.array(one.cell_quads, np.float32).reshape(-1, 4, 2), f"{one.name} {one.confidence:.3f}", GRAY, one.cells
        )
        for one in fields
    ]
    placed: dict[str, list[tuple[float, float]]] = {}
    for label in lay_out(shown, 1200, 1800).labels:
        placed.setdefault(label.text, []).append((label.x, label.y))
    return placed


def test_what_was_read_stands_below_its_cell() -> None:
    placed = labels(field(cells="12"))
    for text, left in (("1", 100), ("2", 140)):
        ((x, y),) = placed[text]
        assert left < x < left + SIZE
        assert 140 < y < 180


def test_above_it_where_the_next_field_is_below() -> None:
    placed = labels(field(cells="1"), field(y=140, cells="2"))
    assert placed["1"][0][1] < 100
    assert placed["2"][0][1] > 180


def test_and_in_its_corner_where_fields_are_all_around() -> None:
    placed = labels(field(cells="1"), field(y=140, cells="2"), field(y=180, cells="3"))
    assert 140 < placed["2"][0][1] < 160


def test_name_and_confidence_stand_beside_the_field_or_before_it_at_the_edge() -> None:
    assert labels(field())["r01f01 0.500"][0][0] > 100 + 3 * SIZE
    assert labels(field(x=1200 - 3 * SIZE))["r01f01 0.500"][0][0] < 1200 - 3 * SIZE


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_crop_is_upright_and_shows_the_margin(turns: int) -> None:
    gray = blank_page()
    gray[100:140, 100:140] = 0  # the first of three cells
    reading = turned(page(field()), turns, 400, 600)
    crop = cut_field(np.ascontiguousarray(np.rot90(gray, -turns)), reading.fields[0])
    assert crop.shape == (SIZE + 24, 3 * SIZE + 24)
    assert crop[16:48, 16:48].max() < 50
    assert crop[:, 60:].min() > 200
    assert crop[:8].min() > 200


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_crop_of_a_column_is_a_column(turns: int) -> None:
    gray = blank_page()
    gray[100 + 2 * SIZE : 100 + 3 * SIZE, 100 : 100 + SIZE] = 0  # the last of three boxes
    column = dataclasses.replace(field(), cell_quads=tuple(cell(100, 100 + SIZE * place) for place in range(3)))
    reading = turned(page(column), turns, 400, 600)
    crop = cut_field(np.ascontiguousarray(np.rot90(gray, -turns)), reading.fields[0])
    assert crop.shape == (3 * SIZE + 24, SIZE + 24)
    assert crop[16 + 2 * SIZE : 8 + 3 * SIZE, 16 : 8 + SIZE].max() < 50
    assert crop[: 8 + 2 * SIZE].min() > 200
    places = cells_in_crop(reading.fields[0])
    assert all(0 <= side <= 1 for place in places for side in place)
    assert [place[1] for place in places] == sorted(place[1] for place in places)


def test_a_crop_at_the_edge_of_the_page_is_complete() -> None:
    assert cut_field(blank_page(40, 120), field(x=0, y=0)).shape == (SIZE + 24, 3 * SIZE + 24)


def test_pictures_are_named_after_file_content_page_and_field() -> None:
    digest = "0123456789abcdef"
    assert overlay_path(page(file="exams/a.tif"), digest) == "overlays/exams/a.tif-01234567.jpg"
    assert overlay_path(page(file="exams/a.tif", number=12), digest) == "overlays/exams/a.tif-01234567-p12.jpg"
    second = page(file="exams/a.tif", number=2)
    assert crop_path(second, field("r01f02"), digest) == "crops/exams/a.tif-01234567-p02-r01f02.png"


@pytest.mark.parametrize("name", ["../../a.png", "/etc/a.png", "line\nbreak.png", "\udcff.png", "é" * 125 + ".png"])
def test_no_name_of_a_file_leads_out_of_the_folder_or_is_refused_by_it(tmp_path: Path, name: str) -> None:
    path = tmp_path / crop_path(page(file=name), field("../r01 f01"), "0" * 64)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"")
    assert path.resolve().is_relative_to(tmp_path / "crops")
    assert path.name.isprintable()


def test_names_that_are_made_safe_stay_apart() -> None:
    assert overlay_path(page(file="a\n.png"), "0" * 64) != overlay_path(page(file="a\t.png"), "0" * 64)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_pictures_can_be_read_back(suffix: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = encode_picture(f"new/größe{suffix}", blank_page(30, 20))
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED).shape == (30, 20)
    assert capfd.readouterr().err == ""  # OpenCV complains about options that are not of the format
