"""A form printed from scratch: its fields get places, its scans are found by fiducials and code, siblings are not."""

import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from scanner.arrays import Gray
from scanner.blank import layout_of, write_blank
from scanner.cli import app
from scanner.codes import read_codes, serial_behind
from scanner.errors import FormError, UsageError
from scanner.finding import find_form
from scanner.form import load_form
from scanner.form.draft import complete_draft
from scanner.form.load import parse_form
from scanner.known import KnownForm, load_known_form
from scanner.page import load_page
from scanner.register import Print, Registration, register_marked
from scanner.register.fiducials import SHAPES, Mark, find_marks, lay_out
from scanner.synth import DrawnDigits, SyntheticPage, scan_form
from scanner.synth.fill import printed_form

RUNNER = CliRunner()
DPI = 150.0
NEAR_MM = 0.5
DRAFT = """\
name = "slip"  # our own
title = "Return slip"

# who sends it
[[fields]]
name = "customer"
cells = 8
check = "luhn"

[[fields]]
name = "day"
cells = 8
type = "date"
format = "DDMMYYYY"

[[fields]]
name = "pieces"
label = "Pieces sent back"
cells = 3
"""
WRITTEN = {"customer": "79927398", "day": "24122025", "pieces": "_42"}


def width_mm(label: str) -> float:
    return 2.0 * len(label)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slip")
    (folder / "form.toml").write_text(DRAFT)
    write_blank(folder, folder / "blank.pdf")
    return folder


@pytest.fixture(scope="module")
def slip(folder: Path) -> KnownForm:
    return load_known_form(folder)


@cache
def scanned(text: str, fault: str, seed: int = 1) -> SyntheticPage:
    layout = layout_of(parse_form(text, Path("form.toml")), 1)
    return scan_form(layout, WRITTEN, fault, DrawnDigits(), np.random.default_rng(seed), DPI)


def gray(page: SyntheticPage) -> Gray:
    image = page.image
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def worst_mm(found: Registration, page: SyntheticPage) -> float:
    box_mm = page.layout.fields[0].cell_width_mm
    return max(
        float(np.linalg.norm(found.quads[field.name] - field.quads, axis=2).max())
        / float(np.linalg.norm(field.quads[0, 1] - field.quads[0, 0]))
        * box_mm
        for field in page.truth
    )


# --- places


def test_a_draft_gets_places_and_keeps_its_comments() -> None:
    text, was_draft = complete_draft(DRAFT, width_mm)
    assert was_draft
    assert text.startswith('name = "slip"  # our own\n')
    assert "# who sends it\n[[fields]]" in text
    form = parse_form(text, Path("form.toml"))
    assert [field.cells for field in form.fields] == [8, 8, 3]
    assert form.pages[0].fiducials is not None
    assert form.pages[0].code is not None
    assert form.pages[0].code.text == "slip"


def test_a_form_with_all_places_stays_as_it_is() -> None:
    text, _ = complete_draft(DRAFT, width_mm)
    assert complete_draft(text, width_mm) == (text, False)


def test_fields_fill_rows_and_rows_fill_pages() -> None:
    fields = "".join(f'[[fields]]\nname = "f{number}"\ncells = 20\n' for number in range(30))
    form = parse_form(complete_draft(f'name = "long"\n{fields}', width_mm)[0], Path("form.toml"))
    assert len(form.pages) == 3
    assert [sheet.code.text for sheet in form.pages if sheet.code] == ["long-1", "long-2", "long-3"]
    assert [field.page for field in form.fields] == sorted(field.page for field in form.fields)


def test_fields_may_ask_for_a_page() -> None:
    form = parse_form(complete_draft(DRAFT + "page = 2\n", width_mm)[0], Path("form.toml"))
    assert [field.page for field in form.fields] == [1, 1, 2]
    assert len(form.pages) == 2


