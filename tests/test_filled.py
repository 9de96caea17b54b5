"""From a blank form to named numbers: its boxes are proposed, its scans found, its rules kept."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import tomlkit
from typer.testing import CliRunner

from scanner import filled
from scanner.boxes import BoxRow
from scanner.cells import CellInk
from scanner.cli import app
from scanner.content import RowReading
from scanner.decode import Candidate, cell_alternatives
from scanner.design import propose_form, propose_page, write_form
from scanner.drawing import GREEN
from scanner.errors import FormError, NoInputError
from scanner.fields import Policy
from scanner.filled import _is_sure, number_in, value_of
from scanner.finding import find_form
from scanner.form import Form, FormField, load_form
from scanner.form.rules import field_rule
from scanner.known import KnownForm, cells_mm, load_known_form, load_known_forms
from scanner.network import load_network
from scanner.order import Order
from scanner.page import load_page
from scanner.pipeline import PageFailure, PageReading, read_page
from scanner.run import run
from scanner.synth import BoxField, DrawnDigits, Label, Layout, SyntheticPage, scan_form
from scanner.synth.files import save_scan
from scanner.trial import try_forms

RUNNER = CliRunner()
DPI = 200.0
NAMES = ("count_a", "count_b", "total", "customer")
WRITTEN = {"count_a": "123", "count_b": "456", "total": "579", "customer": "79927398"}


def box(name: str, y_mm: float, cells: int) -> BoxField:
    return BoxField(name, 60.0, y_mm, cells, "separate", 6.0, 8.0, gap_mm=2.0)


LAYOUT = Layout(
    "card",
    148.0,
    105.0,
    tuple(box(name, 20.0 + 18 * row, 8 if name == "customer" else 3) for row, name in enumerate(NAMES)),
    labels=(
        Label("Count of visitors, first and second day", 12, 6, 14),
        *(
            Label(text, 12, 22 + 18 * row, 11)
            for row, text in enumerate(("First day", "Second day", "Sum", "Customer"))
        ),
        Label("Please write one digit into each box, with a black pen. Thank you for your help.", 12, 92, 9),
    ),
)


def scanned(written: dict[str, str], fault: str = "scan", seed: int = 1) -> SyntheticPage:
    return scan_form(LAYOUT, written, fault, DrawnDigits(), np.random.default_rng(seed), DPI)


def saved(page: SyntheticPage, stem: Path) -> Path:
    return save_scan(page.image, stem, page.dpi_xy)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A form made of its blank, its fields named, its rules written by hand."""
    place = tmp_path_factory.mktemp("forms") / "card"
    blank = saved(scanned({}, "clean"), place.parent / "blank")
    write_form(place / "form.toml", "card", propose_form(blank))
    document = tomlkit.parse((place / "form.toml").read_text())
    for field, name in zip(document["fields"], NAMES, strict=True):
        field["name"] = name
    document["fields"][3]["check"] = "luhn"
    document["fields"][2]["required"] = True
    document.add("rules", [{"expression": "count_a + count_b == total"}])
    (place / "form.toml").write_text(tomlkit.dumps(document))
    return place


@pytest.fixture(scope="module")
def known(folder: Path) -> KnownForm:
    return load_known_form(folder)


def read(page: SyntheticPage, known: KnownForm, folder: Path) -> PageReading:
    result = read_page(saved(page, folder / "scan"), forms=[known])
    assert isinstance(result, PageReading)
    return result


def test_a_blank_form_is_proposed_where_its_designer_put_it(known: KnownForm) -> None:
    assert (known.form.pages[0].width_mm, known.form.pages[0].height_mm) == (148, 105)
    for field, drawn in zip(known.form.fields, LAYOUT.fields, strict=True):
        assert field.cells == drawn.cells
        assert field.layout == "boxes"
        assert (field.x_mm, field.y_mm) == pytest.approx((drawn.x_mm, drawn.y_mm), abs=0.3)
        assert field.step_mm == pytest.approx(8.0, abs=0.05)


def test_what_is_written_by_us_has_no_mistakes_and_keeps_its_comments(folder: Path) -> None:
    text = (folder / "form.toml").read_text()
    assert text.startswith("# A form: places in millimeters")
    assert len(load_form(folder).fields) == 4


