"""From logits to confidences that mean something, and from them to what may be accepted.

Both figures are fitted on validation digits and travel in the network's card; none is a constant in code.
"""

import numpy as np
import numpy.typing as npt

WRONG_ACCEPTED = 1 / 2000  # digits, of those accepted, that may be wrong; some of these have a wrong label
COLDEST, HOTTEST = 0.25, 8.0  # no network that is any good needs a temperature beyond
GOLDEN = (5**0.5 - 1) / 2

Logits = npt.NDArray[np.float32]
"""(n, classes)."""


def negative_log_likelihood(logits: Logits, labels: npt.NDArray[np.int64], temperature: float) -> float:
    """Mean over the samples, in nats."""
    scaled = (logits - logits.max(axis=1, keepdims=True)).astype(np.float64) / temperature
    of_label = scaled[np.arange(len(labels)), labels]
    return float(np.mean(np.log(np.exp(scaled).sum(axis=1)) - of_label))


def fit_temperature(logits: Logits, labels: npt.NDArray[np.int64]) -> float:
    """The temperature at which the labels are likeliest (Guo et al. 2017), by golden-section search.

    Without samples it is 1.
    """
    if len(labels) == 0:
        return 1.0
    low, high = np.log(COLDEST), np.log(HOTTEST)
    while high - low > 1e-4:
        left, right = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
        if negative_log_likelihood(logits, labels, float(np.exp(left))) < negative_log_likelihood(
            logits, labels, float(np.exp(right))
        ):
            high = right
        else:
            low = left
    return float(np.exp((low + high) / 2))


def choose_threshold(
    confidence: npt.NDArray[np.floating], is_right: npt.NDArray[np.bool_], *, wrong_accepted: float = WRONG_ACCEPTED
) -> float:
    """The lowest confidence at which, of all digits at least that sure, few enough are wrong.

    Args:
        confidence: (n,) of the digits read.
        is_right: (n,).
        wrong_accepted: part of the accepted digits that may be wrong.

    Returns:
        Threshold in 0 - 1: accept where confidence >= threshold. Above every confidence, if none will do.
    """
    order = np.argsort(-confidence, kind="stable")
    sorted_confidence = confidence[order].astype(np.float64)
    wrong = np.cumsum(~is_right[order])
    is_last_of_ties = np.append(sorted_confidence[1:] < sorted_confidence[:-1], True)[: len(order)]
    allowed = np.flatnonzero((wrong <= wrong_accepted * np.arange(1, len(order) + 1)) & is_last_of_ties)
    if len(allowed) == 0:
        return float(np.nextafter(1.0, 2.0))
    return float(sorted_confidence[allowed[-1]])
