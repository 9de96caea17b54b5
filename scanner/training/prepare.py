"""From labeled digits to what the network sees: augmented and normalized ahead of training, in worker processes.

Augmenting and normalizing a digit costs more than a training step on it, so each digit is made ready in a few
variants once, and the epochs take turns with them.
"""

import math
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Digits, Gray
from scanner.digits import normalize
from scanner.synth.hand import DataSetDigits, DrawnDigits
from scanner.training.augment import plain_crop, scan_like
from scanner.training.boxed import boxed_digits
from scanner.training.crossed import draw_crossed
from scanner.training.datasets import DigitSet, Ink, Labels
from scanner.training.junk import SpareDigits, draw_junk
from scanner.training.pen import CANVAS, on_canvas

CLASSES = "0123456789x?"
CROSSED, NOT_A_DIGIT = CLASSES.index("x"), CLASSES.index("?")

CHUNK = 500  # digits a task: long enough that handing over costs nothing
SPARE = 200  # digits that junk is made of, a task
SCANNED = 0.7  # part of the digits that go through a mock scan; the others stay as the data set has them
CROSSED_PART = 0.3  # of what is no digit
REPEATS = 3  # at most so many times does a small set enter an epoch, by default
SMALL = 4  # a set this many times smaller than the largest is small
DRAWN_FREEDOM = 0.5  # our drawn digits vary in shape already
PRINT_FREEDOM = 0.2  # a bent frame would look like a 0
RARE = 0.3  # part of the digits drawn in strokes that have a shape which few people write
NATIONAL_SHAPES = np.array([1, 3, 1, 1, 1.5, 1, 1, 2, 1, 1.5])  # drawn digits by label: more of what MNIST lacks


@dataclass(frozen=True, slots=True)
class Samples:
    """Digits ready for the network: `images` (n, 28, 28) with 255 = ink, `labels` (n,) as places in `CLASSES`."""

    images: Digits
    labels: Labels

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class Task:
    """What one worker makes at a time. `seed` decides all of it, so the number of workers changes nothing."""

    make: Callable[["Task"], Samples]
    seed: tuple[int, ...]
    count: int = 0
    ink: Ink = field(default_factory=lambda: np.zeros((0, DIGIT_SIZE, DIGIT_SIZE), np.uint8))
    labels: Labels = field(default_factory=lambda: np.zeros(0, np.int64))


def worker_pool(workers: int | None) -> ProcessPoolExecutor:
    """Processes that prepare digits, each with one OpenCV thread."""
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,))


@dataclass(frozen=True, slots=True)
class OwnSamples:
    """How many samples of our making enter an epoch: digits read from boxes, drawn digits, what is no digit."""

    boxed: int
    drawn: int
    junk: int


@dataclass(frozen=True, slots=True)
class Mixture:
    """How the sets share an epoch: of each at most `most` digits, others each time; small ones repeated so often."""

    own: OwnSamples
    most: int | None = None
    repeats: int = REPEATS


def training_variants(
    sets: Sequence[DigitSet], mixture: Mixture, *, variants: int, seed: int, pool: Executor
) -> list[Samples]:
    """The digits of the sets in so many variants, with samples of our own: one entry is one epoch."""
    return [_run(_epoch_tasks(sets, mixture, (seed, variant)), pool) for variant in range(variants)]


def some_of(digits: DigitSet, most: int | None, rng: np.random.Generator) -> DigitSet:
    """The set, or if it has more, so many of its digits by lot."""
    return digits if most is None or len(digits) <= most else digits.take(rng.choice(len(digits), most, replace=False))


def as_given(digits: DigitSet, pool: Executor) -> Samples:
    """The digits of a set as they are, only normalized."""
    return _run(_digit_tasks(_plain, digits, (0,)), pool)


def as_scanned(digits: DigitSet, seed: int, pool: Executor) -> Samples:
    """The digits of a set, each through a mock scan."""
    return _run(_digit_tasks(_scan, digits, (seed,)), pool)


def as_boxed(digits: DigitSet, count: int, seed: int, pool: Executor) -> Samples:
    """Digits of a set written into boxes, scanned and cut out by the reader."""
    return _run(_boxed_tasks(digits, count, (seed,)), pool)


def drawn_digits(count: int, seed: int, pool: Executor) -> Samples:
    """Digits that we draw ourselves, through a mock scan."""
    return _run(_counted_tasks(_draw, count, (seed,)), pool)


def crossed_and_junk(digits: DigitSet, count: int, seed: int, pool: Executor) -> Samples:
    """Crossed-out cells and what is no digit, partly made of these digits."""
    return _run(_junk_tasks(digits, count, (seed,)), pool)


def join(parts: Sequence[Samples]) -> Samples:
    """All samples in one."""
    if not parts:
        return Samples(np.zeros((0, DIGIT_SIZE, DIGIT_SIZE), np.uint8), np.zeros(0, np.int64))
    return Samples(np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts]))


def _run(tasks: Iterator[Task], pool: Executor) -> Samples:
    return join(list(pool.map(_make, tasks)))


def _make(task: Task) -> Samples:
    return task.make(task)


