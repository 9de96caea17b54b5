"""Reads 100 synthetic pages without a form and says how well: fields, digits, false fields, confidence.

    python tests/benchmarks/read_forms.py --mnist ../shared/data/mnist

Five box styles x five scan faults x four layouts, filled with MNIST test digits. The layouts from seed 1000 are
kept for this benchmark: while developing use `--development`, which takes other layouts and training digits.
Pages are cached in the system's temporary folder until the mirror's code changes.
"""

import argparse
import gzip
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scanner.fields import FieldReading
from scanner.network import Network, load_network
from scanner.pipeline import PageFailure, read_page
from scanner.synth import BENCHMARK_FAULTS, BOX_STYLES, DataSetDigits, FieldTruth, make_page
from scanner.synth.files import save_scan

REPOSITORY = Path(__file__).resolve().parents[2]
LAYOUTS = 4
DEVELOPMENT_SEED = 100
FOUND_IOU = 0.5
FALSE_OVERLAP = 0.2  # a reported field less than this on true fields is false
OVERLAY_HEIGHT_PX = 1600

Xyxy = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class BenchmarkPage:
    """A page on disk and its truth."""

    path: Path
    style: str
    fault: str
    truth: tuple[FieldTruth, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """A true field and the reported one nearest to it, if any is near enough."""

    truth: FieldTruth
    reading: FieldReading | None


@dataclass(frozen=True, slots=True)
class PageScore:
    """One page compared."""

    page: BenchmarkPage
    matches: tuple[Match, ...]
    false_fields: tuple[FieldReading, ...]  # on no true field
    extra_fields: tuple[FieldReading, ...]  # on a true field that another reading matches better
    failure: str
    seconds: float


def main() -> int:
    options = parse_options()
    pages = benchmark_pages(options.mnist, options.seed_base, is_development=options.development)
    network = load_network()
    scores: list[PageScore] = []
    for page in (page for page in pages if options.only in page.path.name):
        scores.append(score_page(page, network))
        if options.overlays:
            options.overlays.mkdir(parents=True, exist_ok=True)
            save_overlay(scores[-1], options.overlays)
    print_tables(scores)
    return 0


def parse_options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, default=REPOSITORY.parent / "shared/data/mnist", metavar="DIR")
    parser.add_argument("--seed-base", type=int, default=1000, help="seed of the first layout")
    parser.add_argument("--development", action="store_true", help="other layouts, training digits")
    parser.add_argument("--overlays", type=Path, metavar="DIR", help="write each page with truth and readings drawn")
    parser.add_argument("--only", default="", metavar="TEXT", help="pages with this in their name: comb, fax, comb_fax")
    options = parser.parse_args()
    if options.development and options.seed_base >= 1000:
        options.seed_base = DEVELOPMENT_SEED
    return options


# --- pages


def benchmark_pages(mnist: Path, seed_base: int, *, is_development: bool) -> list[BenchmarkPage]:
    part = "train" if is_development else "t10k"
    folder = Path(tempfile.gettempdir()) / f"scanner_forms_{mirror_version()}_{part}_{seed_base}"
    folder.mkdir(parents=True, exist_ok=True)
    digits: DataSetDigits | None = None
    pages: list[BenchmarkPage] = []
    for style in BOX_STYLES:
        for fault in BENCHMARK_FAULTS:
            for number in range(LAYOUTS):
                stem = folder / f"{style}_{fault}_{seed_base + number}"
                truth_path = stem.with_name(stem.name + ".json")
                if not truth_path.exists():
                    digits = digits or mnist_digits(mnist, part)
                    page = make_page(style, fault, seed_base + number, seed_base + number, digits)
                    path = save_scan(page.image, stem, page.dpi_xy)
                    save_truth(truth_path, path, page.truth)
                pages.append(load_page(truth_path, style, fault))
    return pages


def mirror_version() -> str:
    """A hash of the code that draws pages: other code, other pages."""
    sources = sorted((REPOSITORY / "scanner/synth").glob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:10]


def mnist_digits(folder: Path, part: str) -> DataSetDigits:
    images = np.frombuffer(gzip.decompress((folder / f"{part}-images-idx3-ubyte.gz").read_bytes()), np.uint8, offset=16)
    labels = np.frombuffer(gzip.decompress((folder / f"{part}-labels-idx1-ubyte.gz").read_bytes()), np.uint8, offset=8)
    return DataSetDigits(images.reshape(-1, 28, 28), labels)


