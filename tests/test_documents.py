"""Pages of a form become documents: by serial number, by order, and with what is missing told."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import scanner
from scanner.blank import layout_of, write_blank
from scanner.documents import DOUBTFUL, Assembler, Document
from scanner.fields import FieldReading
from scanner.form import Form
from scanner.form.equations import parse_equation
from scanner.known import KnownForm, load_known_form
from scanner.order import Order
from scanner.pipeline import PageFailure, PageReading, read_pages
from scanner.run import run
from scanner.synth import DrawnDigits, scan_form
from scanner.synth.files import save_scan

DRAFT = """\
name = "claim"

[[fields]]
name = "number"
cells = 6

[[fields]]
name = "amount"
cells = 3
page = 2

[[fields]]
name = "total"
cells = 3
page = 3

[[rules]]
expression = "amount == total"
"""
PLACE = {"x_mm": 10.0, "y_mm": 10.0, "cells": 3, "cell_width_mm": 5.0, "cell_height_mm": 7.0}


def form(name: str, pages: int) -> KnownForm:
    fields = tuple({"name": f"{name}_{number}", "page": number, **PLACE} for number in range(1, pages + 1))
    model = Form.model_validate({"name": name, "pages": [{}] * pages, "fields": fields})
    equations = (parse_equation(f"{name}_1 == {name}_{pages}"),) if pages > 1 else ()
    return KnownForm(model, {}, equations, ())


FORMS = (form("a", 1), form("b", 2), form("c", 3))


def field(name: str, value: str = "123", status: str = "accepted") -> FieldReading:
    return FieldReading(name, value, 0.9, status, "", value, (1.0,) * 3, (0, 0, 9, 9), ())


def page(
    form_page: str,
    *,
    file: str = "x.png",
    number: int = 1,
    serial: str = "",
    value: str = "123",
    status: str = "accepted",
) -> PageReading:
    name = form_page[0] if form_page else ""
    fields = (field(f"{name}_{form_page[1:]}", value, status),) if name else ()
    return PageReading(file, number, fields, 0.1, name, form_page=int(form_page[1:] or 0), serial=serial)


def documents(pages: Sequence[PageReading]) -> list[Document]:
    assembler = Assembler(FORMS)
    found = [document for each in pages for document in assembler.add(each)]
    return found + list(assembler.close())


def told(pages: Sequence[PageReading]) -> list[tuple[str, str, str]]:
    return [
        ("".join(str(each.form_page) for each in document.pages), document.status, document.problem)
        for document in documents(pages)
    ]


def test_nothing_makes_no_document() -> None:
    assert documents([]) == []
    assert documents([page("")]) == []


def test_a_form_of_one_page_is_a_document() -> None:
    assert told([page("a1"), page("a1")]) == [("1", "accepted", "")] * 2
    assert told([page("a1", status="review")]) == [("1", "review", "")]


def test_pages_of_a_file_follow_one_another() -> None:
    scans = [page(each, number=number) for number, each in enumerate(("c1", "c2", "c3", "c1", "c2", "c3"), start=1)]
    assert told(scans) == [("123", "accepted", "")] * 2


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (("c1", "c3"), [("13", "incomplete", "page 2 missing")]),
        (("c2",), [("2", "incomplete", "pages 1, 3 missing")]),
        (
            ("c1", "c1", "c2", "c3"),
            [("1", "incomplete", "page 1 is there twice, or pages 2, 3 missing"), ("123", "accepted", "")],
        ),
        (
            ("c1", "c2", "c3", "c3"),
            [("123", "accepted", ""), ("3", "incomplete", "page 3 is there twice, or pages 1, 2 missing")],
        ),
        (
            ("c1", "c2", "c2", "c3"),
            [
                ("12", "incomplete", "page 2 is there twice, or page 3 missing"),
                ("23", "incomplete", "page 2 is there twice, or page 1 missing"),
            ],
        ),
        (("c1", "c2", "b1", "b2"), [("12", "incomplete", "page 3 missing"), ("12", "accepted", "")]),
        (("c1", "", "c2", "c3"), [("1", "incomplete", "pages 2, 3 missing"), ("23", "incomplete", "page 1 missing")]),
        (("c1", "c3", "c2"), [("13", "incomplete", "page 2 missing"), ("2", "incomplete", "pages 1, 3 missing")]),
    ],
)
def test_what_is_missing_is_told(pages: Sequence[str], expected: list[tuple[str, str, str]]) -> None:
    assert told([page(each, number=number) for number, each in enumerate(pages, start=1)]) == expected


def test_a_page_that_failed_may_be_the_one_that_is_missing() -> None:
    assembler = Assembler(FORMS)
    results = (page("b1", file="1.png"), PageFailure("2.png", 0, "damaged", "", 0.1), page("b2", file="3.png"))
    found = [document for each in results for document in assembler.add(each)] + list(assembler.close())
    assert [document.problem for document in found] == ["page 2 missing", "page 1 missing"]


def test_files_of_one_page_follow_one_another_and_others_do_not() -> None:
    assert told([page("b1", file="1.png"), page("b2", file="2.png")]) == [("12", "accepted", "")]
    scans = [page("b1", file="1.pdf", number=2), page("b2", file="2.pdf", number=1)]
    assert [each[1] for each in told(scans)] == ["incomplete"] * 2


def test_a_file_of_several_pages_goes_on_with_no_other() -> None:
    scans = [page("c1", file="1.pdf"), page("c2", file="2.pdf", number=1), page("c3", file="2.pdf", number=2)]
    assert told(scans) == [("1", "incomplete", "pages 2, 3 missing"), ("23", "incomplete", "page 1 missing")]
    scans = [page("b1", file="1.pdf"), page("b2", file="2.pdf", number=1), page("b1", file="2.pdf", number=2)]
    assert [[each.file for each in document.pages] for document in documents(scans)] == [["1.pdf"], ["2.pdf"] * 2]
    scans = [page("b1", file="1.pdf"), page("", file="2.pdf", number=1), page("b2", file="2.pdf", number=2)]
    assert [each[1] for each in told(scans)] == ["incomplete"] * 2


@pytest.mark.parametrize("is_one_file", [True, False])
@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ("b2 b1", ["12"]),
        ("b2 b1 b2 b1 b2 b1", ["12"] * 3),
        ("c3 c2 c1 c3 c2 c1", ["123"] * 2),
        ("b2 b1 b2 b1 b1 b2 b1", ["12", "12", "1 page 1 is there twice, or page 2 missing", "12"]),
        ("b2 b1 a1 b2 b1", ["1", "12", "12"]),
        ("b1 b2 b2 b1", ["12", "2 page 2 is there twice, or page 1 missing", "1 page 2 missing"]),
    ],
)
def test_a_stack_scanned_from_its_end_is_put_together(pages: str, expected: list[str], is_one_file: bool) -> None:
    """Each page with what was written on its own sheet: none goes to the next person's."""
    scans = [
        page(each, file="x.pdf" if is_one_file else f"{number}.png", number=number if is_one_file else 1)
        for number, each in enumerate(pages.split(), start=1)
    ]
    assert [f"{places} {problem}".strip() for places, _, problem in told(scans)] == expected


