"""The array types of scanner: shape, dtype, polarity and unit, each stated once.

Two polarities exist and they meet in one place, `scanner.digits.normalize`:
pages are dark ink on light paper (0 = ink), digits are MNIST's (255 = ink).
"""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Gray: TypeAlias = npt.NDArray[np.uint8]
"""(height, width), 0 = ink, 255 = paper: a page or a crop of one."""

Mask: TypeAlias = npt.NDArray[np.uint8]
"""(height, width), 255 = yes, 0 = no."""

Digits: TypeAlias = npt.NDArray[np.uint8]
"""(n, 28, 28), 0 = paper, 255 = ink: MNIST's form."""

Scores: TypeAlias = npt.NDArray[np.float32]
"""(n, classes), probabilities of each class; a row sums to 1."""

Quads: TypeAlias = npt.NDArray[np.float32]
"""(n, 4, 2), corners as x, y in pixels: top left, top right, bottom right, bottom left."""

DIGIT_SIZE = 28
