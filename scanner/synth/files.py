"""Writes scans as scanners, phones and fax servers do, and the truth beside them."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image

from scanner.synth.effects import PhotoImage

JPEG_QUALITY = 85


@dataclass(frozen=True, slots=True)
class TruthRow:
    """One field of one page of one file; the columns of `truth.csv`."""

    file: str
    page: int  # from 1
    field: str
    value: str
    cells: str


def save_scan(image: PhotoImage, stem: Path, dpi_xy: tuple[float, float]) -> Path:
    """Write a scan under the given path plus the suffix that suits it, and return the whole path.

    1-bit pages become TIFF with fax compression; noisy ones JPEG, as PNG would be many times larger.
    """
    picture = to_picture(image)
    if picture.mode == "1":
        path = stem.with_name(stem.name + ".tif")
        picture.save(path, compression="group4", dpi=dpi_xy)
    elif is_noisy(image):
        path = stem.with_name(stem.name + ".jpg")
        picture.save(path, quality=JPEG_QUALITY, dpi=dpi_xy)
    else:
        path = stem.with_name(stem.name + ".png")
        picture.save(path, dpi=dpi_xy, compress_level=3)
    return path


def to_picture(image: PhotoImage) -> Image.Image:
    """Pillow's image: 1 bit where there is only black and white, else gray or color."""
    if image.ndim == 3:
        return Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))
    picture = Image.fromarray(image)
    is_bilevel = bool(np.isin(image, (0, 255)).all())
    return picture.convert("1", dither=Image.Dither.NONE) if is_bilevel else picture


def is_noisy(image: PhotoImage) -> bool:
    """Whether neighboring pixels mostly differ, as after a camera or JPEG."""
    row_step = max(1, image.shape[0] // 100)
    rows = image[::row_step].reshape(len(image[::row_step]), image.shape[1], -1)[:, :, 0]
    return bool((np.diff(rows.astype(np.int16), axis=1) != 0).mean() > 0.3)


def write_truth(path: Path, rows: Sequence[TruthRow]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([field.name for field in fields(TruthRow)])
        writer.writerows(astuple(row) for row in rows)
