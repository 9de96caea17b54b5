"""What holds for all tests."""

import os
from collections.abc import Iterator

import cv2
import pytest

SLOW = ("pipeline", "run", "samples", "training", "recipes", "boxes", "synth_pages", "blank", "register",
        "string_network")  # fmt: skip

os.environ["SCANNER_WORKERS"] = "1"  # commands read in the process of the tests; those about workers say so
cv2.setNumThreads(1)  # as many processes as cores test already


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Slow files first: each runs in one process, and what comes last should be short."""
    items.sort(key=lambda item: item.path.stem.removeprefix("test_") not in SLOW)


@pytest.fixture(scope="module")
def without_graphs() -> Iterator[None]:
    """TensorFlow computes step by step: of a training of seconds, making its graph takes most."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
