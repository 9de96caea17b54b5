"""Lines of writing and what they say, to train with: written by us with digits of data sets, and real ones."""

import json
import re
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.errors import NoInputError
from scanner.strings.ink import line_ink
from scanner.strings.picture import line_picture
from scanner.synth.hand import DataSetDigits, DigitSource, DrawnDigits
from scanner.synth.lines import random_hand, write_line
from scanner.synth.sheet import LETTER_FONTS
from scanner.synth.strings import DIGIT_PX, paper_crop, string_crop, write_string
from scanner.training.datasets import DigitSet, Ink, Labels
from scanner.training.string_texts import label_of, random_text

LONGEST = 10  # digits
CHUNK = 100  # strings a task
SPARE = 400  # digits that a task writes with
DRAWN = 0.15  # part of the strings that we draw ourselves
ROUND = 0.25  # part of the numbers that end in zeros, as amounts do
SEPARATED = 0.35  # part of the strings with points, commas or dashes
CROWDED = 0.25  # part of the lines of text that another one comes close to
TURN, ZOOM = 1.5, 0.12  # standard deviations, in degrees and parts, of what is done to real crops
TRUTH = "truth.json"


@dataclass(frozen=True, slots=True)
class Lines:
    """Pictures of lines, each (32, w), and what is written there."""

    pictures: list[Gray]
    texts: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def __add__(self, other: "Lines") -> "Lines":
        return Lines([*self.pictures, *other.pictures], [*self.texts, *other.texts])


@dataclass(frozen=True, slots=True)
class RealStrings:
    """Crops of real lines with their numbers."""

    crops: list[Gray]
    texts: list[str]

    def take(self, index: Sequence[int] | npt.NDArray[np.intp]) -> "RealStrings":
        return RealStrings([self.crops[i] for i in index], [self.texts[i] for i in index])


@dataclass(frozen=True, slots=True)
class _Task:
    seed: tuple[int, ...]
    count: int
    ink: Ink
    labels: Labels


def read_lines(folder: Path) -> RealStrings:
    """A folder `images` and a `truth.json` that maps names to numbers, or to {"value": number}.

    Raises:
        NoInputError: they are not there, or cannot be read.
    """
    path = folder / TRUTH
    try:
        truth = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoInputError(f"{path}: cannot be read ({error}); it maps names of images to numbers") from error
    if not isinstance(truth, dict):
        raise NoInputError(f"{path}: is no object that maps names of images to numbers")
    crops, texts = [], []
    for name, value in sorted(truth.items()):
        text = value.get("value") if isinstance(value, dict) else value
        if not isinstance(text, str) or not re.fullmatch(f"[0-9]{{1,{LONGEST}}}", text):
            raise NoInputError(f"{path}: {name}: {text!r} is no number of 1 to {LONGEST} digits, in quotes")
        crop = cv2.imread(str(folder / "images" / name), cv2.IMREAD_GRAYSCALE)
        if crop is None:
            raise NoInputError(f"{folder / 'images' / name}: cannot be read as an image")
        crops.append(np.asarray(crop, np.uint8))
        texts.append(text)
    return RealStrings(crops, texts)


def written_lines(
    sets: Sequence[DigitSet], count: int, seed: tuple[int, ...], pool: Executor, *, is_text: bool = False
) -> Lines:
    """Strings of digits of the sets, written and scanned by us, as the network sees them; or text that has some."""
    rng = np.random.default_rng(seed)
    tasks = []
    for number, start in enumerate(range(0, count, CHUNK)):
        digits = sets[int(rng.integers(len(sets)))]
        some = rng.choice(len(digits), min(SPARE, len(digits)), replace=False)
        tasks.append(_Task((*seed, number), min(CHUNK, count - start), digits.ink[some], digits.labels[some]))
    return _joined(list(pool.map(_write_text if is_text else _write, tasks)))


def real_lines(real: RealStrings, pool: Executor, *, seed: tuple[int, ...] | None = None) -> Lines:
    """Real strings as the network sees them; with a seed turned, zoomed and shaded a little, differently each time."""
    size = 20
    parts = [
        (real.take(range(at, min(at + size, len(real.texts)))), None if seed is None else (*seed, at))
        for at in range(0, len(real.texts), size)
    ]
    return _joined(list(pool.map(_look, parts)))


def _joined(parts: Sequence[Lines]) -> Lines:
    return Lines([each for part in parts for each in part.pictures], [each for part in parts for each in part.texts])


