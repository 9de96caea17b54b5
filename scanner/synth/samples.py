"""Makes `samples/`: small scans of four forms, as scanners, phones and fax machines send them, and their truth.

python -m scanner.synth.samples samples
"""

import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scanner.synth.files import TruthRow, to_picture, write_truth
from scanner.synth.hand import DrawnDigits
from scanner.synth.pages import SyntheticPage, scan_form, truth_rows
from scanner.synth.sample_forms import SAMPLE_FORMS, SampleForm

SCANS = (("clean.png", "clean"), ("skewed.jpg", "skew"), ("fax.tif", "fax"), ("photo.jpg", "photo"))
BATCH_PAGES = 3
BATCHES = {"meter_reading": ("batch.tif", "fax"), "exam": ("batch.pdf", "scan")}  # one file of several pages
JPEG_QUALITY = 62  # samples stay small; 200 dpi and this is what cheap scanners send too
PALETTE = 32  # colors of a clean PNG: enough for print and one pen
PDF_DATE = time.gmtime(1_767_225_600)  # 2026-01-01, so that the same file comes out every time
TRUNCATED_SHARE = 0.4  # of the broken JPEG is there


def write_samples(folder: Path) -> None:
    """Write all samples below a folder; the same files every time."""
    for make_form in SAMPLE_FORMS:
        form = make_form()
        write_form_samples(form, folder / form.layout.name)
    intact = (folder / "meter_reading" / "photo.jpg").read_bytes()
    broken = folder / "broken"
    broken.mkdir(parents=True, exist_ok=True)
    (broken / "truncated.jpg").write_bytes(intact[: int(len(intact) * TRUNCATED_SHARE)])


def write_form_samples(form: SampleForm, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
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


if __name__ == "__main__":
    write_samples(Path(sys.argv[1] if len(sys.argv) > 1 else "samples"))
