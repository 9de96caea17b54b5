"""Runs: what is read is read once, whatever happens in between; the tables are exports of the ledger."""

import csv
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import scanner.shift
from scanner.engine import Engine
from scanner.errors import NoInputError, OutputError, RunningError, UsageError
from scanner.export import RunSummary
from scanner.ledger import Ledger
from scanner.order import Chores, Order
from scanner.page import discover, load_page
from scanner.plan import plan_files
from scanner.report import write_report
from scanner.review import Book, FieldKey, Verdict
from scanner.run import preview, run
from scanner.staging import output_folder
from scanner.status import status_of

SAMPLES = Path(__file__).parent.parent / "samples"
PAST = 1_600_000_000  # files so old are surely settled


def write_page(path: Path, seed: int = 0) -> Path:
    """A page of noise, small: it is read in no time, and no two seeds have the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(seed).integers(200, 256, (48, 64)).astype(np.uint8)
    cv2.imwrite(str(path), noise)
    os.utime(path, (PAST, PAST))
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """A folder of three small pages."""
    for number in range(3):
        write_page(tmp_path / "inbox" / f"{number}.png", number)
    return tmp_path / "inbox"


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def pages(out: Path) -> list[list[str]]:
    """File, page, status and reason of each row of pages.csv."""
    with (out / "pages.csv").open(newline="") as file:
        return [[row["file"], row["page"], row["status"], row["reason"]] for row in csv.DictReader(file)]


def tables(out: Path) -> dict[str, str]:
    """All tables, without the seconds that pages took."""
    found = {path.name: path.read_text() for path in out.glob("*.csv")}
    with (out / "pages.csv").open(newline="") as file:
        rows = [row | {"seconds": ""} for row in csv.DictReader(file)]
    return found | {"pages.csv": str(rows)}


def read_in_another_process(*arguments: str) -> subprocess.Popen[bytes]:
    environment = os.environ | {"PYTHONPATH": str(SAMPLES.parent)}
    command = [sys.executable, "-m", "scanner", "read", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


# --- again, and more


def test_a_ledger_that_was_taken_away_meanwhile_is_noticed(inbox: Path, out: Path) -> None:
    with pytest.raises(OutputError, match=r"run\.db: was removed during the run; the tables are complete"):
        run([inbox], out, progress=lambda *_: (out / "run.db").unlink(missing_ok=True))
    assert len(pages(out)) == 3


def test_what_is_read_is_not_read_again(inbox: Path, out: Path) -> None:
    assert run([str(inbox)], str(out)).new == 3
    before = tables(out), (out / "pages.csv").read_bytes()
    again = run([inbox], out)
    assert (again.new, again.pages) == (0, 3)
    assert (tables(out), (out / "pages.csv").read_bytes()) == before  # the seconds, too, are those of the reading


def test_what_is_new_is_added_and_what_has_changed_is_replaced(inbox: Path, out: Path) -> None:
    run([inbox], out)
    write_page(inbox / "10.png", 10)
    assert run([inbox], out).new == 1
    write_page(inbox / "1.png", 11)
    assert run([inbox], out).new == 1
    assert [row[0] for row in pages(out)] == ["0.png", "1.png", "2.png", "10.png"]


def test_a_file_is_known_wherever_the_command_is_given(inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run([inbox], out)
    monkeypatch.chdir(inbox.parent)
    assert run([Path("inbox")], Path("out")).new == 0


def test_a_renamed_file_is_not_read_again(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (inbox / "1.png").rename(inbox / "one.png")
    assert run([inbox], out, chores=Chores(prune=True)).new == 0
    assert [row[0] for row in pages(out)] == ["0.png", "2.png", "one.png"]


def test_the_same_content_under_two_names_is_flagged_and_not_dropped(inbox: Path, out: Path) -> None:
    write_page(inbox / "copy.png", 1)
    summary = run([inbox], out)
    assert (summary.new, summary.pages) == (3, 4)
    assert pages(out)[3] == ["copy.png", "1", "read", "no_fields"]
    assert "the same bytes as 1.png" in (out / "pages.csv").read_text().splitlines()[4]


def test_status_counts_files_that_were_sorted_into_folders_once(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (inbox / "done").mkdir()
    for path in sorted(inbox.glob("*.png")):
        path.rename(inbox / "done" / path.name)
    assert run([inbox], out).new == 0
    status = status_of(out)
    assert (status.files, status.done, status.pages) == (3, 3, 3)


def test_files_that_are_gone_keep_their_rows_until_they_are_pruned(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (inbox / "1.png").unlink()
    summary = run([inbox], out)
    assert (summary.gone, summary.pages) == (1, 3)
    assert (
        run([inbox], out, order=Order(model=SAMPLES.parent / "models" / "reader.onnx")).pages == 3
    )  # nothing to read it from
    assert run([inbox], out, chores=Chores(prune=True)).pages == 2


def test_tables_are_of_the_inputs_that_were_asked_for(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out)
    write_page(tmp_path / "other" / "0.png", 20)
    run([tmp_path / "other"], out)
    assert [row[:2] for row in pages(out)] == [["0.png", "1"]]
    assert run([inbox], out).new == 0


def test_redo_reads_again(inbox: Path, out: Path) -> None:
    (inbox / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n, and no more")
    os.utime(inbox / "bad.png", (PAST, PAST))
    assert run([inbox], out).failed == 1
    again = run([inbox], out, chores=Chores(redo="failed"))
    assert (again.new, again.new_failed, again.pages, again.failed) == (1, 1, 3, 1)
    assert run([inbox], out, chores=Chores(redo="all")).new == 4


def test_another_network_reads_all_again(inbox: Path, out: Path) -> None:
    run([inbox], out)
    assert run([inbox], out, order=Order(model=SAMPLES.parent / "models" / "reader.onnx")).new == 3
    assert run([inbox], out, order=Order(min_confidence=0.5)).new == 3


def test_overlays_that_are_asked_for_later_are_drawn(inbox: Path, out: Path) -> None:
    run([inbox], out)
    assert run([inbox], out, order=Order(overlay=True)).new == 3
    assert len(list((out / "overlays").iterdir())) == 3
    assert run([inbox], out).new == run([inbox], out, order=Order(overlay=True)).new == 0


def test_a_changed_form_reads_again_what_it_touches(tmp_path: Path, out: Path) -> None:
    forms = tmp_path / "forms"
    for name in ("postal_card", "meter_reading"):
        (forms / name).mkdir(parents=True)
        for file in ("form.toml", "form-page1.png"):
            (forms / name / file).write_bytes((SAMPLES / name / file).read_bytes())
    for scan in ("scan0001.jpg", "scan0002.tif", "scan0003.jpg"):
        write_page(tmp_path / "inbox" / scan).write_bytes((SAMPLES / "mixed" / scan).read_bytes())
    summary = run([tmp_path / "inbox"], out, order=Order(forms=(forms,)))
    shown = [row.split(",")[2] for row in (out / "pages.csv").read_text().splitlines()[1:]]
    assert sorted(set(shown)) == ["", "meter_reading", "postal_card"], "one of each, one of none"
    text = (forms / "postal_card" / "form.toml").read_text()
    (forms / "postal_card" / "form.toml").write_text("# a comment\n" + text)
    assert run([tmp_path / "inbox"], out, order=Order(forms=(forms,))).new == 0
    (forms / "postal_card" / "form.toml").write_text(text.replace("[[fields]]", "[[fields]]\nrequired = true", 1))
    again = run([tmp_path / "inbox"], out, order=Order(forms=(forms,)))
    assert again.new == 2, "its own page, and the one that shows no form"
    assert again.pages == summary.pages


def test_pages_that_fail_though_they_can_be_seen_have_a_small_picture(out: Path) -> None:
    scan, form = SAMPLES / "survey" / "clean.png", SAMPLES / "postal_card"
    summary = run([scan], out, order=Order(forms=(form,), reads_unknown=False))
    assert summary.failed == 1
    (picture,) = (out / "thumbnails").iterdir()
    assert max(cv2.imread(str(picture)).shape) == 320
    assert "data:image/jpeg;base64," in (out / "report.html").read_text()
    assert run([scan], out).failed == 0
    assert not list((out / "thumbnails").iterdir())


def test_crops_that_no_page_has_any_more_are_cleared_away(tmp_path: Path, out: Path) -> None:
    scan = SAMPLES / "survey" / "clean.png"
    for confidence in (1.0, 0.0):
        run([scan], out, order=Order(min_confidence=confidence))
        with (out / "review.csv").open(newline="") as file:
            named = {row["crop"] for row in csv.DictReader(file)}
        assert {f"crops/{path.name}" for path in (out / "crops").iterdir()} == named


def test_tables_that_are_as_they_would_be_are_left_alone_and_mended_where_they_are_not(inbox: Path, out: Path) -> None:
    run([inbox], out)
    before = (out / "pages.csv").stat().st_mtime_ns, tables(out)
    run([inbox], out)
    assert (out / "pages.csv").stat().st_mtime_ns == before[0]
    (out / "fields.csv").unlink()
    (out / "pages.csv").write_text("file,page,form,status,\n")
    run([inbox], out)
    assert tables(out) == before[1]


def test_a_review_that_somebody_is_at_work_in_is_never_lost(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (out / "review.csv").write_text("corrected")
    assert run([inbox], out).kept_review is None
    assert (out / "review.csv").read_text() == "corrected"
    write_page(inbox / "new.png", 9)
    kept = run([inbox], out).kept_review
    assert kept is not None
    assert kept.name.startswith("review-edited-")
    assert kept.read_text() == "corrected"
    assert (out / "review.csv").read_text().startswith("file,page,")


def test_a_review_table_that_is_saved_while_tables_are_written_is_kept(
    out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run([SAMPLES / "postal_card"], out)

    def write_while_it_is_saved(*arguments: Any) -> None:
        (out / "review.csv").write_text("file,correct_value\na.png,12\n")
        write_report(*arguments)

    monkeypatch.setattr("scanner.publish.write_report", write_while_it_is_saved)
    summary = run([write_page(tmp_path / "more.png")], out)
    assert summary.kept_review is not None
    assert "a.png,12" in summary.kept_review.read_text()
    assert "a.png,12" not in (out / "review.csv").read_text()


def test_reading_all_again_goes_on_where_it_was_left(inbox: Path, out: Path) -> None:
    run([inbox], out)
    assert [run([inbox], out, chores=Chores(redo="all", limit=2)).new for _ in range(3)] == [2, 1, 2]


def test_nothing_to_read_leaves_the_ledger_as_it_was(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoInputError):
        run([tmp_path / "empty"], out)
    assert status_of(out).files == 3


def test_a_file_under_a_new_name_is_there_once(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (inbox / "1.png").rename(inbox / "one.png")
    assert run([inbox], out).pages == 3
    assert "the same bytes" not in (out / "pages.csv").read_text()


def test_pictures_that_somebody_cleared_away_are_cut_again(out: Path) -> None:
    scan = SAMPLES / "survey" / "clean.png"
    run([scan], out)
    shutil.rmtree(out / "crops")
    assert run([scan], out).new == 1
    assert (out / "crops").exists()


def test_corrections_outlive_the_ledger(out: Path) -> None:
    scan = SAMPLES / "survey" / "clean.png"
    run([scan], out)
    lines = (out / "review.csv").read_text().splitlines()
    row, _, runner_up = lines[1].rpartition(",")
    (out / "review.csv").write_text("\n".join([lines[0], f"{row}42,{runner_up}", *lines[2:]]) + "\n")
    (out / "run.db").unlink()
    kept = run([scan], out).kept_review
    assert kept is not None
    assert "42" in kept.read_text()


def test_a_table_of_somebody_else_is_left_alone(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (out / "forms.csv").write_text("mine")
    run([inbox], out)
    assert (out / "forms.csv").read_text() == "mine"


# --- left for later


def test_a_clock_that_is_ahead_keeps_no_file_waiting(inbox: Path, out: Path) -> None:
    ahead = time.time() + 3600
    os.utime(inbox / "1.png", (ahead, ahead))
    assert run([inbox], out).pages == 3
    os.utime(inbox / "2.png", (time.time() + 3, time.time() + 3))
    assert run([inbox], out, chores=Chores(settle_s=30)).skipped == 1


def test_what_is_from_the_future_is_read_when_it_has_settled(
    inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = time.time() + 3600
    os.utime(inbox / "1.png", (ahead, ahead))
    assert run([inbox], out, chores=Chores(settle_s=30)).skipped == 1
    assert run([inbox], out, chores=Chores(settle_s=30)).skipped == 1
    now = time.time
    monkeypatch.setattr("scanner.plan.time.time", lambda: now() + 31)
    os.utime(inbox / "1.png", (ahead + 1, ahead + 1))
    assert run([inbox], out, chores=Chores(settle_s=30)).skipped == 1  # written to meanwhile
    monkeypatch.setattr("scanner.plan.time.time", lambda: now() + 62)
    assert run([inbox], out, chores=Chores(settle_s=30)).pages == 3


def test_what_was_read_is_not_left_for_being_young(inbox: Path, out: Path) -> None:
    os.utime(inbox / "1.png")
    run([inbox], out)
    summary = run([inbox], out, chores=Chores(settle_s=60))
    assert (summary.pages, summary.skipped) == (3, 0)


def test_files_that_are_young_are_left_and_listed(inbox: Path, out: Path) -> None:
    os.utime(inbox / "1.png")
    summary = run([inbox], out, chores=Chores(settle_s=60))
    assert (summary.pages, summary.skipped, summary.exit_code) == (2, 1, 0)
    assert pages(out)[-1] == ["1.png", "0", "skipped", "settling"]
    os.utime(inbox / "1.png", (PAST, PAST))
    assert run([inbox], out, chores=Chores(settle_s=60)).pages == 3


def test_what_is_pruned_does_not_come_back(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (inbox / "1.png").unlink()
    assert run([inbox], out, chores=Chores(prune=True)).pages == 2
    assert run([inbox], out).pages == 2


def test_a_failure_is_told_once_and_its_copy_too(inbox: Path, out: Path) -> None:
    (inbox / "bad.png").write_bytes(b"GIF87a")
    first = run([inbox], out)
    assert (first.exit_code, first.new_failed) == (8, 1)
    assert first.failures[0].startswith("bad.png: unknown_format (begins with")
    again = run([inbox], out)
    assert (again.exit_code, again.failed, again.failures) == (0, 1, ())
    (inbox / "copy.png").write_bytes(b"GIF87a")
    assert run([inbox], out).failures[0].startswith("copy.png: unknown_format")


def test_what_failed_in_a_run_that_was_stopped_is_told_by_the_next(inbox: Path, out: Path) -> None:
    (inbox / "0.png").write_bytes(b"GIF87a")
    done: list[int] = []
    stopped = run([inbox], out, is_stopped=lambda: bool(done), progress=lambda files, _: done.append(files))
    assert (stopped.exit_code, stopped.failed) == (130, 1)
    assert run([inbox], out).failures[0].startswith("0.png: unknown_format")


def test_a_ledger_of_an_earlier_version_is_read_on(inbox: Path, out: Path) -> None:
    run([inbox], out)
    with sqlite3.connect(out / "run.db") as db:
        db.execute("ALTER TABLE files DROP COLUMN added_at")
        db.execute("ALTER TABLE fields DROP COLUMN is_boxed")
        db.execute("ALTER TABLE fields DROP COLUMN side_share")
        db.execute("PRAGMA user_version = 1")
    db.close()
    assert status_of(out).pages == 3
    assert run([inbox], out).new == 0


def test_a_limit_leaves_the_rest_for_the_next_run(inbox: Path, out: Path, tmp_path: Path) -> None:
    summary = run([inbox], out, chores=Chores(limit=2))
    assert (summary.new, summary.exit_code) == (2, 0)
    assert pages(out)[-1] == ["2.png", "0", "skipped", "waiting"]
    assert status_of(out).waiting == 1
    run([inbox], out, chores=Chores(limit=2))
    run([inbox], tmp_path / "whole")
    assert tables(out) == tables(tmp_path / "whole")


def test_a_limit_counts_pages_of_one_file_too(out: Path, tmp_path: Path) -> None:
    batch = SAMPLES / "meter_reading" / "batch.tif"
    run([batch], out, chores=Chores(limit=2))
    assert pages(out)[-1] == ["batch.tif", "0", "skipped", "waiting"]
    assert run([batch], out).new == 1
    run([batch], tmp_path / "whole")
    assert tables(out) == tables(tmp_path / "whole")


def test_a_dry_run_tells_and_changes_nothing(inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.ledger.listing.SETTLED_NS", 0)  # else these files are too young to be surely the same
    assert preview([inbox], out).to_read == ("0.png", "1.png", "2.png")
    assert not out.exists()
    run([inbox], out)
    write_page(inbox / "new.png", 9)
    planned = preview([inbox], out)
    assert (planned.to_read, planned.done) == (("new.png",), 3)
    assert status_of(out).files == 3


def test_a_dry_run_does_not_hold_up_a_run(inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run([inbox], out)

    def plan_beside_a_run(*arguments: Any, **options: Any) -> Any:
        with Ledger(out) as ledger, ledger.transaction():
            ledger.put_note("beside", "1")
        return plan_files(*arguments, **options)

    monkeypatch.setattr("scanner.ledger.listing.SETTLED_NS", 0)
    monkeypatch.setattr("scanner.run.plan_files", plan_beside_a_run)
    assert preview([inbox], out).done == 3
    with Ledger(out, to_look=True) as ledger:
        assert ledger.note("beside") == "1"


def test_a_file_that_can_never_be_opened_is_told_and_changes_nothing(inbox: Path, out: Path) -> None:
    (inbox / "broken.png").symlink_to(inbox / "nowhere.png")
    assert run([inbox], out).new_failed == 1
    before = [(out / name).stat().st_mtime_ns for name in ("fields.csv", "pages.csv", "report.html")]
    again = run([inbox], out)
    assert (again.new, again.new_failed, again.failed) == (0, 1, 1)
    assert [(out / name).stat().st_mtime_ns for name in ("fields.csv", "pages.csv", "report.html")] == before
    with Ledger(out, to_look=True) as ledger:
        assert len(ledger.runs()) == 1


# --- moved


def test_files_that_are_read_can_be_moved_away(inbox: Path, out: Path, tmp_path: Path) -> None:
    (inbox / "bad.png").write_bytes(b"GIF87a")
    os.utime(inbox / "bad.png", (PAST, PAST))
    chores = Chores(move_done=tmp_path / "done", move_failed=tmp_path / "failed")
    run([inbox], out, chores=chores)
    assert list(inbox.iterdir()) == []
    assert sorted(path.name for path in (tmp_path / "done").iterdir()) == ["0.png", "1.png", "2.png"]
    assert [path.name for path in (tmp_path / "failed").iterdir()] == ["bad.png"]
    before = tables(out)
    summary = run([inbox], out, chores=chores)
    assert (summary.new, summary.pages, summary.gone) == (0, 3, 0)
    assert tables(out) == before
    assert status_of(out).moved == 4


def test_a_new_file_of_an_old_name_stands_beside_the_one_that_was_moved(inbox: Path, out: Path, tmp_path: Path) -> None:
    chores = Chores(move_done=tmp_path / "done")
    run([inbox], out, chores=chores)
    for number in (5, 6):
        write_page(inbox / "1.png", number)
        run([inbox], out, chores=chores)
    assert [row[0] for row in pages(out)] == ["0.png", "1.png", "1~2.png", "1~3.png", "2.png"]
    assert (tmp_path / "done" / "1~3.png").exists()


def test_what_was_moved_is_read_again_where_it_lies(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out, chores=Chores(move_done=tmp_path / "done"))
    assert run([inbox], out, order=Order(min_confidence=0.5)).new == 3


def test_nothing_is_moved_over_another_file(inbox: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "done").mkdir()
    (tmp_path / "done" / "1.png").write_text("mine")
    run([inbox], out, chores=Chores(move_done=tmp_path / "done"))
    assert (tmp_path / "done" / "1.png").read_text() == "mine"
    assert (tmp_path / "done" / "1~2.png").exists()


def test_moving_into_an_input_is_refused(inbox: Path, out: Path) -> None:
    with pytest.raises(UsageError, match="--move-done"):
        run([inbox], out, chores=Chores(move_done=inbox / "done"))


def test_what_failed_is_not_moved_from_under_whoever_may_be_writing_it(inbox: Path, out: Path, tmp_path: Path) -> None:
    (inbox / "half.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    run([inbox], out, chores=Chores(move_failed=tmp_path / "failed"))
    assert (inbox / "half.png").exists()


def test_what_was_moved_and_failed_is_read_again_where_it_lies(inbox: Path, out: Path, tmp_path: Path) -> None:
    (inbox / "bad.png").write_bytes(b"GIF87a")
    os.utime(inbox / "bad.png", (PAST, PAST))
    run([inbox], out, chores=Chores(move_done=tmp_path / "done", move_failed=tmp_path / "failed"))
    write_page(inbox / "bad.png", 8)
    summary = run([inbox], out, chores=Chores(redo="failed", move_done=tmp_path / "done"))
    assert (summary.pages, summary.failed, summary.new) == (4, 1, 2)
    assert [row[0] for row in pages(out)] == ["0.png", "1.png", "2.png", "bad.png", "bad~2.png"]


def test_permissions_of_a_moved_file_may_change(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out, chores=Chores(move_done=tmp_path / "done"))
    (tmp_path / "done" / "1.png").chmod(0o600)
    os.utime(tmp_path / "done" / "2.png")
    summary = run([inbox], out, order=Order(min_confidence=0.5))
    assert (summary.pages, summary.failed) == (3, 0)


def test_pruning_keeps_what_scanner_has_moved(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out, chores=Chores(move_done=tmp_path / "done"))
    (tmp_path / "done" / "1.png").unlink()
    assert run([inbox], out, chores=Chores(prune=True)).pages == 2


def test_pruning_keeps_what_lies_on_a_share_that_is_away(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out, chores=Chores(move_done=tmp_path / "share" / "done"))
    (tmp_path / "share").rename(tmp_path / "unmounted")
    assert run([inbox], out, chores=Chores(prune=True)).pages == 3
    (tmp_path / "share" / "done").mkdir(parents=True)  # where it is mounted
    assert run([inbox], out, chores=Chores(prune=True)).pages == 3
    (tmp_path / "share" / "done").rmdir()
    (tmp_path / "share").rmdir()
    (tmp_path / "unmounted").rename(tmp_path / "share")
    assert run([inbox], out).pages == 3


def test_a_failure_is_told_though_files_cannot_be_moved(inbox: Path, out: Path, tmp_path: Path) -> None:
    (inbox / "bad.png").write_bytes(b"GIF87a")
    (tmp_path / "done").write_text("a file")
    with pytest.raises(OutputError):
        run([inbox], out, chores=Chores(move_done=tmp_path / "done" / "here"))
    assert run([inbox], out).failures[0].startswith("bad.png: unknown_format")


def test_rows_of_an_input_that_is_away_for_a_night_stay(inbox: Path, out: Path, tmp_path: Path) -> None:
    write_page(tmp_path / "share" / "7.png", 7)
    inputs = [inbox, tmp_path / "share"]
    assert run(inputs, out).pages == 4
    (tmp_path / "share").rename(tmp_path / "unmounted")
    assert run(inputs, out).pages == 4
    assert run(inputs, out, chores=Chores(prune=True)).pages == 4
    (tmp_path / "unmounted").rename(tmp_path / "share")
    assert (run(inputs, out).new, run(inputs, out).pages) == (0, 4)


def test_a_link_that_is_moved_leads_to_the_same_file(inbox: Path, out: Path, tmp_path: Path) -> None:
    there = write_page(tmp_path / "there" / "7.png", 7)
    (inbox / "7.png").symlink_to(Path("../there/7.png"))
    run([inbox], out, chores=Chores(move_done=tmp_path / "far" / "away" / "done"))
    assert (tmp_path / "far" / "away" / "done" / "7.png").resolve() == there
    assert run([inbox], out).pages == 4


def test_an_input_is_the_same_however_it_is_written(inbox: Path, out: Path, tmp_path: Path) -> None:
    run([inbox], out, chores=Chores(move_done=tmp_path / "done", limit=1))
    (tmp_path / "link").symlink_to(inbox)
    assert run([tmp_path / "link"], out).pages == 3
    assert run([tmp_path / "done" / ".." / "inbox"], out).new == 0


def test_no_two_files_have_the_same_name(out: Path, tmp_path: Path) -> None:
    inbox, done = tmp_path / "inbox", Chores(move_done=tmp_path / "done")
    write_page(inbox / "1.png", 1)
    run([inbox], out, chores=done)
    write_page(inbox / "1.png", 2)
    write_page(inbox / "1~2.png", 3)
    write_page(tmp_path / "other" / "1.png", 4)
    run([tmp_path / "other"], out, chores=done)
    run([inbox, tmp_path / "other"], out)
    names = [row[0] for row in pages(out)]
    assert len(names) == len(set(names)) == 4


# --- files of all kinds


@pytest.mark.parametrize("name", ["=1+1.png", "line\nbreak.png", os.fsdecode(b"\xff.png"), "a,b;c.png", " x .png"])
def test_strange_names_are_read_and_known_again(tmp_path: Path, out: Path, name: str) -> None:
    write_page(tmp_path / "inbox" / "plain.png").rename(tmp_path / "inbox" / name)
    assert run([tmp_path / "inbox"], out).pages == 1
    assert run([tmp_path / "inbox"], out).new == 0
    assert len(pages(out)) == 1


def test_a_file_that_cannot_be_opened_is_tried_again_each_time(inbox: Path, out: Path) -> None:
    (inbox / "lost.png").symlink_to(inbox / "nowhere.png")
    for _ in range(2):
        summary = run([inbox], out)
        assert (summary.failed, summary.new_failed) == (1, 1)
    write_page(inbox / "nowhere.png", 7)
    (inbox / "nowhere.png").rename(inbox.parent / "there.png")
    (inbox / "lost.png").unlink()
    (inbox / "lost.png").symlink_to(inbox.parent / "there.png")
    assert run([inbox], out).failed == 0


def test_a_share_that_is_away_for_a_while_is_waited_for(
    inbox: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.shift.PAUSE_S", 0.2)

    def vanish(done: int, files: int) -> None:
        if done == 1 and inbox.exists():
            inbox.rename(tmp_path / "away")
            threading.Timer(1.0, lambda: (tmp_path / "away").rename(inbox)).start()

    summary = run([inbox], out, progress=vanish)
    assert (summary.pages, summary.failed, summary.new) == (3, 0, 3)
    run([inbox], tmp_path / "whole")
    assert tables(out) == tables(tmp_path / "whole")


def test_a_share_that_stays_away_fails_its_files_and_the_next_run_reads_them(
    inbox: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.shift.PAUSE_S", 0.1)
    monkeypatch.setattr("scanner.run.Shift", functools.partial(scanner.shift.Shift, patience_s=0.3))

    def vanish(done: int, files: int) -> None:
        if done == 1 and inbox.exists():
            inbox.rename(tmp_path / "away")

    summary = run([inbox], out, progress=vanish)
    assert (summary.pages, summary.failed, summary.exit_code) == (1, 2, 8)
    assert pages(out)[1] == ["1.png", "0", "failed", "unreadable"]
    (tmp_path / "away").rename(inbox)
    assert run([inbox], out).new == 2


def test_an_empty_folder_is_an_error_only_where_nothing_was_ever_read(inbox: Path, out: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoInputError):
        run([tmp_path / "empty"], out)
    assert not out.exists()
    run([inbox], out, chores=Chores(move_done=tmp_path / "done"))
    assert run([inbox], out).exit_code == 0
    with pytest.raises(NoInputError):
        run([tmp_path / "empty"], out)
    assert len(pages(out)) == 3


# --- interrupted


def test_a_run_that_is_stopped_goes_on(inbox: Path, out: Path, tmp_path: Path) -> None:
    finished: list[int] = []
    summary = run(
        [inbox], out, is_stopped=lambda: len(finished) == 1, progress=lambda done, files: finished.append(done)
    )
    assert (summary.exit_code, summary.pages) == (130, 1)
    assert pages(out)[1:] == [[f"{number}.png", "0", "skipped", "interrupted"] for number in (1, 2)]
    assert run([inbox], out).new == 2
    run([inbox], tmp_path / "whole")
    assert tables(out) == tables(tmp_path / "whole")


def test_killed_at_any_time_it_goes_on_and_nothing_is_lost(out: Path, tmp_path: Path) -> None:
    inputs = [SAMPLES / name for name in ("mixed", "broken", "meter_reading")]
    whole = run(inputs, tmp_path / "whole")
    killed = 0
    for seconds in (0.5, 0.9, 1.3):
        process = read_in_another_process(*map(str, inputs), "-o", str(out), "--workers", "2")
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        killed += process.returncode == -signal.SIGKILL
    assert killed > 1
    last = run(inputs, out)
    assert tables(out) == tables(tmp_path / "whole")
    crops = [{path.name for path in (folder / "crops").rglob("*")} for folder in (out, tmp_path / "whole")]
    assert crops[0] == crops[1]
    assert last.pages == whole.pages


def test_workers_give_the_same_as_this_process(out: Path, tmp_path: Path) -> None:
    inputs = [SAMPLES / "mixed" / name for name in ("scan0001.jpg", "scan0002.tif", "scan0003.jpg")]
    inputs, forms = [*inputs, SAMPLES / "broken"], [SAMPLES / "postal_card", SAMPLES / "meter_reading"]
    run(inputs, out, engine=Engine(workers=2), order=Order(forms=tuple(forms), overlay=True))
    run(inputs, tmp_path / "here", order=Order(forms=tuple(forms), overlay=True))
    assert tables(out) == tables(tmp_path / "here")
    assert pictures(out) == pictures(tmp_path / "here")


def pictures(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.suffix in (".png", ".jpg")}


def test_what_happens_is_told_as_text_or_json(inbox: Path, out: Path) -> None:
    (inbox / "bad one.png").write_bytes(b"GIF87a")
    process = read_in_another_process(str(inbox), "-o", str(out), "--log-json", "--workers", "1")
    told = [json.loads(line) for line in process.communicate()[1].splitlines()]
    assert [each["event"] for each in told] == ["started", "read", "read", "read", "failed", "finished"]
    assert told[4]["reason"] == "unknown_format"
    process = read_in_another_process(str(inbox), "-o", str(out), "--log", "--workers", "1", "--redo", "failed")
    lines = process.communicate()[1].decode().splitlines()
    assert 'failed file="bad one.png" page=0 reason=unknown_format' in lines[1]
    assert lines[-1].endswith("finished new=1 failed=1")


# --- the folder


def test_a_second_run_in_the_same_folder_is_refused(inbox: Path, out: Path) -> None:
    with output_folder(out):
        process = read_in_another_process(str(inbox), "-o", str(out))
        _, told = process.communicate()
    assert process.returncode == RunningError.exit_code == 9
    assert f"process {os.getpid()} on".encode() in told


def test_a_ledger_of_another_program_is_left_alone(inbox: Path, out: Path) -> None:
    out.mkdir()
    with sqlite3.connect(out / "run.db") as foreign:
        foreign.execute("CREATE TABLE mine (x)")
        foreign.execute("PRAGMA application_id = 7")
    foreign.close()
    with pytest.raises(OutputError, match="is not of scanner"):
        run([inbox], out)


def test_a_ledger_of_a_newer_scanner_is_refused(inbox: Path, out: Path) -> None:
    run([inbox], out)
    with sqlite3.connect(out / "run.db") as newer:
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(OutputError, match="version 99"):
        run([inbox], out)


def test_a_database_of_somebody_else_is_not_written_to(inbox: Path, out: Path) -> None:
    out.mkdir()
    with sqlite3.connect(out / "run.db") as foreign:
        foreign.execute("CREATE TABLE mine (x)")
    foreign.close()
    before = (out / "run.db").read_bytes()
    for look in (lambda: status_of(out), lambda: run([inbox], out)):
        with pytest.raises(OutputError, match="is not of scanner"):
            look()
    assert (out / "run.db").read_bytes() == before


def test_a_damaged_ledger_says_what_to_do(inbox: Path, out: Path) -> None:
    run([inbox], out)
    data = bytearray((out / "run.db").read_bytes())
    data[4096:-4096] = bytes(byte ^ 0x5A for byte in data[4096:-4096])
    (out / "run.db").write_bytes(data)
    for look in (lambda: status_of(out), lambda: run([inbox], out)):
        with pytest.raises(OutputError, match="move it away"):
            look()


def test_a_file_that_is_no_database(inbox: Path, out: Path) -> None:
    out.mkdir()
    (out / "run.db").write_text("no database" * 100)
    with pytest.raises(OutputError, match=r"run\.db"):
        run([inbox], out)


def test_a_full_disk_stops_the_run_and_the_next_one_goes_on(
    inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Ledger.__init__

    def open_small(self: Ledger, folder: Path, **options: bool) -> None:
        opened(self, folder, **options)
        count = self._db.execute("PRAGMA page_count").fetchone()[0]
        self._db.execute(f"PRAGMA max_page_count = {count}")

    for number in range(3, 60):
        write_page(inbox / f"{number}.png", number)
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "__init__", open_small)
        with pytest.raises(OutputError, match="full"):
            run([inbox], out)
    assert run([inbox], out).pages == 60


def test_the_status_of_a_folder(inbox: Path, out: Path) -> None:
    with pytest.raises(NoInputError, match=r"run\.db"):
        status_of(inbox)
    (inbox / "bad.png").write_bytes(b"GIF87a")
    (inbox / "lost.png").symlink_to(inbox / "nowhere.png")
    (inbox / "notes.txt").write_text("no scan")
    summary = run([inbox], out)
    assert isinstance(summary, RunSummary)
    last, *lines = status_of(out).text().splitlines()
    assert last.startswith("last run  20")
    assert lines == [
        "files     6: 4 done, 1 cannot be opened, 0 waiting, 1 unknown_type",
        "pages     5: 3 read, 2 failed (1 unknown_format, 1 unreadable)",
        "fields    0: 0 accepted, 0 to review, 0 blank",
    ]
    with output_folder(out):
        assert status_of(out).running.startswith(f"process {os.getpid()} on")


def test_broken_files_of_every_format_have_a_row_and_do_no_harm() -> None:
    """The benchmark, with fewer files."""
    program = Path(__file__).parent / "benchmarks" / "fuzz.py"
    environment = os.environ | {"PYTHONPATH": str(SAMPLES.parent)}
    command = [sys.executable, str(program), "--inputs", "300", "--seed", "2"]
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "0 files without a row, 0 pages that did harm" in result.stdout


# --- nights that go wrong


def test_tables_are_whole_again_after_a_redo_that_was_stopped(inbox: Path, out: Path) -> None:
    run([inbox], out)
    done: list[int] = []
    stopped = run(
        [inbox], out, chores=Chores(redo="all"), is_stopped=lambda: bool(done), progress=lambda *_: done.append(1)
    )
    assert (stopped.exit_code, stopped.pages) == (130, 1)
    again = run([inbox], out)
    assert (again.pages, again.skipped) == (3, 0)
    assert len(pages(out)) == 3


def test_pages_of_a_file_that_was_taken_away_before_all_were_read_are_told(inbox: Path, out: Path) -> None:
    stack = inbox / "stack.tif"
    sheets = [np.full((48, 64), level, np.uint8) for level in (240, 241, 242)]
    cv2.imwritemulti(str(stack), sheets)
    os.utime(stack, (PAST, PAST))
    for _ in range(2):
        run([inbox], out, chores=Chores(limit=2))
    stack.unlink()
    summary = run([inbox], out)
    rows = [row[1:] for row in pages(out) if row[0] == "stack.tif"]
    assert rows == [["1", "read", "no_fields"], ["2", "failed", "unreadable"], ["3", "failed", "unreadable"]]
    assert (summary.failed, status_of(out).waiting) == (2, 0)


def test_a_file_that_had_two_names_and_is_gone_is_there_once(inbox: Path, out: Path) -> None:
    run([inbox], out)
    (inbox / "1.png").rename(inbox / "one.png")
    assert run([inbox], out).gone == 0
    (inbox / "one.png").unlink()
    summary = run([inbox], out)
    assert (summary.pages, summary.gone) == (3, 1)
    assert [row[0] for row in pages(out)] == ["0.png", "2.png", "one.png"]


def test_copies_that_are_gone_are_copies_still(inbox: Path, out: Path) -> None:
    shutil.copy(inbox / "1.png", inbox / "5.png")
    run([inbox], out)
    for name in ("1.png", "5.png"):
        (inbox / name).unlink()
    assert run([inbox], out).gone == 2
    assert (out / "pages.csv").read_text().count("the same bytes as 1.png") == 1


@pytest.mark.parametrize("year", [1, 2400])
def test_a_file_from_another_age_is_read(inbox: Path, out: Path, year: int) -> None:
    seconds = (year - 1970) * 365 * 86400
    os.utime(inbox / "0.png", ns=(seconds * 10**9, seconds * 10**9))
    assert [run([inbox], out).new, run([inbox], out).pages] == [3, 3]


def test_a_page_that_takes_too_much_memory_while_it_is_loaded_costs_itself(
    inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(path: Path, page: int) -> Any:
        if path.name == "1.png":
            raise MemoryError
        return load_page(path, page)

    monkeypatch.setattr("scanner.task.load_page", load)
    summary = run([inbox], out)
    assert (summary.pages, summary.failed) == (2, 1)


def test_after_a_night_in_the_future_failures_are_told_and_pages_read_again(
    inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.ledger.ledger.now_text", lambda: "2999-01-01T00:00:00.000000+00:00")
    run([inbox], out)
    monkeypatch.undo()
    (inbox / "bad.png").write_bytes(b"GIF87a")
    os.utime(inbox / "bad.png", (PAST, PAST))
    assert run([inbox], out).exit_code == 8
    assert run([inbox], out).exit_code == 0
    assert run([inbox], out, chores=Chores(redo="all")).new == 4


def test_what_somebody_has_typed_is_kept_in_any_dialect(out: Path) -> None:
    scan = SAMPLES / "survey" / "clean.png"
    run([scan], out)
    lines = (out / "review.csv").read_text().splitlines()
    row, _, runner_up = lines[1].rpartition(",")
    filled = "\n".join([lines[0], f"{row}42,{runner_up}", *lines[2:]])
    for text in (filled.replace(",", ";"), "\ufeff" + filled.replace(",", "\t")):
        (out / "review.csv").write_text(text, encoding="utf-16" if "\t" in text else "utf-8")
        (out / "run.db").unlink()
        assert run([scan], out).kept_review is not None
    (out / "run.db").unlink()
    assert run([scan], out).kept_review is None


def test_a_file_that_cannot_be_moved_keeps_no_other(inbox: Path, out: Path, tmp_path: Path) -> None:
    done = tmp_path / "done"
    write_page(inbox / "a" / "3.png", 3)
    done.mkdir()
    (done / "a").write_text("a file where a folder must be")
    with pytest.raises(OutputError, match=r"3\.png: cannot be moved"):
        run([inbox], out, chores=Chores(move_done=done))
    assert sorted(path.name for path in done.iterdir()) == ["0.png", "1.png", "2.png", "a"]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
def test_somebody_else_may_look_at_a_run(inbox: Path, out: Path) -> None:
    """What SQLite leaves beside the ledger then must not keep the next run from writing."""
    for folder in out.parents:
        if folder.is_relative_to(tempfile.gettempdir()) and folder != Path(tempfile.gettempdir()):
            folder.chmod(0o755)
    out.mkdir()
    out.chmod(0o775)
    owner, other, group = 12345, 12346, 12347
    run([inbox], out)
    with Book(out) as book:
        key = FieldKey("0" * 64, 1, "", "f")
        book.add([Verdict(key, "1", "1", True, True, "1", "1", "review", (0, 0, 9, 9), "ada", "key", "2026-01-01")])
    status_of(out)  # imports what somebody else may not read
    for path in (out, *out.iterdir()):
        os.chown(path, owner, group)
    child = os.fork()
    if not child:
        os.setgid(group)
        os.setuid(other)
        code = 1
        try:
            status_of(out)
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    beside = [path for path in out.iterdir() if path.name.endswith(("-wal", "-shm"))]
    assert all(path.stat().st_uid == owner or path.stat().st_mode & 0o020 for path in beside)
    assert all(path.stat().st_gid == group for path in beside)


def test_what_sqlite_has_no_memory_for_goes_into_the_output_folder(
    inbox: Path, out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where /tmp is read-only, as under systemd, large folders were not read."""
    monkeypatch.delenv("SQLITE_TMPDIR", raising=False)
    run([inbox], out)
    assert os.environ["SQLITE_TMPDIR"] == str(out)
    monkeypatch.delenv("SQLITE_TMPDIR")
    places: list[str] = []
    monkeypatch.setattr(
        "scanner.run.discover", lambda paths: places.append(os.environ["SQLITE_TMPDIR"]) or discover(paths)
    )
    run([inbox], out)
    assert places == [str(out)]
