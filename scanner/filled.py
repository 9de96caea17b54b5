"""Reading a page of a known form: found by its print, its boxes read where they are, its numbers under their rules."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Scores
from scanner.boxes import OPEN, BoxRow
from scanner.cells import read_cells_of
from scanner.codes import read_codes, read_easy_codes, serial_behind
from scanner.content import RowReading, score_cells
from scanner.decode import Alternatives, Candidate, cell_alternatives, decode_field
from scanner.fields import (
    ACCEPTED,
    BLANK,
    BLANK_CONFIDENCE,
    BLANK_STATUS,
    REVIEW,
    FieldReading,
    Policy,
    field_reading,
    hold_back,
    judge,
)
from scanner.form import FormField
from scanner.form.model import Code
from scanner.form.rules import as_date, as_number
from scanner.known import KnownForm
from scanner.marks import ink_parts, read_marks
from scanner.network import CROSSED, NOT_A_DIGIT, Network
from scanner.register import Print, Reference, Registration, register, register_flat, register_marked
from scanner.register.features import apply
from scanner.strings import read_lines
from scanner.together import decode_together

SURE_ALIKE, SURE_MM = 0.8, 0.3  # part of the print, and residual, from which nothing better is looked for
UNLIKELY, MOST_ALTERNATIVES = 1e-5, 20  # what else a number may be, that is kept
SIDES = {"comb": 0.4, "open": OPEN}  # of the cells' height, to which their sides are printed


@dataclass(frozen=True, slots=True)
class FoundForm:
    """Which page of which form a page shows, and where; `serial`: the number of the sheet that its code says."""

    known: KnownForm
    page: int  # from 1
    registration: Registration
    serial: str = ""


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A page of a form that a page may show."""

    known: KnownForm
    page: int
    serial: str

    @property
    def reference(self) -> Reference:
        return self.known.references[self.page - 1]


def find_form(gray: Gray, forms: Sequence[KnownForm]) -> FoundForm | None:
    """The form that the page shows: the one that its code names, else by its fiducials, else by its print.

    None where it shows none of them.
    """
    page = Print(gray)
    candidates, found = _candidates(page, forms), None
    for look in (
        register_marked,
        register_flat,
        partial(register, thoroughly=False),
        partial(register, thoroughly=True),
    ):
        for each in candidates:
            registration = look(page, each.reference)
            if registration and (found is None or _evidence(each, registration) > _evidence(found, found.registration)):
                found = FoundForm(each.known, each.page, registration, each.serial)
        if found and _is_sure_of(found):
            return found
    return found


def _is_sure_of(found: FoundForm) -> bool:
    """Whether nothing better need be looked for."""
    registration = found.registration
    is_whole = registration.alike >= SURE_ALIKE or _share(found, registration) == 1
    return is_whole and registration.residual_mm <= SURE_MM


def _share(shown: FoundForm | _Candidate, registration: Registration) -> float:
    """The part of a page's fields whose frames were found."""
    fields = len(shown.known.fields_of(shown.page))
    return registration.frames / fields if fields else 1.0


def _evidence(shown: FoundForm | _Candidate, registration: Registration) -> tuple[float, float, float]:
    """What speaks for a page of a form: its frames and the print between them; many points of print are but many."""
    share = _share(shown, registration)
    return round(share + registration.alike, 1), -round(registration.residual_mm, 1), registration.matches


def _candidates(page: Print, forms: Sequence[KnownForm]) -> list[_Candidate]:
    """The pages of forms that a code on the page names; where none does, those without a code.

    Where no code can be read at all, it may be damaged: then all.
    """
    pages = [(known, number, sheet.code) for known in forms for number, sheet in enumerate(known.form.pages, start=1)]
    if not any(code for _, _, code in pages):
        return [_Candidate(known, number, "") for known, number, _ in pages]
    codes = read_easy_codes(page.half)
    named = _named(pages, codes)
    if not named:
        codes = read_codes(page.gray)
        named = _named(pages, codes)
    return named or [_Candidate(known, number, "") for known, number, code in pages if not (code and codes)]