def _write(task: _Task) -> Lines:
    rng = np.random.default_rng(task.seed)
    from_set = DataSetDigits(task.ink, task.labels)
    there = np.unique(task.labels)
    pictures, texts = [], []
    for _ in range(task.count):
        source: DigitSource = DrawnDigits() if rng.random() < DRAWN else from_set
        text = _number(rng, there)
        separators = float(rng.uniform(0.05, 0.4)) if rng.random() < SEPARATED else 0.0
        touching = float(rng.choice([0.1, 0.3, 0.6]))
        crop = string_crop(write_string(text, source, rng, touching=touching, separators=separators), rng)
        pictures.append(line_picture(line_ink(crop)).pixels)
        texts.append(text)
    return Lines(pictures, texts)


def _write_text(task: _Task) -> Lines:
    rng = np.random.default_rng(task.seed)
    from_set = DataSetDigits(task.ink, task.labels)
    there = "".join(map(str, np.unique(task.labels)))
    pictures: list[Gray] = []
    texts: list[str] = []
    while len(texts) < task.count:
        source: DigitSource = DrawnDigits() if rng.random() < DRAWN else from_set
        words = [_with_digits(word, there, rng) for word in random_text(rng)]
        hand = random_hand(LETTER_FONTS, source, DIGIT_PX * float(rng.uniform(0.6, 1)), rng)
        ink = write_line(words, hand, rng)
        if rng.random() < CROWDED:
            ink = _crowded(ink, write_line(random_text(rng), hand, rng), rng)
        pictures.append(line_picture(line_ink(paper_crop(ink, rng))).pixels)
        texts.append(label_of(words))
    return Lines(pictures, texts)


def _crowded(ink: Ink, other: Ink, rng: np.random.Generator) -> Ink:
    """A line into whose crop the one above or below reaches."""
    rows = round(DIGIT_PX * float(rng.uniform(0.03, 0.25)))
    width = min(ink.shape[1], other.shape[1])
    is_above = rng.random() < 0.5
    strip = np.zeros((rows + round(DIGIT_PX * 0.1), ink.shape[1]), np.uint8)
    if is_above:
        strip[:rows, :width] = other[-rows:, :width]
        return np.vstack([strip, ink])
    strip[-rows:, :width] = other[:rows, :width]
    return np.vstack([ink, strip])


def _with_digits(word: str, there: str, rng: np.random.Generator) -> str:
    """The word with such digits only as the data set has."""
    return "".join(str(rng.choice(list(there))) if each.isdigit() and each not in there else each for each in word)


def _number(rng: np.random.Generator, labels: Labels) -> str:
    length = int(rng.integers(1, LONGEST + 1)) if rng.random() < 0.4 else int(rng.integers(2, 7))
    digits = rng.choice(labels, length)
    if rng.random() < ROUND and 0 in labels:
        digits[-int(rng.integers(1, max(length // 2, 1) + 1)) :] = 0
    if rng.random() < 0.1:
        digits[:] = digits[0]
    return "".join(map(str, digits))


def _look(part: tuple[RealStrings, tuple[int, ...] | None]) -> Lines:
    real, seed = part
    crops = real.crops
    if seed is not None:
        rng = np.random.default_rng(seed)
        crops = [_varied(crop, rng) for crop in crops]
    return Lines([line_picture(line_ink(crop)).pixels for crop in crops], list(real.texts))


def _varied(crop: Gray, rng: np.random.Generator) -> Gray:
    height, width = crop.shape
    turn = np.radians(rng.normal(0, TURN))
    lean = rng.normal(0, 0.12)
    zoom = np.exp(rng.normal(0, ZOOM, 2))
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, lean], [0, 1]]
    matrix = np.diag(zoom) @ matrix
    moved = np.array([width / 2, height / 2]) * zoom - matrix @ [width / 2, height / 2]
    size = (max(round(width * zoom[0]), 8), max(round(height * zoom[1]), 8))
    varied = cv2.warpAffine(crop, np.column_stack([matrix, moved]), size, borderMode=cv2.BORDER_REPLICATE)
    if rng.random() < 0.5:
        varied = cv2.GaussianBlur(varied, (0, 0), float(rng.uniform(0.3, 1.0)))
    gain = float(rng.uniform(0.7, 1.2))
    noise = rng.normal(0, rng.uniform(0, 5), varied.shape)
    return np.clip((varied.astype(np.float32) - 255) * gain + 255 + noise, 0, 255).astype(np.uint8)
