"""What stands on ruled lines."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray
from scanner.content import RowReading, sureness
from scanner.network import Network, load_network
from scanner.pipeline import PageReading, read_image, read_page, read_rows
from scanner.strings import read_ruled, ruled_frames
from scanner.strings.ruled import _without
from scanner.synth.hand import DrawnDigits
from scanner.synth.strings import write_string


def ruled_page(rng: np.random.Generator, numbers: list[str]) -> Gray:
    """Numbers on ruled lines, as on a tally sheet."""
    page = np.full((700, 620), 245, np.uint8)
    for row in range(len(numbers) + 2):
        cv2.line(page, (20, 90 + 100 * row), (600, 92 + 100 * row), (120,), 2, cv2.LINE_AA)
    for row, text in enumerate(numbers):
        ink = write_string(text, DrawnDigits(), rng, touching=0.1).ink
        low = 90 + 100 * (row + 1) - 4
        part = page[low - ink.shape[0] : low, 260 : 260 + ink.shape[1]]
        part[:] = np.minimum(part, 255 - ink)
    return page


def test_what_stands_on_ruled_lines_is_found_and_mostly_read(tmp_path: Path) -> None:
    right = 0
    for seed in range(4):
        numbers = ["307", "0482", "119", "58"]
        page = ruled_page(np.random.default_rng(seed), numbers)
        clean, frames = ruled_frames(page)
        assert len(frames) == len(numbers)
        assert clean.shape == page.shape
        cv2.imwrite(str(tmp_path / "page.png"), page)
        result = read_page(tmp_path / "page.png")
        assert isinstance(result, PageReading)
        right += len({field.value for field in result.fields} & set(numbers))
    assert right >= 11


def test_lines_may_run_together() -> None:
    """As a phone sees them, when it is held aslant."""
    network, right = load_network(), 0
    numbers = ["307", "0482", "119", "58"]
    for seed in range(4):
        page = ruled_page(np.random.default_rng(seed), numbers)
        high, wide = page.shape
        corners = np.array([[0, 0], [wide, 0], [wide, high], [0, high]], np.float32)
        to_seen = cv2.getPerspectiveTransform(
            corners, np.array(corners + np.outer([0, 60, -60, 0], [0, 1]), np.float32)
        )
        photo = cv2.warpPerspective(page, to_seen, (wide, high), borderMode=cv2.BORDER_REPLICATE)
        right += len({field.value for field in read_image(np.asarray(photo, np.uint8), network)} & set(numbers))
    assert right >= 14


def test_the_line_down_the_margin_is_taken_out_too() -> None:
    page = ruled_page(np.random.default_rng(0), ["307", "0482", "58"])
    cv2.line(page, (500, 60), (502, 560), (120,), 3, cv2.LINE_AA)
    clean, _ = ruled_frames(page)
    assert page[120:180, 495:507].min() < 140
    assert clean[120:180, 495:507].min() > 200


def test_what_is_struck_out_is_not_accepted() -> None:
    network = load_network()
    page = ruled_page(np.random.default_rng(0), ["307", "0482", "58"])
    _, second, third = read_image(page, network)
    assert (second.value, second.status, third.status) == ("0482", "accepted", "accepted")
    cv2.line(page, (230, 250), (460, 244), (40,), 4, cv2.LINE_AA)
    struck = read_image(page, network)
    assert [field.status for field in struck if field.value not in ("307", "58")] == ["review"]
    assert {field.value for field in struck if field.status == "accepted"} == {"58"}


def test_the_first_line_of_a_page_may_be_written_on() -> None:
    page = ruled_page(np.random.default_rng(2), ["307", "0482", "119"])
    page[:130] = 255  # without the line above the first number
    cv2.line(page, (20, 190), (600, 192), (120,), 2, cv2.LINE_AA)
    _, frames = ruled_frames(page)
    assert len(frames) == 3


def test_leaning_strokes_and_small_digits_are_of_their_number() -> None:
    page = ruled_page(np.random.default_rng(0), ["82", "69", "47"])
    _, before = ruled_frames(page)
    cv2.line(page, (200, 186), (250, 131), (0,), 4, cv2.LINE_AA)  # a 1 on the first line
    cv2.ellipse(page, (236, 271), (9, 12), 0, 0, 360, (0,), 4, cv2.LINE_AA)  # a small 0 on the second
    _, after = ruled_frames(page)
    assert len(before) == len(after) == 3
    starts = [[float(frame[:, 0].min()) for frame in sorted(each, key=lambda f: f[0, 1])] for each in (before, after)]
    assert starts[1][0] < starts[0][0] - 40
    assert starts[1][1] < starts[0][1] - 20
    assert abs(starts[1][2] - starts[0][2]) < 3


def test_no_ink_beside_a_number_is_left_out() -> None:
    """A flat digit, or one whose pen has left gaps, is too low for a part of a number."""
    page = ruled_page(np.random.default_rng(0), ["82", "69"])
    _, before = ruled_frames(page)
    cv2.ellipse(page, (224, 165), (27, 15), 0, 0, 360, (0,), 4, cv2.LINE_AA)
    for low in (245, 270):
        cv2.ellipse(page, (370, low), (12, 6), 0, 0, 360, (0,), 3, cv2.LINE_AA)
    _, after = ruled_frames(page)
    assert len(before) == len(after) == 2
    left, right = (max(before, key=lambda frame: -frame[0, 1]), max(before, key=lambda frame: frame[0, 1]))
    wider_left, wider_right = (max(after, key=lambda frame: -frame[0, 1]), max(after, key=lambda frame: frame[0, 1]))
    assert wider_left[:, 0].min() < left[:, 0].min() - 40
    assert wider_right[:, 0].max() > max(right[:, 0].max() + 10, 380)


def test_lines_too_pale_for_ink_take_none_with_them() -> None:
    lines = np.zeros((100, 400), np.uint8)
    lines[50:54] = 255
    ink = np.zeros_like(lines)
    ink[48:56, 20:60] = 255  # the foot of a 2
    np.testing.assert_array_equal(_without(ink, lines), ink)
    ink[51:53] = 255
    assert not _without(ink, lines)[:, 100:].any()


def test_letters_in_boxes_do_not_hide_ruled_lines() -> None:
    network = load_network()
    page = ruled_page(np.random.default_rng(0), ["30725", "0482", "1194", "586"])
    for column, letter in enumerate("Gb"):
        left = 60 + 40 * column
        cv2.rectangle(page, (left, 20), (left + 40, 70), (60,), 2)
        cv2.putText(page, letter, (left + 8, 58), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (60,), 3, cv2.LINE_AA)
    boxed = read_rows(page, network)
    assert [sureness(row, network.card.classes) > 0.8 for row in boxed] == [True]  # they look like digits
    assert len(read_image(page, network)) == 5


def test_boxes_that_hardly_hold_digits_are_left_for_ruled_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    network = load_network()
    page = ruled_page(np.random.default_rng(0), ["307", "0482", "119", "58"])

    def doubtful(gray: Gray, network: Network) -> list[RowReading]:
        """Some row of the page, as if it stood in boxes and were read with .7."""
        row = read_ruled(page, network)[0]
        return [replace(row, scores=0.7 * np.eye(12, dtype=np.float32)[row.scores.argmax(axis=1)])]

    monkeypatch.setattr("scanner.pipeline.read_rows", doubtful)
    assert len(read_image(page, network)) == 4


def test_lines_without_writing_hold_nothing() -> None:
    _, frames = ruled_frames(ruled_page(np.random.default_rng(0), []))
    assert len(frames) == 0
    page, frames = ruled_frames(np.full((300, 300), 255, np.uint8))
    assert (page.shape, len(frames)) == ((300, 300), 0)
