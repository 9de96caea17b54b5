"""Boxes to mark: what is chosen, what is doubtful, what was taken back."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray, Quads
from scanner.blank import layout_of, write_blank
from scanner.errors import FormError
from scanner.fields import FieldReading, Policy
from scanner.filled import read_filled
from scanner.finding import find_form
from scanner.form import load_form
from scanner.known import KnownForm, load_known_form
from scanner.marks import ink_parts, read_marks
from scanner.network import load_network
from scanner.synth import DrawnDigits, scan_form

POLICY = Policy(0.99)
QUADS: Quads = np.array([[[x, 100], [x + 40, 100], [x + 40, 140], [x, 140]] for x in (100, 200, 300)], np.float32)
EMPTY, MARK, BLACK, FAINT = 0.002, 0.15, 0.9, 0.03
FORM = """\
name = "travel"

[[fields]]
name = "number"
cells = 4

[[fields]]
name = "way"
type = "mark"
choices = ["bus", "train", "car"]
multiple = true

[[fields]]
name = "content"
type = "mark"
choices = ["yes", "no"]
required = true

[[fields]]
name = "agree"
type = "mark"
"""


def page(*drawn: str) -> Gray:
    image = np.full((240, 440), 250, np.uint8)
    for quad, kind in zip(QUADS.astype(int), drawn, strict=True):
        (left, top), (right, bottom) = quad[0].tolist(), quad[2].tolist()
        cv2.rectangle(image, (left, top), (right, bottom), (60,), 2)
        if kind == "x":
            cv2.line(image, (left + 4, top + 4), (right - 4, bottom - 4), (40,), 3)
            cv2.line(image, (right - 4, top + 4), (left + 4, bottom - 4), (40,), 3)
        elif kind == "black":
            cv2.rectangle(image, (left, top), (right, bottom), (40,), -1)
        elif kind == "dot":
            cv2.circle(image, (left + 20, top + 20), 1, (40,), -1)
    return image


def marks(
    *written: float, printed: tuple[float, ...] = (0.0, 0.0, 0.0), multiple: bool = False, required: bool = False
) -> FieldReading:
    return read_marks(
        "way", np.array(written), np.array(printed), QUADS, ("bus", "train", "car"), POLICY,
        multiple=multiple, required=required,
    )  # fmt: skip


def test_ink_is_told_from_paper_and_frames() -> None:
    empty, cross, black = ink_parts(page("", "x", "black"), QUADS)
    assert empty == 0
    assert 0.1 < cross < 0.5
    assert black == 1
    assert ink_parts(page("dot", "", ""), QUADS)[0] < 0.02


def test_flat_pages_hold_no_ink() -> None:
    for level in (0, 255):
        assert not ink_parts(np.full((240, 440), level, np.uint8), QUADS).any()


@pytest.mark.parametrize(
    ("written", "value", "cells", "status", "reason"),
    [
        ((EMPTY, MARK, EMPTY), "train", "_x_", "accepted", ""),
        ((EMPTY, EMPTY, EMPTY), "", "___", "blank", ""),
        ((MARK, MARK, EMPTY), "bus;train", "xx_", "review", "several_marks"),
        ((EMPTY, FAINT, EMPTY), "train", "_?_", "review", "doubtful_mark"),
        ((BLACK, MARK, EMPTY), "train", "?x_", "review", "taken_back"),
        ((BLACK, EMPTY, EMPTY), "bus", "x__", "accepted", ""),
    ],
)
def test_one_choice(written: tuple[float, ...], value: str, cells: str, status: str, reason: str) -> None:
    field = marks(*written)
    assert (field.value, field.cells, field.status, field.reason) == (value, cells, status, reason)


@pytest.mark.parametrize(
    ("level", "cells", "reason"), [(190, "_x_", ""), (200, "_?_", "doubtful_mark"), (240, "___", "")]
)
def test_a_pale_cross_is_a_mark_or_doubtful_and_no_empty_box(level: int, cells: str, reason: str) -> None:
    blank, crossed = page("", "", ""), page("", "", "")
    for start, end in (((205, 105), (235, 135)), ((235, 105), (205, 135))):
        cv2.line(crossed, start, end, (level,), 3)
    crossed = np.clip(crossed + np.random.default_rng(1).normal(0, 4, crossed.shape), 0, 255).astype(np.uint8)
    pale = ink_parts(crossed, QUADS, is_pale=True) - ink_parts(blank, QUADS, is_pale=True)
    read = read_marks(
        "way", ink_parts(crossed, QUADS), ink_parts(blank, QUADS), QUADS, ["bus", "train", "car"], POLICY,
        pale=pale, multiple=False, required=False,
    )  # fmt: skip
    assert (read.cells, read.reason) == (cells, reason)


def test_several_choices() -> None:
    field = marks(MARK, MARK, EMPTY, multiple=True)
    assert (field.value, field.status) == ("bus;train", "accepted")


def test_a_choice_may_be_required() -> None:
    assert marks(EMPTY, EMPTY, EMPTY, required=True).reason == "missing"


def test_print_in_the_boxes_is_no_mark_but_a_mark_on_the_form_is_no_print() -> None:
    assert marks(0.1, 0.1, 0.1 + MARK, printed=(0.1, 0.1, 0.1)).value == "car"
    assert marks(MARK, EMPTY, EMPTY, printed=(0.3, 0.0, 0.0)).value == "bus"


def test_a_tick_on_the_picture_of_the_form_hides_none_on_a_scan() -> None:
    tick = 0.12
    assert marks(EMPTY, tick, EMPTY, printed=(0.0, tick, 0.005)).cells == "_x_"
    assert marks(EMPTY, EMPTY, EMPTY, printed=(0.0, tick, 0.005)).status == "blank"
    letters = (0.06, 0.09, 0.13)  # as of bubbles
    assert marks(*letters, printed=letters).status == "blank"
    assert marks(0.06 + MARK, *letters[1:], printed=letters).value == "bus"


def test_of_a_box_alone_nobody_knows_whether_it_was_ticked_on_the_form() -> None:
    def box(written: float, printed: float) -> tuple[str, str]:
        field = read_marks(
            "way", np.array([written]), np.array([printed]), QUADS[:1], ("yes",), POLICY, multiple=True, required=False
        )
        return field.cells, field.reason

    assert box(0.12, 0.12) == ("?", "doubtful_mark")
    assert box(EMPTY, 0.12) == ("_", "")
    assert box(0.12 + MARK, 0.12) == ("x", "")
    assert box(EMPTY, EMPTY) == ("_", "")


@pytest.fixture(scope="module")
def travel(tmp_path_factory: pytest.TempPathFactory) -> KnownForm:
    folder = tmp_path_factory.mktemp("travel")
    (folder / "form.toml").write_text(FORM)
    write_blank(folder, folder / "blank.pdf")
    return load_known_form(folder)


@pytest.mark.parametrize("fault", ["clean", "scan", "photo", "upside_down"])
def test_marks_of_a_page_are_read(travel: KnownForm, fault: str) -> None:
    written = {"number": "1234", "way.1": "x", "way.3": "x", "content.2": "x"}
    rng = np.random.default_rng(3)
    scan = scan_form(layout_of(travel.form, 1), written, fault, DrawnDigits(), rng, 200.0).image
    gray = scan if scan.ndim == 2 else np.asarray(cv2.cvtColor(scan, cv2.COLOR_BGR2GRAY), np.uint8)
    found = find_form(gray, [travel])
    assert found is not None
    read = {field.name: field for field in read_filled(gray, found, load_network(), POLICY)}
    assert list(read) == ["number", "way", "content", "agree"]
    assert (read["way"].value, read["content"].value, read["agree"].value) == ("bus;car", "no", "")
    assert (read["number"].cells, read["agree"].status) == ("1234", "blank")


def test_mistakes_about_marks_are_told(tmp_path: Path) -> None:
    places = "x_mm = 10.0\ny_mm = {y}\ncells = 2\ncell_width_mm = 5.0\ncell_height_mm = 5.0\n"
    wrong = (
        ('type = "mark"\nchoices = ["yes"]\n', "choices: found 1, the field has 2 cells"),
        ('type = "mark"\nchoices = ["yes", "yes"]\n', "choices: two are the same"),
        ('type = "mark"\nchoices = ["yes", "?"]\n', "choices: found ?, which says"),
        ('type = "mark"\nchoices = ["yes", "no "]\n', "choices: found 'no '; leave out blanks"),
        ('type = "mark"\ncheck = "luhn"\n', "check: is for numbers"),
        ('type = "mark"\nlayout = "comb"\n', "comb has no closed boxes to mark"),
        ('type = "mark"\nlayout = "open"\n', "open has no closed boxes to mark"),
        ('type = "mark"\ndirection = "down"\npitch_mm = 4.0\n', "a cell is 5 mm high"),
        ('direction = "down"\n', "only boxes to mark stand below one another"),
        ('choices = ["yes", "no"]\n', "choices: is for type 'mark'"),
        ('type = "mark"\nchoices = ["a;b", "c"]\n', "choices"),
    )
    fields = "".join(
        f'[[fields]]\nname = "f{number}"\n{places.format(y=10.0 + 20 * number)}{keys}'
        for number, (keys, _) in enumerate(wrong)
    )
    (tmp_path / "form.toml").write_text(f'name = "wrong"\n{fields}[[rules]]\nexpression = "f0 == f1"\n')
    with pytest.raises(FormError) as caught:
        load_form(tmp_path)
    told = str(caught.value)
    for _, mistake in wrong:
        assert mistake in told
    (tmp_path / "form.toml").write_text(
        f'name = "m"\n[[fields]]\nname = "f0"\n{places.format(y=10.0)}type = "mark"\n'
        '[[rules]]\nexpression = "f0 == 1"\n'
    )
    with pytest.raises(FormError, match="f0, which is no number"):
        load_form(tmp_path)
