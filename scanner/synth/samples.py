"""Makes `samples/`: four forms and small scans of them, as scanners, phones and fax machines send them, with the truth.

python -m scanner.synth.samples samples
"""

import sys
import time
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from scanner.form import Form, FormField, Rule, Sheet, form_text
from scanner.synth.effects import PhotoImage
from scanner.synth.envelopes import make_envelope
from scanner.synth.files import TruthRow, to_picture, write_truth
from scanner.synth.forms import BoxField
from scanner.synth.hand import DrawnDigits
from scanner.synth.pages import SyntheticPage, scan_form, truth_rows
from scanner.synth.sample_forms import SAMPLE_FORMS, SampleForm

SCANS = (("clean.png", "clean"), ("skewed.jpg", "skew"), ("fax.tif", "fax"), ("photo.jpg", "photo"))
BATCH_PAGES = 3
BATCHES = {"meter_reading": ("batch.tif", "fax"), "exam": ("batch.pdf", "scan")}  # one file of several pages
MIXED = "mixed"
MIXED_SCANS = (
    (0, ".jpg", "scan"), (2, ".tif", "fax"), (1, ".jpg", "skew"), (2, ".jpg", "photo"), (3, ".tif", "fax+upside_down"),
    (0, ".jpg", "photo"),
)  # fmt: skip
"""Which sample form, how it is saved, and what the scan does to it."""
POSTAL, POSTAL_DPI = "postal", 200.0
ENVELOPES = (("us", ".jpg", "scan"), ("ch", ".png", "clean"), ("de", ".jpg", "scan"), ("nl", ".jpg", "skew"),
             ("in", ".jpg", "scan"))  # fmt: skip
"""Where each envelope goes, how it is saved, and what the scan does to it."""
PICTURE_DPI, GRAYS = 6 * 25.4, 16  # 6 pixels a millimeter, as forms have it
JPEG_QUALITY = 62  # samples stay small; 200 dpi and this is what cheap scanners send too
PALETTE = 32  # colors of a clean PNG: enough for print and one pen
PDF_DATE = time.gmtime(1_767_225_600)  # 2026-01-01, so that the same file comes out every time
TRUNCATED_SHARE = 0.4  # of the broken JPEG is there


def write_samples(folder: Path) -> None:
    """Write all samples below a folder; the same files every time."""
    for make_form in SAMPLE_FORMS:
        form = make_form()
        write_form_samples(form, folder / form.layout.name)
    write_mixed_samples(folder / MIXED)
    write_postal_samples(folder / POSTAL)
    intact = (folder / "meter_reading" / "photo.jpg").read_bytes()
    broken = folder / "broken"
    broken.mkdir(parents=True, exist_ok=True)
    (broken / "truncated.jpg").write_bytes(intact[: int(len(intact) * TRUNCATED_SHARE)])


