"""Reading a page that shows a known form: its boxes read where they are, its numbers under their rules."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from functools import partial

import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Scores
from scanner.boxes import OPEN, BoxRow
from scanner.cells import read_cells_of
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
    other_readings,
)
from scanner.finding import FoundForm
from scanner.form import FormField
from scanner.form.rules import FieldRule, as_number, date_in
from scanner.known import KnownForm
from scanner.marks import ink_parts, read_marks
from scanner.network import CROSSED, NOT_A_DIGIT, Network, in_fields
from scanner.register.features import apply
from scanner.strings import read_lines
from scanner.together import decode_together

STRICT = 0.125  # of all numbers, the part that a rule allows, which vouches for what it allows: a check digit does
UNLIKELY, MOST_ALTERNATIVES = 1e-5, 20  # what else a number may be, that is kept
SIDES = {"comb": 0.4, "open": OPEN}  # of the cells' height, to which their sides are printed


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
        pale=ink_parts(gray, quads, is_pale=True) - ink_parts(reference.print_.gray, on_form, is_pale=True),
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
    described = {field.name: field for field in fields}
    read = _decode(found.known, described, cells)
    borne_out = _borne_out(found.known, described, read)
    return tuple(
        _reading(field, read[field.name], rows[field.name], found, network, policy, is_sum=field.name in borne_out)
        for field in fields
    )


def _rows_of_cells(
    gray: Gray, fields: Sequence[FormField], found: FoundForm, network: Network
) -> dict[str, RowReading]:
    if not fields:
        return {}
    quads = [found.registration.quads[field.name] for field in fields]
    shares = [SIDES.get(field.layout, 1.0) for field in fields]
    inks = read_cells_of(gray, quads, shares, are_boxes=True)
    rows = zip(fields, quads, inks, score_cells(inks, network), strict=True)
    classes = network.card.classes
    return {
        field.name: RowReading(BoxRow(cells), ink, in_fields(scores, classes)) for field, cells, ink, scores in rows
    }


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

    def value(name: str, text: str) -> Fraction | None:
        return value_of(text, fields[name])

    equations = [equation for equation in known.equations if set(equation.names) <= set(fields)]
    return decode_together(candidates, equations, value, {name: field.cells for name, field in fields.items()})


def number_in(cells: str, field: FormField) -> str | None:
    """The digits of a number; empty where nothing is written, None where it cannot be read or has a gap."""
    if NOT_A_DIGIT in cells:
        return None
    text = _with_zeros(cells, field).replace(CROSSED, BLANK).strip(BLANK)
    return None if BLANK in text else text


def value_of(cells: str, field: FormField) -> Fraction | None:
    """What a field counts in an equation: its number, the day of its date; None where it has none."""
    number = number_in(cells, field)
    if not number:
        return Fraction(0) if number == "" and BLANK in field.zero_cells else None
    if field.type == "date":
        date = date_in(number, field)
        return None if date is None else Fraction(dt.date.toordinal(date))
    return as_number(number, field.decimals)


def _reading(
    field: FormField,
    candidates: Sequence[Candidate],
    row: RowReading,
    found: FoundForm,
    network: Network,
    policy: Policy,
    *,
    is_sum: bool,
) -> FieldReading:
    best, rule = candidates[0], found.known.rules[field.name]
    is_borne_out = is_sum or (rule.is_bound and rule.density <= STRICT)
    confidences = _confidences(best.cells, row.scores, network)
    status, reason = judge(_with_zeros(best.cells, field), confidences, Policy(0.0))
    if field.name in found.registration.unseen:
        status, reason = REVIEW, "box_not_found"
    elif status != REVIEW and (not best.is_valid or len(best.cells) > field.cells):
        status, reason = REVIEW, "missing" if status == BLANK_STATUS and field.required else "check_failed"
    elif status == ACCEPTED and field.name in found.known.references[found.page - 1].goes_on:
        status, reason = REVIEW, "cut_off"
    elif status == ACCEPTED and not _is_sure(candidates, confidences, is_borne_out, policy):
        status, reason = REVIEW, "touching_digits" if row.row.touching else "low_confidence"
    elif status == ACCEPTED and not is_sum and _may_be_other(best.cells, row, field, rule):
        status, reason = hold_back(best.cells, row.ink)
    elif status == BLANK_STATUS and row.ink.on_frame.any():
        status, reason = REVIEW, "ink_on_frame"
    value = (number_in(best.cells, field) or "") if field.zero_cells else None
    return field_reading(
        field.name, best.cells, confidences, best.probability, status, reason, row.row.quads,
        value=value, alternatives=_alternatives(candidates, field), is_boxed=row.row.is_boxed,
        side_share=SIDES.get(field.layout, 1.0),
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


def _borne_out(
    known: KnownForm, fields: Mapping[str, FormField], read: Mapping[str, Sequence[Candidate]]
) -> frozenset[str]:
    """The fields of this page that stand in a sum that comes out: with one digit another it would not."""
    borne_out: set[str] = set()
    for equation in known.equations:
        if equation.is_equality and set(equation.names) <= set(fields):
            values = {name: value_of(read[name][0].cells, fields[name]) for name in equation.names}
            borne_out |= set(equation.names) if equation.holds(values) else set()
    return frozenset(borne_out)


def _may_be_other(cells: str, row: RowReading, field: FormField, rule: FieldRule) -> bool:
    """Whether the rule of a field allows what else may be written in it, with a stroke that is hidden or runs on."""
    numbers = (number_in(other, field) for other in other_readings(cells, row.ink))
    return any(number is not None and rule.allows(number) for number in numbers)


def _is_sure(
    candidates: Sequence[Candidate], confidences: npt.NDArray[np.float64], is_borne_out: bool, policy: Policy
) -> bool:
    """Under a strict rule a digit is as sure as all numbers with it: the others vouch for it, if the rule says so."""
    best = candidates[0]
    looks: list[float] = confidences.tolist()
    if is_borne_out:
        alike = [each for each in candidates if len(each.cells) == len(best.cells)]
        looks = [
            sum(each.probability for each in alike if each.cells[place] == cell)
            for place, cell in enumerate(best.cells)
        ]
    return min(looks) >= policy.min_digit and best.probability >= policy.min_field


def _confidences(cells: str, scores: Scores, network: Network) -> npt.NDArray[np.float64]:
    """(n,) how much each cell looks like what it is read as."""
    columns = [network.card.classes.find(name) for name in cells]
    looks = scores[np.arange(len(cells)), columns].astype(np.float64)
    return np.where([name == BLANK for name in cells], BLANK_CONFIDENCE, looks)
