"""Quarter turns of a page, and back."""

import cv2
import numpy as np

from scanner.arrays import Gray, Quads


def turned(gray: Gray, turn: int) -> Gray:
    """Turn by `turn` quarters clockwise."""
    codes = {1: cv2.ROTATE_90_CLOCKWISE, 2: cv2.ROTATE_180, 3: cv2.ROTATE_90_COUNTERCLOCKWISE}
    return cv2.rotate(gray, codes[turn]) if turn else gray


def turn_back(quads: Quads, turn: int, shape: tuple[int, ...]) -> Quads:
    """Corners on the turned page -> corners on the page as it came."""
    height, width = shape[:2]
    x, y = quads[..., 0], quads[..., 1]
    back = {
        0: (x, y),
        1: (y, height - 1 - x),
        2: (width - 1 - x, height - 1 - y),
        3: (width - 1 - y, x),
    }[turn]
    return np.stack(back, axis=-1)
