"""The morning report: what it counts, what it says of a drop, and that no name in it does anything."""

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

from scanner.fields import FieldReading
from scanner.ledger import RunRow
from scanner.pipeline import PageFailure, PageReading, PageResult
from scanner.report import Tally, write_report
from scanner.report.write import drop_in


def field(status: str = "accepted", confidence: float = 0.9995, name: str = "r01f01") -> FieldReading:
    reason = "low_confidence" if status == "review" else ""
    return FieldReading(name, "7", confidence, status, reason, "7", (confidence,), (0, 0, 9, 9), (), crop="crops/a.png")


def row(accepted: int = 90, review: int = 10, pages: int = 50, failed: int = 0) -> RunRow:
    return RunRow("2026-11-20T02:00:00+00:00", "2026-11-20T02:10:00+00:00", 0, pages, failed, accepted, review, 5, 9.5)


def tallied(results: list[PageResult]) -> Tally:
    tally = Tally()
    assert list(tally.see(iter(results))) == results
    return tally


def report(folder: Path, tally: Tally, runs: list[RunRow]) -> str:
    write_report(folder / "report.html", "numbers", tally, runs, folder)
    return (folder / "report.html").read_text()


class Outside(HTMLParser):
    """Collects what a page would fetch, and its scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "link", "iframe"):
            self.found.append(tag)
        self.found += [
            value or "" for name, value in attrs if name in ("src", "href") and not (value or "").startswith("data:")
        ]


def test_everything_is_counted_once() -> None:
    tally = tallied(
        [
            PageReading("a.png", 1, (field(), field("review", 0.7), field("blank", 0.999)), 0.5),
            PageReading("b.png", 1, (field("accepted", 0.96, "total"),), 1.5, "exam"),
            PageReading("c.png", 1, (), 0.1, reason="no_fields"),
            PageFailure("d.png", 1, "damaged", "half", 0.2),
        ]
    )
    assert (tally.total.pages, tally.total.fields, tally.seconds) == (3, 4, pytest.approx(2.3))
    assert tally.total.straight_through == pytest.approx(2 / 3)
    assert (tally.failed, tally.troubles) == ({"damaged": 1}, {"no_fields": 1})
    assert {name: part.pages for name, part in tally.forms.items()} == {"": 2, "exam": 1}
    assert tally.by_field["", "r01f01"].reasons == {"low_confidence": 1}
    assert tally.confidences == {"accepted": [0, 0, 0, 0, 1, 0, 0, 0, 1], "review": [0, 1, 0, 0, 0, 0, 0, 0, 0]}
    assert tally.slowest[0] == (1.5, "b.png", 1)
    assert [(page.file, page.review) for page in tally.doubtful] == [("a.png", 1)]


def test_its_size_does_not_grow_with_the_pages() -> None:
    def many() -> Iterator[PageResult]:
        for number in range(3000):
            yield PageReading(
                f"{number}.png", 1, (field("review", 0.5 + number / 10_000),) * (1 + number % 3), number / 1e4
            )
            yield PageFailure(f"{number}.jpg", 0, "damaged", "", 0.0)

    tally = Tally()
    for _ in tally.see(many()):
        pass
    assert (len(tally.failures), len(tally.slowest), len(tally.doubtful)) == (24, 10, 10)
    assert tally.slowest[0][1] == "2999.png"
    assert [page.file for page in tally.doubtful][:2] == ["2.png", "5.png"], (
        "the least sure of those with most to review"
    )


def test_an_empty_run_has_a_report(tmp_path: Path) -> None:
    assert "numbers" in report(tmp_path, Tally(), [])


def test_it_fetches_nothing_and_runs_nothing_whatever_files_are_called(tmp_path: Path) -> None:
    evil = '<script>alert(1)</script>"><img src=x onerror=alert(1)>.png'
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops" / "a.png").write_bytes(b"\x89PNG")
    tally = tallied(
        [PageReading(evil, 1, (field("review", 0.2, evil),), 0.1), PageFailure(evil, 1, evil, evil, 0.1, evil)]
    )
    text = report(tmp_path, tally, [row(), row()])
    outside = Outside()
    outside.feed(text)
    assert outside.found == []
    assert "<script" not in text
    assert "data:image/png;base64,iVBORw==" in text
    assert "cannot be shown" in text


def test_a_clear_drop_is_told_and_chance_is_not(tmp_path: Path) -> None:
    before = [row()] * 5
    assert drop_in([row(accepted=88, review=12), *before]) == ""
    assert drop_in([row(accepted=60, review=40), *before]).startswith(
        "60.0 % of the fields of the last run need no person, 90.0 %"
    )
    assert drop_in([row(failed=10), *before]) == "16.7 % of its pages failed, 0.0 % before"
    assert drop_in([row(accepted=1, review=5, pages=3), *before]) == "", "too few to say"
    assert drop_in([row()]) == drop_in([]) == ""
    assert "Worse than before" in report(tmp_path, tallied([]), [row(accepted=60, review=40), *before])
