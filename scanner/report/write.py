"""The report as a file: totals, what failed, what is doubtful, and how the last run compares with those before."""

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from scanner.fields import ACCEPTED, REVIEW
from scanner.ledger import RunRow
from scanner.report.tally import CONFIDENCES, Tally
from scanner.review.guarantee import Quality

SHOWN_RUNS = 14
SHOWN_FIELDS = 40
CLEAR_DROP = 3.0  # standard errors: so rarely by chance
LEAST_DROP = 0.02  # and so much that a person would care
FEWEST_FIELDS = 20


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of the histogram: its label, and how many fields were accepted and not."""

    label: str
    accepted: int
    review: int


def write_report(
    path: Path, title: str, tally: Tally, runs: Sequence[RunRow], output: Path, quality: Quality | None = None
) -> None:
    """Write the report.

    Args:
        path: the HTML file.
        title: what it is of.
        tally: what has gone into the tables.
        runs: those of the folder that read anything, the last one first.
        output: the folder in which the pictures lie; they go into the file.
        quality: what people have found of the accepted fields; None where they have not looked.

    Raises:
        OSError: it cannot be written.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    pages = Environment(
        loader=PackageLoader("scanner.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {
        "share": _share,
        "fine_share": _fine_share,
        "number": _number,
        "when": _when,
        "picture": lambda name: _picture(output, name),
    }
    facts: dict[str, Any] = {
        "title": title,
        "tally": tally,
        "bars": _bars(tally),
        "runs": runs[:SHOWN_RUNS],
        "drop": drop_in(runs),
        "quality": quality,
        "fields": sorted(tally.by_field.items(), key=lambda item: -item[1].statuses[REVIEW])[:SHOWN_FIELDS],
        "more_fields": max(len(tally.by_field) - SHOWN_FIELDS, 0),
    }
    text = pages.get_template("report.html").render(facts)
    path.write_text(text, encoding="utf-8", errors="backslashreplace")  # the folder's name may be anything


def _bars(tally: Tally) -> list[Bar]:
    ends = [*CONFIDENCES[1:], 1.0]
    counts = zip(CONFIDENCES, ends, tally.confidences[ACCEPTED], tally.confidences[REVIEW], strict=True)
    return [Bar(f"{low:g}-{high:g}", accepted, review) for low, high, accepted, review in counts]


def drop_in(runs: Sequence[RunRow]) -> str:
    """What became clearly worse from the runs before to the last one, in a sentence; empty where nothing did."""
    if len(runs) < 2:
        return ""
    last, before = runs[0], runs[1:SHOWN_RUNS]
    accepted, review = sum(run.accepted for run in before), sum(run.review for run in before)
    failed, pages = sum(run.failed for run in before), sum(run.failed + run.pages for run in before)
    told = []
    if _is_worse(last.review, last.accepted + last.review, review, accepted + review):
        was, now = _share(accepted / (accepted + review)), _share(last.straight_through)
        told.append(f"{now} of the fields of the last run need no person, {was} of those before")
    if _is_worse(last.failed, last.failed + last.pages, failed, pages):
        was, now = _share(failed / pages), _share(last.failed / (last.failed + last.pages))
        told.append(f"{now} of its pages failed, {was} before")
    return "; ".join(told)


def _is_worse(bad: int, count: int, bad_before: int, count_before: int) -> bool:
    """Whether a part has grown by more than chance, and by more than nobody cares about (two proportions, pooled)."""
    if min(count, count_before) < FEWEST_FIELDS:
        return False
    pooled = (bad + bad_before) / (count + count_before)
    error = math.sqrt(pooled * (1 - pooled) * (1 / count + 1 / count_before))
    grown = bad / count - bad_before / count_before
    return grown > max(CLEAR_DROP * error, LEAST_DROP)


def _share(part: float | None) -> str:
    return "-" if part is None else f"{100 * part:.1f} %"


def _fine_share(part: float) -> str:
    return f"{100 * part:.2f} %"


def _number(count: int) -> str:
    return f"{count:,}"


def _when(time: str) -> str:
    """A time of the ledger, as the clock on the wall says it."""
    return f"{datetime.fromisoformat(time).astimezone():%Y-%m-%d %H:%M}"


def _picture(output: Path, name: str) -> str:
    """A picture of the output folder as a URL that holds it; empty where there is none."""
    if not name:
        return ""
    try:
        data = base64.b64encode((output / name).read_bytes()).decode()
    except OSError:  # somebody cleared it away
        return ""
    return f"data:image/{'png' if name.endswith('.png') else 'jpeg'};base64,{data}"
