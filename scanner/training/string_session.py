"""One training session of the network that reads whole lines, from data sets to files."""

import logging
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from scanner import __version__
from scanner.errors import NoInputError
from scanner.network import start_session
from scanner.strings.ctc import LETTERS, likeliest_strings
from scanner.strings.network import LineNetwork
from scanner.strings.picture import PICTURE_VERSION
from scanner.training.backend import require_tensorflow
from scanner.training.curves import draw_curves
from scanner.training.datasets import DigitSet, file_sha256, hold_out, read_sources
from scanner.training.export import save_network, write_card, writing_into
from scanner.training.fit import Schedule, files_for
from scanner.training.prepare import worker_pool
from scanner.training.string_fit import build_string_network, fit_strings
from scanner.training.string_pictures import LineAnswers, draw_line_figures, draw_line_samples
from scanner.training.string_samples import TRUTH, Lines, RealStrings, read_lines, real_lines, written_lines

STRINGS = "strings"  # the name of the recipe
EPOCHS, BATCH_SIZE, LEARNING_RATE, PATIENCE = 60, 32, 1.5e-3, 30
VARIANTS = 30  # of the lines
WRITTEN = 6_000  # lines an epoch that we write with digits of the sets
WRITTEN_HELD_OUT = 1_000
TEXT = 4  # so many times fewer lines of text
REAL_REPEATS = 3  # how often real lines enter an epoch, each time varied
VALIDATION_SEED = 1_000_003  # far from the numbers of the variants
REAL_HELD_OUT = 1 / 9  # of the real lines

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StringOptions:
    """What `scanner train --recipe strings` can be told; the same words as for digits.

    `lines`: folders with `images` of real lines and a `truth.json` of their numbers. `written`: lines an epoch that are
    written with the digits of the sets, made anew so often as `variants` says.
    """

    digits: tuple[Path, ...] = ()
    lines: tuple[Path, ...] = ()
    out: Path = Path("models")
    name: str = STRINGS
    epochs: int | None = None
    batch_size: int | None = None
    seed: int = 1
    variants: int | None = None
    written: int = WRITTEN
    workers: int | None = None


@dataclass(frozen=True, slots=True)
class StringResult:
    """What came out: the files, the card as written, the part of the held-out lines read without a mistake, by set."""

    keras: Path
    onnx: Path
    card: Mapping[str, object]
    accuracies: Mapping[str, float]


def train_strings(options: StringOptions) -> StringResult:
    """Train a network that reads lines, and write it with its card and curves.

    Raises:
        UsageError: TensorFlow is missing.
        NoInputError: a data set cannot be read, or has none of the digits.
        OutputError: the files cannot be written.
    """
    require_tensorflow()
    import keras

    keras.utils.set_random_seed(options.seed)
    sources = read_sources(options.digits)
    real = [read_lines(folder) for folder in options.lines]
    rng = np.random.default_rng(options.seed)
    parts = [hold_out(source.train) for source in sources]
    if any(len(held_out) == 0 for _, held_out in parts):
        raise NoInputError("too few digits to hold some out for validation; give a larger set")
    real_parts = [_hold_out_lines(each, rng) for each in real]
    with writing_into(options.out):
        options.out.mkdir(parents=True, exist_ok=True)
    variety = options.variants or VARIANTS
    log.info("writing %d times %d lines", variety, options.written)
    with worker_pool(options.workers) as pool:
        variants = [
            _epoch_lines([each for each, _ in parts], [each for each, _ in real_parts], options, number, pool)
            for number in range(variety)
        ]
        held_out_digits = [each for _, each in parts]
        held_out = {
            "written": _held_out_lines(held_out_digits, options, pool),
            "text": _held_out_lines(held_out_digits, options, pool, is_text=True),
        }
        for folder, (_, some) in zip(options.lines, real_parts, strict=True):
            held_out[folder.name] = real_lines(some, pool)
    validation = sum(held_out.values(), Lines([], []))
    model = build_string_network()
    truths = [file_sha256(folder / TRUTH) for folder in options.lines]
    files = files_for(options.out, options.name, (options, [source.sha256 for source in sources], truths))
    schedule = Schedule(options.epochs or EPOCHS, options.batch_size or BATCH_SIZE, LEARNING_RATE, PATIENCE)
    with writing_into(options.out):
        epochs = fit_strings(model, variants, validation, schedule=schedule, seed=options.seed, files=files)
    keras_path, onnx_path = save_network(model, options.out, options.name, example=validation.pictures[0][None])
    network = LineNetwork(start_session(onnx_path.read_bytes(), onnx_path))
    answers = {name: _answers(lines, network) for name, lines in held_out.items()}
    accuracies = {name: each.report().accuracy for name, each in answers.items()}
    card: dict[str, object] = {
        "name": options.name,
        "version": __version__,
        "created": date.today().isoformat(),
        "input": "n,32,w uint8, 255 = ink",
        "picture_version": PICTURE_VERSION,
        "trained_on": [
            *({"name": each.name, "digits": len(some)} for each, (some, _) in zip(sources, parts, strict=True)),
            *(
                {"name": f.name, "lines": len(some.texts)}
                for f, (some, _) in zip(options.lines, real_parts, strict=True)
            ),
            {"name": "written", "lines": options.written * variety},
        ],
        "recipe": STRINGS,
        "seed": options.seed,
        "epochs": epochs,
        "parameters": model.count_params(),
        "accuracies": {
            name: {"accuracy": round(part, 4), "n": len(held_out[name])} for name, part in accuracies.items()
        },
        "sha256": {"onnx": file_sha256(onnx_path), "keras": file_sha256(keras_path)},
    }
    write_card(card, options.out / f"{options.name}.json")
    with writing_into(options.out):
        draw_curves(files.history, options.out / f"{options.name}-curves.png")
        draw_line_samples(variants[0], options.out / f"{options.name}-samples.png")
        draw_line_figures(answers, options.out / options.name)
    return StringResult(keras_path, onnx_path, card, accuracies)


def _hold_out_lines(real: RealStrings, rng: np.random.Generator) -> tuple[RealStrings, RealStrings]:
    order = rng.permutation(len(real.texts))
    count = round(len(order) * REAL_HELD_OUT)
    return real.take(np.sort(order[count:])), real.take(np.sort(order[:count]))


def _held_out_lines(
    sets: Sequence[DigitSet], options: StringOptions, pool: Executor, *, is_text: bool = False
) -> Lines:
    count = min(WRITTEN_HELD_OUT, options.written) // (TEXT if is_text else 1)
    return written_lines(sets, count, (options.seed, VALIDATION_SEED), pool, is_text=is_text)


def _answers(lines: Lines, network: LineNetwork) -> LineAnswers:
    found = [(likeliest_strings(frames) or [("", 0.0)])[0] for frames in network.frames(lines.pictures)]
    merged = [re.sub(f"{LETTERS}+", LETTERS, text) for text in lines.texts]  # words side by side are one
    return LineAnswers(lines, merged, [text for text, _ in found], np.array([part for _, part in found], np.float64))


def _epoch_lines(
    sets: Sequence[DigitSet], real: Sequence[RealStrings], options: StringOptions, number: int, pool: Executor
) -> Lines:
    lines = written_lines(sets, options.written, (options.seed, number), pool)
    lines += written_lines(sets, options.written // TEXT, (options.seed, number), pool, is_text=True)
    for place, each in enumerate(real):
        for repeat in range(REAL_REPEATS):
            lines += real_lines(each, pool, seed=(options.seed, number, place, repeat))
    return lines
