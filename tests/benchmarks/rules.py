"""What rules are worth: python tests/benchmarks/rules.py --mnist ../shared/data/mnist

Pages as those of read_forms.py, five box styles x five faults x four layouts, each with a form of its own whose fields
have check digits (Luhn), are of a list of 10,000 numbers, or come in sums, by turns. Each page is read as its form
says, once with the rules and once without: how many fields are wrong where as many of them are taken, the surest first.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import registration
from read_forms import LAYOUTS, REPOSITORY, mnist_digits
from stdnum import luhn

from scanner.fields import FieldReading, Policy
from scanner.filled import read_filled
from scanner.finding import FoundForm
from scanner.form import Form, FormField, Rule
from scanner.form.equations import parse_equation
from scanner.form.rules import FieldRule, field_rule
from scanner.known import KnownForm
from scanner.network import Network, load_network
from scanner.synth import BENCHMARK_FAULTS, BOX_STYLES, BoxField, Layout, random_layout, scan_form

KINDS = ("check digit", "list", "sum")
LISTED = 10_000
LEAST_CELLS = {"check digit": 3, "list": 5, "sum": 2}
COVERAGES = (1.0, 0.98, 0.95, 0.9)
DPI = 300.0
FREE = FieldRule(lambda number: True, 1.0, is_bound=False)
LAYOUT_OF = {"separate": "boxes", "rounded": "boxes", "dropout": "boxes", "cells": "cells", "comb": "comb"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One field: whether it was read right, how sure, and whether it broke its rule."""

    kind: str
    is_right: bool
    confidence: float
    is_accepted: bool
    is_broken: bool


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, default=REPOSITORY.parent / "shared/data/mnist", metavar="DIR")
    parser.add_argument("--seed-base", type=int, default=3000, help="of the layouts; below 1000 while developing")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    network = load_network()
    digits = mnist_digits(options.mnist, "t10k" if options.seed_base >= 1000 else "train")
    free: list[Reading] = []
    ruled: list[Reading] = []
    missed = 0
    for number, (style, fault, seed) in enumerate(
        (style, fault, options.seed_base + turn)
        for style in BOX_STYLES
        for fault in BENCHMARK_FAULTS
        for turn in range(LAYOUTS)
    ):
        known, layout, kind, values = make_form(random_layout(style, seed), KINDS[number % len(KINDS)], seed)
        if not values:
            continue
        page = scan_form(layout, values, fault, digits, np.random.default_rng((seed, number)), DPI)
        gray = registration.to_gray(page.image)
        found = registration.find(gray, known.references[0])
        if found is None:
            print(f"{style}, {fault}, layout {seed}: the form was not found")
            missed += 1
            continue
        without = replace(known, rules=dict.fromkeys(known.rules, FREE), equations=())
        for form, readings in ((without, free), (known, ruled)):
            readings += read(gray, FoundForm(form, 1, found), network, values, kind)
    print(f"pages whose form was not found: {missed}")
    print(f"{'':14}{'fields':>8}" + "".join(f"{f'wrong of {100 * part:.0f} %':>20}" for part in COVERAGES)
          + f"{'accepted right':>22}{'accepted wrong':>18}{'broken':>10}")  # fmt: skip
    for kind in (*KINDS, "all"):
        print(row(kind, *([each for each in part if kind in ("all", each.kind)] for part in (free, ruled))))
    print("each: without rules -> with rules; broken: readings that break their rule and go to a person")


