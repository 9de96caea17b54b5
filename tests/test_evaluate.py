"""Measuring: a run against its truth, a network against labeled digits."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from scanner.cli import app
from scanner.errors import NoInputError
from scanner.synth import DrawnDigits
from scanner.training.evaluate import bootstrap, calibration_error, evaluate, reject_curve
from scanner.training.tables import digit_table
from scanner.truth import Score, align, compare_run, score_page

SAMPLES = Path(__file__).resolve().parents[1] / "samples"
FIELDS = "file,page,form,field,value,confidence,status,reason,cells,digit_confidences,x,y,width,height"
PAGES = "file,page,form,status,reason,detail,fields,accepted,review,blank,seconds,residual_mm"


class Field:
    """A field as read."""

    def __init__(self, cells: str, status: str = "accepted") -> None:
        self.cells, self.status = cells, status


def evaluate_(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["evaluate", *arguments])
    return result.exit_code, result.stdout, result.stderr


# --- a run


def test_nothing_read_and_nothing_written_is_no_error() -> None:
    assert score_page([], []) == Score()
    assert score_page([], ["12"]) == Score(truth=1)
    assert score_page([Field("12")], []) == Score(false=1, accepted=1, accepted_false=1)


def test_a_field_is_matched_in_spite_of_a_wrong_digit_and_a_false_row_above() -> None:
    score = score_page([Field("99", "review"), Field("123"), Field("4_x", "review")], ["128", "4_X"])
    assert (score.truth, score.found, score.exact, score.false) == (2, 2, 1, 1)
    assert (score.digits, score.right, score.crossed, score.crossed_right) == (4, 3, 1, 1)
    assert (score.accepted, score.accepted_wrong, score.wrong, score.accepted_false) == (1, 1, 1, 0)


def test_rows_of_another_length_are_not_found() -> None:
    assert score_page([Field("123", "review")], ["12"]) == Score(truth=1, false=1)


@given(st.lists(st.text("0123456789_", min_size=1, max_size=4), max_size=6))
def test_the_truth_agrees_with_itself(texts: Sequence[str]) -> None:
    score = score_page([Field(text, "review") for text in texts], texts)
    assert score.found + score.false == score.truth == len(texts)
    assert score.right == score.digits
    written = [text for text in texts if text.strip("_")]
    assert align(written, written) == [(i, i) for i in range(len(written))]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run over two pages, one failed, and their truth."""
    (tmp_path / "scans").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "pages.csv").write_text(
        f"{PAGES}\nscans/a.png,1,,read,,,2,1,1,0,0.1,\nscans/b.png,1,,failed,damaged,x,0,0,0,0,0.1,\n"
    )
    (tmp_path / "out" / "fields.csv").write_text(
        f"{FIELDS}\nscans/a.png,1,,r01f01,12,0.99,accepted,,12,1;1,0,0,9,9\n"
        "scans/a.png,1,,r02f01,7,0.6,review,low_confidence,7_,1;1,0,0,9,9\n"
    )
    (tmp_path / "scans" / "truth.csv").write_text(
        "file,page,field,value,cells\na.png,1,r1,12,12\na.png,1,r2,70,70\nb.png,1,r1,5,5_\n"
    )
    return tmp_path


def test_a_run_is_scored_by_the_names_of_its_files(run: Path) -> None:
    compared = compare_run(run / "out", [run / "scans" / "truth.csv"])
    assert {name: each.score for name, each in compared.items()} == {
        "scans": Score(truth=3, found=2, exact=1, digits=4, right=3, accepted=1, failed=1),
    }
    assert len(compared["scans"].cells) == 4
    assert sum(cell.true == cell.read for cell in compared["scans"].cells) == 3


def test_the_command_prints_a_table_or_json(run: Path) -> None:
    truth = str(run / "scans" / "truth.csv")
    code, out, _ = evaluate_(str(run / "out"), "--truth", truth)
    assert code == 0
    table, cells, *details = out.split("\n\n")
    assert [line.split()[0] for line in table.splitlines()[1:]] == ["scans", "all"]
    assert "75.00 %" in table
    assert [line.split()[2:4] for line in cells.splitlines()[1:]] == [["4", "75.00"]]
    assert len(details) == 1
    assert "mistakes, truth > answer: " in details[0]
    assert "confidence below" in details[0]
    code, out, _ = evaluate_(str(run / "out"), "--truth", truth, "--json")
    figures = json.loads(out)["all"]
    assert figures["truth"] == 3
    assert figures["cells"]["accuracy"] == 0.75
    assert len(figures["cells"]["calibration_interval"]) == 2


@pytest.mark.parametrize(
    ("table", "content", "message"),
    [
        ("fields.csv", None, "cannot be read"),
        ("fields.csv", "a,b\n1,2\n", "lacks the columns cells, digit_confidences, file, page, status"),
        ("pages.csv", "", "lacks the columns"),
        ("fields.csv", "\udcff", "cannot be read"),
    ],
)
def test_tables_of_another_kind_are_refused(run: Path, table: str, content: str | None, message: str) -> None:
    path = run / "out" / table
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(NoInputError, match=message):
        compare_run(run / "out", [run / "scans" / "truth.csv"])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("other.png,1,r1,12,12", "none of its pages is in the run"),
        ("", "tells of no field"),
        ("a.png,one,r1,12,12", "line 2: page 'one'"),
        ("a.png,1,r1,12,12\na.png,1,r2,ab,ab", "line 3: .* cells 'ab'"),
        ("a.png,1", "line 2: .* cells ''"),
    ],
)
def test_truth_of_something_else_is_refused(run: Path, rows: str, message: str) -> None:
    (run / "scans" / "truth.csv").write_text(f"file,page,field,value,cells\n{rows}\n")
    with pytest.raises(NoInputError, match=message):
        compare_run(run / "out", [run / "scans" / "truth.csv"])