def _named(pages: Sequence[tuple[KnownForm, int, Code | None]], codes: Sequence[str]) -> list[_Candidate]:
    """The pages whose code is among these, with what these say behind it."""
    named = [
        (len(code.text), _Candidate(known, number, serial))
        for known, number, code in pages
        for text in codes
        if code and (serial := serial_behind(text, code.text)) is not None
    ]
    longest = max((length for length, _ in named), default=0)  # MR-2-0042 is of MR-2, not of MR
    return [each for length, each in named if length == longest]


def read_filled(gray: Gray, found: FoundForm, network: Network, policy: Policy) -> tuple[FieldReading, ...]:
    """The fields of a page in the order of its form."""
    fields = found.known.fields_of(found.page)
    numbers = tuple(field for field in fields if field.type != "mark")
    read = {field.name: _read_mark(gray, field, found, policy) for field in fields if field.type == "mark"}
    read |= {each.name: each for each in _read_numbers(gray, numbers, found, network, policy)}
    return tuple(read[field.name] for field in fields)


def _read_mark(gray: Gray, field: FormField, found: FoundForm, policy: Policy) -> FieldReading:
    reference, quads = found.known.references[found.page - 1], found.registration.quads[field.name]
    on_form = apply(reference.to_page, reference.cells_mm[field.name]).astype(np.float32)
    reading = read_marks(
        field.name, ink_parts(gray, quads), ink_parts(reference.print_.gray, on_form), quads, field.options, policy,
        multiple=field.multiple, required=field.required,
    )  # fmt: skip
    is_unseen = field.name in found.registration.unseen
    return replace(reading, status=REVIEW, reason="box_not_found") if is_unseen else reading


def _read_numbers(
    gray: Gray, fields: Sequence[FormField], found: FoundForm, network: Network, policy: Policy
) -> tuple[FieldReading, ...]:
    rows = _rows_of_cells(gray, [field for field in fields if field.layout != "line"], found, network)
    rows |= _rows_of_lines(gray, [field for field in fields if field.layout == "line"], found, network)
    cells = {
        name: cell_alternatives(row.scores, row.ink.is_blank, network.card.classes, BLANK_CONFIDENCE)
        for name, row in rows.items()
    }
    read = _decode(found.known, {field.name: field for field in fields}, cells)
    return tuple(_reading(field, read[field.name], rows[field.name], found, network, policy) for field in fields)


def _rows_of_cells(
    gray: Gray, fields: Sequence[FormField], found: FoundForm, network: Network
) -> dict[str, RowReading]:
    if not fields:
        return {}
    quads = [found.registration.quads[field.name] for field in fields]
    shares = [SIDES.get(field.layout, 1.0) for field in fields]
    inks = read_cells_of(gray, quads, shares, are_boxes=True)
    rows = zip(fields, quads, inks, score_cells(inks, network), strict=True)
    return {field.name: RowReading(BoxRow(cells), ink, scores) for field, cells, ink, scores in rows}


def _rows_of_lines(
    gray: Gray, fields: Sequence[FormField], found: FoundForm, network: Network
) -> dict[str, RowReading]:
    if not fields:
        return {}
    frames = np.concatenate([found.registration.quads[field.name] for field in fields])
    lengths = [None if field.fewer else field.cells for field in fields]
    return {field.name: row for field, row in zip(fields, read_lines(gray, frames, lengths, network), strict=True)}


