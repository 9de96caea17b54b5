"""Read real pages and score them by value: python tests/benchmarks/real_forms.py DATA [--overlays DIR] [--only GLOB]

DATA holds `forms/` with `truth.json` ({file: {field: text}} in reading order; a digit is itself, `X` a crossed-out
cell, `_` an empty one) and `sudoku/` with a `.dat` of nine rows beside each photo.

How fields are matched with true ones, see `scanner.truth`.
"""

import argparse
import json
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import cv2

from scanner import pipeline
from scanner.drawing import encode_picture
from scanner.network import load_network
from scanner.overlay import draw_overlay
from scanner.page import load_page
from scanner.pipeline import PageFailure, PageReading
from scanner.truth import Score, score_page

GROUPS = ("tally", "photo", "comb", "survey", "bubble", "nist", "lines", "sudoku")
SUDOKU_HEADER_LINES = 2


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


def write_overlay(folder: Path, path: Path, result: PageReading | PageFailure) -> None:
    if isinstance(result, PageReading):
        folder.mkdir(parents=True, exist_ok=True)
        target = folder / f"{path.parent.name}-{path.name}.png"
        target.write_bytes(encode_picture(target.name, draw_overlay(load_page(path, 1).gray, result)))


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
    )
    print(f"{'':34}" + "".join(f"{head:>14}" for head in heads))
    for name, score in rows:
        columns = (
            *(score.truth, part(score.found, score.truth), part(score.right, score.digits)),
            *(part(score.crossed_right, score.crossed), part(score.exact, score.truth), score.false, score.false_blank),
            *(score.accepted, score.wrong, score.accepted_false),
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
        result = pipeline.read_page(path, network=network)
        readings = result.fields if isinstance(result, PageReading) else ()
        score = score_page(readings, true_texts(path, forms))
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