def test_stacks_of_two_folders_go_different_ways() -> None:
    forward, reverse = ["b1", "b2"] * 3, ["b2", "b1"] * 2
    scans = [page(each, file=f"monday/{number}.png") for number, each in enumerate(forward)]
    scans += [page(each, file=f"tuesday/{number}.png") for number, each in enumerate(reverse)]
    found = documents(scans)
    assert [document.status for document in found] == ["accepted"] * 5
    assert [{each.file for each in document.pages} for document in found[3:]] == [
        {"tuesday/0.png", "tuesday/1.png"}, {"tuesday/2.png", "tuesday/3.png"}
    ]  # fmt: skip


def test_stacks_of_one_folder_that_go_different_ways_are_looked_at() -> None:
    scans = [page(each, file=f"{number}.png") for number, each in enumerate(["b1", "b2"] * 3 + ["b2", "b1"] * 2)]
    assert told(scans) == [("12", "review", DOUBTFUL)] * 5


def test_a_page_that_is_missing_makes_no_other_stack() -> None:
    scans = [page(each, file=f"{number}.png") for number, each in enumerate(["b1", "b2", "b2", "b1", "b2"])]
    assert told(scans) == [
        ("12", "accepted", ""),
        ("2", "incomplete", "page 2 is there twice, or page 1 missing"),
        ("12", "accepted", ""),
    ]


