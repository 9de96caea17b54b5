"""One training session from data sets to a shipped network: the table of contents of this package."""

import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from scanner import __version__
from scanner.digits import NORMALIZE_VERSION
from scanner.errors import OutputError, UsageError
from scanner.training import prepare
from scanner.training.architectures import Model, build
from scanner.training.backend import require_tensorflow
from scanner.training.calibrate import choose_threshold, fit_temperature, softmax
from scanner.training.curves import draw_curves
from scanner.training.datasets import DigitSet, Source, download_mnist, file_sha256, hold_out, read_source
from scanner.training.evaluate import Report, evaluate, onnx_logits
from scanner.training.export import save_network, write_card
from scanner.training.fit import FitFiles, Schedule, fit
from scanner.training.prepare import CLASSES, NOT_A_DIGIT, OwnSamples, Samples

VALIDATION_SEED = 1_000_003  # far from every training seed: no drawn digit is in both
DIGIT_COUNT = 10  # the first classes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What `scanner train` can be told.

    `digits`: folders of IDX files or .npz archives; MNIST is downloaded where none is given. `variants`: how often
    each digit is augmented anew before the epochs repeat. `boxed`, `drawn`, `junk`: samples of our own an epoch.
    `measure_tests`: also measure the test parts of the sets; leave it off while choosing anything.
    """

    digits: tuple[Path, ...] = ()
    out: Path = Path("models")
    name: str = "reader"
    architecture: str = "reader"
    epochs: int = 22
    seed: int = 1
    variants: int = 6
    boxed: int = 50_000
    drawn: int = 12_000
    junk: int = 14_000
    batch_size: int = 256
    learning_rate: float = 2e-3
    workers: int | None = None
    measure_tests: bool = True


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came out: the files, the card as written, and a report for each measured set."""

    keras: Path
    onnx: Path
    card_path: Path
    card: Mapping[str, object]
    reports: Mapping[str, Report]


@dataclass(frozen=True, slots=True)
class _Prepared:
    variants: list[Samples]
    validation: dict[str, Samples]
    real: Samples  # the part of `validation` that people wrote: as given, and as the reader gets it from boxes
    tests: dict[str, Samples]
    origins: list[dict[str, object]]  # for the card: name, counts and hashes of each set


