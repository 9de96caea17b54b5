"""Many pictures of one digit each: read, written to CSV, drawn with what the network sees and thinks of them."""

import csv
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from scanner.arrays import Gray
from scanner.errors import NoInputError, OutputError, PageError, UsageError
from scanner.export import path_cell
from scanner.network import Network
from scanner.page import load_picture
from scanner.predict import DigitReading, predict_digit
from scanner.staging import write_whole

COLUMNS = ("file", "digit", "confidence")
ROW_INCHES = 2.2  # height of one picture in the plot
MOST_DRAWN = 100  # pictures; more make an image that no viewer shows


@dataclass(frozen=True, slots=True)
class Prediction:
    """One file: its `reading`, and the `picture` if that is drawn; or the `problem` that kept it from being read."""

    file: str
    picture: Gray | None = None
    reading: DigitReading | None = None
    problem: str = ""

    def line(self) -> str:
        """What to print: the digit, how sure it is, what else it might be."""
        if self.reading is None:
            return f"{self.file}: {self.problem}"
        if not self.reading.runner_up:
            return f"{self.file}: nothing is drawn there"
        return (
            f"{self.file}: {_answer(self.reading)} ({100 * self.reading.confidence:.2f} %), "
            f"then {self.reading.runner_up} ({100 * self.reading.runner_up_confidence:.2f} %)"
        )


def _answer(reading: DigitReading) -> str:
    best = reading.classes[int(reading.scores.argmax())]
    if reading.digit or not best.isdigit():
        return reading.digit or "no digit"
    return f"rejected: {best}"


def check_targets(images: Sequence[Path], targets: Sequence[Path | None]) -> None:
    """Make sure that nothing written takes the place of a picture, or of something else written.

    Raises:
        UsageError: it would.
    """
    taken = {os.path.realpath(image) for image in images}
    for target in (each for each in targets if each is not None):
        if target == Path():
            raise UsageError("an empty name; name a file to write")
        if os.path.realpath(target) in taken:
            raise UsageError(f"{target}: would be written over; choose another file for --csv or --plot")
        taken.add(os.path.realpath(target))


def predict_files(
    paths: Sequence[Path], network: Network, min_confidence: float = 0.0, *, drawn: int = 0
) -> Iterator[Prediction]:
    """Read the digit in each file; one that cannot be read costs itself only. The first `drawn` keep their pictures.

    Raises:
        NoInputError: none of the files exists.
    """
    if not any(os.path.lexists(path) for path in paths):
        raise NoInputError(f"{', '.join(map(str, paths))}: no such file; name pictures of one digit each")
    return (_predict(path, network, min_confidence, is_kept=place < drawn) for place, path in enumerate(paths))


def _predict(path: Path, network: Network, min_confidence: float, *, is_kept: bool) -> Prediction:
    try:
        picture = load_picture(path)
    except PageError as error:
        return Prediction(str(path), problem=str(error))
    reading = predict_digit(picture, network=network, min_confidence=min_confidence)
    return Prediction(str(path), picture if is_kept else None, reading)


def write_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Write `file,digit,confidence`; the digit is empty where it was rejected, both where the file was not read.

    Raises:
        OutputError: the file cannot be written.
    """
    try:
        write_whole(path, lambda part: _write_rows(part, predictions))
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another file") from error


def _write_rows(path: Path, predictions: Sequence[Prediction]) -> None:
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for each in predictions:
            reading = each.reading
            answer = ("", "") if reading is None else (reading.digit, f"{reading.confidence:.4f}")
            writer.writerow((path_cell(each.file), *answer))


def draw_predictions(path: Path, predictions: Sequence[Prediction]) -> None:
    """Draw one row a picture: itself, the digit as the network sees it, the scores of all classes.

    Raises:
        UsageError: Matplotlib is missing.
        OutputError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(f"drawing needs Matplotlib ({error}): pip install 'scanner[plot]'") from error
    drawn = [each for each in predictions if each.reading is not None and each.picture is not None][:MOST_DRAWN]
    figure = Figure(figsize=(9, ROW_INCHES * max(len(drawn), 1)), layout="constrained")
    rows = figure.subplots(max(len(drawn), 1), 3, squeeze=False, width_ratios=(1, 1, 2))
    for row, each in zip(rows, drawn, strict=False):
        _draw_row(row, each)
    try:
        figure.savefig(path, dpi=100)
    except (OSError, ValueError) as error:  # a suffix that Matplotlib does not know
        raise OutputError(f"{path}: cannot be written ({error}); choose another file, ending in .png") from error


def _draw_row(axes: Sequence[Any], prediction: Prediction) -> None:
    seen, normalized, bars = axes
    reading = prediction.reading
    assert reading is not None
    seen.imshow(prediction.picture, cmap="gray", vmin=0, vmax=255)
    name = Path(prediction.file).name.encode(errors="backslashreplace").decode()
    seen.set_title(name.replace("$", r"\$"), fontsize=9)
    normalized.imshow(255 - reading.normalized, cmap="gray", vmin=0, vmax=255)
    normalized.set_title("as the network sees it", fontsize=9)
    for picture in (seen, normalized):
        picture.set_axis_off()
    places = np.arange(len(reading.classes))
    best = reading.scores.argmax()
    bars.bar(places, reading.scores, color=["tab:blue" if place == best else "lightgray" for place in places])
    bars.set(xticks=places, xticklabels=list(reading.classes), ylim=(0, 1))
    bars.set_title(f"{_answer(reading)}, {100 * reading.confidence:.2f} %", fontsize=9)
