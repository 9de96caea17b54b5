"""Fields of a form that have one frame for all digits: `layout = "line"`."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray
from scanner.blank import write_blank
from scanner.design import propose_form
from scanner.errors import FormError
from scanner.form import load_form
from scanner.known import PX_PER_MM, KnownForm, cells_mm, load_known_form
from scanner.page import load_page
from scanner.pipeline import PageReading, read_page
from scanner.synth.hand import DrawnDigits
from scanner.synth.strings import write_string

FORM = """name = "receipt"

[[fields]]
name = "number"
cells = 5
layout = "line"
required = true

[[fields]]
name = "amount"
cells = 8
layout = "line"
fewer = true
type = "number"
decimals = 2

[[fields]]
name = "day"
cells = 6
layout = "line"
type = "date"
format = "DDMMYY"
"""


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> KnownForm:
    folder = tmp_path_factory.mktemp("receipt")
    (folder / "form.toml").write_text(FORM)
    write_blank(folder / "form.toml", folder / "receipt.pdf")
    return load_known_form(folder)


def filled(known: KnownForm, values: dict[str, str], path: Path, seed: int = 1) -> Path:
    """The form's page with numbers written into its frames."""
    gray = load_page(known.form.folder / "form-page1.png", 1).gray.copy()
    rng = np.random.default_rng(seed)
    for field in known.form.fields:
        if text := values.get(field.name, ""):
            write_into(gray, write_string(text, DrawnDigits(), rng).ink, cells_mm(field)[0] * PX_PER_MM)
    cv2.imwrite(str(path / "scan.png"), gray)
    return path / "scan.png"


def write_into(gray: Gray, ink: Gray, frame: np.ndarray) -> None:
    (x0, y0), (x1, y1) = frame[0].astype(int) + 6, frame[2].astype(int) - 6
    scale = min((x1 - x0) / ink.shape[1], (y1 - y0) / ink.shape[0], 0.9)
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    part = gray[y0 : y0 + small.shape[0], x0 + 10 : x0 + 10 + small.shape[1]]
    part[:] = np.minimum(part, 255 - small[:, : part.shape[1]])


def read(path: Path, known: KnownForm) -> PageReading:
    result = read_page(path, forms=[known])
    assert isinstance(result, PageReading)
    assert result.form == "receipt"
    return result


def test_a_line_has_one_frame_as_wide_as_its_cells(known: KnownForm) -> None:
    frame = cells_mm(known.form.fields[1])
    assert frame.shape == (1, 4, 2)
    assert frame[0, 1, 0] - frame[0, 0, 0] == pytest.approx(8 * known.form.fields[1].cell_width_mm)


def test_numbers_in_lines_are_read_by_name(known: KnownForm, tmp_path: Path) -> None:
    values = {"number": "40718", "amount": "1250", "day": "031226"}
    right = 0
    for seed in range(1, 6):
        fields = {field.name: field for field in read(filled(known, values, tmp_path, seed), known).fields}
        assert list(fields) == list(values)
        right += sum(fields[name].value == text for name, text in values.items())
        for field in fields.values():
            assert len(field.cells) == len(field.cell_quads)
            assert field.status != "accepted" or field.value == values[field.name]
    assert right >= 12


@pytest.mark.parametrize("covered", [(0.35, 1.0), (0.7, 1.0), (0.0, 0.3), (0.4, 0.6)])
def test_a_line_on_which_a_note_lies_is_not_accepted(
    known: KnownForm, tmp_path: Path, covered: tuple[float, float]
) -> None:
    values = {"number": "40718", "amount": "12503748", "day": "031226"}
    path = filled(known, values, tmp_path)
    gray = load_page(path, 1).gray.copy()
    for field in known.form.fields:
        (x0, y0), (x1, y1) = (cells_mm(field)[0] * PX_PER_MM)[[0, 2]]
        left, right = (round(x0 + part * (x1 - x0) + (20 if part == 1 else 0)) for part in covered)
        gray[round(y0) - 12 : round(y1) + 12, left:right] = 255
    cv2.imwrite(str(path), gray)
    assert {(field.status, field.reason) for field in read(path, known).fields} == {("review", "box_not_found")}


