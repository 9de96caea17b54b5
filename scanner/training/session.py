"""One training session from data sets to a shipped network: the table of contents of this package."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from scanner import __version__
from scanner.digits import NORMALIZE_VERSION
from scanner.errors import UsageError
from scanner.network import in_fields, softmax
from scanner.training import prepare
from scanner.training.architectures import Model, build
from scanner.training.backend import require_tensorflow
from scanner.training.calibrate import choose_threshold, fit_temperature
from scanner.training.curves import draw_curves
from scanner.training.datasets import WRITERS_HELD_OUT, DigitSet, Source, file_sha256, hold_out, read_sources
from scanner.training.evaluate import Report, evaluate, onnx_logits
from scanner.training.export import quantize, save_network, save_probabilities, write_card, writing_into
from scanner.training.fit import FitFiles, Schedule, files_for, fit
from scanner.training.pictures import Answers, draw_figures, draw_samples
from scanner.training.prepare import NOT_A_DIGIT, Mixture, OwnSamples, Samples, some_of
from scanner.training.recipes import Recipe, find_recipe
from scanner.training.tuning import (
    CORRECTED_HELD_OUT,
    REHEARSED_HELD_OUT,
    TUNING_EPOCHS,
    TUNING_RATE,
    blend,
    rehearsal,
    start_from,
)

VALIDATION_SEED = 1_000_003  # far from every training seed: no drawn digit is in both
DIGIT_COUNT = 10  # the first classes

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """What `scanner train` can be told.

    `digits`: folders of IDX files or .npz archives; MNIST is downloaded where none is given. `variants`: how often
    each digit is augmented anew before the epochs repeat. `boxed`, `drawn`, `junk`: samples of our own an epoch; these
    four are of no use to the recipes that take digits as they are. Name, epochs and batch size are by default the
    recipe's. `start_from`: a network that is trained on, gently, without forgetting what it can. `measure_tests`: also
    measure the test parts of the sets; leave it off while choosing anything.
    """

    digits: tuple[Path, ...] = ()
    out: Path = Path("models")
    name: str | None = None
    recipe: str = "reader"
    epochs: int | None = None
    seed: int = 1
    variants: int = 10
    boxed: int = 60_000
    drawn: int = 12_000
    junk: int = 14_000
    batch_size: int | None = None
    workers: int | None = None
    measure_tests: bool = True
    start_from: Path | None = None


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What came out: the files (`onnx` is what reading runs), the card as written, a report for each measured set."""

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
    """Train a network, calibrate it, measure it, and write it with its card, history and pictures.

    Raises:
        UsageError: TensorFlow is missing, or there is no such recipe.
        NoInputError: a data set cannot be read.
        OutputError: the files cannot be written.
    """
    recipe = find_recipe(options.recipe)
    name = options.recipe if options.name is None else options.name
    _check_name(name)
    require_tensorflow()
    import keras

    keras.utils.set_random_seed(options.seed)
    model = build(recipe.architecture, len(recipe.classes))
    before = None if options.start_from is None else start_from(model, options.start_from)
    sources = read_sources(options.digits)
    with writing_into(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    with prepare.worker_pool(options.workers) as pool:
        data = (_prepare if recipe.is_reader else _prepare_plainly)(sources, options, pool)
    schedule = _schedule(recipe, options)
    started = None if options.start_from is None else file_sha256(options.start_from)
    files = files_for(options.out, name, (options, [source.sha256 for source in sources], started))
    epochs = _fit(model, data, files, schedule, options.seed)
    if before is not None:
        kept = blend(model, before, [*data.validation.values()])
        log.info("%.0f %% of the way from %s to what was trained", 100 * kept, options.start_from)
    keras_path, onnx_path = save_network(model, options.out, name)
    if recipe.also:
        save_probabilities(model, options.out / recipe.also)
    sha256 = {"onnx": file_sha256(onnx_path), "keras": file_sha256(keras_path)}
    if recipe.is_reader:  # what reads by the hundred million is made small
        onnx_path = quantize(onnx_path, data.variants[0].images)
        sha256["int8"] = file_sha256(onnx_path)
    temperature, threshold = calibrate(onnx_path, prepare.join([*data.validation.values()]), data.real, recipe.classes)
    reports = measure(onnx_path, data.validation | data.tests, temperature)
    card: dict[str, object] = {
        "name": name,
        "version": __version__,
        "created": date.today().isoformat(),
        "classes": recipe.classes,
        "input": "n,28,28 uint8, 255 = ink",
        "normalize_version": NORMALIZE_VERSION,
        "trained_on": data.origins,
        "recipe": options.recipe,
        "seed": options.seed,
        "started_from": None if options.start_from is None else options.start_from.name,
        "epochs": epochs,
        "parameters": model.count_params(),
        "accuracies": {
            name: {"accuracy": round(report.accuracy, 5), "n": report.n} for name, report in reports.items()
        },
        "temperature": round(temperature, 4),
        "accept_threshold": threshold,
        "sha256": sha256,
    }
    card_path = options.out / f"{name}.json"
    write_card(card, card_path)
    with writing_into(options.out):
        draw_curves(files.history, options.out / f"{name}-curves.png")
        draw_samples(data.variants[0], recipe.classes, options.out / f"{name}-samples.png")
        answers = Answers(data.real, softmax(onnx_logits(onnx_path, data.real.images), temperature))
        draw_figures(answers, reports, recipe.classes, options.out / name)
    return TrainResult(keras_path, onnx_path, card_path, card, reports)


def calibrate(onnx_path: Path, validation: Samples, real: Samples, classes: str) -> tuple[float, float]:
    """Temperature of a network, from all validation samples, and its acceptance threshold.

    The threshold comes from `real` digits as people wrote them, plain and read from boxes: our own drawings would
    lower it, our mock scans of single digits, some of which nobody can read, would raise it.
    """
    temperature = fit_temperature(onnx_logits(onnx_path, validation.images), validation.labels)
    scores = in_fields(softmax(onnx_logits(onnx_path, real.images), temperature), classes)
    answers = scores.argmax(axis=1)
    is_read = (answers < DIGIT_COUNT) & (real.labels != NOT_A_DIGIT)  # print is refused by its row, not by the network
    threshold = choose_threshold(scores.max(axis=1)[is_read], (answers == real.labels)[is_read])
    return temperature, min(threshold, 1.0)


def measure(onnx_path: Path, sets: Mapping[str, Samples], temperature: float) -> dict[str, Report]:
    """A report for each set of samples."""
    return {
        name: evaluate(softmax(onnx_logits(onnx_path, samples.images), temperature), samples.labels)
        for name, samples in sets.items()
    }


def _check_name(name: str) -> None:
    if not name or Path(name).name != name:
        raise UsageError(f"{name!r} is no name for a network; give a plain one, and the folder with --out")


def _prepare(sources: Sequence[Source], options: TrainOptions, pool: Executor) -> _Prepared:
    log.info("preparing %d variants of the digits", options.variants)
    rng = np.random.default_rng(options.seed)
    writers_part = WRITERS_HELD_OUT if options.start_from is None else CORRECTED_HELD_OUT
    parts = {source.name: hold_out(source.train, writers_part) for source in sources}
    own = OwnSamples(options.boxed, options.drawn, options.junk)
    variants = prepare.training_variants(
        [training for training, _ in parts.values()],
        Mixture(own) if options.start_from is None else rehearsal(own),
        variants=options.variants,
        seed=options.seed,
        pool=pool,
    )
    validation = _validation(parts, options, pool, rng)
    return _Prepared(
        variants=variants,
        validation=validation,
        real=prepare.join([validation[f"{name} validation{kind}"] for name in parts for kind in ("", ", in boxes")]),
        tests=_tests(sources, options, pool),
        origins=[_origin(source, *parts[source.name]) for source in sources] + _own_origins(options),
    )


def _validation(
    parts: Mapping[str, tuple[DigitSet, DigitSet]], options: TrainOptions, pool: Executor, rng: np.random.Generator
) -> dict[str, Samples]:
    """Held-out digits as given, scanned and in boxes, drawn digits, and junk: what everything is chosen on."""
    sets: dict[str, Samples] = {}
    most = None if options.start_from is None else REHEARSED_HELD_OUT
    for name, (_, every) in parts.items():
        held_out = some_of(every, most, rng)
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


def _prepare_plainly(sources: Sequence[Source], options: TrainOptions, pool: Executor) -> _Prepared:
    """The digits of the sets and nothing else."""
    parts = {source.name: hold_out(source.train) for source in sources}
    validation = {f"{name} validation": prepare.as_given(held_out, pool) for name, (_, held_out) in parts.items()}
    return _Prepared(
        variants=[prepare.join([prepare.as_given(training, pool) for training, _ in parts.values()])],
        validation=validation,
        real=prepare.join(list(validation.values())),
        tests=_tests(sources, options, pool),
        origins=[_origin(source, *parts[source.name]) for source in sources],
    )


def _tests(sources: Sequence[Source], options: TrainOptions, pool: Executor) -> dict[str, Samples]:
    tests = {f"{source.name} test": source.test for source in sources if source.test is not None}
    return {name: prepare.as_given(digits, pool) for name, digits in tests.items() if options.measure_tests}


def _schedule(recipe: Recipe, options: TrainOptions) -> Schedule:
    return Schedule(
        epochs=options.epochs or (recipe.epochs if options.start_from is None else TUNING_EPOCHS),
        batch_size=options.batch_size or recipe.batch_size,
        learning_rate=recipe.learning_rate * (1 if options.start_from is None else TUNING_RATE),
        is_plain=not recipe.is_reader,
        one_hot=recipe.one_hot,
    )


def _fit(model: Model, data: _Prepared, files: FitFiles, schedule: Schedule, seed: int) -> int:
    validation = prepare.join(list(data.validation.values()))
    with writing_into(files.history.parent):
        return fit(model, data.variants, validation, schedule=schedule, seed=seed, files=files)
