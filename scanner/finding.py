"""Which form a page shows, and where: found by its code, its fiducials, its print."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from scanner.arrays import Gray
from scanner.codes import read_codes, read_easy_codes, serial_behind
from scanner.form.model import Code
from scanner.known import KnownForm
from scanner.register import Print, Reference, Registration, register, register_flat, register_marked

SURE_ALIKE, SURE_MM = 0.8, 0.3  # part of the print, and residual, from which nothing better is looked for


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
