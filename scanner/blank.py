"""A form, as its `form.toml` describes it, drawn to be printed: boxes, labels, fiducials, codes."""

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image
from tomlkit.exceptions import TOMLKitError

from scanner.arrays import Gray
from scanner.codes import read_codes
from scanner.errors import FormError, OutputError, UsageError
from scanner.finding import find_form
from scanner.form import Form, FormField, Sheet
from scanner.form.draft import CHOICE_MM, LABEL_MM, MARGIN_MM, complete_draft, label_of
from scanner.form.load import FILE_NAME, parse_form, read_form_text
from scanner.known import PX_PER_MM, cells_mm, load_known_form, picture_bytes, picture_path
from scanner.staging import write_whole
from scanner.synth.fill import printed_form
from scanner.synth.forms import BoxField, BoxStyle, Decoy, Label, Layout
from scanner.synth.sheet import Color, ColorPage, font, text_width_mm

PRINT_DPI = 300.0
FRAME_COLOR: Color = (225, 190, 150)  # light blue: any pen is darker
FRAME_MM = 0.3
TITLE_PT, LABEL_PT, TITLE_TOP_MM = 16.0, 9.0, 20.0
STYLES: dict[str, BoxStyle] = {"boxes": "separate", "cells": "cells", "open": "open", "comb": "comb"}
EDGE_MM, BOLDER = 5.0, 1.06  # paper that stays free at the edge and before a code; how much wider bold print is
UNKNOWN = "\uffff"  # no letter: what a font shows for those that it lacks
JPEG_QUALITY = 92


def write_blank(path: Path, output: Path) -> Form:
    """Draw a form into a PDF to print, and into the pictures by which it is found; fields without places get some.

    Nothing is written unless the form is found on what would be printed.

    Args:
        path: `form.toml`, or its folder; places are written into it.
        output: the PDF.

    Raises:
        FormError: the file has mistakes, or what would be printed is not to be found.
        UsageError: it has pictures of the printed form already, or the output is no PDF.
        OutputError: something cannot be written.
    """
    path = path / FILE_NAME if path.is_dir() else path
    if output.suffix.lower() != ".pdf":
        raise UsageError(f"{output} is no name of a PDF; name one with --output")
    given = read_form_text(path)
    try:
        text, was_draft = complete_draft(given, label_width_mm)
    except TOMLKitError as error:
        raise FormError(f"{path}: is no TOML: {error}") from error
    form = parse_form(text, path)
    pictures = [picture_path(path.parent, number) for number in range(1, len(form.pages) + 1)]
    there = [picture for picture in pictures if picture.exists()]
    if there:
        raise UsageError(f"{there[0]} shows the form as it is printed; remove it to have another drawn")
    _check_texts(form, path)
    pages = [printed_form(layout_of(form, number), PRINT_DPI) for number in range(1, len(form.pages) + 1)]
    drawn = [_picture(page, sheet) for page, sheet in zip(pages, form.pages, strict=True)]
    _check_found(form, drawn, text, path)
    try:
        write_whole(output, partial(_write_pdf, pages=pages))
        for picture, gray in zip(pictures, drawn, strict=True):
            write_whole(picture, partial(_write_bytes, data=picture_bytes(gray)))
        if was_draft:
            write_whole(path, partial(_write_bytes, data=text.encode()))
    except OSError as error:
        raise OutputError(f"{output}: cannot write: {error.strerror}; choose another folder") from error
    return form


def _picture(page: ColorPage, sheet: Sheet) -> Gray:
    """What is printed, as the form is found by it."""
    size = round(sheet.width_mm * PX_PER_MM), round(sheet.height_mm * PX_PER_MM)
    gray = cv2.cvtColor(page, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)


def _check_texts(form: Form, path: Path) -> None:
    """Letters that the font lacks would be printed as boxes."""
    texts = {form.title, *(text for field in form.fields for text in (field.label, *(field.choices or ())))}
    missing = sorted({letter for text in texts for letter in text if not _has_glyph(letter)})
    if missing:
        raise FormError(
            f"{path}: the font of `scanner form blank` has no {' '.join(missing)}; write labels in Latin letters, or "
            "print the form by other means and use `scanner form new`"
        )


def _has_glyph(letter: str) -> bool:
    face = font("source-sans-3", 40)
    shape, unknown = face.getmask(letter), face.getmask(UNKNOWN)
    return letter.isspace() or shape.size != unknown.size or bytes(shape) != bytes(unknown)