def make_form(layout: Layout, kind: str, seed: int) -> tuple[KnownForm, Layout, str, Mapping[str, str]]:
    """The form of a layout with rules of one kind, and what is written in the fields that have one."""
    rng = np.random.default_rng((seed, KINDS.index(kind)))
    fields = [each for each in layout.fields if LEAST_CELLS[kind] <= each.cells <= 18]
    if kind == "sum":
        groups = list(_triples(fields))
        values = {name: text for group in groups for name, text in _sum(group, rng).items()}
        rules = tuple(Rule(expression=f"{one.name} + {two.name} == {total.name}") for one, two, total in groups)
    else:
        rules, lists = (), {each.name: _listed(each.cells, rng) for each in fields} if kind == "list" else {}
        values = {
            each.name: str(rng.choice(lists[each.name])) if lists else _with_check_digit(each.cells, rng)
            for each in fields
        }
    described = tuple(_described(each, kind if each.name in values else "") for each in layout.fields)
    form = Form(name="benchmark", fields=described, rules=rules)
    field_rules = {
        each.name: FieldRule(frozenset(lists[each.name]).__contains__, LISTED / 10**each.cells, lists[each.name])
        if kind == "list" and each.name in values
        else field_rule(each, Path())
        for each in form.fields
    }
    equations = tuple(parse_equation(rule.expression) for rule in rules)
    known = KnownForm(form, MappingProxyType(field_rules), equations, (registration.reference_of(layout),))
    return known, layout, kind, values


def _described(field: BoxField, kind: str) -> FormField:
    keys = {"check": "luhn"} if kind == "check digit" else {}
    return FormField.model_validate(
        {
            "name": field.name, "x_mm": field.x_mm, "y_mm": field.y_mm, "cells": field.cells,
            "layout": LAYOUT_OF[field.style], "cell_width_mm": field.cell_width_mm,
            "cell_height_mm": field.cell_height_mm, "pitch_mm": field.pitch_mm, **keys,
        }
    )  # fmt: skip


def _triples(fields: Sequence[BoxField]) -> Iterator[tuple[BoxField, BoxField, BoxField]]:
    """Fields in threes, the one with most cells of each three for the sum."""
    ordered = sorted(fields, key=lambda field: field.cells)
    for start in range(0, len(ordered) - 2, 3):
        one, two, total = ordered[start : start + 3]
        yield one, two, total


def _sum(group: tuple[BoxField, BoxField, BoxField], rng: np.random.Generator) -> dict[str, str]:
    one, two, total = group
    first = int(rng.integers(0, 10**one.cells))
    second = int(rng.integers(0, min(10**two.cells, 10**total.cells - first)))
    numbers = zip(group, (first, second, first + second), strict=True)
    return {field.name: f"{number:0{field.cells}d}" for field, number in numbers}


def _listed(cells: int, rng: np.random.Generator) -> tuple[str, ...]:
    numbers = rng.choice(10**cells, LISTED, replace=False) if cells < 7 else rng.integers(0, 10**cells, LISTED)
    return tuple(sorted(f"{number:0{cells}d}" for number in set(numbers.tolist())))


def _with_check_digit(cells: int, rng: np.random.Generator) -> str:
    number = "".join(map(str, rng.integers(0, 10, cells - 1)))
    return number + str(luhn.calc_check_digit(number))


def read(gray: np.ndarray, found: FoundForm, network: Network, values: Mapping[str, str], kind: str) -> list[Reading]:
    """The fields in which something is written, right or wrong."""
    fields = read_filled(gray, found, network, Policy(network.card.accept_threshold))
    return [_scored(field, values[field.name], kind) for field in fields if field.name in values]


def _scored(field: FieldReading, value: str, kind: str) -> Reading:
    is_right, is_broken = field.cells == value, field.reason == "check_failed"
    return Reading(kind, is_right, field.confidence, field.status == "accepted", is_broken)


def row(kind: str, free: Sequence[Reading], ruled: Sequence[Reading]) -> str:
    wrong = "".join(f"{f'{_wrong(free, part)} -> {_wrong(ruled, part)}':>20}" for part in COVERAGES)
    both = (free, ruled)
    right = " -> ".join(
        f"{100 * np.mean([each.is_accepted and each.is_right for each in part]):.1f} %" for part in both
    )
    accepted = " -> ".join(str(sum(each.is_accepted and not each.is_right for each in part)) for part in both)
    broken = sum(each.is_broken for each in ruled)
    return f"{kind:14}{len(free):8}{wrong}{right:>22}{accepted:>18}{broken:>10}"


def _wrong(readings: Sequence[Reading], coverage: float) -> int:
    """Wrong ones among the surest; those that break a rule come last."""
    ordered = sorted(readings, key=lambda each: (each.is_broken, -each.confidence))
    return sum(not each.is_right for each in ordered[: round(coverage * len(ordered))])


if __name__ == "__main__":
    main()
