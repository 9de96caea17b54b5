"""Trainings by name: what ships, and those that made people start such projects."""

from dataclasses import dataclass

from scanner.errors import UsageError
from scanner.training.prepare import CLASSES

DIGITS = CLASSES[:10]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained.

    `is_reader`: on digits distorted, drawn and read from boxes, among them what is no digit, with averaged weights and
    a schedule; else on the data sets' digits as they are, with plain Adam. `one_hot`: how its authors gave labels to
    the loss. `also`: one more file with the network, named as they named it, which gives probabilities.
    """

    architecture: str
    epochs: int
    batch_size: int
    learning_rate: float
    is_reader: bool = False
    one_hot: bool = False
    also: str = ""

    @property
    def classes(self) -> str:
        """One character a class."""
        return CLASSES if self.is_reader else DIGITS


RECIPES: dict[str, Recipe] = {
    "reader": Recipe("reader", 36, 256, 2e-3, is_reader=True),
    "tiny": Recipe("tiny", 26, 256, 2e-3, is_reader=True),
    "mlp-128": Recipe("mlp-128", 5, 32, 1e-3, one_hot=True, also="model.h5"),
    "mlp-128-128": Recipe("mlp-128-128", 3, 32, 1e-3, also="handwritten_model.keras"),
    "mlp-128-64": Recipe("mlp-128-64", 10, 128, 1e-3),
    "cnn": Recipe("cnn", 5, 64, 1e-3),
}
"""Every recipe of `scanner train --recipe`; `tiny` is the reader at an eighth of its width, to try things out."""


def find_recipe(name: str) -> Recipe:
    """The recipe of this name.

    Raises:
        UsageError: there is none.
    """
    if name not in RECIPES:
        raise UsageError(f"--recipe: there is no {name!r}; choose of {', '.join(RECIPES)}, strings")
    return RECIPES[name]
