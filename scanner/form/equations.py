"""What holds between fields: sums, equality, order."""

import ast
import math
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from scanner.errors import FormError

Linear: TypeAlias = dict[str, Fraction]
"""Factor of each name; that of "" is the constant. Exact, as long numbers and sums of decimals ask for it."""

COMPARISONS: dict[type[ast.cmpop], Callable[[Fraction, int], bool]] = {
    ast.Eq: operator.eq,
    ast.LtE: operator.le,
    ast.Lt: operator.lt,
    ast.GtE: operator.ge,
    ast.Gt: operator.gt,
}


@dataclass(frozen=True, slots=True)
class Equation:
    """`left compare 0`, the sum of factors times fields against nothing; `text` as the form has it."""

    text: str
    left: Linear
    compare: Callable[[Fraction, int], bool]

    @property
    def names(self) -> tuple[str, ...]:
        """The fields in it."""
        return tuple(name for name in self.left if name)

    @property
    def is_equality(self) -> bool:
        return self.compare is operator.eq

    def holds(self, values: Mapping[str, Fraction | None]) -> bool | None:
        """Whether it holds; None where a field has no value."""
        total = self.left.get("", Fraction(0))
        for name in self.names:
            value = values[name]
            if value is None:
                return None
            total += self.left[name] * value
        return self.compare(total, 0)


def parse_equation(text: str) -> Equation:
    """`cand1 + cand2 == valid`: sums of fields, and of fields times a number, on both sides of one comparison.

    Raises:
        FormError: it is none of this kind.
    """
    try:
        tree = ast.parse(text, mode="eval").body
        if not isinstance(tree, ast.Compare) or len(tree.ops) != 1 or type(tree.ops[0]) not in COMPARISONS:
            raise _NotLinear(text)
        left = _add(_linear(tree.left), _linear(tree.comparators[0]), -1)
    except (SyntaxError, _NotLinear, OverflowError, RecursionError, MemoryError) as error:
        raise FormError(
            f"{text!r} is no equation: write sums of fields on both sides of one ==, <=, <, >= or >"
        ) from error
    equation = Equation(text, left, COMPARISONS[type(tree.ops[0])])
    if not equation.names:
        raise FormError(f"{text!r} names no field")
    return equation


class _NotLinear(Exception):
    pass


def _linear(node: ast.expr) -> Linear:
    if isinstance(node, ast.Name):
        return {node.id: Fraction(1)}
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and math.isfinite(node.value):  # type: ignore[arg-type]
        return {"": Fraction(str(node.value))}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return _add({}, _linear(node.operand), -1)
    if isinstance(node, ast.BinOp):
        left, right = _linear(node.left), _linear(node.right)
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return _add(left, right, 1 if isinstance(node.op, ast.Add) else -1)
        if isinstance(node.op, ast.Mult) and min(set(left) - {""}, set(right) - {""}, key=len) == set():
            constant, other = (left, right) if not set(left) - {""} else (right, left)
            return _add({}, other, constant.get("", Fraction(0)))
    raise _NotLinear(ast.dump(node))


def _add(one: Linear, other: Linear, factor: Fraction | int) -> Linear:
    none = Fraction(0)
    return {name: one.get(name, none) + factor * other.get(name, none) for name in {**one, **other}}
