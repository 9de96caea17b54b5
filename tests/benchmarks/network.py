"""How good the network is on digits it has never seen the like of: python tests/benchmarks/network.py [--only PART]

    data sets   MNIST test, USPS test, ORAND-CAR digits cut by their boxes: none was trained or tuned on
    junk        letters of fonts, marks and scribbles that training does not draw: how many are refused, at the card's
                threshold and where 0.5 % of good digits are
    speed       microseconds a digit, 100 at a time on one core, against the network before it was quantized

Look at the data sets once, when everything is chosen.
"""

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from scanner.arrays import Digits, Scores
from scanner.digits import normalize
from scanner.network import Network, in_fields, load_network
from scanner.predict import normalize_picture
from scanner.training.augment import plain_crop, scan_like
from scanner.training.datasets import hold_out, read_source
from scanner.training.evaluate import evaluate

REPOSITORY = Path(__file__).resolve().parents[2]
CANVAS = 96
PAPER = 6  # pixels around a box of an amount
FOREIGN = 0.6  # a stroke with this share of its ink in another box is that one's
FONTS = ("DejaVuSans", "DejaVuSans-Oblique", "DejaVuSerif-Bold", "DejaVuSansMono", "STIXGeneral", "cmtt10", "cmss10")
LETTERS = "ADEFGHKMNPQRUWXadefhkmnprtwyÄÜßéñ"  # without those written like a digit, with their accents or without
SIGNS = "§¶@&#€%∑∞≠±★♥→↔✓"
EACH = 200  # of a kind of junk
LOST = 0.005  # part of the good digits that refusing junk may cost
ROUNDS = 60

Ink = npt.NDArray[np.uint8]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REPOSITORY.parent / "shared/data")
    parser.add_argument("--model", type=Path, default=REPOSITORY / "models/reader")
    parser.add_argument("--only", choices=PARTS, action="append", help="may be repeated")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    for part in options.only or PARTS:
        PARTS[part](options.model, options.data)


# --- data sets


def measure_sets(model: Path, data: Path) -> None:
    network = load_network(model)
    print(f"{'':24}{'n':>7}{'right %':>9}{'best digit %':>14}{'no digit %':>12}{'sure %':>8}{'wrong of these %':>18}"
          f"{'ECE %':>8}{'(95 %)':>14}")  # fmt: skip
    for name, (digits, labels) in _sets(data):
        scores = _scores(network, digits)
        report = evaluate(scores, labels)
        sure = max(round(report.sure_coverage * report.n), 1)
        low, high = report.calibration_interval
        print(f"{name:24}{report.n:7,}{100 * report.accuracy:9.2f}"
              f"{100 * (scores[:, :10].argmax(axis=1) == labels).mean():14.2f}"
              f"{100 * (scores.argmax(axis=1) >= 10).mean():12.2f}{100 * report.sure_coverage:8.2f}"
              f"{100 * report.sure_wrong / sure:18.3f}{100 * report.calibration_error:8.2f}"
              f"{f'{100 * low:.2f} - {100 * high:.2f}':>14}")  # fmt: skip


def _sets(data: Path) -> Iterator[tuple[str, tuple[Digits, npt.NDArray[np.int64]]]]:
    for path in (data / "mnist", data / "usps.npz"):
        test = read_source(path).test
        assert test is not None
        yield f"{path.stem} test", (np.stack([normalize(plain_crop(ink)) for ink in test.ink]), test.labels)
    yield "ORAND-CAR digits", _amount_digits(data / "orand_car")


def _amount_digits(folder: Path) -> tuple[Digits, npt.NDArray[np.int64]]:
    """The digits of the amounts, each cut out by its labeled box, without strokes that lie in a neighbor's box."""
    digits, labels = [], []
    for name, amount in json.loads((folder / "truth.json").read_text()).items():
        page = cv2.imread(str(folder / "images" / name), cv2.IMREAD_GRAYSCALE)
        _, strokes = cv2.connectedComponents(cv2.threshold(page, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)[1])
        boxes = [np.s_[max(y, 0) : y + height, max(x, 0) : x + width] for x, y, width, height in amount["boxes"]]
        inside = np.array([np.bincount(strokes[box].ravel(), minlength=strokes.max() + 1) for box in boxes])
        for label, box, own in zip(amount["value"], boxes, inside, strict=True):
            crop = page[box].copy()
            paper = int(np.percentile(crop, 90))
            is_foreign = (own < (1 - FOREIGN) * inside.max(axis=0)) & (
                inside.max(axis=0) > FOREIGN * inside.sum(axis=0)
            )
            is_foreign[0] = False  # paper
            around = cv2.dilate(is_foreign[strokes[box]].astype(np.uint8), np.ones((3, 3), np.uint8))
            crop[(around > 0) & ((strokes[box] == 0) | is_foreign[strokes[box]])] = paper
            crop = cv2.copyMakeBorder(crop, PAPER, PAPER, PAPER, PAPER, cv2.BORDER_CONSTANT, value=paper)
            digits.append(normalize_picture(np.asarray(crop, np.uint8)))
            labels.append(int(label))
    return np.stack(digits), np.array(labels, np.int64)


