"""What --target-error promises: it holds, it refuses where too little is verified, and it decides what is accepted."""

import csv
import json
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from scanner.cli import app
from scanner.errors import UsageError
from scanner.fields import FieldReading
from scanner.ledger import Ledger, ReadField
from scanner.network import load_network, shipped
from scanner.opening import signature_of
from scanner.order import Order, make_kit
from scanner.pipeline import PageFailure, PageReading
from scanner.publish import open_review, publish_again
from scanner.review.book import Book, FieldKey, Verdict, place_in_sample
from scanner.review.desk import Desk
from scanner.review.guarantee import (
    Guarantee,
    choose_threshold,
    drawn_by_lot,
    fields_needed,
    make_guarantee,
    quality_of,
    wrong_bound,
)
from scanner.run import run
from scanner.task import PageDone, Read, perform
from scanner.training.refit import refit

SAMPLES = Path(__file__).parent.parent / "samples"
NAME = ("form", "number")


def drawn(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Fields as they are: most are sure; how sure they are tells how often they are right, if not quite honestly."""
    confidence = 1 - rng.beta(0.4, 12, count)
    return confidence, rng.random(count) < confidence**1.2


def test_the_bound_is_that_of_clopper_and_pearson() -> None:
    assert wrong_bound(0, 100, 0.05) == pytest.approx(1 - 0.05**0.01)
    assert wrong_bound(3, 1000, 0.05) == pytest.approx(0.00774, abs=1e-4)
    assert wrong_bound(5, 5, 0.05) == 1.0
    assert fields_needed(0.01, 0.05) == 299


def test_too_little_is_refused_with_how_much_is_needed() -> None:
    confidence = np.ones(100)
    with pytest.raises(UsageError, match=r"100 fields were verified by lot, 0 of them wrong, at least [\d,]+ more"):
        make_guarantee([NAME] * 100, confidence, np.ones(100, bool), 0.001)
    with pytest.raises(UsageError, match="too many even among the surest"):
        make_guarantee([NAME] * 9000, np.ones(9000), np.arange(9000) % 10 > 0, 0.001)
    with pytest.raises(UsageError, match="0 fields were verified"):
        make_guarantee([], np.zeros(0), np.zeros(0, bool), 0.01)


def test_where_all_are_right_all_are_accepted() -> None:
    confidence = np.linspace(0.5, 1, 4000)
    found = make_guarantee([NAME] * 4000, confidence, np.ones(4000, bool), 0.002)
    assert found.straight_through == 1
    assert found.default == 0.5


def test_the_error_asked_for_is_kept_in_nearly_all_draws() -> None:
    """On fields whose truth is known: of 100 draws at most a few may break the promise, 5 by design."""
    target, broken, accepted = 0.01, 0, []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        confidence, is_right = drawn(rng, 2000)
        threshold = choose_threshold(confidence, is_right, target, 0.05)
        if threshold is None:
            continue
        new, right = drawn(rng, 100_000)
        above = new >= threshold
        accepted.append(above.mean())
        broken += (~right[above]).mean() > target
    assert broken <= 5
    assert len(accepted) > 80
    assert np.mean(accepted) > 0.3


def test_a_field_of_its_own_kind_has_its_own_threshold() -> None:
    rng = np.random.default_rng(1)
    good, bad = ("form", "good"), ("form", "bad")
    confidence = np.concatenate([1 - rng.beta(0.4, 12, 3000)] * 2)
    is_right = np.concatenate([np.ones(3000, bool), rng.random(3000) < 0.9])
    found = make_guarantee([good] * 3000 + [bad] * 3000, confidence, is_right, 0.01)
    assert found.thresholds[good] == confidence[:3000].min()
    assert found.thresholds[bad] > 1  # none of them


def field(name: str, confidence: float, reason: str = "", status: str = "accepted") -> FieldReading:
    return FieldReading(name, "12", confidence, status, reason, "12", (1.0, 1.0), (1, 2, 3, 4), ())


@pytest.mark.parametrize("each", [400, 450, 600, 900, 2000])
def test_more_that_is_verified_never_makes_it_refuse(each: int) -> None:
    names = [("form", f"field{number}") for number in range(8) for _ in range(each)]
    confidence = np.tile(np.linspace(0.9, 1, each), 8)
    found = make_guarantee(names, confidence, np.ones(len(names), bool), 0.01)
    assert found.straight_through > 0.9


def test_what_nobody_has_looked_at_yet_takes_no_promise_away(tmp_path: Path) -> None:
    inbox, out = tmp_path / "in", tmp_path / "out"
    inbox.mkdir()
    shutil.copy(SAMPLES / "exam" / "clean.png", inbox)
    shutil.copy(SAMPLES / "exam" / "photo.jpg", inbox)
    run([inbox], out)
    verify_all(out)
    before = run([inbox], out, Order(target_error=0.4)).guarantee
    shutil.copy(SAMPLES / "exam" / "fax.tif", inbox)
    assert run([inbox], out, Order(target_error=0.4)).guarantee.split(":")[0] == before.split(":")[0]
    with desk_of(out) as desk:
        desk.say("ada", desk.next("ada")[0].id, "?")
    assert run([inbox], out, Order(target_error=0.4)).guarantee.split(":")[0] == before.split(":")[0]


def test_another_network_is_judged_by_what_it_has_read_itself(tmp_path: Path) -> None:
    """One network made half as sure of everything, as `scanner calibrate` may write it."""
    scans, out = [SAMPLES / "exam" / name for name in ("clean.png", "photo.jpg", "fax.tif")], tmp_path / "out"
    for name in ("reader.json", "reader-int8.onnx"):
        shutil.copy(shipped("reader").parent / name, tmp_path)
    card = json.loads((tmp_path / "reader.json").read_text())
    (tmp_path / "reader.json").write_text(json.dumps(card | {"temperature": 2 * card["temperature"]}))
    run(scans, out)
    verify_all(out)
    before = run(scans, out, Order(target_error=0.3))
    order = Order(target_error=0.3, model=tmp_path / "reader")
    first, again = run(scans, out, order), run(scans, out, order)
    assert (first.new, again.new) == (3, 0)
    assert (first.guarantee, first.accepted) == (again.guarantee, again.accepted)
    assert "by 0 verified" not in first.guarantee
    assert before.accepted > 0


def test_where_the_promise_can_be_kept_no_more_nothing_is_accepted(tmp_path: Path) -> None:
    scan, out = [SAMPLES / "exam" / "clean.png", SAMPLES / "exam" / "photo.jpg"], tmp_path / "out"
    run(scan, out)
    verify_all(out)
    assert run(scan, out, Order(target_error=0.4)).accepted > 0
    with desk_of(out) as desk:  # people find nearly all of it wrong
        for _ in range(1000):
            if desk.undo("ada") is None:
                break
        for item in desk.next("ada", 1000):
            desk.say("ada", item.id, "9" * len(item.reading.cells), is_certain=True)
    assert publish_again(out).accepted == 0


def test_many_runs_that_nobody_looked_at_take_no_promise_away() -> None:
    """Fields of two runs are all verified; of forty more none is, but those of the last that came first by lot."""
    fields, said = [], []
    for number in range(500):
        run_number = number // 100 if number < 200 else 2 + number % 40
        at = f"2026-01-01T{run_number:02d}:00"
        read = ReadField(f"{number:064d}", 1, "", "f", "12", 0.9, "accepted", "", (0, 0, 9, 9), at)
        fields.append(read)
        if number < 200:
            key = FieldKey(read.digest, 1, "", "f")
            said.append(Verdict(key, "12", "12", True, True, "12", "12", "accepted", read.box, "ada", "key", at))
    ledger = SimpleNamespace(
        read_fields=lambda: iter(fields),
        runs=lambda: [SimpleNamespace(ended=f"2026-01-01T{number:02d}:30") for number in reversed(range(42))],
    )
    book = SimpleNamespace(all=lambda: iter(said))
    found = drawn_by_lot(ledger, book)  # type: ignore[arg-type]
    assert {each.key for each in found} == {verdict.key for verdict in said}
    places = [place_in_sample(each.key) for each in found]
    assert places == sorted(places)
    said.pop()
    left = FieldKey(fields[199].digest, 1, "", "f")
    fewer = {each.key for each in drawn_by_lot(ledger, book)}  # type: ignore[arg-type]
    assert fewer in (
        {verdict.key for verdict in said if place_in_sample(verdict.key) < place_in_sample(left)},
        {verdict.key for verdict in said[:100]},
    )
    assert len(fewer) >= 100


def test_the_quality_of_what_is_accepted_does_not_wait_for_what_is_in_review(tmp_path: Path) -> None:
    out = tmp_path / "out"
    summary = run([SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "fax.tif"], out, Order(min_confidence=0.9995))
    assert min(summary.review, summary.accepted) > 3
    with desk_of(out) as desk:
        for item in desk.next("ada", 1000):
            if item.purpose == "sample":
                desk.say("ada", item.id, item.reading.value, is_certain=True)
    with closing(Ledger(out, to_look=True)) as ledger, closing(Book(out)) as book:
        quality = quality_of(ledger, book)
    assert quality is not None
    assert (quality.verified, quality.wrong) == (summary.accepted, 0)


def test_what_may_be_sent_to_review_yet_has_its_crop(tmp_path: Path) -> None:
    kit, _, _ = make_kit(Order(target_error=0.01))
    path = SAMPLES / "exam" / "clean.png"
    done = perform(Read(path, path.name, 1, "d" * 64, signature_of(path)), kit)
    assert isinstance(done, PageDone)
    assert isinstance(done.result, PageReading)
    has_crop = {(each.status, each.crop in done.pictures) for each in done.result.fields}
    assert has_crop == {("accepted", True), ("review", True)}


def test_what_goes_to_review_after_all_has_its_crop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scan, out = [SAMPLES / "exam" / "clean.png"], tmp_path / "out"
    assert run(scan, out).accepted > 0
    never = Guarantee(0.01, {}, 2.0, 500, 0.0, 1.0)
    monkeypatch.setattr("scanner.run.guarantee_for", lambda *_: never)
    strict = run(scan, out, Order(target_error=0.01))
    assert (strict.new, strict.accepted) == (1, 0)
    with (out / "review.csv").open() as file:
        assert all((out / row["crop"]).is_file() for row in csv.DictReader(file))
    assert run(scan, out, Order(target_error=0.01)).new == 0


def test_the_desk_has_what_review_csv_has(tmp_path: Path) -> None:
    inbox, out = [SAMPLES / "exam"], tmp_path / "out"
    run(inbox, out)
    verify_all(out)
    (tmp_path / "more").mkdir()
    shutil.copy(SAMPLES / "survey" / "clean.png", tmp_path / "more")
    run([*inbox, tmp_path / "more"], out, Order(target_error=0.3))
    with (out / "review.csv").open() as file:
        review = {(row["file"], row["field"]) for row in csv.DictReader(file)}
    with open_review(out) as (_, open_desk):
        desk = open_desk()
        shown = {(item.page.file, item.reading.name) for item in desk.next("ada", 1000)}
        desk.close()
    assert shown == review


def verify_all(out: Path) -> None:
    with desk_of(out) as desk:
        for item in desk.next("ada", 1000):
            typed = item.reading.value if "?" not in item.reading.cells else "?"
            desk.say("ada", item.id, typed or "_", is_certain=True)


@contextmanager
def desk_of(out: Path) -> Iterator[Desk]:
    desk = Desk(out, sample=1.0)
    yield desk
    desk.close()


def test_thresholds_decide_what_they_may_and_nothing_else() -> None:
    names = [NAME] * 4000
    confidence = np.linspace(0.5, 1, 4000)
    is_right = confidence > 0.7
    found = make_guarantee(names, confidence, is_right, 0.01)
    page = PageReading(
        "a.png",
        1,
        (
            field("number", 0.99, "low_confidence", "review"),
            field("number", 0.5),
            field("number", 0.99, "ink_on_frame", "review"),
            field("number", 0.99, "", "blank"),
        ),
        0.1,
        "form",
    )
    judged = found.judged(page)
    assert isinstance(judged, PageReading)
    assert [(each.status, each.reason) for each in judged.fields] == [
        ("accepted", ""),
        ("review", "low_confidence"),
        ("review", "ink_on_frame"),
        ("blank", ""),
    ]
    failure = PageFailure("a.png", 1, "damaged", "", 0.1)
    assert found.judged(failure) is failure


def test_a_run_keeps_the_error_by_what_people_have_verified(tmp_path: Path) -> None:
    inbox, out = tmp_path / "in", tmp_path / "out"
    shutil.copytree(SAMPLES / "exam", inbox)
    with pytest.raises(UsageError, match="0 fields were verified"):
        run([inbox], out, Order(target_error=0.2))
    run([inbox], out)
    desk = Desk(out, sample=1.0)
    for item in desk.next("ada", 1000):
        typed = item.reading.value if "?" not in item.reading.cells else "?"
        desk.say("ada", item.id, typed or "_", is_certain=True)
    desk.close()
    summary = run([inbox], out, Order(target_error=0.3))
    assert summary.guarantee.startswith("at most 30 % of the accepted are wrong, with 95 % confidence, by ")
    assert summary.new == 0  # the readings are the same
    with pytest.raises(UsageError, match=r"at least [\d,]+ more are needed"):
        run([inbox], out, Order(target_error=0.001))
    assert (
        "that people have looked at by lot, 0\nwere wrong; of all between 0.00 % and"
        in (out / "report.html").read_text()
    )


def test_the_command_tells_what_is_asked_for_in_vain(tmp_path: Path) -> None:
    for options in (["--target-error", "0"], ["--target-error", "0.01", "--min-confidence", "0.5"]):
        result = CliRunner().invoke(app, ["read", str(SAMPLES / "exam"), "-o", str(tmp_path / "out"), *options])
        assert result.exit_code == 2


def test_a_network_is_fitted_to_what_was_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, models = tmp_path / "out", tmp_path / "models"
    run([SAMPLES / "exam" / "clean.png"], out)
    desk = Desk(out, sample=1.0)
    for item in desk.next("ada", 1000):
        typed = item.reading.value if "?" not in item.reading.cells else "?"
        desk.say("ada", item.id, typed or "_", is_certain=True)
    desk.close()
    with pytest.raises(UsageError, match=r"verified by lot, [\d,]+ more are needed"):
        refit(out, models, "mine")
    monkeypatch.setattr("scanner.training.refit.FEWEST", 5)
    monkeypatch.setattr("scanner.training.refit.FEWEST_FOR_THRESHOLD", 6)
    found = refit(out, models, "mine")
    network = load_network(models / "mine")
    assert network.card.temperature == pytest.approx(found.temperature[1], abs=1e-4)
    assert network.card.accept_threshold == found.threshold[1]
    result = CliRunner().invoke(app, ["calibrate", str(out), "--out", str(models)])
    assert result.stdout.startswith(str(models / "calibrated.json"))
    assert run([SAMPLES / "exam" / "clean.png"], out, Order(model=models / "calibrated")).new == 1