def test_truth_of_other_scans_of_the_same_names_is_refused(run: Path, tmp_path: Path) -> None:
    other = shutil.copytree(run / "scans", tmp_path / "other")
    scanned = tmp_path / "scanned"
    assert CliRunner().invoke(app, ["read", str(SAMPLES / "survey" / "clean.png"), "-o", str(scanned)]).exit_code == 0
    (other / "truth.csv").write_text("file,page,cells\nclean.png,1,12345\n")
    with pytest.raises(NoInputError, match="none of its pages is in the run"):
        compare_run(scanned, [other / "truth.csv"])


def test_truth_from_a_spreadsheet_is_read_and_counts_once(run: Path) -> None:
    truth = run / "scans" / "truth.csv"
    truth.write_text("\ufeff" + truth.read_text().replace(",1,", ",1 ,"), encoding="utf-8")
    assert compare_run(run / "out", [truth, truth])["scans"].score.truth == 3


@pytest.mark.parametrize("arguments", [("out", "--digits", "x.npz"), ("out/pages.csv", "--truth", "scans/truth.csv")])
def test_a_run_is_no_network_and_a_file_no_run(run: Path, arguments: tuple[str, ...]) -> None:
    code, _, err = evaluate_(str(run / arguments[0]), arguments[1], str(run / arguments[2]))
    assert code == 2
    assert "give --" in err


def test_either_digits_or_truth_must_be_given(run: Path) -> None:
    assert evaluate_(str(run))[0] == 2
    assert evaluate_(str(run), "--digits", "a", "--truth", "b")[0] == 2
    assert evaluate_(str(run), "--truth", "b", "--plots", "c")[0] == 2


def test_the_samples_are_measured(tmp_path: Path) -> None:
    read = CliRunner().invoke(app, ["read", str(SAMPLES / "survey"), "-o", str(tmp_path / "out")])
    assert read.exit_code == 0
    code, out, _ = evaluate_(str(tmp_path / "out"), "--truth", str(SAMPLES / "survey" / "truth.csv"), "--json")
    figures: dict[str, Any] = json.loads(out)
    assert code == 0
    assert figures["survey"]["found"] >= 0.9 * figures["survey"]["truth"]
    assert figures["all"]["accepted_wrong"] == figures["all"]["failed"] == 0


# --- a network


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rng, hand = np.random.default_rng(4), DrawnDigits()
    labels = np.arange(60) % 10
    ink = np.zeros((60, 48, 48), np.uint8)
    for page, label in zip(ink, labels, strict=True):
        drawn = hand(int(label), rng)
        scale = 32 / max(drawn.shape)
        small = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        page[8 : 8 + small.shape[0], 8 : 8 + small.shape[1]] = small
    path = tmp_path_factory.mktemp("digits") / "drawn.npz"
    np.savez(path, x=255 - ink, y=labels)
    return path


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_shipped_network_is_measured_on_digits(digits: Path, tmp_path: Path) -> None:
    model = str(SAMPLES.parent / "models" / "reader.onnx")
    code, out, _ = evaluate_(model, "--digits", str(digits), "--plots", str(tmp_path / "plots"))
    assert code == 0
    assert out.splitlines()[1].split()[:2] == ["drawn", "60"]
    names = {f"drawn-{kind}.png" for kind in ("reliability", "error-reject", "confusion", "mistakes")}
    assert {path.name for path in (tmp_path / "plots").iterdir()} == names
    code, out, _ = evaluate_(model, "--digits", str(digits), "--json")
    figures = json.loads(out)["drawn"]
    assert figures["n"] == sum(map(sum, figures["confusion"])) == 60
    assert figures["accuracy"] > 0.9
    assert figures["class_accuracy"][10:] == [None, None]


def test_two_sets_of_one_name_are_not_mixed_up(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = shutil.copy(digits, tmp_path / "other")
    model = str(SAMPLES.parent / "models" / "reader.onnx")
    code, _, err = evaluate_(model, "--digits", str(digits), "--digits", str(other))
    assert code == 2
    assert "two sets are called drawn" in err


def test_pictures_that_cannot_be_written_are_an_output_error(digits: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    model = str(SAMPLES.parent / "models" / "reader.onnx")
    assert evaluate_(model, "--digits", str(digits), "--plots", str(tmp_path / "file" / "plots"))[0] == 6


def test_rejecting_more_leaves_fewer_wrong() -> None:
    confidence = np.array([0.4, 0.7, 0.93, 0.97, 0.9999])
    curve = reject_curve(confidence, np.array([False, True, False, True, True]))
    assert curve[0].rejected == 0
    assert curve[0].wrong == pytest.approx(0.4)
    assert curve[-1].rejected == pytest.approx(0.8)
    assert curve[-1].wrong == 0
    assert [point.rejected for point in curve] == sorted(point.rejected for point in curve)


def test_the_interval_holds_the_calibration_error_and_shrinks_with_more_digits() -> None:
    rng = np.random.default_rng(0)
    widths = []
    for count in (200, 5000):
        confidence = rng.uniform(0.5, 1, count)
        is_right = rng.random(count) < confidence - 0.1
        low, high = bootstrap(confidence, is_right)
        assert low < calibration_error(confidence, is_right) < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 2
    assert np.isnan(bootstrap(confidence[:0], is_right[:0])).all()


def test_the_table_names_the_mistakes() -> None:
    scores = np.eye(12, dtype=np.float32)[[3, 3, 3, 7]]
    text = digit_table({"few": evaluate(scores, np.array([3, 5, 5, 7]))}, "0123456789x?")
    assert "5 > 3: 2" in text
    assert "3 100.0" in text
    assert "50.00" in text