def test_mistakes_of_a_draft_are_told(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(DRAFT.replace("cells = 3", "cells = 40").replace('"pieces"', '"day"'))
    with pytest.raises(FormError) as caught:
        write_blank(tmp_path, tmp_path / "blank.pdf")
    assert "another field has this name" in str(caught.value)
    assert "the page is 210 mm wide" in str(caught.value)
    assert not (tmp_path / "blank.pdf").exists()
    (tmp_path / "form.toml").write_text("name =")
    with pytest.raises(FormError, match="no TOML"):
        write_blank(tmp_path, tmp_path / "blank.pdf")


# --- what is printed


def test_a_printed_form_shows_itself(folder: Path, slip: KnownForm) -> None:
    page = load_page(folder / "blank.pdf", 1).gray
    found = find_form(page, [slip])
    assert found is not None
    assert found.registration.frames == 3
    assert read_codes(page) == ["slip"]


def test_pictures_of_a_printed_form_are_not_replaced(folder: Path) -> None:
    with pytest.raises(UsageError, match="as it is printed"):
        write_blank(folder, folder / "blank.pdf")


def test_blank_prints_combs_and_cells_too() -> None:
    text, _ = complete_draft(DRAFT, width_mm)
    form = parse_form(text, Path("form.toml"))
    customer, day, pieces = form.fields
    other = form.model_copy(
        update={
            "fields": (
                customer.model_copy(update={"layout": "comb"}),
                day.model_copy(update={"layout": "cells", "pitch_mm": None}),
                pieces,
            )
        }
    )
    pictures = [printed_form(layout_of(each, 1), DPI) for each in (form, other)]
    assert pictures[0].shape == pictures[1].shape
    assert (pictures[0] != pictures[1]).any()


def test_the_command_writes_a_pdf_beside_the_form(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(DRAFT)
    result = RUNNER.invoke(app, ["form", "blank", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "3 fields on 1 page" in result.output
    assert (tmp_path / "blank.pdf").read_bytes().startswith(b"%PDF")
    assert load_form(tmp_path).fields[0].x_mm > 0
    assert RUNNER.invoke(app, ["form", "blank", str(tmp_path)]).exit_code == 2
    assert RUNNER.invoke(app, ["form", "blank", str(tmp_path / "nothing.toml")]).exit_code == 4


# --- fiducials


@pytest.mark.parametrize(
    ("shape", "fault"),
    [
        *(
            ("square", fault)
            for fault in ("clean", "scan", "fax", "photo", "low", "upside_down", "sideways", "photocopy")
        ),
        *((shape, fault) for shape in SHAPES if shape != "square" for fault in ("fax", "photo", "upside_down")),
    ],
)
def test_forms_are_found_by_fiducials(tmp_path: Path, shape: str, fault: str) -> None:
    text = complete_draft(DRAFT, width_mm)[0].replace('"square"', f'"{shape}"')
    (tmp_path / "form.toml").write_text(text)
    write_blank(tmp_path, tmp_path / "blank.pdf")
    page = scanned(text, fault)
    found = register_marked(Print(gray(page)), load_known_form(tmp_path).references[0])
    assert found is not None
    assert worst_mm(found, page) < NEAR_MM


def test_a_torn_corner_is_made_up_for(slip: KnownForm, folder: Path) -> None:
    page = scanned((folder / "form.toml").read_text(), "clean")
    torn = gray(page).copy()
    cv2.fillPoly(torn, [np.array([[0, 0], [220, 0], [0, 220]], np.int32)], (255,))
    found = register_marked(Print(torn), slip.references[0])
    assert found is not None
    assert worst_mm(found, page) < NEAR_MM


def test_without_fiducials_there_is_nothing_to_find(slip: KnownForm) -> None:
    assert register_marked(Print(np.full((1500, 1000), 255, np.uint8)), slip.references[0]) is None
    assert register_marked(Print(np.full((20, 20), 255, np.uint8)), slip.references[0]) is None
    without = replace(slip.references[0], fiducials=None)
    assert register_marked(Print(np.full((1500, 1000), 255, np.uint8)), without) is None


@pytest.mark.parametrize("seed", range(6))
def test_siblings_are_no_such_form(slip: KnownForm, seed: int) -> None:
    rng = np.random.default_rng(seed)
    words = ("Order", "Meter", "Survey", "Exam", "Stock", "Visit")
    fields = "".join(
        f'[[fields]]\nname = "f{number}"\nlabel = "{rng.choice(words)} {rng.choice(words)}"\n'
        f"cells = {rng.integers(2, 12)}\n"
        for number in range(rng.integers(3, 9))
    )
    text, _ = complete_draft(f'name = "s{seed}"\ntitle = "{rng.choice(words)} {rng.choice(words)}"\n{fields}', width_mm)
    page = gray(scanned(text, ("scan", "fax", "photo")[seed % 3], seed))
    assert find_form(page, [slip]) is None


def test_marks_are_told_by_shape() -> None:
    page = np.full((1600, 1100), 255, np.uint8)
    cv2.rectangle(page, (100, 100), (124, 124), (0,), -1)
    cv2.circle(page, (500, 112), 12, (0,), -1)
    cv2.line(page, (888, 112), (912, 112), (0,), 3)
    cv2.line(page, (900, 100), (900, 124), (0,), 3)
    cv2.putText(page, "RAEL5", (100, 600), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (0,), 3)
    for shape, x in (("square", 112), ("circle", 500), ("cross", 900)):
        assert [(round(mark.x), round(mark.y)) for mark in find_marks(Print(page).reduced, shape, 24 / 1600)] == [
            (x, 112)
        ]


def test_marks_are_laid_on_places() -> None:
    places = np.array([[10.0, 10.0], [200.0, 10.0], [10.0, 287.0]])
    turned = places @ np.array([[0.0, 4.0], [-4.0, 0.0]]) + 1300  # a right angle, four pixels a millimeter
    marks = [Mark(x, y, 20.0) for x, y in turned] + [Mark(700.0, 40.0, 20.0)]
    found = [matrix for matrix in lay_out(marks, places) if np.allclose(matrix[:2, :2], [[0, -4], [4, 0]])]
    assert len(found) == 1
    assert not list(lay_out(marks[:2], places))
    mirrored = [Mark(2000 - x, y, 20.0) for x, y in turned]
    assert not list(lay_out(mirrored, places))


# --- codes


@pytest.mark.parametrize(
    ("text", "serial"),
    [
        ("MR", ""),
        ("MR-0042", "0042"),
        ("MR/2/17", "2/17"),
        ("MR 7", "7"),
        ("MR-AB 42\n", "AB 42"),
        ("MR;n=42", "n=42"),
        ("MRX", None),
        ("XMR", None),
        ("M", None),
    ],
)
def test_a_serial_stands_behind_the_code(text: str, serial: str | None) -> None:
    assert serial_behind(text, "MR") == serial


def test_the_code_says_which_form_it_is(tmp_path: Path) -> None:
    known = []
    for name in ("north", "south", "south-2"):
        folder = tmp_path / name
        folder.mkdir()
        text = complete_draft(DRAFT.replace('"slip"', '"slip"'), width_mm)[0].replace(
            'text = "slip"', f'text = "{name}"'
        )
        (folder / "form.toml").write_text(text.replace('name = "slip"', f'name = "{name.replace("-", "_")}"'))
        write_blank(folder, folder / "blank.pdf")
        known.append(load_known_form(folder))
    text = (tmp_path / "south" / "form.toml").read_text()
    for code, form, serial in (("south", "south", ""), ("north-0042", "north", "0042"), ("south-2-7", "south_2", "7")):
        page = scanned(text.replace('text = "south"', f'text = "{code}"'), "scan")
        found = find_form(gray(page), known)
        assert found is not None
        assert (found.known.form.name, found.serial) == (form, serial)
    assert find_form(gray(scanned(text.replace('text = "south"', 'text = "west"'), "scan")), known) is None


# --- what people write into drafts


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("[[pages]]\nwidth_mm = 'x'\n", "page 1, width_mm: found 'x'"),
        ("[[pages]]\ncode = { text = 'a', x_mm = 10.0 }\n", "page 1, code: has only one of x_mm and y_mm"),
        ("[[pages]]\ncode = { text = 'a', x_mm = 250.0, y_mm = 10.0 }\n", "off the page"),
        ("[[fields]]\nname = 'b'\ntype = 'mark'\nchoices = 3\n", "choices: found 3"),
        ("[[fields]]\nname = 'b'\ncells = 3\nlabel = \"A\\nB\"\n", "label: found"),
        ("[[fields]]\nname = 'b'\ncells = 3\npage = 1000000000\n", "page: found 1000000000"),
        ("[[fields]]\nname = 'b'\ncells = 3\nx_mm = 50.0\n", "y_mm: is missing"),
        ("[[fields]]\nname = 'b'\ncells = 3\nlabel = 'Имя'\n", "has no И м я"),
        ("[[fields]]\nname = 'b'\ncells = 3\nlist = 'no.csv:n'\n", "no.csv cannot be read"),
        ("[[fields]]\nname = 'b'\ncells = 3\ncheck = 'lun'\n", "has no 'lun'"),
        ("name = 'again'\n", "is no TOML"),
        (f"[[pages]]\nwidth_mm = 1{'0' * 400}\n", "page 1, width_mm"),
        (
            "[[pages]]\nfiducials = { at = [[40.0, 55.0], [200.0, 10.0], [10.0, 287.0]] }\n",
            "page 1, fiducials, at: [40, 55] lies on field a",
        ),
    ],
)
def test_what_is_wrong_with_a_draft_is_told_and_nothing_written(tmp_path: Path, keys: str, told: str) -> None:
    (tmp_path / "form.toml").write_text('name = "x"\n[[fields]]\nname = "a"\ncells = 6\n' + keys)
    result = RUNNER.invoke(app, ["form", "blank", str(tmp_path)])
    assert result.exit_code == 4, result.output
    assert told in " ".join(result.output.split())
    assert [path.name for path in tmp_path.iterdir()] == ["form.toml"]


def test_a_list_may_lie_in_a_folder_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "form" / "lists").mkdir(parents=True)
    (tmp_path / "form" / "lists" / "customers.csv").write_text("number\n4711\n4712\n")
    (tmp_path / "form" / "form.toml").write_text(
        'name = "x"\n[[fields]]\nname = "customer"\ncells = 4\nlist = "lists/customers.csv:number"\n'
    )
    write_blank(tmp_path / "form", tmp_path / "blank.pdf")
    (known,) = [load_known_form(tmp_path / "form")]
    assert known.rules["customer"].numbers == ("4711", "4712")


def test_what_a_draft_says_stays() -> None:
    own = (
        'name = "own"\r\n[[fields]]\r\nname = "a"\r\ncells = 3\r\ncell_width_mm = 8.0\r\npitch_mm = 11.0\r\n'
        '[[fields]]\r\nname = "b"\r\ntype = "mark"\r\nchoices = ["yes", "no"]\r\ndirection = "right"\r\n'
    )
    text, _ = complete_draft(own, width_mm)
    a, b = parse_form(text, Path("form.toml")).fields
    assert (a.cell_width_mm, a.cell_height_mm, a.pitch_mm, b.direction) == (8.0, 7.5, 11.0, "right")
    assert b.gap_mm > width_mm("yes")
    assert 'name = "own"\r\n' in text


def test_fields_are_added_below_those_that_have_places(tmp_path: Path) -> None:
    text, _ = complete_draft(DRAFT, width_mm)
    longer, was_draft = complete_draft(text + '\n[[fields]]\nname = "more"\ncells = 4\n', width_mm)
    assert was_draft
    form = parse_form(longer, Path("form.toml"))
    assert form.fields[-1].y_mm > max(field.bottom_mm for field in form.fields[:-1])


def test_pages_of_a_draft_get_fiducials_and_a_code() -> None:
    text, _ = complete_draft(DRAFT + '\n[[pages]]\ncode = { text = "own" }\n', width_mm)
    (sheet,) = parse_form(text, Path("form.toml")).pages
    assert sheet.fiducials is not None
    assert sheet.code is not None
    assert (sheet.code.text, sheet.code.x_mm) == ("own", 174.0)


@pytest.mark.parametrize("layout", ["comb", "cells", "open"])
def test_combs_and_other_cells_are_printed_as_the_form_says(tmp_path: Path, layout: str) -> None:
    (tmp_path / "form.toml").write_text(f'name = "x"\n[[fields]]\nname = "a"\ncells = 9\nlayout = "{layout}"\n')
    write_blank(tmp_path, tmp_path / "blank.pdf")
    assert load_known_form(tmp_path).references[0].printed["a"] == 1


def test_a_long_title_leaves_the_code_readable(tmp_path: Path) -> None:
    title = "Application for the reimbursement of travel expenses of employees and others"
    (tmp_path / "form.toml").write_text(DRAFT.replace("Return slip", title))
    write_blank(tmp_path, tmp_path / "blank.pdf")
    assert read_codes(load_page(tmp_path / "blank.pdf", 1).gray) == ["slip"]


def test_the_output_must_be_a_pdf(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text(DRAFT)
    with pytest.raises(UsageError, match="no name of a PDF"):
        write_blank(tmp_path, tmp_path / "form.toml")


def test_pages_that_look_alike_are_told_apart(tmp_path: Path) -> None:
    """The code is torn away: by frames and print together, not by the number of points alone."""
    (tmp_path / "form.toml").write_text(DRAFT.replace('name = "pieces"', 'name = "pieces"\npage = 2'))
    write_blank(tmp_path, tmp_path / "blank.pdf")
    known = load_known_form(tmp_path)
    for number in (1, 2):
        page = gray(
            scan_form(layout_of(known.form, number), WRITTEN, "scan", DrawnDigits(), np.random.default_rng(1), DPI)
        )
        page[:, round(0.8 * page.shape[1]) :] = 255
        found = find_form(page, [known])
        assert found is None or found.page == number


@pytest.mark.parametrize("part", [slice(4, 8), slice(0, 8), slice(7, 8)])
def test_covered_cells_are_told(slip: KnownForm, folder: Path, part: slice) -> None:
    page = scanned((folder / "form.toml").read_text(), "scan")
    covered = gray(page).copy()
    quads = next(field.quads for field in page.truth if field.name == "customer")[part].reshape(-1, 2)
    middle = quads.mean(axis=0)
    hull = cv2.convexHull(((quads - middle) * np.array([1.04, 1.25]) + middle).astype(np.float32))
    cv2.fillConvexPoly(covered, hull.astype(np.int32), (250,))
    plain, found = (find_form(image, [slip]) for image in (gray(page), covered))
    assert plain is not None
    assert found is not None
    assert plain.registration.unseen == frozenset()
    assert found.registration.unseen == {"customer"}


def test_cells_beyond_the_edge_of_the_picture_are_told(slip: KnownForm, folder: Path) -> None:
    page = scanned((folder / "form.toml").read_text(), "clean")
    edge = next(field.quads for field in page.truth if field.name == "customer")[1, 0, 0]
    found = find_form(np.ascontiguousarray(gray(page)[:, round(edge) :]), [slip])
    assert found is not None
    assert "customer" in found.registration.unseen


def test_the_forms_of_the_readme_can_be_printed(tmp_path: Path) -> None:
    readme = (Path(__file__).parent.parent / "README.md").read_text()
    examples = re.findall(r"^```toml\n(name = .*?)^```", readme, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for number, example in enumerate(examples):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "form.toml").write_text(example)
        write_blank(folder, folder / "blank.pdf")
