"""A form ready to be looked for on pages: its fields, their rules, what holds between them, and what it looks like."""

import hashlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from scanner.arrays import Gray, Quads
from scanner.errors import FormError, PageError
from scanner.form import Form, FormField, Sheet, load_form
from scanner.form.equations import Equation, parse_equation
from scanner.form.load import FILE_NAME, valid_part_of
from scanner.form.rules import FieldRule, field_rule, rule_with
from scanner.page import load_page
from scanner.register import Fiducials, Reference, make_reference, printed_off_mm

MM_PER_INCH = 25.4
PX_PER_MM = 6.0  # of the picture of a page: 152 dpi keeps captions and frames, and the file small
PRINTED = 0.6  # of the lines of a field's cells: some may be broken
OFF_PX = 3  # by which the picture's size may differ from the page's


@dataclass(frozen=True, slots=True)
class KnownForm:
    """`references` holds one entry a page of the form; `rules` one a field."""

    form: Form
    rules: Mapping[str, FieldRule]
    equations: tuple[Equation, ...]
    references: tuple[Reference, ...]

    def fields_of(self, page: int) -> tuple[FormField, ...]:
        """The fields of one of its pages, counted from 1."""
        return tuple(field for field in self.form.fields if field.page == page)


@dataclass(frozen=True, slots=True)
class FormFiles:
    """All that a form consists of, as read from disk; workers anywhere make a `KnownForm` of it."""

    form: Form
    lists: Mapping[str, tuple[str, ...]]  # the numbers of the fields that have one
    pictures: tuple[Gray, ...]  # one a page

    @property
    def version(self) -> str:
        """Changes with all that changes readings, and with nothing else: not with comments, nor with the folder."""
        digest = hashlib.sha256(self.form.model_dump_json().encode())
        digest.update(json.dumps(dict(self.lists), sort_keys=True).encode())
        for picture in self.pictures:
            digest.update(repr(picture.shape).encode() + picture.tobytes())
        return digest.hexdigest()


def read_form_files(path: Path) -> FormFiles:
    """Read `form.toml`, its lists, and the pictures of its pages beside it.

    Raises:
        FormError: one of them is missing or has mistakes; all that can be found are told.
    """
    try:
        form = load_form(path)
        rules = _rules(form, field_rule)
    except FormError as error:
        raise FormError(*dict.fromkeys((*error.args, *_other_mistakes(valid_part_of(path))))) from error
    lists = {name: rule.numbers for name, rule in rules.items() if rule.numbers is not None}
    return FormFiles(form, lists, tuple(_picture(form, number) for number in range(1, len(form.pages) + 1)))


def make_known_form(files: FormFiles) -> KnownForm:
    """A form ready to be looked for.

    Raises:
        FormError: a rule makes no sense, or the boxes are not where the form says.
    """
    form = files.form
    rules = _rules(form, lambda field, _: rule_with(field, files.lists.get(field.name)))
    references = tuple(_reference(form, number, gray) for number, gray in enumerate(files.pictures, start=1))
    return KnownForm(form, rules, tuple(parse_equation(rule.expression) for rule in form.rules), references)


def load_known_form(path: Path | str) -> KnownForm:
    """Read a form and make it ready to be looked for.

    Raises:
        FormError: one of its files is missing or has mistakes.
    """
    return make_known_form(read_form_files(Path(path)))


def load_known_forms(paths: Sequence[Path | str]) -> tuple[KnownForm, ...]:
    """Of files, of folders with a `form.toml`, and of folders of such folders.

    Raises:
        FormError: there is none, one has mistakes, or two have the same name.
    """
    return tuple(map(make_known_form, read_all_form_files([Path(each) for each in paths])))


def read_all_form_files(paths: Sequence[Path]) -> tuple[FormFiles, ...]:
    """As `load_known_forms`, for workers to make them ready."""
    found = {os.path.realpath(path): path for given in paths for path in _form_files(given)}  # each once
    forms = tuple(map(read_form_files, found.values()))
    names = [files.form.name for files in forms]
    for name in names:
        if names.count(name) > 1:
            raise FormError(f"{', '.join(map(str, paths))}: two forms are named {name}; rename one in its form.toml")
    return forms


