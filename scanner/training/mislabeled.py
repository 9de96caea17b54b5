"""Labels of public data sets that are wrong.

Each was looked at: the picture shows clearly another digit, and whoever reads it says so. They matter little to
training, but what may be accepted is chosen by the last few mistakes, and these were none. Only held-out digits, on
which the network is chosen and calibrated, were looked through; test digits keep the labels they have.
"""

import hashlib
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

SHOWN: Mapping[str, Mapping[int, int]] = {
    "mnist": {12183: 2, 26842: 6, 59915: 7},  # of the 60,000 to train with
    "swiss": {7840: 7},
}
"""For each set the digit that a picture shows, by its index."""

DIGESTS = {
    "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13": "mnist",
    "4b92eee327103825a6e75c8300959b993176836bf88f25d860e02067d5552549": "swiss",
}
"""The sets by the SHA-256 of their labels, a byte each: whatever file they came in."""


def corrected(labels: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The labels (n,) of a set, wrong ones replaced; of a set that is not known as they are."""
    name = DIGESTS.get(hashlib.sha256(labels.astype(np.uint8).tobytes()).hexdigest())
    if name is None:
        return labels
    right = labels.copy()
    for index, digit in SHOWN[name].items():
        right[index] = digit
    return right
