"""How good a network is: accuracy by class, confusions, calibration, and what it gets wrong while being sure."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Scores
from scanner.training.calibrate import Logits

SURE = 0.99
ECE_BINS = 15  # as in Guo et al. 2017
BATCH = 500


@dataclass(frozen=True, slots=True)
class Report:
    """Figures over one set of `n` samples; parts are in 0 - 1.

    `class_accuracy` (classes,) is NaN where a class has no samples. `confusion` (classes, classes) counts: row =
    truth, column = answer. `sure_coverage`: part at least `SURE`; `sure_wrong`: how many of those are wrong.
    """

    n: int
    accuracy: float
    class_accuracy: tuple[float, ...]
    confusion: npt.NDArray[np.int64]
    calibration_error: float
    sure_coverage: float
    sure_wrong: int


def evaluate(scores: Scores, labels: npt.NDArray[np.int64]) -> Report:
    """Compare scores (n, classes) with labels (n,); an empty set gives NaN."""
    answers, confidence = scores.argmax(axis=1), scores.max(axis=1)
    is_right, is_sure = answers == labels, confidence >= SURE
    confusion = np.zeros((scores.shape[1], scores.shape[1]), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    samples = confusion.sum(axis=1)
    right = np.where(samples > 0, confusion.diagonal() / np.maximum(samples, 1), np.nan)
    return Report(
        n=len(labels),
        accuracy=_mean(is_right),
        class_accuracy=tuple(float(part) for part in right),
        confusion=confusion,
        calibration_error=calibration_error(confidence, is_right),
        sure_coverage=_mean(is_sure),
        sure_wrong=int((is_sure & ~is_right).sum()),
    )


def calibration_error(confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error: by how much confidence and accuracy differ, averaged over bins of confidence."""
    if len(confidence) == 0:
        return float("nan")
    which = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gap = np.bincount(which, weights=confidence - is_right, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(confidence))


def onnx_logits(path: Path, digits: Digits) -> Logits:
    """Logits (n, classes) of an exported network for digits (n, 28, 28)."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    parts = [session.run(None, {name: digits[start : start + BATCH]})[0] for start in range(0, len(digits), BATCH)]
    classes = session.get_outputs()[0].shape[1]
    return np.concatenate([np.zeros((0, classes), np.float32), *parts])


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")