def test_what_a_person_could_not_read_is_told() -> None:
    unreadable = replace(page("a1"), fields=(replace(field("a_1", ""), status="corrected", reason="unreadable"),))
    assert told([unreadable]) == [("1", "review", "unreadable: a_1")]


def test_pages_that_were_read_with_an_older_form_break_no_rule_of_the_new_one() -> None:
    """Its fields have other names, and its scans are gone."""
    older = [replace(page(each, number=int(each[1])), fields=(field("old"),)) for each in ("b1", "b2")]
    assert told(older) == [("12", "accepted", "")]


def test_a_stack_that_may_be_in_reverse_is_looked_at() -> None:
    """Its first sheet lacks a page, or it was scanned from its end and the last sheet lacks one: nobody can tell."""
    scans = [page(each, number=number) for number, each in enumerate(("b2", "b1", "b2", "b1", "b2"), start=1)]
    assert told(scans) == [
        ("2", "incomplete", "page 1 missing"),
        ("12", "review", DOUBTFUL),
        ("12", "review", DOUBTFUL),
    ]
    sure = [page(each, number=number) for number, each in enumerate(("b1", "b2", "b1", "b2", "b2"), start=1)]
    assert [status for _, status, _ in told(sure)] == ["accepted", "accepted", "incomplete"]


def test_a_serial_number_finds_its_pages_anywhere() -> None:
    scans = [page("b1", serial="7"), page("b2", serial="8"), page("b1", serial="8"), page("b2", serial="7")]
    assert told(scans) == [("12", "accepted", "")] * 2
    assert told([page("b2", serial="7")]) == [("2", "incomplete", "page 1 missing")]


def test_a_page_that_is_there_twice_is_told() -> None:
    scans = [page("b1", serial="7"), page("b1", serial="7"), page("b2", serial="7"), page("b2", serial="7")]
    assert told(scans) == [
        ("1", "incomplete", "page 1 of 7 is there twice"),
        ("12", "accepted", ""),
        ("2", "incomplete", "page 2 of 7 is there twice"),
    ]


def test_rules_between_pages_are_looked_at() -> None:
    assert told([page("b1"), page("b2", number=2, value="124")]) == [("12", "review", "does not hold: b_1 == b_2")]


# --- on disk, and as tables


@pytest.fixture(scope="module")
def claim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("claim")
    (folder / "form.toml").write_text(DRAFT)
    write_blank(folder, folder / "blank.pdf")
    known = load_known_form(folder)
    (folder / "scans").mkdir()
    written = {"number": "482913", "amount": "205", "total": "205"}
    for number in (1, 2, 3, 1):
        rng = np.random.default_rng(number)
        scan = scan_form(layout_of(known.form, number), written, "scan", DrawnDigits(), rng, 200.0)
        count = len(list((folder / "scans").iterdir()))
        save_scan(scan.image, folder / "scans" / f"{count + 1}", scan.dpi_xy)
    return folder


def test_a_run_writes_a_row_a_document(claim: Path, tmp_path: Path) -> None:
    summary = run([claim / "scans"], tmp_path / "out", order=Order(forms=(claim,)))
    rows = (tmp_path / "out" / "forms.csv").read_text().splitlines()
    assert rows[0] == "file,page,form,status,problem,number,amount,total"
    assert [row.split(",")[4:] for row in rows[1:]] == [
        ["", "482913", "205", "205"],
        ['"pages 2', ' 3 missing"', "482913", "", ""],
    ]
    assert summary.incomplete == 1
    assert summary.line(Path("out")).endswith("; 1 document incomplete (out/forms.csv)")


def test_readings_as_tables(claim: Path) -> None:
    forms = [load_known_form(claim)]
    results = list(read_pages([claim / "scans"], forms=forms))
    results.append(PageFailure("y.png", 1, "damaged", "", 0.1))
    fields, filled = scanner.to_frame(results), scanner.to_frame(results, forms)
    assert list(fields["value"]) == ["482913", "205", "205", "482913"]
    assert fields["confidence"].dtype == np.float64
    assert list(filled["status"])[1] == "incomplete"
    assert list(filled["number"]) == ["482913", "482913"]
    assert isinstance(scanner.to_frame([]), pd.DataFrame)
    assert list(scanner.to_frame([], forms).columns)[-1] == "total"