def train(options: TrainOptions) -> TrainResult:
    """Train a network, calibrate it, measure it, and write it with its card, history and curves.

    Raises:
        UsageError: TensorFlow is missing, or there is no such architecture.
        NoInputError: a data set cannot be read.
        OutputError: the files cannot be written.
    """
    _check_name(options.name)
    require_tensorflow()
    import keras

    keras.utils.set_random_seed(options.seed)
    model = build(options.architecture, len(CLASSES))
    sources = _read_sources(options.digits)
    with _writing_into(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    with prepare.worker_pool(options.workers) as pool:
        data = _prepare(sources, options, pool)
    epochs = _fit(model, data, _fit_files(sources, options), options)
    keras_path, onnx_path = save_network(model, options.out, options.name)
    temperature, threshold = calibrate(onnx_path, prepare.join([*data.validation.values()]), data.real)
    reports = measure(onnx_path, data.validation | data.tests, temperature)
    card: dict[str, object] = {
        "name": options.name,
        "version": __version__,
        "created": date.today().isoformat(),
        "classes": CLASSES,
        "input": "n,28,28 uint8, 255 = ink",
        "normalize_version": NORMALIZE_VERSION,
        "trained_on": data.origins,
        "architecture": options.architecture,
        "seed": options.seed,
        "epochs": epochs,
        "parameters": model.count_params(),
        "accuracies": {
            name: {"accuracy": round(report.accuracy, 5), "n": report.n} for name, report in reports.items()
        },
        "temperature": round(temperature, 4),
        "accept_threshold": threshold,
        "sha256": {"onnx": file_sha256(onnx_path), "keras": file_sha256(keras_path)},
    }
    card_path = options.out / f"{options.name}.json"
    write_card(card, card_path)
    return TrainResult(keras_path, onnx_path, card_path, card, reports)


def calibrate(onnx_path: Path, validation: Samples, real: Samples) -> tuple[float, float]:
    """Temperature of a network, from all validation samples, and its acceptance threshold.

    The threshold comes from `real` digits as people wrote them, plain and read from boxes: our own drawings would
    lower it, our mock scans of single digits, some of which nobody can read, would raise it.
    """
    temperature = fit_temperature(onnx_logits(onnx_path, validation.images), validation.labels)
    scores = softmax(onnx_logits(onnx_path, real.images), temperature)
    answers = scores.argmax(axis=1)
    is_read = (answers < DIGIT_COUNT) & (real.labels != NOT_A_DIGIT)  # print is refused by its row, not by the network
    threshold = choose_threshold(scores.max(axis=1)[is_read], (answers == real.labels)[is_read])
    return temperature, threshold


def measure(onnx_path: Path, sets: Mapping[str, Samples], temperature: float) -> dict[str, Report]:
    """A report for each set of samples."""
    return {
        name: evaluate(softmax(onnx_logits(onnx_path, samples.images), temperature), samples.labels)
        for name, samples in sets.items()
    }


def _check_name(name: str) -> None:
    if not name or Path(name).name != name:
        raise UsageError(f"{name!r} is no name for a network; give a plain one, and the folder with --out")


def _read_sources(paths: Sequence[Path]) -> list[Source]:
    sources = [read_source(path) for path in paths] or [download_mnist()]
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two data sets are named {name}; the card could not tell them apart: rename one")
    return sources


def _prepare(sources: Sequence[Source], options: TrainOptions, pool: Executor) -> _Prepared:
    log.info("preparing %d variants of the digits", options.variants)
    rng = np.random.default_rng(options.seed)
    parts = {source.name: hold_out(source.train, rng) for source in sources}
    variants = prepare.training_variants(
        [training for training, _ in parts.values()],
        OwnSamples(options.boxed, options.drawn, options.junk),
        variants=options.variants,
        seed=options.seed,
        pool=pool,
    )
    validation = _validation(parts, options, pool)
    tests = {f"{source.name} test": source.test for source in sources if source.test is not None}
    return _Prepared(
        variants=variants,
        validation=validation,
        real=prepare.join([validation[f"{name} validation{kind}"] for name in parts for kind in ("", ", in boxes")]),
        tests={name: prepare.as_given(digits, pool) for name, digits in tests.items() if options.measure_tests},
        origins=[_origin(source, *parts[source.name]) for source in sources] + _own_origins(options),
    )


def _validation(
    parts: Mapping[str, tuple[DigitSet, DigitSet]], options: TrainOptions, pool: Executor
) -> dict[str, Samples]:
    """Held-out digits as given, scanned and in boxes, drawn digits, and junk: what everything is chosen on."""
    sets: dict[str, Samples] = {}
    for name, (_, held_out) in parts.items():
        sets[f"{name} validation"] = prepare.as_given(held_out, pool)
        sets[f"{name} validation, scanned"] = prepare.as_scanned(held_out, VALIDATION_SEED, pool)
        sets[f"{name} validation, in boxes"] = prepare.as_boxed(held_out, options.boxed // 10, VALIDATION_SEED, pool)
    sets["drawn"] = prepare.drawn_digits(options.drawn // 4, VALIDATION_SEED, pool)
    largest = max((held_out for _, held_out in parts.values()), key=len)
    sets["crossed and junk"] = prepare.crossed_and_junk(largest, options.junk // 4, VALIDATION_SEED, pool)
    return sets


def _origin(source: Source, training: DigitSet, validation: DigitSet) -> dict[str, object]:
    return {"name": source.name, "n": len(training), "validation": len(validation), "sha256": source.sha256}


def _own_origins(options: TrainOptions) -> list[dict[str, object]]:
    counts = {
        "digits in boxes": options.boxed,
        "drawn digits": options.drawn,
        "crossed-out cells and junk": options.junk,
    }
    return [{"name": name, "n": count * options.variants, "sha256": {}} for name, count in counts.items()]


def _fit(model: Model, data: _Prepared, files: FitFiles, options: TrainOptions) -> int:
    schedule = Schedule(options.epochs, options.batch_size, options.learning_rate)
    validation = prepare.join(list(data.validation.values()))
    with _writing_into(options.out):
        epochs = fit(model, data.variants, validation, schedule=schedule, seed=options.seed, files=files)
        draw_curves(files.history, options.out / f"{options.name}-curves.png")
    return epochs


def _fit_files(sources: Sequence[Source], options: TrainOptions) -> FitFiles:
    """A checkpoint is found again only by a training of the same data with the same options."""
    everything = repr((options, [source.sha256 for source in sources])).encode()
    checkpoint = f".{options.name}-{hashlib.sha256(everything).hexdigest()[:12]}.checkpoint"
    return FitFiles(options.out / f"{options.name}-history.csv", options.out / checkpoint)


@contextmanager
def _writing_into(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error}); choose another folder or make room") from error
