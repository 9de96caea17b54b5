"""How it reads people it has never seen: python tests/benchmarks/writers.py [--fold N ...] [--epochs N] [--variants N]

Trains the shipped recipe three times, each time without five of the fifteen writers of the Swiss digits, and reads
theirs. Each training takes as long as the shipped one, so folds may be run one by one (`--fold 2`); what was trained
is kept in `--work` and only read again.
"""

import argparse
import logging
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Scores
from scanner.digits import normalize
from scanner.network import load_network
from scanner.training import TrainOptions, train
from scanner.training.evaluate import Report, evaluate

REPOSITORY = Path(__file__).resolve().parents[2]
FOLDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared/data")
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "scanner_writers")
    parser.add_argument("--fold", type=int, choices=range(1, FOLDS + 1), action="append", help="may be repeated")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--variants", type=int, default=TrainOptions().variants)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    print(HEADER)
    every: list[tuple[Scores, npt.NDArray[np.int64]]] = []
    for number in options.fold or range(1, FOLDS + 1):
        fold = options.work / f"fold{number}.npz"
        write_fold(fold, number, options.data / "swiss_digits.npz")
        if not fold.with_suffix(".json").exists():
            sources = (options.data / "mnist", fold)
            train(TrainOptions(digits=sources, out=options.work, name=fold.stem, epochs=options.epochs,
                               variants=options.variants, measure_tests=False))  # fmt: skip
        every.append(read_fold(fold))
        print(row(fold.stem, *every[-1]), flush=True)
    print(row("all", *(np.concatenate(part) for part in zip(*every, strict=True))))


def write_fold(path: Path, number: int, digits: Path) -> None:
    """An archive that trains with the other writers and holds every third writer's digits as its test part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with np.load(digits) as archive:
        x, y, writer = archive["x"], archive["y"], archive["writer"]
    is_left_out = np.isin(writer, list(writers_of(number)))
    np.savez_compressed(
        path, x_train=x[~is_left_out], y_train=y[~is_left_out], writer=writer[~is_left_out],
        x_test=x[is_left_out], y_test=y[is_left_out],
    )  # fmt: skip


def writers_of(number: int) -> Iterator[int]:
    """The writers that a fold leaves out, of 1 to 15."""
    return iter(range(number, 16, FOLDS))


def read_fold(path: Path) -> tuple[Scores, npt.NDArray[np.int64]]:
    """What the fold's network says about the writers it was trained without."""
    with np.load(path) as archive:
        crops, labels = archive["x_test"], archive["y_test"].astype(np.int64)
    digits = np.stack([normalize(crop) for crop in crops])
    return load_network(path.with_suffix("")).scores(digits), labels


HEADER = f"{'':8}{'n':>7}{'right %':>9}{'best digit %':>14}{'sure %':>8}{'wrong of these %':>18}{'ECE %':>8}"


def row(name: str, scores: Scores, labels: npt.NDArray[np.int64]) -> str:
    report: Report = evaluate(scores, labels)
    sure = max(round(report.sure_coverage * report.n), 1)
    best = 100 * float((scores[:, :10].argmax(axis=1) == labels).mean())
    return (
        f"{name:8}{report.n:7,}{100 * report.accuracy:9.2f}{best:14.2f}{100 * report.sure_coverage:8.2f}"
        f"{100 * report.sure_wrong / sure:18.3f}{100 * report.calibration_error:8.2f}"
    )


if __name__ == "__main__":
    main()
