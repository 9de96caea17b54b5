"""How good a network is: accuracy by class, confusions, calibration, and what it gets wrong while being sure."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits, Scores
from scanner.network import run_session, start_session
from scanner.training.calibrate import Logits

SURE = 0.99
ECE_BINS = 15  # as in Guo et al. 2017
RESAMPLES = 500  # of the bootstrap
INTERVAL = 2.5, 97.5  # percent: what 95 of 100 resamples lie between
REJECT_AT = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999)  # thresholds at which errors and rejects are told


@dataclass(frozen=True, slots=True)
class Report:
    """Figures over one set of `n` samples; parts are in 0 - 1.

    `class_accuracy` (classes,) is NaN where a class has no samples. `confusion` (classes, classes) counts: row =
    truth, column = answer. `calibration_interval` holds the calibration error with 95 % probability. `sure_coverage`:
    part at least `SURE`; `sure_wrong`: how many of those are wrong. `confidence` and `is_right` are (n,).
    """

    n: int
    accuracy: float
    class_accuracy: tuple[float, ...]
    confusion: npt.NDArray[np.int64]
    calibration_error: float
    calibration_interval: tuple[float, float]
    sure_coverage: float
    sure_wrong: int
    reject_curve: tuple["RejectPoint", ...]
    confidence: npt.NDArray[np.floating]
    is_right: npt.NDArray[np.bool_]

    def as_dict(self) -> dict[str, Any]:
        """All figures, as JSON takes them; NaN is None."""
        return {
            "n": self.n,
            "accuracy": _known(self.accuracy),
            "class_accuracy": [_known(part) for part in self.class_accuracy],
            "confusion": self.confusion.tolist(),
            "calibration_error": _known(self.calibration_error),
            "calibration_interval": [_known(end) for end in self.calibration_interval],
            "sure_coverage": _known(self.sure_coverage),
            "sure_wrong": self.sure_wrong,
            "reject_curve": [asdict(point) for point in self.reject_curve],
        }


@dataclass(frozen=True, slots=True)
class RejectPoint:
    """What happens when digits less confident than `threshold` go to a person: parts of all, and of those kept."""

    threshold: float
    rejected: float
    wrong: float


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
        calibration_interval=bootstrap(confidence, is_right),
        sure_coverage=_mean(is_sure),
        sure_wrong=int((is_sure & ~is_right).sum()),
        reject_curve=reject_curve(confidence, is_right),
        confidence=confidence,
        is_right=is_right,
    )


def calibration_error(confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_]) -> float:
    """Expected calibration error: by how much confidence and accuracy differ, averaged over bins of confidence."""
    if len(confidence) == 0:
        return float("nan")
    which = np.minimum((confidence * ECE_BINS).astype(np.int64), ECE_BINS - 1)
    gap = np.bincount(which, weights=confidence - is_right, minlength=ECE_BINS)
    return float(np.abs(gap).sum() / len(confidence))


def bootstrap(confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """The interval in which the calibration error lies with 95 % probability: percentiles of resampled sets."""
    if len(confidence) == 0:
        return float("nan"), float("nan")
    rng = np.random.default_rng(0)
    drawn = (rng.integers(0, len(confidence), len(confidence)) for _ in range(RESAMPLES))
    low, high = np.percentile([calibration_error(confidence[index], is_right[index]) for index in drawn], INTERVAL)
    return float(low), float(high)


def reject_curve(confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_]) -> tuple[RejectPoint, ...]:
    """Rejects and errors at the thresholds `REJECT_AT`."""
    kept = [confidence >= threshold for threshold in REJECT_AT]
    return tuple(
        RejectPoint(threshold, 1 - _mean(keep), 1 - _mean(is_right[keep]) if keep.any() else 0.0)
        for threshold, keep in zip(REJECT_AT, kept, strict=True)
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def onnx_logits(path: Path, digits: Digits) -> Logits:
    """Logits (n, classes) of an exported network for digits (n, 28, 28)."""
    return run_session(start_session(path.read_bytes(), path), digits)


def _mean(values: npt.NDArray[np.bool_]) -> float:
    return float(values.mean()) if len(values) else float("nan")