def test_digits_that_nobody_wrote_are_not_made_up(known: KnownForm, tmp_path: Path) -> None:
    for seed, number in enumerate(("8652", "1174", "8888", "407")):
        values = {"number": number, "day": "03126", "amount": "1"}
        fields = {each.name: each for each in read(filled(known, values, tmp_path, seed), known).fields}
        assert fields["number"].status == "review"
        assert fields["day"].status == "review"


def test_more_digits_than_the_form_has_are_not_accepted(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(FORM.replace('type = "number"\ndecimals = 2\n', ""))  # no rule but their count
    write_blank(tmp_path / "form.toml", tmp_path / "receipt.pdf")
    plain = load_known_form(tmp_path)
    for seed, number in ((0, "569605540"), (6, "569605540"), (6, "2852476531")):  # were accepted
        fields = {each.name: each for each in read(filled(plain, {"amount": number}, tmp_path, seed), plain).fields}
        assert (fields["amount"].status, fields["amount"].reason) == ("review", "check_failed")
        assert len(fields["amount"].cells) > 8


def test_an_empty_line_is_blank_or_missing_and_a_scribble_is_no_number(known: KnownForm, tmp_path: Path) -> None:
    path = filled(known, {"day": "031226"}, tmp_path)
    number, amount, _ = read(path, known).fields
    assert (number.status, number.reason, number.value) == ("review", "missing", "")
    assert (amount.status, amount.value, amount.cells) == ("blank", "", "_")
    gray = load_page(path, 1).gray.copy()
    (x0, y0), (x1, y1) = (cells_mm(known.form.fields[1])[0][[0, 2]] * PX_PER_MM).astype(int)
    zigzag = [(x, y0 + 12 if at % 2 else y1 - 12) for at, x in enumerate(range(x0 + 12, x1 - 12, 9))]
    cv2.polylines(gray, [np.array(zigzag, np.int32)], False, (30,), 4, cv2.LINE_AA)
    cv2.imwrite(str(path), gray)
    assert read(path, known).fields[1].status == "review"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('layout = "line"\nrequired', 'layout = "boxes"\nfewer = true\nrequired', "fewer"),
        ("required = true", 'zero_cells = "_"', "zero_cells"),
        ('format = "DDMMYY"', 'format = "DDMMYY"\nfewer = true', "fewer"),
        ("required = true", 'type = "mark"', "layout"),
    ],
)
def test_what_makes_no_sense_for_a_line_is_a_mistake(old: str, new: str, said: str, tmp_path: Path) -> None:
    fields = FORM.replace(old, new).split("[[fields]]")
    assert "[[fields]]".join(fields) != FORM
    for row in (1, 2, 3):
        fields[row] += f"x_mm = 20.0\ny_mm = {30 * row}.0\ncell_width_mm = 5.0\ncell_height_mm = 8.0\n"
    (tmp_path / "form.toml").write_text("[[fields]]".join(fields))
    with pytest.raises(FormError, match=said):
        load_form(tmp_path / "form.toml")


def test_frames_for_numbers_are_proposed_where_there_are_no_boxes(known: KnownForm) -> None:
    (page,) = propose_form(known.form.folder / "form-page1.png")
    assert [field.layout for field in page.fields] == ["line"] * len(known.form.fields)
    for found, field in zip(page.fields, known.form.fields, strict=True):
        assert found.fewer
        corners = ("x_mm", "y_mm", "right_mm", "bottom_mm")
        assert [getattr(found, each) for each in corners] == pytest.approx(
            [getattr(field, each) for each in corners], abs=0.5
        )
