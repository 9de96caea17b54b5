"""Numbers without boxes: a NIST handwriting sample form, amounts of cheques, and strings of MNIST digits.

    python tests/benchmarks/strings.py ../shared/data [--part nist] [--final]
    python tests/benchmarks/strings.py ../shared/data --split FOLDER

Without `--final` the amounts are those that may be tuned on, and the strings are made of digits held out of MNIST's
training part; with it the other amounts and MNIST's test digits, which are looked at once. `--split` only writes the
amounts that may be trained with into FOLDER/orand_car, for `scanner train --recipe strings --lines FOLDER/orand_car`.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from scanner.arrays import Gray
from scanner.network import Network, load_network
from scanner.pipeline import PageReading, read_page
from scanner.strings import StringReading, read_strings
from scanner.synth import DataSetDigits
from scanner.synth.strings import write_string
from scanner.training.datasets import hold_out, read_source

PARTS = ("nist", "orand", "written")
NIST, NIST_FIELDS = "nist_hsf_1.png", 28
SPLIT_SEED, TUNED_ON = 7, 880  # of the amounts
STRINGS, MARGIN = 300, 12  # written ones; pixels of paper around each
SUBSTITUTIONS = 0.01


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--count", type=int, default=STRINGS)
    parser.add_argument("--seed", type=int, default=5000)
    parser.add_argument("--split", type=Path)
    options = parser.parse_args()
    if not options.data.is_dir():
        print(f"{options.data} is not there: nothing measured")
        return 0
    if options.split is not None:
        write_split(options.data / "orand_car", options.split / "orand_car")
        return 0
    cv2.setNumThreads(1)
    network = load_network()
    for part in options.part or PARTS:
        {"nist": nist, "orand": orand, "written": written}[part](options, network)
    return 0


def nist(options: argparse.Namespace, network: Network) -> None:
    folder = options.data / "forms"
    truth = list(json.loads((folder / "truth.json").read_text())[NIST].values())
    page = read_page(folder / NIST, network=network)
    assert isinstance(page, PageReading)
    read = [field.value for field in page.fields]
    right = sum(a == b for a, b in zip(read, truth, strict=False))
    alike = [(x, y) for x, y in zip(read, truth, strict=False) if len(x) == len(y)]
    digits = sum(a == b for x, y in alike for a, b in zip(x, y, strict=True))
    accepted = [(field.value, field.status) for field in page.fields if field.status == "accepted"]
    print(
        f"{NIST}: {len(read)} fields of {NIST_FIELDS}, {right} strings right, "
        f"{digits} of {sum(map(len, truth))} digits, "
        f"{len(accepted)} accepted, {page.seconds:.2f} s"
    )


def orand(options: argparse.Namespace, network: Network) -> None:
    folder = options.data / "orand_car"
    truth = json.loads((folder / "truth.json").read_text())
    tuned_on, others = split(truth)
    some = others if options.final else tuned_on[: options.count]
    crops = [np.asarray(cv2.imread(str(folder / "images" / name), cv2.IMREAD_GRAYSCALE), np.uint8) for name in some]
    tell("ORAND-CAR", crops, [truth[name]["value"] for name in some], network)


def split(truth: dict[str, object]) -> tuple[list[str], list[str]]:
    """Names of the amounts to train and tune with, and of those to measure on."""
    names = sorted(truth)
    order = [names[at] for at in np.random.default_rng(SPLIT_SEED).permutation(len(names))]
    return order[:TUNED_ON], order[TUNED_ON:]


def write_split(folder: Path, to: Path) -> None:
    truth = json.loads((folder / "truth.json").read_text())
    names, _ = split(truth)
    (to / "images").mkdir(parents=True)
    for name in names:
        shutil.copy(folder / "images" / name, to / "images")
    (to / "truth.json").write_text(json.dumps({name: truth[name] for name in names}))
    print(f"{len(names)} amounts of {len(truth)} in {to}")


def written(options: argparse.Namespace, network: Network) -> None:
    source = read_source(options.data / "mnist")
    digits = source.test if options.final else hold_out(source.train)[1]
    assert digits is not None
    hand, rng = DataSetDigits(digits.ink, digits.labels), np.random.default_rng(options.seed)
    crops, texts = [], []
    for number in range(options.count):
        text = "".join(map(str, rng.integers(0, 10, 2 + number % 9)))
        ink = write_string(text, hand, rng).ink
        crops.append(
            np.asarray(cv2.copyMakeBorder(255 - ink, *[MARGIN] * 4, cv2.BORDER_CONSTANT, value=(255,)), np.uint8)
        )
        texts.append(text)
    tell("written", crops, texts, network)


def tell(name: str, crops: Sequence[Gray], texts: Sequence[str], network: Network) -> None:
    for lengths, how in ((None, "length unknown"), ([len(text) for text in texts], "length known")):
        start = time.process_time()
        readings = [read_crop(crop, network, None if lengths is None else lengths[at]) for at, crop in enumerate(crops)]
        seconds = (time.process_time() - start) / len(crops)
        read = [text_of(reading) for reading in readings]
        is_right = np.array([a == b for a, b in zip(read, texts, strict=True)])
        sure = np.array([0.0 if each is None else float(each.scores.max(axis=1).prod()) for each in readings])
        six = np.array([len(text) == 6 for text in texts])
        print(
            f"{name}, {how}: {100 * is_right.mean():.1f} % of {len(texts)} exact "
            f"({100 * is_right[six].mean():.1f} % of {six.sum()} of six digits); at {100 * SUBSTITUTIONS:g} % "
            f"substitutions {100 * accepted(sure, is_right):.1f} % accepted; {1000 * seconds:.0f} ms each"
        )


def read_crop(crop: Gray, network: Network, length: int | None) -> StringReading | None:
    height, width = crop.shape
    frame = np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)
    return read_strings(crop, frame, network, [length], inset=0.0)[0]


def text_of(reading: StringReading | None) -> str:
    return "" if reading is None else "".join(map(str, reading.scores[:, :10].argmax(axis=1)))


def accepted(sure: np.ndarray, is_right: np.ndarray) -> float:
    """The largest part that can be accepted with so few of it wrong."""
    order = np.argsort(-sure, kind="stable")
    wrong = np.cumsum(~is_right[order]) / np.arange(1, len(order) + 1)
    fits = np.flatnonzero(wrong <= SUBSTITUTIONS)
    return (fits[-1] + 1) / len(order) if len(fits) else 0.0


if __name__ == "__main__":
    sys.exit(main())