def _check_found(form: Form, drawn: list[Gray], text: str, path: Path) -> None:
    """Each page must show itself: its boxes in their places, its code readable, its fiducials not hidden."""
    with TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve()
        (folder / FILE_NAME).write_bytes(text.encode())
        for field in form.fields:
            name = (field.list or "").rpartition(":")[0]
            if field.list and (path.parent / name).is_file() and (folder / name).resolve().is_relative_to(folder):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path.parent / name, folder / name)
        for number, gray in enumerate(drawn, start=1):
            picture_path(folder, number).write_bytes(picture_bytes(gray))
        try:
            known = load_known_form(folder)
        except FormError as error:
            raise FormError(*(str(each).replace(str(folder), str(path.parent)) for each in error.args)) from error
    for number, (gray, sheet) in enumerate(zip(drawn, form.pages, strict=True), start=1):
        if sheet.code and sheet.code.x_mm is not None and sheet.code.text not in read_codes(gray):
            raise FormError(
                f"{path}: the code of page {number} cannot be read where it would be printed; make it larger, its text "
                "shorter, or move what lies on it"
            )
        found = find_form(gray, [known])
        if found is None or found.page != number:
            raise FormError(
                f"{path}: page {number} could not be found on a scan of it; move what lies on its fiducials"
            )


def label_width_mm(text: str) -> float:
    """How wide a label is printed; what cannot be printed, as the end of a line, has no width."""
    return text_width_mm("".join(filter(str.isprintable, text)), "source-sans-3", LABEL_PT)


def _write_bytes(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _write_pdf(path: Path, pages: list[ColorPage]) -> None:
    first, *others = [Image.fromarray(page[:, :, ::-1]) for page in pages]
    first.save(path, "PDF", save_all=True, append_images=others, resolution=PRINT_DPI, quality=JPEG_QUALITY)


def layout_of(form: Form, number: int) -> Layout:
    """One page of the form, counted from 1, as the mirror prints it."""
    sheet = form.pages[number - 1]
    fields = [field for field in form.fields if field.page == number]
    title = form.title or form.name.replace("_", " ").capitalize()
    of = f" ({number}/{len(form.pages)})" if len(form.pages) > 1 else ""
    marks, code = sheet.fiducials, sheet.code
    edge_mm = sheet.width_mm - EDGE_MM
    title_edge_mm = edge_mm if code is None or code.x_mm is None else min(edge_mm, code.x_mm - EDGE_MM)
    labels = [_fitting(title + of, MARGIN_MM, TITLE_TOP_MM, TITLE_PT, title_edge_mm, is_bold=True)]
    for field in fields:
        text = label_of(field.model_dump(exclude_none=True))
        labels.append(_fitting(text, field.x_mm, max(field.y_mm - LABEL_MM, 0), LABEL_PT, edge_mm))
        for choice, quad in zip(field.choices or (), cells_mm(field).tolist(), strict=False):
            labels.append(_fitting(choice, quad[1][0] + CHOICE_MM, quad[1][1], LABEL_PT, edge_mm))
    decoys = [
        Decoy(
            "fiducial", x - marks.size_mm / 2, y - marks.size_mm / 2, marks.size_mm, marks.size_mm, texts=(marks.shape,)
        )
        for x, y in (marks.at if marks else ())
        if marks
    ]
    if code and code.x_mm is not None and code.y_mm is not None:
        decoys.append(Decoy("square_code", code.x_mm, code.y_mm, code.size_mm, code.size_mm, texts=(code.text,)))
    boxes = tuple(box for field in fields for box in _boxes(field))
    return Layout(form.name, sheet.width_mm, sheet.height_mm, boxes, tuple(labels), tuple(decoys))


def _fitting(text: str, x_mm: float, y_mm: float, size_pt: float, edge_mm: float, *, is_bold: bool = False) -> Label:
    """A line of print, as much smaller as it needs to end before the edge."""
    wide_mm = max(text_width_mm(text, "source-sans-3", size_pt) * (BOLDER if is_bold else 1.0), 1.0)
    return Label(text, x_mm, y_mm, size_pt * min(1.0, max(edge_mm - x_mm, 1.0) / wide_mm), is_bold=is_bold)


def _boxes(field: FormField) -> Iterator[BoxField]:
    """A row of boxes; of those to mark each by itself, named by its number."""
    size = field.cell_width_mm, field.cell_height_mm
    if field.layout == "line":
        wide_mm = field.right_mm - field.x_mm
        yield BoxField(
            field.name, field.x_mm, field.y_mm, 1, "separate", wide_mm, size[1], line_mm=FRAME_MM, color=FRAME_COLOR
        )
        return
    if field.type != "mark":
        style = STYLES[field.layout]
        yield BoxField(
            field.name, field.x_mm, field.y_mm, field.cells, style, *size, field.gap_mm, FRAME_MM, FRAME_COLOR
        )
        return
    for number, (x_mm, y_mm) in enumerate(cells_mm(field)[:, 0].tolist(), start=1):
        name = f"{field.name}.{number}"
        yield BoxField(name, x_mm, y_mm, 1, "separate", *size, line_mm=FRAME_MM, color=FRAME_COLOR)
