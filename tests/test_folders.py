"""Digits from a folder of pictures for each digit."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scanner.errors import NoInputError
from scanner.synth import DrawnDigits
from scanner.training.datasets import read_source
from scanner.training.pen import CANVAS

INK, PAPER = 60, 220


def picture(label: int, seed: int, *, size: int = 60) -> np.ndarray:
    """A drawn digit, dark on light paper with grain."""
    rng = np.random.default_rng(seed)
    ink = cv2.copyMakeBorder(DrawnDigits()(label, rng), 12, 12, 15, 15, cv2.BORDER_CONSTANT)
    ink = cv2.resize(ink, (size, round(size * 1.3)), interpolation=cv2.INTER_AREA)
    gray = PAPER - (PAPER - INK) * (ink / 255) + rng.normal(0, 2, ink.shape)
    return np.clip(gray, 0, 255).astype(np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for label in (0, 3, 7):
        (tmp_path / "mine" / str(label)).mkdir(parents=True)
        for number in range(2):
            image = picture(label, number, size=40 + 30 * number)
            cv2.imwrite(str(tmp_path / "mine" / str(label) / f"{number}.{'png' if number else 'jpg'}"), image)
    return tmp_path / "mine"


def test_pictures_of_any_size_become_ink_maps_of_one(folder: Path) -> None:
    source = read_source(folder)
    assert source.name == "mine"
    assert source.test is None
    assert source.train.labels.tolist() == [0, 0, 3, 3, 7, 7]
    assert source.train.ink.shape == (6, CANVAS, CANVAS)
    assert (source.train.ink.max(axis=(1, 2)) > 200).all()
    assert (np.median(source.train.ink, axis=(1, 2)) < 20).all()  # paper


def test_light_on_dark_is_the_same_digit(folder: Path) -> None:
    before = read_source(folder).train.ink
    for path in folder.glob("*/*.png"):
        cv2.imwrite(str(path), 255 - cv2.imread(str(path), cv2.IMREAD_GRAYSCALE))
    np.testing.assert_allclose(read_source(folder).train.ink.astype(int), before.astype(int), atol=2)


def test_the_hash_tells_of_every_picture(folder: Path) -> None:
    before = read_source(folder).sha256
    assert read_source(folder).sha256 == before
    (folder / "3" / "0.jpg").rename(folder / "7" / "2.jpg")  # the same pictures, another label
    assert read_source(folder).sha256 != before


def test_a_file_that_is_no_picture_is_named(folder: Path) -> None:
    (folder / "7" / "notes.txt").write_text("seven")
    with pytest.raises(NoInputError, match=r"notes\.txt.*take it out"):
        read_source(folder)


def test_hidden_files_are_not_looked_at(folder: Path) -> None:
    (folder / "7" / ".DS_Store").write_bytes(b"\0")
    assert len(read_source(folder).train) == 6


def test_folders_without_pictures_are_refused(tmp_path: Path) -> None:
    (tmp_path / "4").mkdir()
    with pytest.raises(NoInputError, match="no pictures"):
        read_source(tmp_path)
