"""Numbers that no two pages have: a sure one takes it from a doubtful one, two sure ones go to a person."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.blank import layout_of, write_blank
from scanner.fields import FieldReading, Policy
from scanner.form import Form
from scanner.form.rules import FieldRule
from scanner.known import KnownForm, load_known_form
from scanner.order import Order
from scanner.pipeline import PageFailure, PageReading, PageResult
from scanner.run import run
from scanner.synth import DrawnDigits, scan_form
from scanner.synth.files import save_scan
from scanner.unique import settle_unique

POLICY = Policy(0.99)
PLACE = {"x_mm": 10.0, "y_mm": 10.0, "cells": 3, "cell_width_mm": 5.0, "cell_height_mm": 7.0}


def known(*, is_unique: bool = True, numbers: tuple[str, ...] | None = None) -> KnownForm:
    field = {"name": "student", "unique": is_unique, **PLACE}
    rules = {"student": FieldRule(lambda number: True, 1.0, numbers)}
    return KnownForm(Form.model_validate({"name": "exam", "fields": (field,)}), rules, (), ())


UNIQUE, UNLISTED, FREE = known(numbers=("123", "128")), known(), known(is_unique=False)


def page(*alternatives: tuple[str, float], reason: str = "", number: int = 1) -> PageReading:
    cells, confidence = alternatives[0] if alternatives else ("___", 1.0)
    status = "review" if reason else "accepted" if alternatives else "blank"
    value = cells.strip("_")
    looks = (confidence,) * 3
    reading = FieldReading("student", value, confidence, status, reason, cells, looks, (0, 0, 9, 9), (), alternatives)
    return PageReading("x.png", number, (reading,), 0.1, "exam", form_page=1)


def settled(*pages: PageResult, form: KnownForm = UNIQUE) -> list[tuple[str, str, str]]:
    results = list(settle_unique(pages, [form], POLICY))
    return [
        (field.value, field.status, field.reason)
        for each in results
        if isinstance(each, PageReading)
        for field in each.fields
    ]


def test_nothing_is_settled_without_pages_or_unique_fields() -> None:
    assert settled() == []
    pages = page(("123", 1.0)), page(("123", 1.0))
    assert settled(*pages, form=FREE) == [("123", "accepted", "")] * 2


def test_a_sure_number_is_nobody_elses() -> None:
    pages = page(("123", 0.999)), page(("123", 0.55), ("128", 0.449), reason="low_confidence")
    assert settled(*pages) == [("123", "accepted", ""), ("128", "review", "low_confidence")]
    assert settled(*pages[::-1]) == [("128", "review", "low_confidence"), ("123", "accepted", "")]


def test_what_others_hold_is_hardly_an_alternative() -> None:
    doubtful = page(("128", 0.75), ("123", 0.2499), reason="low_confidence")
    assert settled(doubtful) == [("128", "review", "low_confidence")]
    assert settled(doubtful, page(("123", 0.9999)))[0] == ("128", "accepted", "")


def test_under_a_guarantee_nothing_is_accepted_that_was_in_review() -> None:
    pages = page(("128", 0.75), ("123", 0.2499), reason="low_confidence"), page(("123", 0.9999))
    doubtful, sure = settle_unique(pages, [UNIQUE], POLICY, accepts=False)
    assert isinstance(doubtful, PageReading)
    assert (doubtful.fields[0].value, doubtful.fields[0].status) == ("128", "review")
    assert doubtful.fields[0].reason == "low_confidence"
    assert isinstance(sure, PageReading)
    assert sure.fields[0].status == "accepted"


def test_without_a_list_nothing_is_settled_but_disputes() -> None:
    doubtful = page(("128", 0.75), ("123", 0.2499), reason="low_confidence")
    pages = doubtful, page(("123", 0.9999))
    assert settled(*pages, form=UNLISTED) == [("128", "review", "low_confidence"), ("123", "accepted", "")]
    pages = page(("123", 0.55), ("128", 0.449), reason="low_confidence"), page(("123", 0.9999))
    assert settled(*pages, form=UNLISTED) == [("123", "review", "not_unique")] * 2


def test_a_number_nobody_else_may_have_stays_as_it_was() -> None:
    alone = page(("555", 0.985), ("556", 0.0149), reason="low_confidence")
    assert settled(alone, page(("123", 0.9999))) == [("555", "review", "low_confidence"), ("123", "accepted", "")]


def test_an_unlikely_number_is_not_taken_for_want_of_another() -> None:
    pages = page(("123", 0.9999)), page(("173", 0.9999)), page(("123", 0.88), ("173", 0.118), ("128", 0.0017))
    assert settled(*pages)[2] == ("123", "review", "not_unique")


def test_empty_fields_stay_empty() -> None:
    blank = replace(page(("___", 0.99)).fields[0], value="", status="blank")
    pages = [replace(page(), fields=(blank,))] * 2
    assert list(settle_unique(pages, [UNIQUE], POLICY)) == pages


def test_two_sure_ones_go_to_a_person() -> None:
    pages = page(("123", 0.9995), ("128", 0.0004)), page(("123", 0.998), ("173", 0.001)), page(("555", 0.9999))
    assert settled(*pages) == [("123", "review", "not_unique")] * 2 + [("555", "accepted", "")]
    assert settled(page(("123", 1.0)), page(("123", 1.0))) == [("123", "review", "not_unique")] * 2


def test_blanks_do_not_make_a_number_another() -> None:
    assert settled(page(("_12", 0.999)), page(("12_", 0.999))) == [("12", "review", "not_unique")] * 2


def test_other_pages_and_other_reasons_stay() -> None:
    failed = PageFailure("y.png", 1, "damaged", "", 0.1)
    empty, unreadable = page(), page(("123", 0.9), reason="check_failed")
    results = list(settle_unique([empty, failed, unreadable, page(("123", 0.999))], [UNIQUE], POLICY))
    assert results[:3] == [empty, failed, unreadable]
    assert results[3].fields[0].status == "accepted"  # type: ignore[union-attr]


def test_an_interruption_settles_what_was_read() -> None:
    def pages() -> Iterator[PageResult]:
        yield page(("123", 0.999))
        yield page(("123", 0.55), ("128", 0.449), reason="low_confidence")
        raise KeyboardInterrupt

    results = settle_unique(pages(), [UNIQUE], POLICY)
    assert [next(results).fields[0].value for _ in range(2)] == ["123", "128"]  # type: ignore[union-attr]
    with pytest.raises(KeyboardInterrupt):
        next(results)


@given(
    st.lists(st.lists(st.sampled_from("123456"), min_size=1, max_size=4, unique=True), min_size=1, max_size=8),
    st.randoms(),
)
def test_no_two_accepted_are_the_same(numbers: Sequence[Sequence[str]], random: object) -> None:
    pages = []
    for each in numbers:
        parts = sorted((random.random() + 0.01 for _ in each), reverse=True)  # type: ignore[attr-defined]
        pages.append(page(*((digit * 3, part / sum(parts)) for digit, part in zip(each, parts, strict=True))))
    accepted = [value for value, status, _ in settled(*pages) if status == "accepted"]
    assert len(set(accepted)) == len(accepted)


def test_a_class_list_is_read_as_a_whole(tmp_path: Path) -> None:
    folder = tmp_path / "exam"
    folder.mkdir()
    (folder / "form.toml").write_text(
        'name = "exam"\n[[fields]]\nname = "student"\ncells = 6\nlist = "class.csv:number"\nunique = true\n'
    )
    (folder / "class.csv").write_text("number\n482913\n482918\n771204\n")
    write_blank(folder, folder / "blank.pdf")
    known = load_known_form(folder)
    (tmp_path / "scans").mkdir()
    for index, number in enumerate(("482913", "482918", "771204", "771204")):
        rng = np.random.default_rng(index)
        scan = scan_form(layout_of(known.form, 1), {"student": number}, "scan", DrawnDigits(), rng, 200.0)
        save_scan(scan.image, tmp_path / "scans" / str(index), scan.dpi_xy)
    run([tmp_path / "scans"], tmp_path / "out", order=Order(forms=(folder,)))
    rows = [row.split(",")[4:8] for row in (tmp_path / "out" / "fields.csv").read_text().splitlines()[1:]]
    assert [(value, status, reason) for value, _, status, reason in rows] == [
        ("482913", "accepted", ""),
        ("482918", "accepted", ""),
        ("771204", "review", "not_unique"),
        ("771204", "review", "not_unique"),
    ]