def _epoch_tasks(sets: Sequence[DigitSet], mixture: Mixture, seed: tuple[int, ...]) -> Iterator[Task]:
    own = mixture.own
    sets = [some_of(digits, mixture.most, np.random.default_rng((*seed, place))) for place, digits in enumerate(sets)]
    largest = max(len(digits) for digits in sets)
    for number, digits in enumerate(sets):
        for repeat in range(int(np.clip(largest // (SMALL * len(digits)), 1, mixture.repeats))):
            yield from _digit_tasks(_scan_most, digits, (*seed, number, repeat))
    yield from _counted_tasks(_draw, own.drawn, (*seed, len(sets)))
    yield from _junk_tasks(max(sets, key=len), own.junk, (*seed, len(sets) + 1))
    weights = [math.sqrt(len(digits)) for digits in sets]  # small sets bring other hands
    weights.append(min(weights))
    for number, (writing, weight) in enumerate(zip([*sets, None], weights, strict=True)):
        yield from _boxed_tasks(writing, round(own.boxed * weight / sum(weights)), (*seed, len(sets) + 2, number))


def _digit_tasks(make: Callable[[Task], Samples], digits: DigitSet, seed: tuple[int, ...]) -> Iterator[Task]:
    for start in range(0, len(digits), CHUNK):
        part = slice(start, start + CHUNK)
        yield Task(make, (*seed, start), ink=digits.ink[part], labels=digits.labels[part])


def _counted_tasks(make: Callable[[Task], Samples], count: int, seed: tuple[int, ...]) -> Iterator[Task]:
    for start in range(0, count, CHUNK):
        yield Task(make, (*seed, start), count=min(CHUNK, count - start))


def _junk_tasks(digits: DigitSet, count: int, seed: tuple[int, ...]) -> Iterator[Task]:
    rng = np.random.default_rng(seed)
    for task in _counted_tasks(_litter, count, seed):
        spare = digits.take(rng.choice(len(digits), min(SPARE, len(digits)), replace=False))
        yield Task(_litter, task.seed, task.count, spare.ink, spare.labels)


def _boxed_tasks(digits: DigitSet | None, count: int, seed: tuple[int, ...]) -> Iterator[Task]:
    """Digits of a set in boxes; drawn ones where there is no set."""
    rng = np.random.default_rng(seed)
    for task in _counted_tasks(_box, count, seed):
        if digits is None:
            yield task
        else:
            some = digits.take(rng.choice(len(digits), min(CHUNK, len(digits)), replace=False))
            yield Task(_box, task.seed, task.count, some.ink, some.labels)


def _plain(task: Task) -> Samples:
    return Samples(_normalized([plain_crop(ink) for ink in task.ink]), task.labels)


def _scan(task: Task) -> Samples:
    rng = np.random.default_rng(task.seed)
    return Samples(_normalized([scan_like(ink, rng) for ink in task.ink]), task.labels)


def _scan_most(task: Task) -> Samples:
    rng = np.random.default_rng(task.seed)
    crops = [scan_like(ink, rng) if rng.random() < SCANNED else plain_crop(ink) for ink in task.ink]
    return Samples(_normalized(crops), task.labels)


def _draw(task: Task) -> Samples:
    rng, hand = np.random.default_rng(task.seed), DrawnDigits(RARE)
    labels = rng.choice(10, task.count, p=NATIONAL_SHAPES / NATIONAL_SHAPES.sum())
    crops = [scan_like(hand(int(label), rng), rng, freedom=DRAWN_FREEDOM) for label in labels]
    return Samples(_normalized(crops), labels.astype(np.int64))


def _box(task: Task) -> Samples:
    rng = np.random.default_rng(task.seed)
    if not len(task.labels):
        return Samples(*boxed_digits(DrawnDigits(RARE), "0123456789", task.count, rng, CLASSES))
    alphabet = "".join(str(label) for label in np.unique(task.labels))
    source = DataSetDigits(task.ink, task.labels)
    return Samples(*boxed_digits(source, alphabet, task.count, rng, CLASSES))


def _litter(task: Task) -> Samples:
    rng = np.random.default_rng(task.seed)
    canvases = [on_canvas(ink, rng.uniform(0.5, 0.8)) for ink in task.ink]
    spare = SpareDigits(np.array(canvases, np.uint8).reshape(-1, CANVAS, CANVAS), task.labels)
    is_crossed = rng.random(task.count) < CROSSED_PART
    crops = [_crossed_crop(spare, rng) if crossed else _junk_crop(spare, rng) for crossed in is_crossed]
    return Samples(_normalized(crops), np.where(is_crossed, CROSSED, NOT_A_DIGIT).astype(np.int64))


def _crossed_crop(spare: SpareDigits, rng: np.random.Generator) -> Gray:
    return scan_like(draw_crossed(spare.ink, spare.labels, rng), rng)


def _junk_crop(spare: SpareDigits, rng: np.random.Generator) -> Gray:
    ink, is_printed = draw_junk(spare, rng)
    return scan_like(ink, rng, freedom=PRINT_FREEDOM if is_printed else 1.0)


def _normalized(crops: Sequence[Gray]) -> npt.NDArray[np.uint8]:
    if not crops:
        return np.zeros((0, DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    return np.stack([normalize(crop) for crop in crops])
