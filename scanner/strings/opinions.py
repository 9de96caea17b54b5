"""What a line says, by two opinions: of the network that knows digits, on the parts of the line, and of the one that
reads lines, on the whole. Where both agree, that is it; each makes the other doubt."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from scanner.strings.ctc import LETTERS, likeliest_strings, log_probabilities
from scanner.strings.lattice import Lattice, Path
from scanner.strings.line import Line

CANDIDATES = 6  # of each opinion
SURE = 0.98  # probability of the likeliest on the whole
LEAST = 1e-9  # probability of the whole: below it, all are alike
NO_NUMBER = ""  # text of a candidate: words
NOTHING: Mapping[str, float] = {}  # was said before
UNEXPECTED = 0.02  # share of what was not said before
MISCOUNTED = 0.02  # of the numbers whose length is known, those that people write with another
OTHERS = 2  # of other lengths, the likeliest
UNLIKELY = 1e-4  # of the likeliest on the whole: what is less likely is no candidate of it

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Weights:
    """Of the opinions: on the whole, on the parts, and of what was said before; fitted to lines kept from training."""

    whole: float
    parts: float
    before: float


ALONE, AGAIN = Weights(0.8, 0.18, 0.0), Weights(0.4, 0.15, 0.6)


@dataclass(frozen=True)
class Candidate:
    """A number that a line may show: its digits, the segments that they are, if it can be parted so, its weight.

    Shares of candidates among all go as the exponential of `weight`.
    """

    text: str
    path: Path | None
    weight: float


def weigh(
    line: Line,
    scores: Floats,
    frames: Floats,
    length: int | None = None,
    expected: Mapping[str, float] = NOTHING,
) -> list[Candidate]:
    """The likeliest numbers, the best first, then such of other lengths than asked for, which may be written there all
    the same, and `NO_NUMBER` last where there may be words; none where nothing is.

    Args:
        line: with its segments.
        scores: (n, classes) what the network of digits says of each segment.
        frames: (frames, classes) what the network of lines says.
        length: digits, if known.
        expected: shares of numbers by an earlier look at more of the paper, `NO_NUMBER` among them.
    """
    weights = AGAIN if expected else ALONE
    found = likeliest_strings(frames, length)
    strings = [(text, part) for text, part in found if text and LETTERS not in text]
    words = sum(part for text, part in found if LETTERS in text)
    is_sure = bool(strings) and strings[0][1] >= SURE  # then the parts need not propose any
    lattice = Lattice(line.pieces, line.segments, scores, line.height)
    paths = {} if is_sure else {path.text: path for path in lattice.likeliest(length)}
    texts = [text for text, part in strings[:CANDIDATES] if part > UNLIKELY * strings[0][1]]
    texts = [text for text in dict.fromkeys([*texts, *list(paths)[:CANDIDATES], *expected]) if text != NO_NUMBER]
    if not texts:
        return []
    others = [] if length is None or expected else _of_other_lengths(frames, length)
    texts += others
    parted = {text: paths.get(text) or lattice.path_to(text) for text in texts}
    worst = min((path.weight for path in parted.values() if path is not None), default=0.0)
    *wholes, word = np.maximum(log_probabilities(frames, [*texts, LETTERS]), np.log(LEAST)).tolist()
    *before, no_number = weights.before * np.log(
        [max(expected.get(each, 0.0), UNEXPECTED) for each in [*texts, NO_NUMBER]]
    )
    weighed = [
        Candidate(text, path, weights.whole * whole + weights.parts * (worst if path is None else path.weight) + said)
        for (text, path), whole, said in zip(parted.items(), wholes, before, strict=True)
    ]
    weighed = [
        replace(each, weight=each.weight + math.log(MISCOUNTED)) if each.text in others else each for each in weighed
    ]
    weighed.sort(key=lambda each: (each.text in others, -each.weight))
    words = max(words, np.exp(word)) if expected else words
    if words > LEAST:
        weight = weights.whole * float(np.log(words)) + weights.parts * worst + no_number
        weighed.append(Candidate(NO_NUMBER, None, weight))
    return weighed


def _of_other_lengths(frames: Floats, length: int) -> list[str]:
    """The likeliest numbers with fewer digits or more."""
    found = [text for text, _ in likeliest_strings(frames) if text and LETTERS not in text and len(text) != length]
    return found[:OTHERS]
