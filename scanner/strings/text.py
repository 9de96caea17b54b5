"""A line of writing that has words beside numbers: what it may say, and where its digits stand."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.strings.ctc import digit_frames, likeliest_strings
from scanner.strings.line import find_ink
from scanner.strings.network import FRAME, load_line_network, squeezed
from scanner.strings.picture import line_picture

BEAM = 40  # strings that are kept at each frame: words can be read in many ways
NEAR, FAR = 0.35, 1.2  # distances of digits from the middle of the last one: between, a number ends ...
USUAL = 0.6  # ... most often here
LESS_LEANING = 0.5
SMOOTH = 3  # pixels

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TextReading:
    """What a line may say: digits, and a letter `a` for each run of words.

    Attributes:
        strings: with their shares of all, the likeliest first.
        frames: (frames, classes) what the network said.
        pixels: (32, w) what it saw.
        to_page: (3, 3) from pixels of the line's ink to the page.
        to_line: (2, 3) from pixels of its picture to those of its ink.
        height: of the ink.
    """

    strings: list[tuple[str, float]]
    frames: Floats
    pixels: Gray
    to_page: Floats
    to_line: Floats
    height: int

    def quad_of(self, text: str, first: int, count: int) -> Quads:
        """(4, 2) corners on the page around neighboring digits of what the line says, at least two.

        It leans half as much as the line does: words may lean otherwise than digits.
        """
        spans = np.array(digit_frames(self.frames, text)[first : first + count])
        middles = (spans.mean(axis=1) + 0.5) * FRAME * squeezed(self.pixels.shape[1])
        apart = float(np.median(np.diff(middles)))
        left, right = self._gap(middles[0], -apart), self._gap(middles[-1], apart)
        x0, x1 = self.to_line[0, 0] * np.array([left, right]) + self.to_line[0, 2]
        corners = np.array([[[x0, 0], [x1, 0], [x1, self.height], [x0, self.height]]], np.float64)
        leaning = cv2.perspectiveTransform(corners, self.to_page)[0]
        top, low = leaning[:2].mean(axis=0), leaning[2:].mean(axis=0)
        along = (leaning[1] - leaning[0]) / max(np.linalg.norm(leaning[1] - leaning[0]), 1)
        shift = LESS_LEANING / 2 * float((top - low) @ along) * along
        return np.asarray(leaning + np.stack([-shift, -shift, shift, shift]), np.float32)

    def gap_behind(self, text: str, first: int, count: int, behind: int) -> float:
        """How far two of `count` neighboring digits of what the line says are apart, in usual distances of the others:
        digit `behind` and the next, the first is 1."""
        spans = np.array(digit_frames(self.frames, text)[first : first + count])
        apart = np.diff(spans.mean(axis=1))
        return float(apart[behind - 1] / max(np.median(np.delete(apart, behind - 1)), 1))

    def _gap(self, middle: float, apart: float) -> float:
        """The column with least ink where a number may end, beside the middle of its last digit."""
        width = self.pixels.shape[1]
        steps = np.linspace(NEAR, FAR, 18)
        columns = middle + steps * apart
        ink = cv2.blur(self.pixels.astype(np.float32).mean(axis=0)[None], (SMOOTH, 1))[0] / 255
        there = np.where((columns < 0) | (columns > width - 1), 0.0, ink[np.clip(columns, 0, width - 1).astype(int)])
        best = int(np.argmin(there + 0.05 * np.abs(steps - USUAL)))
        return float(np.clip(columns[best], 0, width))


def read_text(page: Gray, frame: Quads) -> TextReading | None:
    """What stands in a frame (4, 2) of a page (height, width), 0 = ink; None where nothing does."""
    found = find_ink(page, frame, 0.0)
    if found is None:
        return None
    ink, to_page = found
    picture = line_picture(ink)
    frames = load_line_network().frames([picture.pixels])[0]
    strings = likeliest_strings(frames, beam_width=BEAM)
    total = sum(share for _, share in strings)
    shares = [(text, share / total) for text, share in strings]
    return TextReading(shares, frames, picture.pixels, to_page, picture.to_line, ink.mask.shape[0])