def write_mixed_samples(folder: Path) -> None:
    """A morning's mail: scans of all forms in one folder, named as scanners name them."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[TruthRow] = []
    forms = [make_form() for make_form in SAMPLE_FORMS]
    for number, (turn, suffix, fault) in enumerate(MIXED_SCANS, start=1):
        name = f"scan{number:04d}{suffix}"
        page = _sample_page(forms[turn], name, fault)
        save_pages([page], folder / name)
        rows += truth_rows(name, 1, page.truth)
    write_truth(folder / "truth.csv", rows)


def write_postal_samples(folder: Path) -> None:
    """Envelopes to several countries."""
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[TruthRow] = []
    for country, suffix, fault in ENVELOPES:
        name = f"{country}{suffix}"
        rng = np.random.default_rng(zlib.crc32(f"{POSTAL}/{name}".encode()))
        envelope = make_envelope(country, DrawnDigits(), rng, fault, POSTAL_DPI)
        save_picture(envelope.image, folder / name, POSTAL_DPI)
        rows.append(TruthRow(name, 1, "postal_code", envelope.code, envelope.code))
    write_truth(folder / "truth.csv", rows)


def write_form_samples(form: SampleForm, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    write_form_file(form, folder)
    rows: list[TruthRow] = []
    for name, fault in SCANS:
        page = _sample_page(form, name, fault)
        save_pages([page], folder / name)
        rows += truth_rows(name, 1, page.truth)
    if form.layout.name in BATCHES:
        name, fault = BATCHES[form.layout.name]
        pages = [_sample_page(form, f"{name} {number}", fault) for number in range(BATCH_PAGES)]
        save_pages(pages, folder / name)
        for number, page in enumerate(pages, start=1):
            rows += truth_rows(name, number, page.truth)
    write_truth(folder / "truth.csv", rows)


def write_form_file(form: SampleForm, folder: Path) -> None:
    """Write `form.toml` and the picture of the blank form, as their designer would."""
    layout = form.layout
    fields = [_form_field(field, keys) for field, keys in zip(layout.fields, form.keys, strict=True)]
    known = Form(
        name=layout.name,
        pages=(Sheet(width_mm=layout.width_mm, height_mm=layout.height_mm),),
        fields=tuple(fields),
        rules=tuple(Rule(expression=rule) for rule in form.rules),
    )
    (folder / "form.toml").write_text(form_text(known), encoding="utf-8")
    blank = scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(0), PICTURE_DPI)
    to_picture(blank.image).convert("L").quantize(GRAYS).save(
        folder / "form-page1.png", dpi=(PICTURE_DPI, PICTURE_DPI), optimize=True
    )


def _form_field(field: BoxField, keys: Mapping[str, object]) -> FormField:
    is_apart = field.gap_mm > 0
    return FormField.model_validate(
        {
            "name": keys["name"],
            "x_mm": field.x_mm,
            "y_mm": field.y_mm,
            "cells": field.cells,
            "layout": "boxes" if is_apart else "comb" if field.style == "comb" else "cells",
            "cell_width_mm": field.cell_width_mm,
            "cell_height_mm": field.cell_height_mm,
            **({"pitch_mm": field.pitch_mm} if is_apart else {}),
            **keys,
        }
    )


def _sample_page(form: SampleForm, name: str, fault: str) -> SyntheticPage:
    rng = np.random.default_rng(zlib.crc32(f"{form.layout.name}/{name}".encode()))
    names = [field.name for field in form.layout.fields]
    values = dict(zip(names, form.values(rng), strict=True))
    return scan_form(form.layout, values, fault, DrawnDigits(), rng, form.dpi)


def save_pages(pages: Sequence[SyntheticPage], path: Path) -> None:
    """Write one or more pages into one file; its suffix says how."""
    pictures = [to_picture(page.image) for page in pages]
    dpi_xy = pages[0].dpi_xy
    if path.suffix == ".png":
        reduced = pictures[0] if pictures[0].mode != "RGB" else pictures[0].quantize(PALETTE)
        reduced.save(path, dpi=dpi_xy, optimize=True)
    elif path.suffix == ".tif":
        pictures[0].save(path, save_all=True, append_images=pictures[1:], compression="group4", dpi=dpi_xy)
    elif path.suffix == ".pdf":
        gray = [picture.convert("L") for picture in pictures]
        gray[0].save(
            path,
            save_all=True,
            append_images=gray[1:],
            resolution=dpi_xy[0],
            quality=JPEG_QUALITY,
            creationDate=PDF_DATE,
            modDate=PDF_DATE,
        )
    else:
        pictures[0].save(path, quality=JPEG_QUALITY, dpi=dpi_xy, optimize=True)


def save_picture(image: PhotoImage, path: Path, dpi: float) -> None:
    """Write one picture that has no layout; its suffix says how."""
    picture = to_picture(image)
    if path.suffix == ".png" and picture.mode == "RGB":
        picture = picture.quantize(PALETTE)
    if path.suffix == ".png":
        picture.save(path, dpi=(dpi, dpi), optimize=True)
    else:
        picture.save(path, dpi=(dpi, dpi), optimize=True, quality=JPEG_QUALITY)


if __name__ == "__main__":
    write_samples(Path(sys.argv[1] if len(sys.argv) > 1 else "samples"))
