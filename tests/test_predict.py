"""Single digits: whatever the size, the polarity and the light, and what is no digit is not called one."""

import csv
import os
import stat
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from scanner.arrays import Gray
from scanner.cli import app
from scanner.errors import OutputError
from scanner.predict import DigitReading, normalize_picture, predict_digit
from scanner.predictions import Prediction, draw_predictions, write_predictions
from scanner.synth import DrawnDigits

PAPER, PEN = 225, 50


def picture(label: int, size: int = 200, place: tuple[float, float] = (0.5, 0.5), height: float = 0.6) -> Gray:
    """A digit we draw, its middle at `place` and so high, in parts of the picture."""
    ink = DrawnDigits()(label, np.random.default_rng(label))
    scale = height * size / ink.shape[0]
    small = cv2.resize(ink, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.float64) / 255
    page = np.full((size, size), PAPER, np.float64)
    x, y = (round(part * size - side / 2) for part, side in zip(place, small.shape[::-1], strict=True))
    inside = page[y : y + small.shape[0], x : x + small.shape[1]]
    inside -= (PAPER - PEN) * small
    return page.astype(np.uint8)


def read(page: Gray) -> DigitReading:
    return predict_digit(page)


@pytest.mark.parametrize("label", range(10))
@pytest.mark.parametrize("size", [28, 60, 200, 900])
def test_digits_of_any_size_are_read_dark_on_light_and_light_on_dark(label: int, size: int) -> None:
    page = picture(label, size)
    assert read(page).digit == read(255 - page).digit == str(label)


@given(st.integers(0, 9), st.floats(0.3, 0.7), st.floats(0.3, 0.7), st.floats(0.2, 0.5), st.integers(-70, 70))
@settings(max_examples=40, deadline=None)
def test_place_size_and_light_do_not_matter(label: int, x: float, y: float, height: float, shade: int) -> None:
    page = picture(label, 300, (x, y), height) * (1 + shade / 255 * np.linspace(-1, 1, 300)[None])
    assert read(np.clip(page, 0, 255).astype(np.uint8)).digit == str(label)


@pytest.mark.parametrize("gray", [0, 90, 255])
@pytest.mark.parametrize("shape", [(8, 8), (28, 28), (300, 90)])
def test_an_empty_picture_holds_no_digit(gray: int, shape: tuple[int, int]) -> None:
    reading = read(np.full(shape, gray, np.uint8))
    assert (reading.digit, reading.confidence, reading.runner_up) == ("", 0.0, "")
    assert not reading.normalized.any()
    assert not reading.scores.any()


def test_grain_and_shadow_are_no_digit() -> None:
    rng = np.random.default_rng(1)
    grain = np.clip(rng.normal(180, 12, (200, 200)), 0, 255).astype(np.uint8)
    shadow = np.repeat(np.linspace(80, 240, 200)[None], 200, axis=0).astype(np.uint8)
    assert not normalize_picture(grain).any()
    assert not normalize_picture(shadow).any()


def test_the_dark_edge_of_a_photo_is_left_out() -> None:
    page = picture(5)
    page[:, :6] = 30
    page[-4:] = 40
    assert read(page).digit == "5"


def test_a_digit_that_fills_its_picture_is_read() -> None:
    page = np.full((300, 300), 255, np.uint8)
    cv2.polylines(page, [np.array([(0, 15), (299, 15), (130, 299)])], False, (0,), 30)
    assert read(page).digit == "7"


def test_letters_and_scribbles_are_rejected_or_unsure() -> None:
    for text in ("M", "W", "#", "&", "@"):
        page = np.full((120, 120), PAPER, np.uint8)
        cv2.putText(page, text, (25, 90), cv2.FONT_HERSHEY_SIMPLEX, 2.6, (PEN,), 6)
        reading = read(page)
        assert not reading.digit or reading.confidence < 0.9, text


def test_the_figures_agree_with_each_other() -> None:
    reading = read(picture(3))
    order = np.argsort(-reading.scores)
    assert reading.classes[order[0]] == reading.digit == "3"
    assert reading.classes[order[1]] == reading.runner_up
    assert reading.scores.sum() == pytest.approx(1, abs=1e-5)
    assert reading.confidence == reading.scores.max() >= reading.runner_up_confidence
    stricter = predict_digit(picture(3), min_confidence=reading.confidence + 1e-6)
    assert (stricter.digit, stricter.confidence) == ("", reading.confidence)
    assert predict_digit(picture(3), min_confidence=reading.confidence).digit == "3"