def _decode(
    known: KnownForm, fields: Mapping[str, FormField], cells: Mapping[str, list[Alternatives]]
) -> dict[str, list[Candidate]]:
    """Of each field what it may read, the most probable first."""
    candidates = {
        name: decode_field(cells[name], known.rules[name], partial(number_in, field=field))
        for name, field in fields.items()
    }

    def value(name: str, text: str) -> float | None:
        return value_of(text, fields[name])

    equations = [equation for equation in known.equations if set(equation.names) <= set(fields)]
    return decode_together(candidates, equations, value, {name: field.cells for name, field in fields.items()})


def number_in(cells: str, field: FormField) -> str | None:
    """The digits of a number; empty where nothing is written, None where it cannot be read or has a gap."""
    if NOT_A_DIGIT in cells:
        return None
    text = _with_zeros(cells, field).replace(CROSSED, BLANK).strip(BLANK)
    return None if BLANK in text else text


def value_of(cells: str, field: FormField) -> float | None:
    """What a field counts in an equation: its number, the day of its date; None where it has none."""
    number = number_in(cells, field)
    if not number:
        return 0.0 if number == "" and BLANK in field.zero_cells else None
    if field.type == "date":
        date = as_date(number, field.format or "")
        return None if date is None else float(dt.date.toordinal(date))
    return as_number(number, field.decimals)


def _reading(
    field: FormField,
    candidates: Sequence[Candidate],
    row: RowReading,
    found: FoundForm,
    network: Network,
    policy: Policy,
) -> FieldReading:
    best, is_bound = candidates[0], found.known.is_bound(field)
    confidences = _confidences(best.cells, row.scores, network)
    status, reason = judge(_with_zeros(best.cells, field), confidences, Policy(0.0))
    if field.name in found.registration.unseen:
        status, reason = REVIEW, "box_not_found"
    elif status != REVIEW and not best.is_valid:
        status, reason = REVIEW, "missing" if status == BLANK_STATUS else "check_failed"
    elif status == ACCEPTED and field.name in found.known.references[found.page - 1].goes_on:
        status, reason = REVIEW, "cut_off"
    elif status == ACCEPTED and not _is_sure(best, confidences, is_bound, policy):
        status, reason = REVIEW, "low_confidence"
    elif status == ACCEPTED and not is_bound:
        status, reason = hold_back(best.cells, row.ink)
    value = (number_in(best.cells, field) or "") if field.zero_cells else None
    return field_reading(
        field.name, best.cells, confidences, best.probability, status, reason, row.row.quads,
        value=value, alternatives=_alternatives(candidates, field), is_boxed=row.row.is_boxed,
    )  # fmt: skip


def _alternatives(candidates: Sequence[Candidate], field: FormField) -> tuple[tuple[str, float], ...]:
    """What else may be written there; what the ink denies, breaks a rule or is no number may not."""
    likely = [
        (each.cells, each.probability)
        for each in candidates
        if each.probability >= UNLIKELY and each.is_valid and not each.is_denied and number_in(each.cells, field)
    ]
    return tuple(likely[:MOST_ALTERNATIVES])


def _with_zeros(cells: str, field: FormField) -> str:
    """The cells that the form takes for zeros as such; an empty field stays empty."""
    zeros = field.zero_cells if cells.strip(BLANK) else ""
    return "".join("0" if character in zeros else character for character in cells)


def _is_sure(best: Candidate, confidences: npt.NDArray[np.float64], is_bound: bool, policy: Policy) -> bool:
    """Under a rule the number as a whole counts, not each digit: the others vouch for a doubtful one."""
    if is_bound:
        return best.probability >= max(policy.min_field, policy.min_digit ** len(best.cells))
    return bool(confidences.min() >= policy.min_digit and best.probability >= policy.min_field)


def _confidences(cells: str, scores: Scores, network: Network) -> npt.NDArray[np.float64]:
    """(n,) how much each cell looks like what it is read as."""
    columns = [network.card.classes.find(name) for name in cells]
    looks = scores[np.arange(len(cells)), columns].astype(np.float64)
    return np.where([name == BLANK for name in cells], BLANK_CONFIDENCE, looks)
