"""Wrong labels of known sets are corrected, others are left alone."""

import hashlib

import numpy as np
import pytest

from scanner.training import mislabeled


def test_labels_of_a_set_that_is_not_known_stay() -> None:
    labels = np.arange(10)
    assert mislabeled.corrected(labels) is labels


def test_labels_of_a_known_set_are_corrected_and_the_given_ones_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    labels = np.array([1, 2, 3], np.int64)
    digest = hashlib.sha256(bytes([1, 2, 3])).hexdigest()
    monkeypatch.setattr(mislabeled, "DIGESTS", {digest: "three"})
    monkeypatch.setattr(mislabeled, "SHOWN", {"three": {1: 7}})
    assert mislabeled.corrected(labels).tolist() == [1, 7, 3]
    assert labels.tolist() == [1, 2, 3]


def test_every_known_set_has_its_digits() -> None:
    assert set(mislabeled.DIGESTS.values()) == set(mislabeled.SHOWN)
    assert all(digit in range(10) for shown in mislabeled.SHOWN.values() for digit in shown.values())