@pytest.mark.parametrize("fault", ["clean", "scan", "photo", "skew", "upside_down", "rescaled+low", "stained+fax"])
def test_numbers_come_by_name_whatever_happened_to_the_sheet(fault: str, known: KnownForm, tmp_path: Path) -> None:
    result = read(scanned(WRITTEN, fault), known, tmp_path)
    assert result.form == "card"
    assert result.residual_mm is not None
    assert result.residual_mm < 0.5
    assert [field.name for field in result.fields] == list(NAMES)
    assert {field.name: field.value for field in result.fields} == WRITTEN


def test_a_wrong_sum_and_a_wrong_check_digit_are_read_as_written_and_looked_at(
    known: KnownForm, tmp_path: Path
) -> None:
    wrong = WRITTEN | {"total": "578", "customer": "79927391"}
    fields = {field.name: field for field in read(scanned(wrong), known, tmp_path).fields}
    assert {name: field.value for name, field in fields.items()} == wrong
    assert {field.reason for field in fields.values()} == {"check_failed"}
    assert all(field.status == "review" for field in fields.values())


def test_a_rule_vouches_for_the_digits_that_it_checks_and_no_others() -> None:
    def sure(text: str, other: str, look: float, density: float) -> bool:
        place = next(n for n, (one, two) in enumerate(zip(text, other, strict=True)) if one != two)
        looks = np.array([look if n == place else 0.9999 for n in range(len(text))])
        candidates = [Candidate(text, look / (look + (1 - look) * density), True)]
        candidates.append(Candidate(other, 1 - candidates[0].probability, True))
        return _is_sure(candidates, looks, is_borne_out=True, policy=Policy(0.99))

    assert not sure("13052026", "18052026", 0.965, 1.0)  # both are days
    assert sure("79927398", "79927393", 0.965, 0.002)  # but one of them has this check digit


def test_an_empty_field_that_counts_as_zero_fails_its_sum_and_is_not_missing(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "card")
    document = tomlkit.parse((folder / "form.toml").read_text())
    document["fields"][1]["zero_cells"] = "_"
    (tmp_path / "card" / "form.toml").write_text(tomlkit.dumps(document))
    page = scanned(WRITTEN | {"count_b": "", "total": "317"})
    fields = {each.name: each for each in read(page, load_known_form(tmp_path / "card"), tmp_path).fields}
    assert (fields["count_b"].value, fields["count_b"].reason) == ("", "check_failed")


def test_what_the_form_asks_for_and_nobody_wrote_is_missing(known: KnownForm, tmp_path: Path) -> None:
    fields = {field.name: field for field in read(scanned({"count_a": "123"}), known, tmp_path).fields}
    assert (fields["total"].status, fields["total"].reason) == ("review", "missing")
    assert (fields["customer"].status, fields["customer"].reason) == ("blank", "")


def test_another_page_is_read_without_the_form_or_fails(known: KnownForm, tmp_path: Path) -> None:
    other = Layout("other", 148.0, 105.0, (box("a", 50.0, 6),), labels=(Label("Something else", 12, 10, 14),))
    page = scan_form(other, {"a": "123456"}, "clean", DrawnDigits(), np.random.default_rng(1), DPI)
    path = saved(page, tmp_path / "other")
    without = read_page(path, forms=[known])
    assert isinstance(without, PageReading)
    assert (without.form, without.residual_mm, without.reason) == ("", None, "unknown_form")
    assert [field.value for field in without.fields] == ["123456"]
    failed = read_page(path, forms=[known], reads_unknown=False)
    assert isinstance(failed, PageFailure)
    assert failed.reason == "not_registered"
    assert "card" in failed.detail


