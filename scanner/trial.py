"""Whether pages show a form, and how well: what `scanner form check` prints."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import PageError
from scanner.finding import find_form
from scanner.known import KnownForm
from scanner.page import count_pages, discover, load_page


@dataclass(frozen=True, slots=True)
class Trial:
    """One page of a file; `told` says what was found on it."""

    file: str
    page: int
    is_found: bool
    told: str

    def line(self) -> str:
        return f"{self.file}, page {self.page}: {self.told}"


def try_form(known: KnownForm, inputs: Sequence[Path]) -> Iterator[Trial]:
    """Look for a form on every page of files and folders.

    Raises:
        NoInputError: no input exists.
    """
    for source in discover(inputs).files if inputs else ():
        try:
            pages = count_pages(source.path)
        except PageError as error:
            yield Trial(source.name, 0, False, error.detail)
            continue
        for number in range(1, pages + 1):
            yield _try_page(known, source.path, source.name, number)


def _try_page(known: KnownForm, path: Path, name: str, number: int) -> Trial:
    try:
        found = find_form(load_page(path, number).gray, [known])
    except PageError as error:
        return Trial(name, number, False, error.detail)
    if found is None:
        return Trial(name, number, False, "does not show the form")
    registration, fields = found.registration, len(known.fields_of(found.page))
    told = (
        f"page {found.page} of the form; the boxes of {registration.frames} of {fields} fields are there, "
        f"{registration.residual_mm:.2f} mm off on average before they were fitted"
    )
    if registration.unseen:
        told += f"; not those of {', '.join(sorted(registration.unseen))}"
    return Trial(name, number, True, told)
