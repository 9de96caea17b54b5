"""Postal codes of envelopes that scanner makes: addresses in handwriting fonts, stamps, postmarks, senders, bar codes.

    python tests/benchmarks/envelopes.py [--digits ../shared/data/mnist] [--final] [--any] [--wrong FOLDER]

The digits are those that scanner draws, or those of MNIST: without `--final` such as were held out of its training
part, with it the test digits, on envelopes that are looked at once. Letters are of fonts that nothing is trained with.
Envelopes go to each country in turn, scanned at 150 to 400 dpi. `--wrong` writes those that are read wrong there.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from scanner.arrays import Gray
from scanner.fields import ACCEPTED
from scanner.network import load_network
from scanner.pipeline import PageReading, read_gray
from scanner.synth.envelopes import COUNTRIES, make_envelope
from scanner.synth.hand import DataSetDigits, DigitSource, DrawnDigits
from scanner.training.datasets import hold_out, read_source

FINAL_SEED = 57_000
FAULTS = ("clean", "scan", "scan", "skew", "photocopy")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=300)
    parser.add_argument("--seed", type=int, default=60_000)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--digits", type=Path)
    parser.add_argument("--country", choices=COUNTRIES)
    parser.add_argument("--any", action="store_true", help="do not tell the reader the country")
    parser.add_argument("--wrong", type=Path)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    hand = digits_of(options.digits, is_final=options.final)
    seed = FINAL_SEED if options.final else options.seed
    network = load_network()
    told: Counter[str] = Counter()
    by_country: dict[str, list[bool]] = {}
    start = time.process_time()
    seconds = 0.0
    for number in range(options.count):
        rng = np.random.default_rng((seed, number))
        country = options.country or COUNTRIES[number % len(COUNTRIES)]
        envelope = make_envelope(country, hand, rng, FAULTS[number // len(COUNTRIES) % len(FAULTS)])
        gray = gray_of(envelope.image)
        start = time.process_time()
        page = read_gray(gray, "envelope", 1, network, postal="any" if options.any else country)
        seconds += time.process_time() - start
        assert isinstance(page, PageReading)
        (field,) = page.fields
        is_right = field.value == envelope.code
        told["right"] += is_right
        told["not found"] += field.reason == "code_not_found"
        told["accepted"] += field.status == ACCEPTED
        told["right, not accepted"] += is_right and field.status != ACCEPTED
        told["accepted and wrong"] += field.status == ACCEPTED and not is_right
        by_country.setdefault(country, []).append(is_right)
        if options.wrong and not is_right:
            options.wrong.mkdir(parents=True, exist_ok=True)
            x, y, wide, high = field.box_xywh
            cv2.rectangle(envelope.image, (x, y), (x + wide, y + high), (0, 0, 255), 2)
            name = f"{number:04d}-{country}-{envelope.code}-{field.value or 'none'}-{field.confidence:.2f}.png"
            cv2.imwrite(str(options.wrong / name), envelope.image)
    shares = ", ".join(f"{name} {100 * count / options.count:.1f} %" for name, count in told.items())
    print(f"{options.count} envelopes: {shares}; {1000 * seconds / options.count:.0f} ms each")
    print(", ".join(f"{country} {100 * np.mean(right):.0f} %" for country, right in by_country.items()))
    return 0


def digits_of(path: Path | None, *, is_final: bool) -> DigitSource:
    if path is None:
        return DrawnDigits()
    source = read_source(path)
    digits = source.test if is_final else hold_out(source.train)[1]
    assert digits is not None
    return DataSetDigits(digits.ink, digits.labels)


def gray_of(image: np.ndarray) -> Gray:
    return np.asarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


if __name__ == "__main__":
    sys.exit(main())