def test_a_run_names_form_and_fields(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    saved(scanned(WRITTEN), tmp_path / "in" / "page")
    summary = run([tmp_path / "in"], tmp_path / "out", order=Order(forms=(folder.parent,)))
    assert summary.fields == 4
    lines = (tmp_path / "out" / "fields.csv").read_text().splitlines()
    assert [line.split(",")[2:5] for line in lines[1:]] == [["card", name, WRITTEN[name]] for name in NAMES]
    table = (tmp_path / "out" / "forms.csv").read_text().splitlines()
    assert table[0] == "file,page,form,status,problem," + ",".join(NAMES)
    assert table[1].split(",")[1:3] == ["1", "card"]
    assert table[1].split(",")[5:] == list(WRITTEN.values())
    run([tmp_path / "in"], tmp_path / "out")
    assert not (tmp_path / "out" / "forms.csv").exists()


def test_a_form_may_lie_among_its_scans(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "in")
    saved(scanned(WRITTEN), tmp_path / "in" / "page")
    summary = run([tmp_path / "in"], tmp_path / "out", order=Order(forms=(tmp_path / "in",)))
    assert (summary.pages, summary.skipped) == (1, 3)
    told = (tmp_path / "out" / "pages.csv").read_text()
    assert "form-page1.png,0,,skipped,form_picture," in told
    assert "form-page1-fields.png,0,,skipped,form_picture," in told


def test_a_trial_tells_of_every_page(known: KnownForm, tmp_path: Path) -> None:
    saved(scanned(WRITTEN), tmp_path / "a")
    (tmp_path / "b.png").write_bytes(b"nothing")
    cv2.imwrite(str(tmp_path / "c.png"), np.full((500, 400), 255, np.uint8))
    trials = list(try_forms([known], [tmp_path], is_drawn=True))
    told = [trial.line() for trial in trials]
    assert told[0].endswith("mm off on average before they were fitted")
    assert "the boxes of 4 of 4 fields are there" in told[0]
    assert told[1].startswith("b.png, page 0: ")
    assert told[2] == "c.png, page 1: does not show the form"
    assert [trial.picture is None for trial in trials] == [False, True, True]
    with pytest.raises(NoInputError):
        list(try_forms([known], [tmp_path / "none"]))


def test_a_trial_shows_where_the_boxes_were_found(known: KnownForm, tmp_path: Path) -> None:
    path = saved(scanned(WRITTEN), tmp_path / "a")
    gray = load_page(path, 1).gray
    (trial,) = try_forms([known], [path], is_drawn=True)
    assert trial.picture is not None
    scale = trial.picture.shape[0] / gray.shape[0]
    found = find_form(gray, [known])
    assert found is not None
    corners = np.concatenate([quads.reshape(-1, 2) for quads in found.registration.quads.values()]) * scale
    is_green = (trial.picture == np.array(GREEN)).all(axis=2)
    assert all(is_green[y - 1 : y + 2, x - 1 : x + 2].any() for x, y in corners.round().astype(int).tolist())


def test_a_form_without_its_picture_cannot_be_found(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text((folder / "form.toml").read_text())
    with pytest.raises(FormError, match="cannot be seen"):
        load_known_form(tmp_path)
    cv2.imwrite(str(tmp_path / "form-page1.png"), np.full((500, 400), 255, np.uint8))
    with pytest.raises(FormError, match="is 400 x 500 pixels"):
        load_known_form(tmp_path)


def test_mistakes_of_rules_are_told_together(folder: Path, tmp_path: Path) -> None:
    text = (folder / "form.toml").read_text().replace('"luhn"', '"loon"')
    (tmp_path / "form.toml").write_text(text.replace("required = true", 'list = "none.csv:n"'))
    shutil.copy(folder / "form-page1.png", tmp_path)
    with pytest.raises(FormError) as caught:
        load_known_form(tmp_path)
    assert len(str(caught.value).splitlines()) == 2


def test_mistakes_of_keys_of_rules_and_of_places_are_told_together(folder: Path, tmp_path: Path) -> None:
    document = tomlkit.parse((folder / "form.toml").read_text().replace('"luhn"', '"loon"'))
    document["fields"][0]["max"] = "many"
    document["fields"][1]["y_mm"] += 3
    (tmp_path / "form.toml").write_text(tomlkit.dumps(document))
    shutil.copy(folder / "form-page1.png", tmp_path)
    with pytest.raises(FormError) as caught:
        load_known_form(tmp_path)
    told = caught.value.args
    names = [field["name"] for field in document["fields"]]
    assert len(told) == 3
    assert all(str(tmp_path / "form") in each for each in told)
    assert f"field 1 ({names[0]}), max: found 'many'" in told[0]
    assert "python-stdnum has no 'loon'" in told[1]
    assert f"the boxes of field {names[1]} are not printed where the form says" in told[2]


def test_forms_come_in_folders_and_have_names_of_their_own(folder: Path, tmp_path: Path) -> None:
    assert [known.form.name for known in load_known_forms([str(folder.parent)])] == ["card"]
    with pytest.raises(FormError, match="two forms are named card"):
        load_known_forms([folder, shutil.copytree(folder, tmp_path / "copy" / "card")])
    with pytest.raises(FormError, match="nor folders with one"):
        load_known_forms([tmp_path])


def test_a_page_without_boxes_is_no_form(tmp_path: Path) -> None:
    blank = np.full((1000, 700), 255, np.uint8)
    page = propose_page(blank, None, load_network())
    assert page.fields == ()
    with pytest.raises(FormError, match="neither rows of boxes nor frames"):
        write_form(tmp_path / "form.toml", "a", [page])


def test_a_picture_of_a_wrong_resolution_is_told(tmp_path: Path) -> None:
    gray = load_page(saved(scanned({}, "scan", seed=5), tmp_path / "blank"), 1).gray
    with pytest.raises(FormError, match="true resolution"):
        propose_page(gray, 2400.0, load_network())


def test_a_row_of_more_boxes_than_any_number_has_is_no_field() -> None:
    gray = np.full((1754, 2480), 255, np.uint8)
    for row, count in enumerate((70, 8)):
        for place in range(count):
            cv2.rectangle(gray, (60 + 33 * place, 300 + 200 * row), (93 + 33 * place, 345 + 200 * row), (0,), 2)
    assert [field.cells for field in propose_page(gray, None, load_network()).fields] == [8]


def test_a_file_that_is_no_picture_makes_no_form(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    with pytest.raises(NoInputError, match=r"a\.png"):
        propose_form(tmp_path / "a.png")


def test_a_skewed_blank_is_straightened(tmp_path: Path) -> None:
    page = propose_form(saved(scanned({}, "scan", seed=5), tmp_path / "blank"))[0]
    assert [field.cells for field in page.fields] == [3, 3, 3, 8]
    assert np.ptp([field.x_mm for field in page.fields]) < 0.5


@pytest.mark.parametrize("fault", ["clean", "scan", "photo"])
def test_boxes_without_a_top_make_a_form_and_are_read_by_it(fault: str, tmp_path: Path) -> None:
    layout = replace(LAYOUT, fields=tuple(replace(field, style="open") for field in LAYOUT.fields))
    rng = np.random.default_rng(1)
    blank = saved(scan_form(layout, {}, "clean", DrawnDigits(), rng, DPI), tmp_path / "blank")
    path = tmp_path / "form" / "form.toml"
    write_form(path, "slip", propose_form(blank))
    known = load_known_form(path)
    assert [(field.layout, field.cells) for field in known.form.fields] == [("open", n) for n in (3, 3, 3, 8)]
    page = saved(scan_form(layout, WRITTEN, fault, DrawnDigits(), rng, DPI), tmp_path / "page")
    reading = read_page(page, forms=[known])
    assert isinstance(reading, PageReading)
    assert [field.cells for field in reading.fields] == list(WRITTEN.values())


def test_a_form_is_found_on_no_page_at_all(known: KnownForm) -> None:
    assert find_form(np.full((800, 600), 255, np.uint8), [known]) is None


def test_cells_of_a_field_lie_where_the_form_says() -> None:
    field = FormField(name="a", x_mm=10, y_mm=20, cells=2, cell_width_mm=5, cell_height_mm=7, pitch_mm=6)
    assert cells_mm(field).tolist() == [
        [[10, 20], [15, 20], [15, 27], [10, 27]],
        [[16, 20], [21, 20], [21, 27], [16, 27]],
    ]


@pytest.mark.parametrize(
    ("cells", "zeros", "number", "value"),
    [("12_", "", "12", 12), ("_12", "", "12", 12), ("1_2", "", None, None), ("x12", "", "12", 12),
     ("1?2", "", None, None), ("x12", "x", "012", 12), ("xxx", "x", "000", 0), ("xxx", "", "", None),
     ("___", "_", "", 0), ("1_2", "_", "102", 102)],
)  # fmt: skip
def test_what_cells_mean(cells: str, zeros: str, number: str | None, value: float | None) -> None:
    field = FormField(name="a", x_mm=0, y_mm=0, cells=3, cell_width_mm=5, cell_height_mm=7, zero_cells=zeros)
    assert number_in(cells, field) == number
    assert value_of(cells, field) == value


def test_a_date_counts_its_days() -> None:
    place = {"x_mm": 0, "y_mm": 0, "cells": 8, "cell_width_mm": 5, "cell_height_mm": 7}
    field = FormField(name="a", type="date", format="DDMMYYYY", **place)
    assert value_of("02012020", field) == value_of("01012020", field) + 1
    assert value_of("32012020", field) is None


def test_the_commands_of_a_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.labels.missing", lambda: "install tesseract")
    blank = saved(scanned({}, "clean"), tmp_path / "blank")
    form = tmp_path / "card" / "form.toml"
    made = RUNNER.invoke(app, ["form", "new", str(blank), "-o", str(form)])
    assert (made.exit_code, made.output) == (
        0,
        f"{form}: 4 fields on 1 page, drawn in form-page1-fields.png\n"
        "named by their place; to name fields by their labels, install tesseract\n",
    )
    again = RUNNER.invoke(app, ["form", "new", str(blank), "-o", str(form)])
    assert again.exit_code == 2
    page, other = saved(scanned(WRITTEN), tmp_path / "page"), tmp_path / "other.png"
    cv2.imwrite(str(other), np.full((500, 400), 255, np.uint8))
    drawn, plain = (cv2.imread(str(form.parent / name)) for name in ("form-page1-fields.png", "form-page1.png"))
    assert (drawn == np.array(GREEN)).all(axis=2).any()
    assert not (plain == np.array(GREEN)).all(axis=2).any()
    pictures = tmp_path / "pictures"
    checked = RUNNER.invoke(app, ["form", "check", str(form.parent), str(page), str(other), "-o", str(pictures)])
    assert checked.exit_code == 8
    assert [each.name for each in pictures.iterdir()] == [f"{page.name}.jpg"]
    together = RUNNER.invoke(app, ["form", "check", str(tmp_path), str(page), str(other)])
    assert f"{page.name}, page 1: page 1 of form card; " in together.output
    checked = RUNNER.invoke(app, ["form", "check", str(form.parent), str(page), "-o", str(blank)])
    assert checked.exit_code == 6
    checked = RUNNER.invoke(app, ["form", "check", str(form.parent), str(page)])
    assert checked.exit_code == 0
    assert "form card, 4 fields, no mistakes" in checked.output
    assert RUNNER.invoke(app, ["form", "check", str(form), str(other)]).exit_code == 8
    read = RUNNER.invoke(
        app, ["read", str(other), "--form", str(form), "--unknown", "fail", "-o", str(tmp_path / "out")]
    )
    assert read.exit_code == 8
    assert "not_registered" in (tmp_path / "out" / "pages.csv").read_text()


def test_mistakes_of_a_form_are_a_line_each_and_exit_code_4(tmp_path: Path) -> None:
    (tmp_path / "form.toml").write_text("name = 3\nfields = 4")
    result = RUNNER.invoke(app, ["form", "check", str(tmp_path)])
    assert result.exit_code == 4
    assert len(result.output.splitlines()) == 2
    assert all(line.startswith("scanner: error: ") for line in result.output.splitlines())


def test_unknown_pages_can_fail_only_where_there_is_a_form(tmp_path: Path) -> None:
    assert RUNNER.invoke(app, ["read", str(tmp_path), "--unknown", "fail"]).exit_code == 2


def test_the_schema_is_json() -> None:
    assert json.loads(RUNNER.invoke(app, ["form", "schema"]).output)["title"] == "Form"


@pytest.mark.parametrize(("key", "other"), [("y_mm", 10.0), ("x_mm", 4.0), ("x_mm", -4.0), ("y_mm", -4.0)])
def test_a_field_where_no_boxes_are_printed_is_a_mistake(folder: Path, tmp_path: Path, key: str, other: float) -> None:
    place = shutil.copytree(folder, tmp_path / "card")
    document = tomlkit.parse((place / "form.toml").read_text())
    document["fields"][0][key] = float(document["fields"][0][key]) + other
    document["pages"][0]["height_mm"] = 105.0
    (place / "form.toml").write_text(tomlkit.dumps(document))
    with pytest.raises(FormError, match="the boxes of field count_a are not printed where the form says"):
        load_known_form(place)


def test_where_the_boxes_are_instead_is_told(folder: Path, tmp_path: Path) -> None:
    place = shutil.copytree(folder, tmp_path / "card")
    document = tomlkit.parse((place / "form.toml").read_text())
    document["fields"][0]["x_mm"] -= 2.5
    document["fields"][0]["y_mm"] += 3.0
    (place / "form.toml").write_text(tomlkit.dumps(document))
    with pytest.raises(FormError, match=r"2\.(25|5|75) mm to the right and (2\.75|3|3\.25) mm above"):
        load_known_form(place)


@pytest.mark.parametrize("first", [0, 1])
def test_a_field_with_a_cell_too_few_is_never_accepted(folder: Path, tmp_path: Path, first: int) -> None:
    place = shutil.copytree(folder, tmp_path / "card")
    document = tomlkit.parse((place / "form.toml").read_text())
    document["fields"][0]["cells"] = 2
    document["fields"][0]["x_mm"] = float(document["fields"][0]["x_mm"]) + 8.0 * first
    del document["rules"]
    (place / "form.toml").write_text(tomlkit.dumps(document))
    short = load_known_form(place)
    assert short.references[0].goes_on == {"count_a"}
    field = read(scanned(WRITTEN, "clean"), short, tmp_path).fields[0]
    assert (field.value, field.status) == ("123"[first:][:2], "review")
    told = RUNNER.invoke(app, ["form", "check", str(place)])
    assert "count_a: one more box is printed beside its cells" in told.output


# --- what rules vouch for


def as_read(
    cells: str, told: dict[str, str], *, hidden: dict[int, int] | None = None, runs_on: int | None = None
) -> str:
    """What becomes of a number whose digits are sure, under rules; `hidden`: a cell whose upper line is touched."""
    field = FormField(
        name="a", x_mm=0, y_mm=0, cells=len(cells), cell_width_mm=5, cell_height_mm=7, type="number", **told
    )
    rule = field_rule(field, Path())
    count, is_blank = len(cells), np.array([cell == "_" for cell in cells])
    touches, over = np.zeros((count, 2), np.bool_), np.zeros(count, np.bool_)
    touches[[] if hidden is None else [hidden], 0] = True
    over[[] if runs_on is None else [runs_on]] = True
    nothing = np.zeros(count, np.bool_)
    ink = CellInk(
        np.zeros((count, 28, 28), np.uint8), is_blank, np.zeros((count, 4), np.float32), nothing, touches, over
    )
    network = load_network()
    scores = np.full((count, 12), 1e-5, np.float32)
    scores[np.arange(count), [max(network.card.classes.find(cell), 0) for cell in cells]] = 0.9998
    known = KnownForm(Form(name="f", fields=(field,)), {"a": rule}, (), ())
    row = RowReading(BoxRow(np.zeros((count, 4, 2), np.float32)), ink, scores)
    (candidates,) = filled._decode(
        known, {"a": field}, {"a": cell_alternatives(scores, is_blank, network.card.classes, 0.999)}
    ).values()
    found = SimpleNamespace(
        known=SimpleNamespace(rules=known.rules, references=[SimpleNamespace(goes_on=())]),
        page=1,
        registration=SimpleNamespace(unseen=()),
    )
    policy = Policy(min_digit=0.99)
    reading = filled._reading(field, candidates, row, found, network, policy, is_sum=False)  # type: ignore[arg-type]
    return reading.reason or reading.status


@pytest.mark.parametrize(
    ("cells", "rules", "reason"),
    [
        ("4112", {"max": 9000}, "ink_on_frame"),  # 4712 is no more than 9000 either
        ("4112", {"max": 4500}, "accepted"),
        ("4112", {"min": 0}, "ink_on_frame"),
        ("79927398713", {"check": "luhn"}, "accepted"),
        ("4112", {"pattern": "41.*"}, "accepted"),
    ],
)
def test_a_stroke_that_may_be_hidden_is_feared_where_the_rule_allows_it(
    cells: str, rules: dict[str, Any], reason: str
) -> None:
    place = cells.index("1")
    assert as_read(cells, rules) == "accepted"
    assert as_read(cells, rules, hidden=place) == reason


def test_a_stroke_that_runs_on_is_borne_out_by_a_check_digit_alone() -> None:
    assert as_read("79927398713", {"check": "luhn"}, runs_on=3) == "accepted"
    assert as_read("4112", {"max": 9000}, runs_on=3) == "runs_on"
