"""The most probable readings of several fields, given what holds between them."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from typing import TypeAlias

from scanner.decode import ENOUGH, EXPLORED, Candidate, best_first, trust_in
from scanner.form.equations import Equation

Value: TypeAlias = Callable[[str, str], Fraction | None]
"""(field, cells) -> the number that they mean in an equation; None where they mean none."""

ORDER_DENSITY = 0.5  # of random pairs, those in a given order
CANDIDATES = 200  # of a field
LARGEST = 600.0  # logarithm of what floats hold


def decode_together(
    candidates: Mapping[str, Sequence[Candidate]], equations: Sequence[Equation], value: Value, cells: Mapping[str, int]
) -> dict[str, list[Candidate]]:
    """What fields may read, given what holds between them; fields that no equation names stay as they are.

    Args:
        candidates: of each field, of `decode.decode_field`.
        equations: what holds.
        value: what cells mean in an equation.
        cells: how many each field has.

    Returns:
        For each field its candidates, the most probable first; `is_valid` only if the best ones of all fields make
        its equations true.
    """
    result = {name: list(each) for name, each in candidates.items()}
    for group in _connected(equations):
        names = tuple(dict.fromkeys(name for equation in group for name in equation.names))
        if all(candidates.get(name) for name in names):
            result |= _decode_group(names, candidates, group, value, cells)
    return result


def _connected(equations: Sequence[Equation]) -> list[list[Equation]]:
    """Equations that share fields belong together."""
    groups: list[list[Equation]] = []
    for equation in equations:
        touching = [group for group in groups if any(set(each.names) & set(equation.names) for each in group)]
        groups = [group for group in groups if group not in touching]
        groups.append([*(each for group in touching for each in group), equation])
    return groups


def _decode_group(
    names: Sequence[str],
    candidates: Mapping[str, Sequence[Candidate]],
    equations: Sequence[Equation],
    value: Value,
    cells: Mapping[str, int],
) -> dict[str, list[Candidate]]:
    """Readings of all fields at once, the likeliest first; what is rare is not tried."""
    short = {
        name: sorted((each for each in candidates[name] if each.probability > 0), key=lambda each: -each.probability)[
            :CANDIDATES
        ]
        for name in names
    }
    values = {name: [value(name, each.cells) for each in short[name]] for name in names}
    trust = [trust_in(_density(equation, cells), sum(cells[name] for name in equation.names)) for equation in equations]
    options = [[math.log(each.probability) for each in short[name]] for name in names]
    shares: dict[str, dict[int, float]] = {name: {} for name in names}
    total = best = tried = 0.0
    likeliest = sum(each[0] for each in options)  # all are told as parts of it: of many fields each is very small
    for count, (choice, log_of_all) in enumerate(best_first(options)):
        log_probability = log_of_all - likeliest
        if math.exp(log_probability) * math.prod(trust) < ENOUGH * best or count >= EXPLORED:
            break
        tried += math.exp(log_probability)
        chosen = {name: values[name][index] for name, index in zip(names, choice, strict=True)}
        is_broken = [equation.holds(chosen) is False for equation in equations]
        weight = math.exp(log_probability) * math.prod(
            1.0 if broken else factor for broken, factor in zip(is_broken, trust, strict=True)
        )
        total, best = total + weight, max(best, weight)
        for name, index in zip(names, choice, strict=True):
            shares[name][index] = shares[name].get(index, 0.0) + weight
    untried = max(math.exp(min(-likeliest, LARGEST)) - tried, 0.0)
    densities = (_density(equation, cells) for equation in equations)
    total += untried * math.prod(1 + (factor - 1) * part for factor, part in zip(trust, densities, strict=True))
    ranked = {
        name: sorted(each, key=lambda index: (short[name][index].is_denied, -each[index], index))
        for name, each in shares.items()
    }
    read = {name: values[name][each[0]] for name, each in ranked.items()}
    is_held = all(equation.holds(read) is not False for equation in equations)
    return {
        name: [
            replace(
                short[name][index],
                probability=shares[name][index] / total,
                is_valid=short[name][index].is_valid and is_held,
            )
            for index in order
        ]
        for name, order in ranked.items()
    }


def _density(equation: Equation, cells: Mapping[str, int]) -> float:
    return 10.0 ** -max(cells[name] for name in equation.names) if equation.is_equality else ORDER_DENSITY
