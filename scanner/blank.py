"""A form, as its `form.toml` describes it, drawn to be printed: boxes, labels, fiducials, codes."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
from PIL import Image
from tomlkit.exceptions import ParseError

from scanner.errors import FormError, OutputError, UsageError
from scanner.form import Form, FormField
from scanner.form.draft import CHOICE_MM, LABEL_MM, MARGIN_MM, complete_draft, label_of
from scanner.form.load import FILE_NAME, parse_form, read_form_text
from scanner.known import PX_PER_MM, cells_mm, picture_path
from scanner.staging import write_whole
from scanner.synth.fill import printed_form
from scanner.synth.forms import BoxField, BoxStyle, Decoy, Label, Layout
from scanner.synth.sheet import MM_PER_INCH, Color, ColorPage, text_width_mm

PRINT_DPI = 300.0
FRAME_COLOR: Color = (225, 190, 150)  # light blue: any pen is darker
FRAME_MM = 0.3
TITLE_PT, LABEL_PT, TITLE_TOP_MM = 16.0, 9.0, 20.0
STYLES: dict[str, BoxStyle] = {"boxes": "separate", "cells": "cells", "comb": "comb"}
JPEG_QUALITY = 92


def write_blank(path: Path, output: Path) -> Form:
    """Draw a form into a PDF to print, and into the pictures by which it is found; fields without places get some.

    Args:
        path: `form.toml`, or its folder; places are written into it.
        output: the PDF.

    Raises:
        FormError: the file has mistakes.
        UsageError: it has pictures of the printed form already.
        OutputError: something cannot be written.
    """
    path = path / FILE_NAME if path.is_dir() else path
    try:
        text, was_draft = complete_draft(
            read_form_text(path), partial(text_width_mm, name="source-sans-3", size_pt=LABEL_PT)
        )
    except ParseError as error:
        raise FormError(f"{path}: is no TOML: {error}") from error
    form = parse_form(text, path)
    pictures = [picture_path(path.parent, number) for number in range(1, len(form.pages) + 1)]
    there = [picture for picture in pictures if picture.exists()]
    if there and not was_draft:
        raise UsageError(f"{there[0]} shows the form as it is printed; remove it to have another drawn")
    layouts = [layout_of(form, number) for number in range(1, len(form.pages) + 1)]
    try:
        if was_draft:
            write_whole(path, partial(_write_bytes, data=text.encode()))
        for picture, layout in zip(pictures, layouts, strict=True):
            gray = cv2.cvtColor(printed_form(layout, PX_PER_MM * MM_PER_INCH), cv2.COLOR_BGR2GRAY)
            write_whole(picture, partial(_write_bytes, data=cv2.imencode(".png", gray)[1].tobytes()))
        write_whole(output, partial(_write_pdf, pages=[printed_form(layout, PRINT_DPI) for layout in layouts]))
    except OSError as error:
        raise OutputError(f"{output}: cannot write: {error.strerror}; choose another folder") from error
    return form


def label_width_mm(text: str) -> float:
    """How wide a label is printed."""
    return text_width_mm(text, "source-sans-3", LABEL_PT)


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
    labels = [Label(title + of, MARGIN_MM, TITLE_TOP_MM, TITLE_PT, is_bold=True)]
    for field in fields:
        text = label_of(field.model_dump(exclude_none=True))
        labels.append(Label(text, field.x_mm, max(field.y_mm - LABEL_MM, 0), LABEL_PT))
        for choice, quad in zip(field.choices or (), cells_mm(field).tolist(), strict=False):
            labels.append(Label(choice, quad[1][0] + CHOICE_MM, quad[1][1], LABEL_PT))
    marks, code = sheet.fiducials, sheet.code
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


def _boxes(field: FormField) -> Iterator[BoxField]:
    """A row of boxes; of those to mark each by itself, named by its number."""
    size = field.cell_width_mm, field.cell_height_mm
    if field.type != "mark":
        style = STYLES[field.layout]
        yield BoxField(
            field.name, field.x_mm, field.y_mm, field.cells, style, *size, field.gap_mm, FRAME_MM, FRAME_COLOR
        )
        return
    for number, (x_mm, y_mm) in enumerate(cells_mm(field)[:, 0].tolist(), start=1):
        name = f"{field.name}.{number}"
        yield BoxField(name, x_mm, y_mm, 1, "separate", *size, line_mm=FRAME_MM, color=FRAME_COLOR)
