"""From the scores of cells to the most probable number under what a form says of it.

Every string of cells has two things for it: how much it looks like the ink, and how likely people write it. Of the
numbers under a rule all but a few obey it; those that do not (`BROKEN`) are mostly a slip of one digit. So a valid
string may be hundreds of times likelier than another before anybody looks at the ink; that settles doubtful digits. The
most probable string is the reading, and its share of all its confidence. Where the ink speaks strongly against every
valid string (a digit of it is less than `DENIED`), as where a person wrote a wrong sum, the reading is what is written,
and the rule has failed: nothing is silently repaired. A cell that looks like no digit stays so: a rule makes no digit
of a scribble.
"""

import heapq
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from scanner.arrays import Scores
from scanner.form.rules import FieldRule

BLANK, UNREADABLE = "_", "?"
BROKEN = 0.02  # of what people write under a rule, the part that does not obey it
SLIPS = 9  # other digits that a slip of the pen may leave in a place
CONFUSED = 0.001  # of the digits read surely, those that are another: no cell is ever surer than that
DENIED = 0.005  # a digit that the ink makes less likely is not read, whatever a rule says
LEAST = 1e-12  # a probability of zero would forbid what the ink merely makes unlikely
EXPLORED = 5000  # strings tried, best first
ENOUGH = 1e-4  # of the best string's weight: what cannot have more is not tried any more

Alternatives: TypeAlias = list[tuple[str, float]]
"""What one cell may hold: (character, log probability), the likeliest first."""

Meaning: TypeAlias = Callable[[str], str | None]
"""The number that a string of cells means: empty where nothing is written, None where it means none (a gap)."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A row of cells as it may read: `cells` has one character each; whether it `is_valid` under its rules.

    `probability` among all that could be written there, rules considered. `is_denied` by the ink of one of its cells:
    it weighs, but is not the reading.
    """

    cells: str
    probability: float
    is_valid: bool
    is_denied: bool = False


def cell_alternatives(
    scores: Scores, is_blank: npt.NDArray[np.bool_], classes: str, blank_confidence: float
) -> list[Alternatives]:
    """What each cell may hold.

    Args:
        scores: (n, classes) of each cell.
        is_blank: (n,) cells without ink.
        classes: one character a column of `scores`.
        blank_confidence: probability that a cell without ink is empty; with the rest it is any digit.
    """
    digits = [index for index, name in enumerate(classes) if name.isdigit()]
    confused = np.zeros(len(classes))
    confused[digits] = CONFUSED / len(digits)
    cells: list[Alternatives] = []
    for row, empty in zip(scores.astype(np.float64), is_blank, strict=True):
        if empty:
            faint = (1 - blank_confidence) / len(digits)
            options = [(BLANK, blank_confidence), *((classes[index], faint) for index in digits)]
        else:
            looks = ((1 - CONFUSED) * row + confused).tolist()
            best = classes[int(row.argmax())]  # what is legible does not become unreadable, whatever a rule would like
            options = [
                (name, part) for name, part in zip(classes, looks, strict=True) if name != UNREADABLE or name == best
            ]
        cells.append(sorted(((name, math.log(max(part, LEAST))) for name, part in options), key=lambda each: -each[1]))
    return cells


def best_first(options: Sequence[Sequence[float]]) -> Iterator[tuple[tuple[int, ...], float]]:
    """All choices of one option a place, the likeliest first, with their log probability (as Lawler 1972).

    Args:
        options: for each place the log probabilities of its options, falling.
    """
    heap = [(-sum(each[0] for each in options), (0,) * len(options), 0)]
    while heap:
        cost, choice, start = heapq.heappop(heap)
        yield choice, -cost
        for place in range(start, len(options)):  # only from the last one changed: each choice is reached in one way
            index = choice[place] + 1
            if index < len(options[place]):
                worse = cost + options[place][index - 1] - options[place][index]
                heapq.heappush(heap, (worse, (*choice[:place], index, *choice[place + 1 :]), place))


def trust_in(density: float, digits: int) -> float:
    """How many times likelier people write something valid than a given other thing.

    Args:
        density: part of all strings that is valid; where it is small, what is not valid is a slip near by.
        digits: in which a slip may happen.
    """
    return 1 + (1 - BROKEN) / BROKEN * min(1 / density, SLIPS * digits)


def decode_field(cells: Sequence[Alternatives], rule: FieldRule, means: Meaning) -> list[Candidate]:
    """What the cells may read, the most probable first, then what the ink denies; probabilities sum to 1, less what
    was not tried.

    Args:
        cells: of `cell_alternatives`.
        rule: what the form says of the number.
        means: what a string of cells means to the rule.
    """
    trust = trust_in(rule.density, len(cells)) if rule.is_bound else 1.0
    weights: dict[str, tuple[float, bool]] = {}
    denied = [frozenset(name for name, look in options if look < math.log(DENIED)) for options in cells]
    left, best = 1.0, 0.0

    def weigh(text: str, log_probability: float) -> float:
        number = means(text)
        is_valid = number is not None and rule.allows(number)
        factor = trust if is_valid or UNREADABLE in text else 1.0  # a scribble may hide something valid
        weight = math.exp(log_probability) * factor
        weights[text] = weight, is_valid
        return weight

    def is_denied(text: str) -> bool:
        return any(name in each for name, each in zip(text, denied, strict=True))

    for choice, log_probability in best_first([[log for _, log in options] for options in cells]):
        if math.exp(log_probability) * trust < ENOUGH * best or len(weights) >= EXPLORED:
            break
        text = "".join(options[index][0] for options, index in zip(cells, choice, strict=True))
        best = max(best, weigh(text, log_probability))
        left -= math.exp(log_probability)
    for text, log_probability in _listed(cells, rule):
        if text not in weights:
            weigh(text, log_probability)
            left -= math.exp(log_probability)
    unseen = max(left, 0.0) * (1 + (trust - 1) * (rule.density if rule.numbers is None else 0.0))
    total = sum(weight for weight, _ in weights.values()) + unseen
    read = [Candidate(text, weight / total, is_valid, is_denied(text)) for text, (weight, is_valid) in weights.items()]
    return sorted(read, key=lambda each: (each.is_denied, -each.probability))


def _listed(cells: Sequence[Alternatives], rule: FieldRule) -> Iterator[tuple[str, float]]:
    """The numbers of the rule's list that fill all cells, and their log probabilities: none is missed."""
    numbers = [number for number in rule.numbers or () if len(number) == len(cells)]
    if not numbers:
        return
    logs = np.full((len(cells), 10), math.log(LEAST))
    for row, options in zip(logs, cells, strict=True):
        for name, log_probability in options:
            if name.isdigit():
                row[int(name)] = log_probability
    digits = np.array([[int(digit) for digit in number] for number in numbers])  # (numbers, cells)
    yield from zip(numbers, logs[np.arange(len(cells)), digits].sum(axis=1).tolist(), strict=True)