# --- files and the command


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    cv2.imwrite("three.png", picture(3))
    cv2.imwrite("tiny.png", 255 - picture(7, 28))
    cv2.imwrite("blank.png", np.full((40, 40), 200, np.uint8))
    Path("notes.txt").write_text("no picture")
    return tmp_path


def scanner_(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, ["predict", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_a_line_a_picture_and_writes_csv(files: Path) -> None:
    code, out, err = scanner_("three.png", "tiny.png", "blank.png", "--csv", "out.csv")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("three.png: 3 (")
    assert lines[1].startswith("tiny.png: 7 (")
    assert lines[2] == "blank.png: nothing is drawn there"
    with (files / "out.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["file", "digit", "confidence"]
    assert [row[:2] for row in rows[1:]] == [["three.png", "3"], ["tiny.png", "7"], ["blank.png", ""]]
    assert 0.5 < float(rows[1][2]) <= 1


def test_a_picture_that_cannot_be_read_costs_itself_only(files: Path) -> None:
    code, out, err = scanner_("notes.txt", "three.png", "nowhere.png", "--csv", "out.csv")
    assert code == 8
    assert out.startswith("three.png: 3")
    assert "notes.txt: unknown_format" in err
    assert "nowhere.png: unreadable" in err
    assert (files / "out.csv").read_text().splitlines()[1::2] == ["notes.txt,,", "nowhere.png,,"]


def test_no_picture_at_all_is_no_input(files: Path) -> None:
    code, _, err = scanner_("nowhere.png", "lost.png")
    assert code == 3
    assert "nowhere.png, lost.png: no such file" in err


def test_unsure_digits_can_be_rejected(files: Path) -> None:
    code, out, _ = scanner_("three.png", "--min-confidence", "1")
    assert code == 0
    assert out.startswith(("three.png: rejected: 3 (9", "three.png: 3 (100"))


def test_what_cannot_be_written_is_said(files: Path) -> None:
    assert scanner_("three.png", "--csv", "no/folder/out.csv")[0] == 6
    with pytest.raises(OutputError, match="another file"):
        write_predictions(files / "no" / "out.csv", [])
    assert not list(files.glob(".part-*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("--csv", "three.png"),
        ("--plot", "three.png"),
        ("--csv", "out.png", "--plot", "out.png"),
        ("--csv", ""),
    ],
)
def test_nothing_is_written_over_a_picture_or_each_other(files: Path, arguments: tuple[str, ...]) -> None:
    before = (files / "three.png").read_bytes()
    assert scanner_("three.png", *arguments)[0] == 2
    assert (files / "three.png").read_bytes() == before


def test_a_link_stays_a_link_and_a_pipe_a_pipe(files: Path) -> None:
    (files / "link.csv").symlink_to("real.csv")
    assert scanner_("three.png", "--csv", "link.csv")[0] == 0
    assert (files / "link.csv").is_symlink()
    assert (files / "real.csv").read_text().splitlines()[1].startswith("three.png,3,")
    os.mkfifo(files / "pipe")
    reader = subprocess.Popen(["cat", "pipe"], stdout=subprocess.PIPE, text=True)
    assert scanner_("three.png", "--csv", "pipe")[0] == 0
    assert reader.communicate()[0].startswith("file,digit,confidence\n")
    assert stat.S_ISFIFO((files / "pipe").stat().st_mode)


def test_strange_names_are_written_and_drawn(files: Path) -> None:
    for name in (b"=cmd.png", b"caf\xe9.png", b"$a_{.png"):
        (files / os.fsdecode(name)).write_bytes((files / "three.png").read_bytes())
    names = [os.fsdecode(path.name) for path in files.glob("*.png") if path.name[0] in "=c$"]
    assert scanner_("--csv", "out.csv", "--plot", "out.pdf", "--", *sorted(names))[0] == 0
    assert [line.split(",")[0] for line in (files / "out.csv").read_text().splitlines()[1:]] == [
        "$a_{.png", "./=cmd.png", "caf\\udce9.png",
    ]  # fmt: skip


@pytest.mark.filterwarnings("ignore::DeprecationWarning:matplotlib")
@pytest.mark.filterwarnings("ignore::DeprecationWarning:pyparsing")
@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_the_plot_shows_each_picture(files: Path) -> None:
    assert scanner_("three.png", "blank.png", "notes.txt", "--plot", "out.png")[0] == 8
    plot = cv2.imread("out.png")
    assert plot is not None
    assert plot.shape[0] == pytest.approx(2 * 220, abs=20)
    draw_predictions(files / "none.png", [Prediction("x", problem="lost")])
    with pytest.raises(OutputError, match=r"ending in \.png"):
        draw_predictions(files / "out.nope", [])
