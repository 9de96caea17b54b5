"""What a line says, by two opinions: of the network that knows digits, on the parts of the line, and of the one that
reads lines, on the whole. Where both agree, that is it; each makes the other doubt."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from scanner.strings.ctc import LETTERS, likeliest_strings, log_probabilities
from scanner.strings.lattice import Lattice, Path
from scanner.strings.line import Line

CANDIDATES = 6  # of each opinion
SURE = 0.98  # probability of the likeliest on the whole
WHOLE, PARTS = 0.8, 0.18  # weights of the opinions, fitted to lines kept from training: on the whole, on the parts
LEAST = 1e-9  # probability of the whole: below it, all are alike
NO_NUMBER = ""  # text of a candidate: words
UNLIKELY = 1e-4  # of the likeliest on the whole: what is less likely is no candidate of it

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
    """The likeliest numbers, the best first, and `NO_NUMBER` last where there may be words; none where nothing is.

    Args:
        line: with its segments.
        scores: (n, classes) what the network of digits says of each segment.
        frames: (frames, classes) what the network of lines says.
        length: digits, if known.
    """
    found = likeliest_strings(frames, length)
    strings = [(text, part) for text, part in found if text and LETTERS not in text]
    words = sum(part for text, part in found if LETTERS in text)
    is_sure = bool(strings) and strings[0][1] >= SURE  # then the parts need not propose any
    lattice = Lattice(line.pieces, line.segments, scores, line.height)
    paths = {} if is_sure else {path.text: path for path in lattice.likeliest(length)}
    texts = [text for text, part in strings[:CANDIDATES] if part > UNLIKELY * strings[0][1]]
    texts += [text for text in list(paths)[:CANDIDATES] if text not in texts]
    if not texts:
        return []
    parted = {text: paths.get(text) or lattice.path_to(text) for text in texts}
    worst = min((path.weight for path in parted.values() if path is not None), default=0.0)
    wholes = np.maximum(log_probabilities(frames, texts), np.log(LEAST)).tolist()
    weighed = [
        Candidate(text, path, WHOLE * whole + PARTS * (worst if path is None else path.weight))
        for (text, path), whole in zip(parted.items(), wholes, strict=True)
    ]
    weighed.sort(key=lambda each: -each.weight)
    if words > LEAST:
        weighed.append(Candidate(NO_NUMBER, None, WHOLE * float(np.log(words)) + PARTS * worst))
    return weighed
