"""Whether corrections teach: a network that has never seen Swiss hands, and what two of them make of it.

    scanner train --digits mnist --out base --name base --no-test --epochs 8 --variants 4
    python tests/benchmarks/learning.py ../shared/data base/base --mnist mnist [--writers 1 2] [--digits 200]

Pages are made of the digits of these writers, each digit written once before any is again, and read with the base
network; all fields that it found are corrected or confirmed through `scanner correct`, the digits exported by `scanner
export --to digits`, and the network taught by `scanner train --from`. Then both networks, each with eight bits as it
reads, are measured on the digits of the other writers, and on MNIST's test digits.
"""

import argparse
import csv
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

from scanner.correct import correct
from scanner.handover import hand_over
from scanner.network import in_fields, load_network
from scanner.order import Order
from scanner.run import run
from scanner.synth import DataSetDigits, write_pages
from scanner.synth.hand import Writer
from scanner.training import TrainOptions, train
from scanner.training.augment import plain_crop
from scanner.training.datasets import DigitSet, Ink, read_source
from scanner.training.prepare import _normalized
from scanner.truth import align

PER_PAGE = 40  # digits on a page, about


class DealtDigits:
    """The digits of a set, each once before any comes again."""

    def __init__(self, digits: DigitSet) -> None:
        self._stacks = {label: digits.take(np.flatnonzero(digits.labels == label)) for label in range(10)}
        self._dealt = Counter[int]()

    def __call__(self, label: int, rng: np.random.Generator, writer: Writer | None = None) -> Ink:
        stack = self._stacks[label]
        place = self._dealt[label] % len(stack)
        self._dealt[label] += 1
        return DataSetDigits(stack.ink[place : place + 1], stack.labels[place : place + 1])(label, rng, writer)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("base", type=Path, help="the network as it is read with, no single file of it")
    parser.add_argument("--mnist", type=Path, help="rehearse these digits beside, and measure their test part")
    parser.add_argument("--writers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--digits", type=int, default=200, help="of each writer")
    parser.add_argument("--out", type=Path, help="keep what is made here")
    options = parser.parse_args()
    swiss = read_source(options.data / "swiss_digits.npz").train
    assert swiss.writers is not None
    with tempfile.TemporaryDirectory() as place:
        folder = options.out or Path(place)
        archive = teach_by_corrections(folder, swiss, options.writers, options.digits, options.base)
        taught = train(
            TrainOptions(
                digits=(*([options.mnist] if options.mnist else []), archive),
                out=folder / "taught",
                name="taught",
                variants=3,
                measure_tests=False,
                start_from=options.base.with_suffix(".keras"),
            )
        )
        others = swiss.take(np.flatnonzero(~np.isin(swiss.writers, options.writers)))
        sets = {"other Swiss writers": others}
        if options.mnist and (test := read_source(options.mnist).test) is not None:
            sets["MNIST test"] = test
        for name, digits in sets.items():
            before, after = (wrong_on(digits, path) for path in (options.base, taught.onnx))
            count = len(digits)
            print(
                f"{name} ({count:,}): {before} wrong before ({100 * (1 - before / count):.2f} %), "
                f"{after} after ({100 * (1 - after / count):.2f} %)"
            )


def teach_by_corrections(folder: Path, swiss: DigitSet, writers: list[int], count: int, base: Path) -> Path:
    """Pages of each writer's digits, read, corrected and exported, as people would."""
    rng = np.random.default_rng(1)
    scans = folder / "scans"
    assert swiss.writers is not None
    for writer in writers:
        own = np.flatnonzero(swiss.writers == writer)
        some = swiss.take(rng.choice(own, count, replace=False))
        pages = -(-count // PER_PAGE)
        write_pages(scans / str(writer), pages, ["separate", "cells"], ["clean", "scan"], writer, DealtDigits(some))
    output = folder / "output"
    summary = run([scans / str(writer) for writer in writers], output, Order(model=base))
    table = fill(output, scans, folder / "corrections.csv")
    taken = correct(output, table, "benchmark").taken
    exported = hand_over(output, "digits", folder / "corrected.npz")
    print(
        f"{summary.pages} pages of {len(writers)} writers, {summary.fields} fields: {taken.changed} changed, "
        f"{taken.confirmed} confirmed, {exported.count} digits exported"
    )
    return exported.path


def fill(output: Path, scans: Path, table: Path) -> Path:
    """A table of corrections with the truth of every field that was found."""
    truth: dict[tuple[str, str], list[str]] = {}
    for path in scans.rglob("truth.csv"):
        with path.open(newline="") as file:
            for row in csv.DictReader(file):
                truth.setdefault((path.parent.name, row["file"]), []).append(row["cells"])
    with (output / "fields.csv").open(newline="") as file:
        fields = list(csv.DictReader(file))
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "page", "field", "correct_value"])
        by_page: dict[str, list[dict[str, str]]] = {}
        for row in fields:
            by_page.setdefault(row["file"], []).append(row)
        for name, found in by_page.items():
            written = truth[scans_of(name, scans)]
            pairs = align([row["cells"] for row in found], written)
            writer.writerows([name, found[read]["page"], found[read]["field"], written[true]] for read, true in pairs)
    return table


def scans_of(name: str, scans: Path) -> tuple[str, str]:
    parts = Path(name).parts
    return (parts[-2], parts[-1]) if len(parts) > 1 else (next(scans.iterdir()).name, parts[-1])


def wrong_on(digits: DigitSet, network: Path) -> int:
    reader = load_network(network)
    scores = in_fields(reader.scores(_normalized([plain_crop(ink) for ink in digits.ink])), reader.card.classes)
    return int((scores.argmax(axis=1) != digits.labels).sum())


if __name__ == "__main__":
    main()
