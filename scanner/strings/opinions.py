"""What a line says, by two opinions: of the network that knows digits, on the parts of the line, and of the one that
reads lines, on the whole. Where both agree, that is it; each makes the other doubt."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scanner.strings.ctc import likeliest_strings, log_probabilities
from scanner.strings.lattice import Path, Segment, likeliest_paths
from scanner.strings.line import Line
from scanner.strings.pieces import Piece

CANDIDATES = 6  # of each opinion
SURE = 0.98  # probability of the likeliest on the whole
WHOLE, PARTS = 0.8, 0.18  # weights of the opinions, fitted to lines kept from training: on the whole, on the parts
LEAST = 1e-9  # probability of the whole: below it, all are alike

UNLIKELY = 1e-4  # of the likeliest on the whole: what is less likely is no candidate of it

_Arguments: TypeAlias = tuple[list[Piece], list[Segment], "Floats", float, int | None]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """A number that a line may show: its digits, the segments that they are, if it can be parted so, its weight.

    Shares of candidates among all go as the exponential of `weight`.
    """

    text: str
    path: Path | None
    weight: float


def weigh(line: Line, scores: Floats, frames: Floats, length: int | None = None) -> list[Candidate]:
    """The likeliest numbers, the best first; none where nothing can be read.

    Args:
        line: with its segments.
        scores: (n, classes) what the network of digits says of each segment.
        frames: (frames, 11) what the network of lines says.
        length: digits, if known.
    """
    arguments = line.pieces, line.segments, scores, line.height, length
    strings = [(text, part) for text, part in likeliest_strings(frames, length) if text]
    is_sure = bool(strings) and strings[0][1] >= SURE  # then the parts need not propose any
    paths = {} if is_sure or not line.segments else {path.text: path for path in likeliest_paths(*arguments)}
    texts = [text for text, part in strings[:CANDIDATES] if part > UNLIKELY * strings[0][1]]
    texts += [text for text in list(paths)[:CANDIDATES] if text not in texts]
    if not texts:
        return []
    parted = {text: paths.get(text) or _path_to(text, arguments) for text in texts}
    worst = min((path.weight for path in parted.values() if path is not None), default=0.0)
    wholes = np.maximum(log_probabilities(frames, texts), np.log(LEAST)).tolist()
    weighed = [
        Candidate(text, path, WHOLE * whole + PARTS * (worst if path is None else path.weight))
        for (text, path), whole in zip(parted.items(), wholes, strict=True)
    ]
    return sorted(weighed, key=lambda each: -each.weight)


def _path_to(text: str, arguments: _Arguments) -> Path | None:
    """The best way to part the line into these digits, if there is one."""
    return next(iter(likeliest_paths(*arguments, text=text)), None) if arguments[1] else None
