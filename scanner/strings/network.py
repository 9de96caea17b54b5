"""The network that reads a line at once, at run time: what each frame of a line's picture shows."""

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray
from scanner.errors import ModelError
from scanner.network import run_session, shipped, start_session
from scanner.strings.picture import HEIGHT, PICTURE_VERSION

NAME = "strings"
BUCKETS = (
    96,
    160,
    256,
    384,
    512,
)  # widths that pictures are filled up to, as in training; wider ones are pressed together
FRAME = 4  # pixels
MOVED = (0, -1, 1)  # rows

Floats = npt.NDArray[np.float64]


class LineNetwork:
    """Tells of each frame of a line, four pixels wide, which sign it shows, or none."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def frames(self, pictures: Sequence[Gray]) -> list[Floats]:
        """Pictures (32, w), 255 = ink -> for each (frames, classes) probabilities of no sign and of `SIGNS`."""
        return [self._frames(picture) for picture in pictures]  # one by one: what else is on the page changes nothing

    def _frames(self, picture: Gray) -> Floats:
        """Means of what it says of a picture moved up and down a little: that halves what a pixel decides."""
        width = bucket_of(picture)
        logits = run_session(self._session, padded([_moved(picture, rows) for rows in MOVED], width)).astype(np.float64)
        logits -= logits.max(axis=2, keepdims=True)
        logs = (logits - np.log(np.exp(logits).sum(axis=2, keepdims=True))).mean(axis=0)
        powers = np.exp(logs)
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float64)


def _moved(picture: Gray, rows: int) -> Gray:
    """Down by so many rows."""
    shift = np.array([[1, 0, 0], [0, 1, rows]], np.float64)
    return np.asarray(cv2.warpAffine(picture, shift, picture.shape[::-1], flags=cv2.INTER_NEAREST), np.uint8)


@cache
def shipped_sha256() -> str:
    """Of the shipped network: what was read by another is read anew.

    Raises:
        ModelError: its card cannot be read.
    """
    path = shipped(NAME).with_suffix(".json")
    try:
        return str(json.loads(path.read_text(encoding="utf-8"))["sha256"]["onnx"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: the network's card cannot be read ({error!r}); restore it") from error


@cache
def load_line_network(path: Path | None = None) -> LineNetwork:
    """Load a network by the path of its .onnx, its card beside it; the shipped one by default.

    Raises:
        ModelError: a file is missing or damaged, or its card does not fit it or this version of scanner.
    """
    path = path or shipped(NAME).with_suffix(".onnx")
    try:
        weights = path.read_bytes()
        card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
        made_for, sha256 = card["picture_version"], card["sha256"]["onnx"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{path}: the network or its card cannot be read ({error!r}); restore both files") from error
    if made_for != PICTURE_VERSION:
        raise ModelError(
            f"{path}: trained on pictures of version {made_for}, this scanner makes {PICTURE_VERSION}; train again "
            "with `scanner train --recipe strings`"
        )
    if hashlib.sha256(weights).hexdigest() != sha256:
        raise ModelError(f"{path}: does not match the SHA-256 in its card; restore both files")
    return LineNetwork(start_session(weights, path))


def bucket_of(picture: Gray) -> int:
    """The width that a picture is filled up to."""
    return next((width for width in BUCKETS if picture.shape[1] <= width), BUCKETS[-1])


def squeezed(width: int) -> float:
    """How many pixels of a picture so wide one of what the network sees stands for: 1, but for very wide ones."""
    return max(width / BUCKETS[-1], 1.0)


def padded(pictures: Sequence[Gray], width: int) -> npt.NDArray[np.uint8]:
    """(n, 32, width): each at the left, paper behind it; what is too wide is pressed together."""
    out = np.zeros((len(pictures), HEIGHT, width), np.uint8)
    for place, picture in enumerate(pictures):
        if picture.shape[1] > width:
            picture = np.asarray(cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
        out[place, :, : picture.shape[1]] = picture
    return out
