"""Figures of a network or of a run as text."""

from collections.abc import Iterator, Mapping

import numpy as np

from scanner.training.evaluate import Report
from scanner.truth import Score

MOST_MISTAKES = 8


def digit_table(reports: Mapping[str, Report], classes: str) -> str:
    """All reports, a line a set, then what each confuses and what it rejects."""
    lines = [f"{'':32}{'n':>8}{'right %':>9}{'ECE %':>8}{'(95 %)':>14}{'sure %':>8}{'of these wrong %':>18}"]
    for name, report in reports.items():
        low, high = (100 * end for end in report.calibration_interval)
        sure = round(report.sure_coverage * report.n) if report.n else 0
        wrong = f"{100 * report.sure_wrong / sure:.3f}" if sure else "-"
        lines.append(
            f"{name[:31]:32}{report.n:8,}{100 * report.accuracy:9.2f}{100 * report.calibration_error:8.2f}"
            f"{f'{low:.2f} - {high:.2f}':>14}{100 * report.sure_coverage:8.2f}{wrong:>18}"
        )
    for name, report in reports.items():
        lines += ["", name, *_details(report, classes)]
    return "\n".join(lines)


def _details(report: Report, classes: str) -> Iterator[str]:
    parts = zip(classes, report.class_accuracy, strict=True)
    yield "  right by class, %: " + "  ".join(f"{each} {100 * part:.1f}" for each, part in parts if not np.isnan(part))
    mistakes = _mistakes(report, classes)
    if mistakes:
        yield "  mistakes, truth > answer: " + ", ".join(mistakes)
    yield "  confidence below   to a person, %   wrong of the rest, %"
    for point in report.reject_curve:
        yield f"  {point.threshold:16}{100 * point.rejected:17.2f}{100 * point.wrong:23.3f}"


def _mistakes(report: Report, classes: str) -> list[str]:
    """The most frequent ones, and how often."""
    wrong = report.confusion - np.diag(report.confusion.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:MOST_MISTAKES]
    pairs = ((*np.unravel_index(place, wrong.shape), int(wrong.flat[place])) for place in order)
    return [f"{classes[truth]} > {classes[answer]}: {count}" for truth, answer, count in pairs if count]


def run_table(scores: Mapping[str, Score]) -> str:
    """Scores of a run, a line each, and all of them together."""
    heads = ("fields", "found", "digits right", "exact", "straight through", "accepted wrong", "false", "pages failed")
    lines = [f"{'':24}" + "".join(f"{head:>18}" for head in heads)]
    for name, score in (dict(scores) | {"all": sum(scores.values(), Score())}).items():
        wrong = score.accepted_wrong + score.accepted_false
        columns = (
            *(f"{score.truth:,}", _part(score.found, score.truth), _part(score.right, score.digits)),
            *(_part(score.exact, score.truth), _part(score.accepted - wrong, score.truth)),
            *(f"{wrong}", f"{score.false}", f"{score.failed}"),
        )
        lines.append(f"{name[:23]:24}" + "".join(f"{column:>18}" for column in columns))
    return "\n".join(lines)


def _part(count: int, whole: int) -> str:
    return f"{100 * count / whole:.2f} %" if whole else "-"
