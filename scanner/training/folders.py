"""Labeled digits from pictures: a folder for each of the digits, as people collect them."""

import hashlib
from pathlib import Path

import cv2
import numpy as np

from scanner.arrays import Gray
from scanner.errors import NoInputError, PageError
from scanner.page import load_picture
from scanner.predict import paper_level
from scanner.training.pen import Ink, on_canvas

LABELS = "0123456789"
PART = 0.8  # of the canvas that a digit takes


def is_class_folder(folder: Path) -> bool:
    """Whether one of its folders has a digit for a name."""
    return any((folder / label).is_dir() for label in LABELS)


def read_class_folder(folder: Path) -> tuple[list[Ink], list[int], str]:
    """Ink maps, all of one size, and labels of the pictures in the folders 0 - 9; and a hash over all of them.

    Pictures may be of any size and format that `scanner predict` reads, dark on light or light on dark.

    Raises:
        NoInputError: there is no picture, or one cannot be read.
    """
    inks: list[Ink] = []
    labels: list[int] = []
    everything = hashlib.sha256()
    for label in LABELS:
        for path in sorted((folder / label).glob("*")):
            if path.name.startswith("."):
                continue
            try:
                inks.append(on_canvas(_ink(load_picture(path)), PART))
            except PageError as error:
                raise NoInputError(f"{path}: {error}; take it out of the folder, or replace it") from error
            labels.append(int(label))
            everything.update(label.encode() + path.read_bytes())
    if not inks:
        raise NoInputError(f"{folder}: no pictures in its folders 0 - 9")
    return inks, labels, everything.hexdigest()


def _ink(picture: Gray) -> Ink:
    """How much lighter or darker than its border a picture is, the strongest 255."""
    level = paper_level(picture)
    if level < picture.mean():  # light on dark
        picture, level = 255 - picture, 255 - level
    ink = np.clip(level - picture.astype(np.float32), 0, None)
    return np.asarray(cv2.convertScaleAbs(ink, alpha=255 / max(float(ink.max()), 1.0)), np.uint8)
