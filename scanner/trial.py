"""Which of the forms pages show, and how well: what `scanner form check` prints and draws."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanner.arrays import Gray
from scanner.drawing import GREEN, ORANGE, Bgr, Shown, draw_fields
from scanner.errors import PageError
from scanner.finding import FoundForm, find_form
from scanner.known import KnownForm
from scanner.overlay import numbered, safe_path
from scanner.page import count_pages, discover, load_page
from scanner.register.features import apply


@dataclass(frozen=True, slots=True)
class Trial:
    """One page of a file; `told` says what was found on it, `picture` shows it."""

    file: str
    page: int
    is_found: bool
    told: str
    picture: Bgr | None = None

    def line(self) -> str:
        return f"{self.file}, page {self.page}: {self.told}"

    @property
    def picture_name(self) -> str:
        """Below a folder of pictures: `exams/a.tif-p02.jpg`."""
        return f"{numbered(safe_path(self.file), self.page)}.jpg"


def try_forms(forms: Sequence[KnownForm], inputs: Sequence[Path], *, is_drawn: bool = False) -> Iterator[Trial]:
    """Look for the forms on every page of files and folders; pictures of the pages, where asked for.

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
            yield _try_page(forms, source.path, source.name, number, is_drawn=is_drawn)


def _try_page(forms: Sequence[KnownForm], path: Path, name: str, number: int, *, is_drawn: bool) -> Trial:
    try:
        gray = load_page(path, number).gray
        found = find_form(gray, forms)
    except PageError as error:
        return Trial(name, number, False, error.detail)
    if found is None:
        told = "does not show the form" if len(forms) == 1 else "shows none of the forms"
        return Trial(name, number, False, told)
    registration, fields = found.registration, len(found.known.fields_of(found.page))
    told = (
        f"page {found.page} of form {found.known.form.name}; "
        f"the boxes of {registration.frames} of {fields} fields are there, "
        f"{registration.residual_mm:.2f} mm off on average before they were fitted"
    )
    if registration.unseen:
        told += f"; not those of {', '.join(sorted(registration.unseen))}"
    return Trial(name, number, True, told, _draw(gray, found) if is_drawn else None)


def _draw(gray: Gray, found: FoundForm) -> Bgr:
    """The page with the boxes of each field where they were found, and how far that is from where its print says."""
    registration, cells_mm = found.registration, found.known.references[found.page - 1].cells_mm
    from_page = np.linalg.inv(registration.matrix)
    shown = []
    for name, quads in registration.quads.items():
        off_mm = (apply(from_page, quads.astype(np.float64)) - cells_mm[name]).mean(axis=(0, 1))
        is_seen = name not in registration.unseen
        told = f"{np.hypot(*off_mm):.2f} mm" if is_seen else "box_not_found"
        shown.append(Shown(quads, f"{name} {told}", GREEN if is_seen else ORANGE))
    return draw_fields(gray, shown)