# --- junk


def measure_junk(model: Path, data: Path) -> None:
    network = load_network(model)
    every: list[Scores] = []
    lost = f"no digit, where {100 * LOST:.1f} % of the digits are %"
    print(f"{'junk':24}{'n':>7}{'below the threshold %':>24}{lost:>44}")
    lowest = float(np.quantile(_digitness(_scores(network, _held_out_digits(data))), LOST))
    for name, draw in JUNK.items():
        rng = np.random.default_rng(2_000_003)
        crops = [scan_like(draw(rng), rng, freedom=0.5) for _ in range(EACH)]
        every.append(_scores(network, np.stack([normalize(crop) for crop in crops])))
        _print_junk(name, every[-1], network.card.accept_threshold, lowest)
    _print_junk("all", np.concatenate(every), network.card.accept_threshold, lowest)


def _scores(network: Network, digits: Digits) -> Scores:
    """As fields are read."""
    return in_fields(network.scores(digits), network.card.classes)


def _print_junk(name: str, scores: Scores, threshold: float, lowest: float) -> None:
    refused, no_digit = scores[:, :10].max(axis=1) < threshold, _digitness(scores) < lowest
    print(f"{name:24}{len(scores):7,}{100 * refused.mean():24.1f}{100 * no_digit.mean():44.1f}")


def _digitness(scores: Scores) -> npt.NDArray[np.floating]:
    """(n,) the probability that each is a digit, whichever."""
    return np.asarray(scores[:, :10].sum(axis=1))


def _held_out_digits(data: Path) -> Digits:
    """What no weight was trained on: MNIST's validation digits and the writers held out."""
    held_out = [hold_out(read_source(data / name).train)[1] for name in ("mnist", "swiss_digits.npz")]
    return np.stack([normalize(plain_crop(ink)) for digits in held_out for ink in digits.ink])


def _glyph(text: str, font: str, size: int) -> Ink:
    import matplotlib

    path = Path(matplotlib.get_data_path()) / "fonts/ttf" / f"{font}.ttf"
    image = Image.new("L", (CANVAS * 3, CANVAS * 2))
    ImageDraw.Draw(image).text((20, 20), text, 255, ImageFont.truetype(str(path), size))
    return np.asarray(image)


def _letter(rng: np.random.Generator) -> Ink:
    return _glyph(str(rng.choice(list(LETTERS[:26]))), str(rng.choice(FONTS)), 64)


def _accented(rng: np.random.Generator) -> Ink:
    return _glyph(str(rng.choice(list(LETTERS[26:]))), str(rng.choice(FONTS[:4])), 64)


def _sign(rng: np.random.Generator) -> Ink:
    return _glyph(str(rng.choice(list(SIGNS))), "DejaVuSans", 64)


def _word(rng: np.random.Generator) -> Ink:
    return _glyph(str(rng.choice(["kWh", "Datum", "siehe", "n.a.", "PLZ", "Summe", "ok"])), str(rng.choice(FONTS)), 40)


def _script(rng: np.random.Generator) -> Ink:
    """A letter of OpenCV's script fonts."""
    canvas = np.zeros((CANVAS * 2, CANVAS * 2), np.uint8)
    face = int(rng.choice([cv2.FONT_HERSHEY_SCRIPT_SIMPLEX, cv2.FONT_HERSHEY_SCRIPT_COMPLEX, cv2.FONT_ITALIC]))
    cv2.putText(canvas, str(rng.choice(list(LETTERS[:26]))), (60, 120), face, 3.0, (255,), int(rng.integers(2, 7)))
    return canvas


def _lines(points: npt.NDArray[np.float64], width: int) -> Ink:
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    cv2.polylines(canvas, [np.round(points * CANVAS).astype(np.int32)], False, (255,), width, cv2.LINE_AA)
    return canvas