def save_truth(path: Path, image: Path, truth: Sequence[FieldTruth]) -> None:
    fields = [{"name": t.name, "value": t.value, "cells": t.cells, "quads": t.quads.tolist()} for t in truth]
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps({"image": image.name, "fields": fields}))
    partial.rename(path)


def load_page(path: Path, style: str, fault: str) -> BenchmarkPage:
    saved = json.loads(path.read_text())
    truth = tuple(
        FieldTruth(f["name"], f["value"], f["cells"], np.array(f["quads"], np.float32)) for f in saved["fields"]
    )
    return BenchmarkPage(path.with_name(saved["image"]), style, fault, truth)


# --- comparing


def score_page(page: BenchmarkPage, network: Network) -> PageScore:
    start = time.perf_counter()
    result = read_page(page.path, network=network)
    seconds = time.perf_counter() - start
    readings = () if isinstance(result, PageFailure) else result.fields
    failure = f"{result.reason}: {result.detail}" if isinstance(result, PageFailure) else ""
    matches = match_fields(page.truth, readings)
    matched = {id(match.reading) for match in matches}
    rest = [reading for reading in readings if id(reading) not in matched]
    boxes = [bounds(truth.quads.reshape(-1, 2)) for truth in page.truth]
    false = tuple(r for r in rest if all(overlap(field_bounds(r), box) < FALSE_OVERLAP for box in boxes))
    extra = tuple(r for r in rest if r not in false)
    return PageScore(page, matches, false, extra, failure, seconds)


def match_fields(truth: Sequence[FieldTruth], readings: Sequence[FieldReading]) -> tuple[Match, ...]:
    """One to one, best overlap first."""
    pairs = sorted(
        ((iou(bounds(t.quads.reshape(-1, 2)), field_bounds(r)), i, j) for i, t in enumerate(truth) for j, r in
         enumerate(readings)),
        reverse=True,
    )  # fmt: skip
    found: dict[int, int] = {}
    for share, i, j in pairs:
        if share >= FOUND_IOU and i not in found and j not in found.values():
            found[i] = j
    return tuple(Match(t, readings[found[i]] if i in found else None) for i, t in enumerate(truth))


def bounds(points: Iterable[Sequence[float]]) -> Xyxy:
    array = np.array(list(points), dtype=float)
    (x0, y0), (x1, y1) = array.min(axis=0), array.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)


def field_bounds(reading: FieldReading) -> Xyxy:
    return bounds([point for quad in reading.cell_quads for point in quad])


def intersection(a: Xyxy, b: Xyxy) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def area(a: Xyxy) -> float:
    return max(1e-9, (a[2] - a[0]) * (a[3] - a[1]))


def iou(a: Xyxy, b: Xyxy) -> float:
    common = intersection(a, b)
    return common / (area(a) + area(b) - common)


def overlap(inner: Xyxy, outer: Xyxy) -> float:
    """Share of the first that lies on the second."""
    return intersection(inner, outer) / area(inner)


# --- counting


def is_right_count(match: Match) -> bool:
    return match.reading is not None and len(match.reading.cells) == len(match.truth.cells)


def is_exact(match: Match) -> bool:
    return match.reading is not None and match.reading.value == match.truth.value


def right_digits(matches: Sequence[Match]) -> tuple[int, int]:
    """Digits read right, and digits written, in fields with the right number of cells."""
    pairs = [
        (is_, read)
        for match in matches
        if match.reading is not None and is_right_count(match)
        for is_, read in zip(match.truth.cells, match.reading.cells, strict=True)
        if is_.isdigit()
    ]
    return sum(is_ == read for is_, read in pairs), len(pairs)


def accepted_right_and_wrong(scores: Sequence[PageScore]) -> tuple[int, int]:
    """Accepted readings; one on no field, or on part of one, is wrong."""
    right = wrong = 0
    for score in scores:
        for match in score.matches:
            if match.reading is not None and match.reading.status == "accepted":
                right, wrong = (right + 1, wrong) if is_exact(match) else (right, wrong + 1)
        wrong += sum(r.status == "accepted" for r in (*score.false_fields, *score.extra_fields))
    return right, wrong


