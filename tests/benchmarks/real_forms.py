"""Read real pages and score them by value: python tests/benchmarks/real_forms.py DATA [--overlays DIR] [--only GLOB]

DATA holds `forms/` with `truth.json` ({file: {field: text}} in reading order; a digit is itself, `X` a crossed-out
cell, `_` an empty one) and `sudoku/` with a `.dat` of nine rows beside each photo.

The fields that were read are matched with the true ones by a monotone alignment in reading order: a pair must have
the same number of cells, and the most cells in all agree. What is matched is `found`; what is left over is `false`.
"""

import argparse
import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatch
from pathlib import Path

import cv2

from scanner import pipeline
from scanner.fields import FieldReading
from scanner.network import Network, load_network
from scanner.overlay import draw_overlay, write_picture
from scanner.page import load_page
from scanner.pipeline import PageFailure, PageReading

GROUPS = ("tally", "photo", "comb", "survey", "bubble", "nist", "lines", "sudoku")
SUDOKU_HEADER_LINES = 2
PAIR_BONUS = 0.01  # of a pair without one agreeing cell: it breaks ties only, as a field has fewer than 100 cells


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over one page or many.

    `wrong` are digits of accepted fields that are not what is written, `accepted_false` accepted fields that no text
    of the truth matches: marks taken for numbers, parts of rows, or numbers the truth leaves out.
    """

    truth: int = 0
    found: int = 0
    exact: int = 0
    digits: int = 0  # in found fields
    right: int = 0
    crossed: int = 0  # in found fields
    crossed_right: int = 0
    false: int = 0
    false_blank: int = 0
    accepted: int = 0  # found or not
    wrong: int = 0
    accepted_false: int = 0
    failed: int = 0  # pages
    seconds: float = 0.0

    def __add__(self, other: "Score") -> "Score":
        return Score(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Score)))


def score_page(readings: Sequence[FieldReading], truth: Sequence[str]) -> Score:
    """Compare the fields of a page with the texts on it, both in reading order."""
    pairs = align([reading.cells for reading in readings], truth)
    matched = {read for read, _ in pairs}
    rest = [reading for index, reading in enumerate(readings) if index not in matched]
    found = sum((score_field(readings[read], truth[true]) for read, true in pairs), Score())
    return found + Score(
        truth=len(truth),
        false=sum(reading.status != "blank" for reading in rest),
        false_blank=sum(reading.status == "blank" for reading in rest),
        accepted=sum(reading.status == "accepted" for reading in rest),
        accepted_false=sum(reading.status == "accepted" for reading in rest),
    )


def align(read: Sequence[str], true: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs (index in `read`, index in `true`), both rising, whose cells agree most; lengths of a pair are equal."""
    best = [[0.0] * (len(true) + 1) for _ in range(len(read) + 1)]
    for i, cells in enumerate(read):
        for j, text in enumerate(true):
            pair = best[i][j] + agreement(cells, text)
            best[i + 1][j + 1] = max(best[i][j + 1], best[i + 1][j], pair)
    pairs = []
    i, j = len(read), len(true)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            pairs.append((i, j))
    return pairs[::-1]


def agreement(cells: str, text: str) -> float:
    if len(cells) != len(text):
        return -1.0
    same = sum(is_right(cell, true) for cell, true in zip(cells, text, strict=True))
    return same + PAIR_BONUS if cells.strip("_") else float(same)


def is_right(cell: str, true: str) -> bool:
    return cell == true.lower()


def score_field(reading: FieldReading, text: str) -> Score:
    cells = [(cell, true, is_right(cell, true)) for cell, true in zip(reading.cells, text, strict=True)]
    digits = [right for _, true, right in cells if true.isdigit()]
    crossed = [right for _, true, right in cells if true == "X"]
    is_accepted = reading.status == "accepted"
    return Score(
        found=1,
        exact=all(right for _, _, right in cells),
        digits=len(digits),
        right=sum(digits),
        crossed=len(crossed),
        crossed_right=sum(crossed),
        accepted=is_accepted,
        wrong=sum(cell.isdigit() and not right for cell, _, right in cells) if is_accepted else 0,
    )


def true_texts(path: Path, forms: dict[str, dict[str, str]]) -> list[str]:
    if path.parent.name == "sudoku":
        lines = path.with_suffix(".dat").read_text().splitlines()[SUDOKU_HEADER_LINES:]
        return ["".join("_" if cell == "0" else cell for cell in line.split()) for line in lines if line.strip()]
    return list(forms[path.name].values())


def pages_of(data: Path, only: str) -> list[Path]:
    folders = (data / "forms", data / "sudoku")
    images = (path for folder in folders for path in sorted(folder.iterdir()) if path.suffix not in (".json", ".dat"))
    return [path for path in images if fnmatch(path.name, only) or fnmatch(f"{path.parent.name}/{path.name}", only)]


def group_of(path: Path) -> str:
    return "sudoku" if path.parent.name == "sudoku" else path.name.split("_")[0]


def read(path: Path, network: Network) -> tuple[PageReading | PageFailure, float]:
    start = time.perf_counter()
    result = pipeline.read_page(path, network=network)
    return result, time.perf_counter() - start


def write_overlay(folder: Path, path: Path, result: PageReading | PageFailure) -> None:
    if isinstance(result, PageReading):
        write_picture(folder / f"{path.parent.name}-{path.name}.png", draw_overlay(load_page(path, 1).gray, result))


def print_table(rows: Iterable[tuple[str, Score]]) -> None:
    heads = (
        "fields",
        "found",
        "digits right",
        "x right",
        "exact",
        "false",
        "blank",
        "accepted",
        "wrong",
        "acc. false",
        "s",
    )
    print(f"{'':34}" + "".join(f"{head:>14}" for head in heads))
    for name, score in rows:
        columns = (
            *(score.truth, part(score.found, score.truth), part(score.right, score.digits)),
            *(part(score.crossed_right, score.crossed), part(score.exact, score.truth), score.false, score.false_blank),
            *(score.accepted, score.wrong, score.accepted_false, f"{score.seconds:.2f}"),
        )
        print(f"{name[:33]:34}" + "".join(f"{column:>14}" for column in columns) + (" FAILED" * bool(score.failed)))


def part(count: int, whole: int) -> str:
    return f"{count}/{whole} {100 * count / whole:3.0f}%" if whole else "-"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--overlays", type=Path, help="folder for a picture of each page with its readings")
    parser.add_argument("--only", default="*", help="glob of file names, such as 'tally_*' or 'sudoku/*'")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--fields", action="store_true", help="print what was read of every page")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    network = load_network(options.model)
    forms = json.loads((options.data / "forms" / "truth.json").read_text())
    scores: list[tuple[Path, Score]] = []
    for path in pages_of(options.data, options.only):
        result, seconds = read(path, network)
        readings = result.fields if isinstance(result, PageReading) else ()
        score = score_page(readings, true_texts(path, forms)) + Score(seconds=seconds)
        scores.append((path, score + Score(failed=isinstance(result, PageFailure))))
        if options.fields:
            print(path.name, "|", *true_texts(path, forms), "|", *(f"{r.cells}:{r.status[0]}" for r in readings))
        if options.overlays:
            write_overlay(options.overlays, path, result)
    print_table((path.name, score) for path, score in scores)
    print()
    totals = [(group, [score for path, score in scores if group_of(path) == group]) for group in GROUPS]
    print_table((f"{group} ({len(part)} pages)", sum(part, Score())) for group, part in totals if part)
    print_table([(f"all ({len(scores)} pages)", sum((score for _, score in scores), Score()))])


if __name__ == "__main__":
    main()