def _zigzag(rng: np.random.Generator) -> Ink:
    """A cell scribbled out with one stroke up and down."""
    count = int(rng.integers(7, 14))
    x, y = np.linspace(0.15, 0.85, count), np.where(np.arange(count) % 2, 0.15, 0.85)
    return _lines(np.stack([x, y + rng.normal(0, 0.05, count)], axis=1), int(rng.integers(2, 6)))


def _spiral(rng: np.random.Generator) -> Ink:
    angle = np.linspace(0, rng.uniform(2.5, 4) * 2 * np.pi, 120)
    radius = angle / angle.max() * 0.4
    return _lines(0.5 + radius[:, None] * np.stack([np.cos(angle), np.sin(angle)], axis=1), int(rng.integers(2, 4)))


def _hatching(rng: np.random.Generator) -> Ink:
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    for start in range(-CANVAS, CANVAS, int(rng.integers(8, 18))):
        cv2.line(canvas, (start, CANVAS), (start + CANVAS, 0), (255,), int(rng.integers(1, 4)), cv2.LINE_AA)
    return canvas


def _arrow(rng: np.random.Generator) -> Ink:
    """An arrow to the side: the value is elsewhere."""
    canvas = np.zeros((CANVAS, CANVAS), np.uint8)
    angle = rng.uniform(-0.5, 0.5) + (math.pi if rng.random() < 0.5 else 0)
    way = 36 * np.array([math.cos(angle), math.sin(angle)])
    start, end = np.round(48 - way).astype(int).tolist(), np.round(48 + way).astype(int).tolist()
    cv2.arrowedLine(canvas, start, end, (255,), int(rng.integers(2, 6)), cv2.LINE_AA, tipLength=0.4)
    return canvas


def _face(rng: np.random.Generator) -> Ink:
    canvas, width = np.zeros((CANVAS, CANVAS), np.uint8), int(rng.integers(2, 5))
    cv2.circle(canvas, (48, 48), 38, (255,), width, cv2.LINE_AA)
    for x in (35, 61):
        cv2.circle(canvas, (x, 38), 3, (255,), -1)
    cv2.ellipse(canvas, (48, 52), (18, 14), 0, 20, 160, (255,), width, cv2.LINE_AA)
    return canvas


def _star(rng: np.random.Generator) -> Ink:
    """An asterisk of three or four strokes."""
    canvas, strokes, turn = np.zeros((CANVAS, CANVAS), np.uint8), int(rng.integers(3, 5)), rng.uniform(0, math.pi)
    for angle in turn + np.arange(strokes) * math.pi / strokes:
        way = rng.uniform(28, 38) * np.array([math.cos(angle), math.sin(angle)])
        start, end = np.round(48 - way).astype(int).tolist(), np.round(48 + way).astype(int).tolist()
        cv2.line(canvas, start, end, (255,), int(rng.integers(2, 6)), cv2.LINE_AA)
    return canvas


def _wave(rng: np.random.Generator) -> Ink:
    """A wavy line across: a cell that is left out."""
    x = np.linspace(0.05, 0.95, 60)
    y = 0.5 + rng.uniform(0.05, 0.12) * np.sin(x * rng.uniform(15, 30))
    return _lines(np.stack([x, y], axis=1), int(rng.integers(2, 6)))


JUNK: dict[str, Callable[[np.random.Generator], Ink]] = {
    "letters": _letter,
    "accented letters": _accented,
    "script letters": _script,
    "signs": _sign,
    "words": _word,
    "zigzag": _zigzag,
    "spirals": _spiral,
    "hatching": _hatching,
    "arrows": _arrow,
    "faces": _face,
    "asterisks": _star,
    "waves": _wave,
}


# --- speed


def measure_speed(model: Path, data: Path) -> None:
    digits = np.random.default_rng(0).integers(0, 256, (100, 28, 28), np.uint8)
    networks = {"what reads": load_network(model), "before quantization": load_network(model.with_suffix(".onnx"))}
    times: dict[str, list[float]] = {name: [] for name in networks}
    for _ in range(ROUNDS):
        for name, network in networks.items():
            start = time.perf_counter()
            network.scores(digits)
            times[name].append(1e6 * (time.perf_counter() - start) / len(digits))
    for name, each in times.items():
        print(f"speed: {name:22}{np.median(each):7.1f} us a digit (best {min(each):.1f})")


PARTS: dict[str, Callable[[Path, Path], None]] = {"sets": measure_sets, "junk": measure_junk, "speed": measure_speed}


if __name__ == "__main__":
    main()
