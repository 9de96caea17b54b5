"""Whether --target-error keeps what it promises, on a run whose truth is known.

    python tests/benchmarks/guarantee.py [--fields 10000] [--target 0.002] [--repetitions 100] [--digits mnist]

Pages are made by the mirror with digits of a data set (of MNIST the test part) and read; every field found whole is
compared with the truth. Then, over and over: half of the fields, drawn by lot, count as verified, the threshold
is chosen by them, and the wrong among the accepted of the other half are counted. The promise is kept where the part
that is wrong in the whole run, the best guess of the truth there is, is at most the target.
"""

import argparse
import csv
import tempfile
from pathlib import Path

import numpy as np

from scanner.errors import UsageError
from scanner.fields import FieldReading
from scanner.pipeline import PageReading, read_pages
from scanner.review.guarantee import JUDGED, make_guarantee
from scanner.synth import DataSetDigits, DrawnDigits, write_pages
from scanner.training.datasets import read_source

STYLES, FAULTS = ["separate", "cells", "rounded"], ["clean", "scan", "photo", "fax"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=10_000)
    parser.add_argument("--target", type=float, default=0.002)
    parser.add_argument("--repetitions", type=int, default=100)
    parser.add_argument("--digits", type=Path, help="folder of IDX files; by default digits that scanner draws")
    parser.add_argument("--seed", type=int, default=7000)
    options = parser.parse_args()
    confidence, is_right = read_fields(options.fields, options.digits, options.seed)
    print(f"{len(confidence):,} fields read, {100 * is_right.mean():.2f} % of them right")
    kept, refused, parts, wrongs = 0, 0, [], []
    for repetition in range(options.repetitions):
        rng = np.random.default_rng(repetition)
        is_verified = rng.permutation(len(confidence)) < len(confidence) // 2
        names = [("", "")] * int(is_verified.sum())
        try:
            found = make_guarantee(names, confidence[is_verified], is_right[is_verified], options.target)
        except UsageError:
            refused += 1
            continue
        above = confidence >= found.default
        rest = above & ~is_verified
        parts.append(float(above.mean()))
        wrongs.append(float((~is_right[rest]).mean()))
        kept += float((~is_right[above]).mean()) <= options.target
    promised = options.repetitions - refused
    print(
        f"target {options.target:g}: of {options.repetitions} draws {refused} refused, kept in {kept} of {promised}; "
        + (
            f"{100 * np.mean(parts):.1f} % straight through, {100 * np.mean(wrongs):.3f} % wrong of the accepted "
            "that were not verified"
            if parts
            else "nothing was promised"
        )
    )


def read_fields(count: int, digits: Path | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Confidence of each field that a threshold decides about, and whether it was read right."""
    confidence: list[float] = []
    is_right: list[bool] = []
    test = None if digits is None else read_source(digits).test
    hand = DrawnDigits() if test is None else DataSetDigits(test.ink, test.labels)
    with tempfile.TemporaryDirectory() as place:
        while len(confidence) < count:
            folder = Path(place) / str(seed)
            write_pages(folder, 24, STYLES, FAULTS, seed, hand)
            truth: dict[tuple[str, int], list[str]] = {}
            with (folder / "truth.csv").open(newline="") as file:
                for row in csv.DictReader(file):
                    truth.setdefault((row["file"], int(row["page"])), []).append(row["cells"])
            for page in read_pages([folder]):
                written = truth.get((page.file, page.page), [])
                found = page.fields if isinstance(page, PageReading) else ()
                if [len(each.cells) for each in found] == list(map(len, written)):
                    judged = [pair for pair in zip(found, written, strict=True) if is_judged(pair[0])]
                    confidence += [field.confidence for field, _ in judged]
                    is_right += [field.cells == cells for field, cells in judged]
            seed += 24
    return np.array(confidence), np.array(is_right)


def is_judged(field: FieldReading) -> bool:
    """Whether a threshold decides about it."""
    return field.status in ("accepted", "review") and field.reason in JUDGED


if __name__ == "__main__":
    main()
