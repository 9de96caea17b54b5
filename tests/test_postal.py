"""Postal codes of envelopes, and what stands on ruled lines."""

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from scanner.arrays import Gray
from scanner.cli import app
from scanner.network import load_network
from scanner.pipeline import PageReading, read_gray, read_page
from scanner.strings import ruled_frames
from scanner.strings.words import find_blocks, runs_of_words
from scanner.synth.envelopes import COUNTRIES, make_envelope
from scanner.synth.hand import DrawnDigits
from scanner.synth.strings import write_string

SAMPLES = Path(__file__).resolve().parents[1] / "samples" / "postal"


def envelope(country: str, seed: int, fault: str = "clean") -> tuple[Gray, str]:
    made = make_envelope(country, DrawnDigits(), np.random.default_rng((seed, 5)), fault)
    image = made.image
    return np.asarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8), made.code


def read(gray: Gray, country: str) -> PageReading:
    result = read_gray(gray, "envelope", 1, load_network(), postal=country)
    assert isinstance(result, PageReading)
    return result


def test_an_envelope_is_the_same_for_the_same_seed_and_its_code_is_of_its_country() -> None:
    for country, lengths in (("us", {5, 9}), ("ch", {4}), ("de", {5}), ("nl", {4}), ("in", {6})):
        for seed in range(6):
            made = make_envelope(country, DrawnDigits(), np.random.default_rng(seed))
            assert len(made.code) in lengths
    again = [make_envelope("us", DrawnDigits(), np.random.default_rng(3)) for _ in range(2)]
    np.testing.assert_array_equal(again[0].image, again[1].image)


@pytest.mark.parametrize("seed", range(4))
def test_the_address_is_the_block_with_most_writing(seed: int) -> None:
    gray, _ = envelope("us", seed)
    block = max(find_blocks(gray), key=lambda lines: sum(len(line.parts) * line.height for line in lines))
    assert 3 <= len(block) <= 5
    assert block[0].box[0] > 0.25 * gray.shape[1]
    for line in block:
        runs = runs_of_words(line)
        assert (0, len(line.parts)) in runs or sum(line.ends) > 3
        assert all(first < last <= len(line.parts) for first, last in runs)


def test_most_codes_are_read_and_what_is_accepted_is_right() -> None:
    right = 0
    for number in range(15):
        country = COUNTRIES[number % len(COUNTRIES)]
        gray, code = envelope(country, number, ("clean", "scan")[number % 2])
        (field,) = read(gray, country).fields
        assert field.name == "postal_code"
        right += field.value == code
        assert field.status != "accepted" or field.value == code
    assert right >= 11


def test_an_envelope_may_lie_any_way_round() -> None:
    gray, _ = envelope("de", 2)
    upright = read(gray, "de").fields[0]
    over = read(np.ascontiguousarray(gray[::-1, ::-1]), "de").fields[0]
    assert over.value == upright.value
    height, width = gray.shape
    x, y, wide, high = upright.box_xywh
    assert over.box_xywh[:2] == pytest.approx((width - x - wide, height - y - high), abs=6)


def test_an_envelope_without_a_code_goes_to_review() -> None:
    blank = np.full((600, 900), 250, np.uint8)
    (field,) = read(blank, "us").fields
    assert (field.status, field.reason, field.value, field.cells) == ("review", "code_not_found", "", "?")
    assert field.box_xywh == (0, 0, 900, 600)


def test_the_sample_envelopes_are_read(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["read", str(SAMPLES), "--postal", "any", "-o", str(tmp_path), "--workers", "1"])
    assert result.exit_code == 0
    with (tmp_path / "fields.csv").open(newline="") as file:
        found = {row["file"]: row["value"] for row in csv.DictReader(file)}
    with (SAMPLES / "truth.csv").open(newline="") as file:
        truth = {row["file"]: row["value"] for row in csv.DictReader(file)}
    assert found.keys() == truth.keys()
    assert sum(found[name] == value for name, value in truth.items()) >= 4


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
        right += sum(a == b for a, b in zip([field.value for field in result.fields], numbers, strict=False))
    assert right >= 11


def test_lines_without_writing_hold_nothing() -> None:
    _, frames = ruled_frames(ruled_page(np.random.default_rng(0), []))
    assert len(frames) == 0
    page, frames = ruled_frames(np.full((300, 300), 255, np.uint8))
    assert (page.shape, len(frames)) == ((300, 300), 0)
