"""Whether --target-error keeps what it promises, on a run whose truth is known.

    python tests/benchmarks/guarantee.py [--fields 10000] [--target 0.002] [--repetitions 100] [--digits mnist]

Pages are made by the mirror with digits of a data set (of MNIST the test part) and read; every field found whole is
compared with the truth. Then, over and over: half of the fields, drawn by lot, count as verified, the threshold
is chosen by them, and the wrong among the accepted of the other half are counted. The promise is kept where the part
that is wrong in the whole run, the best guess of the truth there is, is at most the target.
"""

import argparse
import itertools
import tempfile
from pathlib import Path

import numpy as np

from scanner.errors import UsageError
from scanner.fields import FieldReading
from scanner.pipeline import PageReading, read_page
from scanner.review.guarantee import JUDGED, make_guarantee
from scanner.synth import DataSetDigits, DrawnDigits, FieldTruth, make_page
from scanner.synth.files import save_scan
from scanner.synth.layouts import RESERVED_SEEDS
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
    """Confidence of each field that a threshold decides about, and whether it was read right.

    A field is compared with what is written at its place: rows of a skewed page may have other names.
    """
    confidence: list[float] = []
    is_right: list[bool] = []
    test = None if digits is None else read_source(digits).test
    hand = DrawnDigits() if test is None else DataSetDigits(test.ink, test.labels)
    for number in itertools.count():
        turn, place = divmod(number, len(STYLES))
        style, fault = STYLES[place], FAULTS[(place + turn) % len(FAULTS)]
        page = make_page(style, fault, (seed + number) % RESERVED_SEEDS, seed + number, hand)
        with tempfile.TemporaryDirectory() as folder:
            read = read_page(save_scan(page.image, Path(folder) / "page", page.dpi_xy))
        assert isinstance(read, PageReading), read
        for field in read.fields:
            written = next((each.cells for each in page.truth if is_at(field, each)), None)
            if is_judged(field) and written is not None:
                confidence.append(field.confidence)
                is_right.append(field.cells == written)
        if len(confidence) >= count:
            return np.array(confidence), np.array(is_right)
    raise AssertionError


def is_at(field: FieldReading, truth: FieldTruth) -> bool:
    """Whether all cells of a field are where those of the truth are."""
    quads = np.array(field.cell_quads)
    if len(quads) != len(truth.quads):
        return False
    apart = np.linalg.norm(quads.mean(axis=1) - truth.quads.mean(axis=1), axis=1)
    return bool((apart < 0.3 * np.linalg.norm(truth.quads[:, 2] - truth.quads[:, 0], axis=1)).all())


def is_judged(field: FieldReading) -> bool:
    """Whether a threshold decides about it."""
    return field.status in ("accepted", "review") and field.reason in JUDGED


if __name__ == "__main__":
    main()
