"""Form files: what is right is read, and every mistake is told at once, with its place."""

from pathlib import Path

import pytest

from scanner.errors import FormError
from scanner.form import FormField, form_schema, load_form
from scanner.form.rules import field_rule

GOOD = """
name = "meter_card"
title = "Meter card"

[[pages]]
width_mm = 148
height_mm = 105

[[fields]]
name = "customer"
x_mm = 20
y_mm = 30.5
cells = 6
cell_width_mm = 5
cell_height_mm = 7
pitch_mm = 7
check = "luhn"

[[fields]]
name = "reading"
x_mm = 20
y_mm = 50
cells = 5
cell_width_mm = 5
cell_height_mm = 7
type = "number"
decimals = 1
max = 9000

[[rules]]
expression = "reading <= 2 * customer"
"""


def write(folder: Path, text: str) -> Path:
    path = folder / "form.toml"
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(folder: Path, text: str) -> list[str]:
    with pytest.raises(FormError) as caught:
        load_form(write(folder, text))
    return [line.removeprefix(f"{folder / 'form.toml'}: ") for line in str(caught.value).splitlines()]


def test_a_form_is_read_from_its_file_or_folder(tmp_path: Path) -> None:
    form = load_form(write(tmp_path, GOOD))
    assert form == load_form(tmp_path)
    assert [field.name for field in form.fields] == ["customer", "reading"]
    assert form.folder == tmp_path
    customer, reading = form.fields
    assert customer.right_mm == 20 + 5 * 7 + 5
    assert reading.step_mm == 5
    assert (form.pages[0].width_mm, form.pages[0].height_mm) == (148, 105)


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("cells = 6", 'cells = "six"').replace(
        "max = 9000", "max = 9000\nmni = 3\nearliest = 2020-01-01"
    )
    told = mistakes(tmp_path, text + '[[rules]]\nexpression = "reading ="')
    assert len(told) == 3
    assert told[0].startswith("field 1 (customer), cells: found 'six'; ")
    assert told[1] == "field 2 (reading), mni: found 3; there is no such key; is it min?"
    assert "earliest" in told[2] or "expression" in told[2]


@pytest.mark.parametrize(
    ("change", "with_", "told"),
    [
        ("cells = 5", "cells = 26", "field 2 (reading): ends at 150.0 mm, the page is 148 mm wide"),
        ("y_mm = 50", "y_mm = 99", "field 2 (reading): ends at 106.0 mm, the page is 105 mm high"),
        ("y_mm = 50", "y_mm = 32", "field 2 (reading): lies on field customer"),
        ('name = "reading"', 'name = "customer"', "field 2 (customer): another field has this name"),
        ("pitch_mm = 7", "pitch_mm = 4", "field 1 (customer), pitch_mm: found 4, but a cell is 5 mm wide"),
        ("max = 9000", "max = 1\nmin = 2", "field 2 (reading), max: found 1, less than min, 2"),
        ("max = 9000", 'pattern = "["', "field 2 (reading), pattern: '[' is no regular expression"),
        ('type = "number"\ndecimals = 1\nmax = 9000', 'type = "date"', "field 2 (reading), format: is missing"),
        (
            'type = "number"\ndecimals = 1\nmax = 9000',
            'type = "date"\nformat = "DDMMYY"',
            "field 2 (reading), format: DDMMYY has 6 digits, the field 5 cells",
        ),
        ('type = "number"\ndecimals = 1\nmax = 9000', 'type = "postal_code"', "field 2 (reading), country: is missing"),
        ("decimals = 1", "format = 'DDMMYY'", "field 2 (reading), format: is for type 'date', this field is of type"),
        ("2 * customer", "2 * costumer", "rule 1, expression: 'reading <= 2 * costumer' names costumer"),
        ("2 * customer", "customer * reading", "rule 1, expression: 'reading <= customer * reading' is no equation"),
        ("cells = 5", "cells = 5\npage = 2", "field 2 (reading), page: found 2, the form has 1"),
        ("x_mm = 20\ny_mm = 50", "y_mm = 50", "field 2 (reading), x_mm: is missing; `scanner form blank` gives"),
        ('name = "meter_card"', 'name = "meter card"', "name: found 'meter card'; "),
        ('name = "reading"', 'name = "class"', "field 2 (class), name: found 'class'; "),
        ('name = "reading"', 'name = "status"', "field 2 (status), name: found 'status'; "),
        ("cell_width_mm = 5", "cell_width_mm = 1e-9", "field 1 (customer), cell_width_mm: found 1e-09; "),
        ("2 * customer", "1" + 400 * "0", "rule 1, expression: 'reading <= 1000"),
        ("2 * customer", "- " * 9000 + "customer", "rule 1, expression: 'reading <= - -"),
        ("2 * customer", "1e999 * customer", "rule 1, expression: 'reading <= 1e999 * customer' is no equation"),
        ('name = "meter_card"', 'name = "m"\nfolder = "/"', "folder: there is no such key"),
    ],
)
def test_a_mistake_names_its_place_what_was_found_and_what_is_expected(
    tmp_path: Path, change: str, with_: str, told: str
) -> None:
    assert change in GOOD
    found = mistakes(tmp_path, GOOD.replace(change, with_, 1))
    assert any(each.startswith(told) for each in found), found


def test_a_pattern_that_takes_forever_is_a_mistake_and_matches_nothing(tmp_path: Path) -> None:
    forever = r"(\d|\d\d)+[a-z]"
    text = GOOD.replace("cells = 5\n", "cells = 60\n").replace("max = 9000", f"pattern = '{forever}'")
    text = text.replace("cell_width_mm = 5", "cell_width_mm = 1").replace("pitch_mm = 7", "pitch_mm = 2")
    assert any("takes forever to match" in each for each in mistakes(tmp_path, text))
    field = FormField(
        name="number", x_mm=10, y_mm=10, cells=60, cell_width_mm=5, cell_height_mm=7, pattern=r"\d{60}|" + forever
    )
    rule = field_rule(field, tmp_path)
    assert rule.allows("1" * 60)
    assert not rule.allows("1" * 59)


def test_latest_is_not_before_earliest(tmp_path: Path) -> None:
    date = 'type = "date"\nformat = "DDMMYY"\nearliest = 2020-05-01\nlatest = 2019-05-01\n'
    text = GOOD.replace('type = "number"\ndecimals = 1\nmax = 9000', date).replace("cells = 5", "cells = 6")
    assert mistakes(tmp_path, text) == ["field 2 (reading), latest: found 2019-05-01, before earliest, 2020-05-01"]


@pytest.mark.parametrize(
    "text", ["", "fields = 3", "pages = 5\nname = 'a'", "fields = []\nname = 'a'", "pages = 3", "[[fields]]\n[[rules]]"]
)
def test_tables_that_are_hardly_there_are_mistakes_too(tmp_path: Path, text: str) -> None:
    assert mistakes(tmp_path, text)


def test_what_is_no_toml_says_where(tmp_path: Path) -> None:
    with pytest.raises(FormError, match=r"is no TOML: .*line 2"):
        load_form(write(tmp_path, "name = 'a'\n= 3"))


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FormError, match="cannot be read"):
        load_form(tmp_path / "none.toml")


def test_the_schema_describes_every_key_of_a_form() -> None:
    schema = form_schema()
    assert set(schema["properties"]) == {"name", "title", "pages", "fields", "rules"}
    assert schema["$defs"]["FormField"]["properties"]["x_mm"]["description"] == "left edge of the first cell"
    assert schema["$defs"]["FormField"]["additionalProperties"] is False
