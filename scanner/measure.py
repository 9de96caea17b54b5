"""What `scanner evaluate` does: a network against labeled digits, a run against its truth."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanner.digits import normalize
from scanner.errors import OutputError, UsageError
from scanner.fields import BLANK
from scanner.network import Network, in_fields, load_network
from scanner.training.augment import plain_crop
from scanner.training.datasets import DigitSet, read_source
from scanner.training.evaluate import Report, evaluate
from scanner.training.pictures import Answers, draw_figures
from scanner.training.prepare import CLASSES, Samples
from scanner.training.tables import digit_table, run_table
from scanner.truth import ReadCell, compare_run, together

CELL_CLASSES = f"{CLASSES}{BLANK}"
LEAST = 1e-9  # an answer, even where nobody would bet on it


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured: for people, and for programs."""

    text: str
    data: Mapping[str, object]

    def json(self) -> str:
        """The data as JSON."""
        return json.dumps(self.data, indent=2)


def measure_run(run: Path, truths: Sequence[Path]) -> Figures:
    """Compare the folder of a run with truth files.

    Raises:
        NoInputError: a table is missing, or none of this kind.
    """
    if not run.is_dir():
        raise UsageError(f"{run}: is no folder of a run; to measure a network, give --digits")
    compared = compare_run(run, truths)
    everything = compared | {"all": together(list(compared.values()))}
    reports = {name: _report_on(each.cells) for name, each in everything.items()}
    text = run_table({name: each.score for name, each in compared.items()})
    shown = reports if len(compared) > 1 else {name: reports[name] for name in compared}
    cells = digit_table({f"{name}, cells": report for name, report in shown.items()}, CELL_CLASSES)
    data = {name: each.score.as_dict() | {"cells": reports[name].as_dict()} for name, each in everything.items()}
    return Figures(f"{text}\n\n{cells}", data)


def _report_on(cells: Sequence[ReadCell]) -> Report:
    """How good a run is cell by cell, as of a network that gives each cell one answer."""
    scores = np.zeros((len(cells), len(CELL_CLASSES)), np.float32)
    answers = [CELL_CLASSES.index(cell.read) for cell in cells]
    scores[np.arange(len(cells)), answers] = [max(cell.confidence, LEAST) for cell in cells]
    return evaluate(scores, np.array([CELL_CLASSES.index(cell.true) for cell in cells], np.int64))


def measure_network(path: Path, sources: Sequence[Path], *, plots: Path | None = None) -> Figures:
    """Read the test digits of data sets, all of a set that has no test part, as the reader reads a field's.

    Raises:
        ModelError: the network cannot be loaded.
        NoInputError: a data set cannot be read.
        UsageError: two sets have one name, or pictures are wanted, and Matplotlib is missing.
        OutputError: the pictures cannot be written.
    """
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a network, or give --truth to measure a run")
    network = load_network(path)
    sets = [_digits_of(path) for path in sources]
    if twice := [name for name, count in Counter(name for name, _ in sets).items() if count > 1]:
        raise UsageError(f"--digits: two sets are called {twice[0]}; rename one of them")
    answers = {name: _answers(network, digits) for name, digits in sets}
    reports = {name: evaluate(each.scores, each.samples.labels) for name, each in answers.items()}
    if plots is not None:
        _draw(plots, reports, answers, network.card.classes)
    return Figures(
        digit_table(reports, network.card.classes), {name: report.as_dict() for name, report in reports.items()}
    )


def _digits_of(path: Path) -> tuple[str, DigitSet]:
    source = read_source(path)
    return (source.name, source.train) if source.test is None else (f"{source.name} test", source.test)


def _answers(network: Network, digits: DigitSet) -> Answers:
    normalized = np.stack([normalize(plain_crop(ink)) for ink in digits.ink])
    return Answers(Samples(normalized, digits.labels), in_fields(network.scores(normalized), network.card.classes))


def _draw(folder: Path, reports: Mapping[str, Report], answers: Mapping[str, Answers], classes: str) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, each in answers.items():
            draw_figures(each, {name: reports[name]}, classes, folder / name.replace(" ", "-"))
    except ImportError as error:
        raise UsageError(f"drawing needs Matplotlib ({error}): pip install 'scanner[plot]'") from error
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror}); choose another folder") from error
