"""A form as its designer describes it, with every place in millimeters from the top left of the page."""

import datetime as dt
import keyword
import unicodedata
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict

A4_MM = (210.0, 297.0)

MOST_PAGES = 100
MOST_CELLS = 64
Millimeters: TypeAlias = Annotated[float, Field(ge=0, le=2000)]
Size: TypeAlias = Annotated[float, Field(ge=1, le=2000)]
Place: TypeAlias = Annotated[tuple[Millimeters, Millimeters], Strict(False)]
OTHER_COLUMNS = frozenset({"file", "page", "form", "status", "problem"})  # of forms.csv


def usable_name(name: str) -> str:
    """A name that can be a column of forms.csv and stand in a rule.

    Raises:
        ValueError: it cannot.
    """
    if not name.isidentifier() or keyword.iskeyword(name) or unicodedata.normalize("NFKC", name) != name:
        raise ValueError("use letters, digits and _ alone, a letter first, and no word of Python such as class")
    if name in OTHER_COLUMNS:
        raise ValueError("this is a column of forms.csv already; choose another name")
    return name


Choice: TypeAlias = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^;\x00-\x1f]+$")]
Text: TypeAlias = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Name: TypeAlias = Annotated[str, Field(max_length=64), AfterValidator(usable_name)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Fiducials(_Table):
    """Marks that a page is found by: filled squares, circles, or crosses."""

    shape: Literal["square", "circle", "cross"] = "square"
    size_mm: float = Field(5.0, ge=1, le=50)
    at: Annotated[tuple[Place, ...], Strict(False), Field(min_length=3, max_length=12)]


class Code(_Table):
    """A bar code of any kind that tells this page from others; it may go on behind `text` with a serial number."""

    text: str = Field(min_length=1, max_length=200)
    x_mm: Millimeters | None = Field(None, description="where `scanner form blank` prints it as a QR code")
    y_mm: Millimeters | None = None
    size_mm: float = Field(16.0, ge=5, le=100)


class Sheet(_Table):
    """One page of the form."""

    width_mm: Size = A4_MM[0]
    height_mm: Size = A4_MM[1]
    fiducials: Fiducials | None = None
    code: Code | None = None


class FormField(_Table):
    """One number: a row of cells, and what may be written in them."""

    name: Name = Field(description="a column of forms.csv: letters, digits and _")
    label: Text = Field("", description="as printed on the form")
    page: int = Field(1, ge=1, le=MOST_PAGES)
    x_mm: Millimeters = Field(description="left edge of the first cell")
    y_mm: Millimeters = Field(description="upper edge of the cells")
    cells: int = Field(ge=1, le=MOST_CELLS, description="digits")
    layout: Literal["boxes", "cells", "open", "comb", "line"] = Field(
        "boxes",
        description="separate boxes, adjoining cells, boxes open at the top, a comb; a line: one frame for all digits",
    )
    fewer: bool = Field(False, description="layout line: fewer digits than cells may be written")
    cell_width_mm: Size
    cell_height_mm: Size
    pitch_mm: Size | None = Field(None, description="from cell to cell; by default the cell's width")
    direction: Literal["right", "down"] = Field("right", description="where the next cell is")
    type: Literal["digits", "number", "date", "postal_code", "mark"] = "digits"
    required: bool = False
    zero_cells: str = Field("", pattern="^[x_]*$", description="cells that mean zero: x crossed out, _ blank")
    check: str | None = Field(
        None,
        pattern=r"^[a-z0-9_]+(\.[a-z0-9_]+)*$",
        description="check digits: luhn, ean, ch.esr, as python-stdnum has it",
    )
    check_prefix: str | None = Field(
        None,
        pattern=r"^[0-9A-Z]{1,16}$",
        description="printed before the boxes, and counted by the check alone: CH of a Swiss IBAN",
    )
    pattern: str | None = Field(None, description="regular expression that the whole number matches")
    list: str | None = Field(None, description="numbers that there are: FILE.csv:COLUMN, beside form.toml")
    unique: bool = Field(False, description="no two pages of a run have the same number")
    min: float | None = None
    max: float | None = None
    decimals: int = Field(0, ge=0, le=9, description="of the digits, those behind the decimal point")
    format: Literal["DDMMYYYY", "DDMMYY", "MMDDYYYY", "MMDDYY", "YYYYMMDD", "YYMMDD"] | None = None
    earliest: dt.date | None = None
    latest: dt.date | None = None
    choices: Annotated[tuple[Choice, ...], Strict(False)] | None = Field(None, description="what each box stands for")
    multiple: bool = Field(False, description="several boxes may be marked")
    country: Literal["any", "at", "ca", "ch", "de", "es", "fr", "in", "it", "nl", "us"] | None = None

    @property
    def step_mm(self) -> float:
        """From an edge of a cell to that of the next."""
        return self._side_mm if self.pitch_mm is None else self.pitch_mm

    @property
    def _side_mm(self) -> float:
        """Of a cell, in the direction of the field."""
        return self.cell_width_mm if self.direction == "right" else self.cell_height_mm

    @property
    def gap_mm(self) -> float:
        """Between two cells."""
        return self.step_mm - self._side_mm

    @property
    def right_mm(self) -> float:
        return self.x_mm + self._length_mm("right") + self.cell_width_mm

    @property
    def bottom_mm(self) -> float:
        return self.y_mm + self._length_mm("down") + self.cell_height_mm

    def _length_mm(self, direction: str) -> float:
        """From the first cell to the last, in this direction."""
        return (self.cells - 1) * self.step_mm if direction == self.direction else 0.0

    @property
    def options(self) -> tuple[str, ...]:
        """What each box of a mark stands for; its number, where the form does not say."""
        return self.choices or tuple(str(number) for number in range(1, self.cells + 1))


class Rule(_Table):
    """What holds between fields: sums, equality, order."""

    expression: str = Field(description="cand1 + cand2 == valid, first_date <= last_date")


class Form(_Table):
    """A form; `folder` is where its lists lie."""

    name: Name
    title: Text = ""
    pages: Annotated[tuple[Sheet, ...], Strict(False), Field(min_length=1, max_length=MOST_PAGES)] = (Sheet(),)
    fields: Annotated[tuple[FormField, ...], Strict(False), Field(min_length=1)]
    rules: Annotated[tuple[Rule, ...], Strict(False)] = ()
    folder: Path = Field(Path(), exclude=True)
