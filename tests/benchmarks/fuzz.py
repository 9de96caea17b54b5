"""Broken files of every format: whether each has a row, and none kills or holds up a worker.

    python tests/benchmarks/fuzz.py [--inputs 10000] [--seed 1]

Small pages in all formats and variants are damaged: bytes flipped, ends cut off, pieces cut out, repeated, zeroed, or
taken from another file. A run with two workers reads them all. Ends with 1 where a file has no row, or a page failed
with `worker_died`, `page_timeout`, `out_of_memory` or `internal_error`.
"""

import argparse
import csv
import io
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pypdfium2
from PIL import Image

from scanner.engine import Engine
from scanner.run import run

TIMEOUT_S = 20.0
OURS = {"worker_died", "page_timeout", "out_of_memory", "internal_error"}  # reasons that are no fault of the file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="Folder for the files that did harm.")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    seeds = seed_files()
    with tempfile.TemporaryDirectory() as place:
        folder, output = Path(place) / "in", Path(place) / "out"
        folder.mkdir()
        for number in range(options.inputs):
            suffix, data = damaged(seeds, rng)
            (folder / f"{number:05d}{suffix}").write_bytes(data)
        start = time.monotonic()
        summary = run([folder], output, engine=Engine(workers=2, page_timeout_s=TIMEOUT_S))
        seconds = time.monotonic() - start
        rows = read_rows(output / "pages.csv")
        unaccounted = {path.name for path in folder.iterdir()} - {row["file"] for row in rows}
        harmful = [row for row in rows if row["reason"] in OURS]
        if options.keep:
            keep(options.keep, folder, harmful)
    reasons = Counter(row["reason"] or "read" for row in rows)
    slowest = max(float(row["seconds"]) for row in rows)
    print(f"{options.inputs} inputs, {summary.pages} pages read, {summary.failed} failed")
    print(f"{seconds:.0f} s, slowest page {slowest:.1f} s")
    print(", ".join(f"{count} {reason}" for reason, count in reasons.most_common()))
    for row in harmful:
        print(f"HARM: {row['file']} page {row['page']}: {row['reason']} {row['detail']}")
    print(f"{len(unaccounted)} files without a row, {len(harmful)} pages that did harm")
    sys.exit(bool(unaccounted or harmful))


def read_rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def keep(target: Path, folder: Path, rows: Sequence[dict[str, str]]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for row in rows:
        (target / row["file"]).write_bytes((folder / row["file"]).read_bytes())


def seed_files() -> list[tuple[str, bytes]]:
    """A small page in every format and variant: suffix and bytes."""
    page = np.full((120, 160), 255, np.uint8)
    for cell in range(4):
        cv2.rectangle(page, (20 + 30 * cell, 40), (46 + 30 * cell, 76), (90,), 1)
        cv2.putText(page, str(cell + 2), (27 + 30 * cell, 68), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (20,), 2)
    gray = Image.fromarray(page)
    color, bilevel = gray.convert("RGB"), gray.convert("1")
    deep = Image.fromarray(page.astype(np.uint16) * 257)
    files = [
        (".png", saved(gray, "PNG")),
        (".png", saved(color, "PNG")),
        (".png", saved(gray.quantize(16), "PNG")),
        (".png", saved(deep, "PNG")),
        (".png", saved(gray.convert("LA"), "PNG")),
        (".jpg", saved(gray, "JPEG")),
        (".jpg", saved(color, "JPEG", progressive=True)),
        (".jpg", saved(color.convert("CMYK"), "JPEG")),
        (".jpg", saved(color, "JPEG", exif=rotated())),
        (".bmp", saved(gray, "BMP")),
        (".bmp", saved(color, "BMP")),
        (".webp", saved(color, "WEBP")),
        (".webp", saved(color, "WEBP", lossless=True)),
        (".pgm", saved(gray, "PPM")),
        (".pbm", saved(bilevel, "PPM")),
        (".ppm", saved(color, "PPM")),
        (".pdf", saved(gray, "PDF")),
        (".pdf", saved(gray, "PDF", save_all=True, append_images=[color, bilevel])),
        (".pdf", drawn_pdf()),
        (".tif", saved(deep, "TIFF")),
        (".tif", saved(gray, "TIFF", save_all=True, append_images=[gray.rotate(90), gray])),
    ]
    for compression in ("raw", "group4", "group3", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        picture = bilevel if compression.startswith("group") else color
        files.append((".tif", saved(picture, "TIFF", compression=compression)))
    return files


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def rotated() -> Image.Exif:
    exif = Image.Exif()
    exif[274] = 6
    return exif


def drawn_pdf() -> bytes:
    """A page without a scan on it."""
    document = pypdfium2.PdfDocument.new()
    document.new_page(200, 150)
    buffer = io.BytesIO()
    document.save(buffer)
    document.close()
    return buffer.getvalue()


def damaged(seeds: Sequence[tuple[str, bytes]], rng: random.Random) -> tuple[str, bytes]:
    """One of the files, damaged once to four times."""
    suffix, data = rng.choice(seeds)
    for _ in range(rng.choice((1, 1, 2, 4))):
        data = rng.choice(DAMAGES)(data, rng, seeds)
    return suffix, data


Damage = Callable[[bytes, random.Random, Sequence[tuple[str, bytes]]], bytes]


def _flip(data: bytes, rng: random.Random, _: Sequence[tuple[str, bytes]]) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 2, 8, 64))):
        if changed:
            place = rng.randrange(min(len(changed), rng.choice((64, 1024, len(changed)))))  # headers more often
            changed[place] = rng.choice((0, 255, changed[place] ^ 1 << rng.randrange(8), rng.randrange(256)))
    return bytes(changed)


def _cut_end(data: bytes, rng: random.Random, _: Sequence[tuple[str, bytes]]) -> bytes:
    return data[: rng.randrange(len(data) + 1)]


def _span(data: bytes, rng: random.Random) -> tuple[int, int]:
    start = rng.randrange(len(data) + 1)
    return start, min(start + rng.choice((1, 4, 16, 256, 4096)), len(data))


def _cut_out(data: bytes, rng: random.Random, _: Sequence[tuple[str, bytes]]) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + data[end:]


def _repeat(data: bytes, rng: random.Random, _: Sequence[tuple[str, bytes]]) -> bytes:
    start, end = _span(data, rng)
    return data[:end] + data[start:end] * rng.choice((1, 3, 100)) + data[end:]


def _zero(data: bytes, rng: random.Random, _: Sequence[tuple[str, bytes]]) -> bytes:
    start, end = _span(data, rng)
    return data[:start] + bytes(end - start) + data[end:]


def _splice(data: bytes, rng: random.Random, seeds: Sequence[tuple[str, bytes]]) -> bytes:
    other = rng.choice(seeds)[1]
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other)) :]


def _large_number(data: bytes, rng: random.Random, _: Sequence[tuple[str, bytes]]) -> bytes:
    """What a size or an offset may be at worst, in either order of bytes."""
    place = rng.randrange(max(min(len(data), 200), 1))
    number = rng.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, 100_000))
    return data[:place] + number.to_bytes(4, rng.choice(("little", "big"))) + data[place + 4 :]


DAMAGES: tuple[Damage, ...] = (_flip, _flip, _cut_end, _cut_out, _repeat, _zero, _splice, _large_number)


if __name__ == "__main__":
    main()
