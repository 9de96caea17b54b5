"""What `scanner evaluate` does: a network against labeled digits, a run against its truth."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scanner.digits import normalize
from scanner.errors import OutputError, UsageError
from scanner.network import Network, in_fields, load_network
from scanner.training.augment import plain_crop
from scanner.training.datasets import DigitSet, read_source
from scanner.training.evaluate import Report, evaluate
from scanner.training.pictures import Answers, draw_figures
from scanner.training.prepare import Samples
from scanner.training.tables import digit_table, run_table
from scanner.truth import Score, score_run


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
    scores = score_run(run, truths)
    everything = scores | {"all": sum(scores.values(), Score())}
    return Figures(run_table(scores), {name: score.as_dict() for name, score in everything.items()})


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