def row(name: str, scores: Sequence[PageScore]) -> str:
    if not scores:
        return f"{name:16s}     -"
    matches = [match for score in scores for match in score.matches]
    written = [match for match in matches if match.truth.value]
    blank = [match for match in matches if not match.truth.value]
    found = [match for match in matches if match.reading is not None]
    confidences = [match.reading.confidence for match in written if match.reading is not None]
    right, wrong = accepted_right_and_wrong(scores)
    columns = (
        f"{len(matches):6d}",
        percent(len(found), len(matches)),
        percent(sum(map(is_right_count, matches)), len(matches)),
        percent(*right_digits(written)),
        percent(sum(map(is_exact, written)), len(written)),
        f"{sum(len(s.false_fields) for s in scores) / len(scores):7.2f}",
        f"{sum(len(s.extra_fields) for s in scores) / len(scores):7.2f}",
        percent(sum(m.reading is not None and not m.reading.value for m in blank), len(blank)),
        f"{np.mean(confidences) if confidences else 0:7.3f}",
        percent(right, len(written)),
        f"{1000 * wrong / max(1, right + wrong):7.1f}",
        f"{sum(bool(s.failure) for s in scores):7d}",
        f"{1000 * float(np.median([s.seconds for s in scores])):7.0f}",
    )
    return f"{name:16s}" + " ".join(columns)


HEADER = (
    f"{'':16s}fields   found   cells  digits   exact   false   extra   blank    conf through subst/k  failed      ms"
)


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:6.1f}%" if whole else "      -"


def print_tables(scores: Sequence[PageScore]) -> None:
    lost = [s for s in scores if (s.page.style, s.page.fault) == ("dropout", "fax")]
    rest = [s for s in scores if s not in lost]
    print(
        "cells: found with the right number of cells. digits: right in those. exact: of the fields written in.\n"
        "false, extra: a page, on no true field or beside a better reading of one. blank: empty fields found so.\n"
        "through: accepted and right, of the fields written in. subst/k: wrong among 1,000 accepted.\n"
    )
    print(HEADER)
    keys: tuple[tuple[Sequence[str], Callable[[PageScore], str]], ...] = (
        (BOX_STYLES, lambda score: score.page.style),
        (BENCHMARK_FAULTS, lambda score: score.page.fault),
    )
    for names, key in keys:
        for name in names:
            print(row(name, [score for score in rest if key(score) == name]))
        print()
    print(row("all", rest))
    print(row("dropout + fax", lost))
    for score in scores:
        if score.failure:
            print(f"{score.page.path.name}: {score.failure}", file=sys.stderr)


# --- drawing


def save_overlay(score: PageScore, folder: Path) -> None:
    """Truth in green; readings in blue where right, red where wrong, orange where false."""
    image = cv2.imread(str(score.page.path), cv2.IMREAD_COLOR)
    if image is None:
        raise OSError(f"{score.page.path}: cannot be read; delete its folder, it will be drawn anew")
    scale = OVERLAY_HEIGHT_PX / image.shape[0]
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    for match in score.matches:
        draw_quads(small, match.truth.quads * scale, (0, 170, 0), 3)
        if match.reading is not None:
            color = (220, 90, 0) if is_exact(match) and is_right_count(match) else (0, 0, 230)
            draw_reading(small, match.reading, scale, color)
    for reading in (*score.false_fields, *score.extra_fields):
        draw_reading(small, reading, scale, (0, 140, 255))
    cv2.imwrite(str(folder / f"{score.page.path.stem}.png"), small)


def draw_reading(image: np.ndarray, reading: FieldReading, scale: float, color: tuple[int, int, int]) -> None:
    quads = np.array(reading.cell_quads, np.float32) * scale
    draw_quads(image, quads, color, 1)
    x, y = quads.reshape(-1, 2).min(axis=0)
    text = f"{reading.cells} {reading.confidence:.3f}"
    cv2.putText(image, text, (int(x), int(y) - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.45, color, 1, cv2.LINE_AA)


def draw_quads(image: np.ndarray, quads: np.ndarray, color: tuple[int, int, int], width: int) -> None:
    cv2.polylines(image, [np.rint(quad).astype(np.int32) for quad in quads], True, color, width, cv2.LINE_AA)


if __name__ == "__main__":
    sys.exit(main())