def _form_files(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    if (given / FILE_NAME).exists():
        return [given / FILE_NAME]
    files = sorted(given.glob(f"*/{FILE_NAME}"))
    if not files:
        raise FormError(f"{given}: neither {FILE_NAME} nor folders with one; make one with `scanner form new`")
    return files


def picture_path(folder: Path, page: int) -> Path:
    """Where the picture of a form's page lies."""
    return folder / f"form-page{page}.png"


def drawing_path(folder: Path, page: int) -> Path:
    """Where a form's page lies with its fields drawn on it, for people to look at."""
    return folder / f"form-page{page}-fields.png"


def picture_bytes(gray: Gray) -> bytes:
    """The picture of a page at `PX_PER_MM` as a PNG that says so."""
    buffer = io.BytesIO()
    Image.fromarray(gray).save(buffer, "PNG", dpi=(PX_PER_MM * MM_PER_INCH,) * 2, optimize=True)
    return buffer.getvalue()


def cells_mm(field: FormField) -> Quads:
    """(cells, 4, 2) corners of a field's cells in millimeters; of a line (1, 4, 2), for it has one frame."""
    if field.layout == "line":
        x0, y0, x1, y1 = field.x_mm, field.y_mm, field.right_mm, field.bottom_mm
        return np.array([[(x0, y0), (x1, y0), (x1, y1), (x0, y1)]], np.float32)
    along = (1.0, 0.0) if field.direction == "right" else (0.0, 1.0)
    left, top, right, bottom = 0.0, 0.0, field.cell_width_mm, field.cell_height_mm
    first = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) + np.array([field.x_mm, field.y_mm])
    steps = np.arange(field.cells)[:, None] * field.step_mm * np.array(along)
    return (first + steps[:, None]).astype(np.float32)


def _other_mistakes(form: Form) -> Iterator[str]:
    """What is wrong with the rules, the pictures and the places of these fields."""

    def tried(call: Callable[[], object]) -> tuple[str, ...]:
        try:
            call()
        except FormError as error:
            return error.args
        return ()

    yield from tried(lambda: _rules(form, field_rule))
    for page in range(1, len(form.pages) + 1):
        yield from tried(lambda page=page: _reference(form, page, _picture(form, page)))  # type: ignore[misc]


def _rules(form: Form, make: Callable[[FormField, Path], FieldRule]) -> dict[str, FieldRule]:
    """The rule of each field; all mistakes are told at once."""
    rules: dict[str, FieldRule] = {}
    mistakes: list[str] = []
    for field in form.fields:
        try:
            rules[field.name] = make(field, form.folder)
        except FormError as error:
            mistakes.append(f"{form.folder / FILE_NAME}: {error}")
    if mistakes:
        raise FormError(*mistakes)
    return rules


def _fiducials(sheet: Sheet) -> Fiducials | None:
    marks, code = sheet.fiducials, sheet.code
    if marks is None:
        return None
    at = np.array(marks.at, np.float64)
    if code is None or code.x_mm is None or code.y_mm is None:
        return Fiducials(marks.shape, marks.size_mm, at)
    return Fiducials(marks.shape, marks.size_mm, at, (code.x_mm, code.y_mm, code.size_mm))


def _picture(form: Form, page: int) -> Gray:
    path = picture_path(form.folder, page)
    try:
        return load_page(path, 1).gray
    except PageError as error:
        raise FormError(
            f"{path}: page {page} of form {form.name} cannot be seen ({error.detail}); make it with `scanner form new`"
        ) from error


def _reference(form: Form, page: int, gray: Gray) -> Reference:
    path, sheet = picture_path(form.folder, page), form.pages[page - 1]
    size = sheet.width_mm * PX_PER_MM, sheet.height_mm * PX_PER_MM
    if max(abs(gray.shape[1] - size[0]), abs(gray.shape[0] - size[1])) > OFF_PX:
        raise FormError(
            f"{path}: is {gray.shape[1]} x {gray.shape[0]} pixels, a page of {sheet.width_mm:g} x "
            f"{sheet.height_mm:g} mm has {size[0]:.0f} x {size[1]:.0f}; make it with `scanner form new`"
        )
    to_page = np.array([[PX_PER_MM, 0, -0.5], [0, PX_PER_MM, -0.5], [0, 0, 1.0]])
    fields = [field for field in form.fields if field.page == page]
    fiducials = _fiducials(sheet)
    reference = make_reference(gray, to_page, {field.name: cells_mm(field) for field in fields}, fiducials)
    elsewhere = [name for name, part in reference.printed.items() if part < PRINTED]
    if elsewhere:
        raise FormError(*(f"{path}: {_told_off(reference, name, gray)}" for name in elsewhere))
    return reference


def _told_off(reference: Reference, name: str, gray: Gray) -> str:
    """Where the boxes of a field are printed instead."""
    x_mm, y_mm, part = printed_off_mm(gray, reference.to_page, reference.cells_mm[name])
    if part < PRINTED:
        return f"the boxes of field {name} are not printed where the form says, nor near there; correct its place"
    across, down = "right" if x_mm > 0 else "left", "below" if y_mm > 0 else "above"
    return (
        f"the boxes of field {name} are not printed where the form says, but {abs(x_mm):g} mm to the {across} and "
        f"{abs(y_mm):g} mm {down}; correct x_mm and y_mm"
    )
