"""What holds for all tests."""

import os
from collections.abc import Iterator

import pytest

os.environ["SCANNER_WORKERS"] = "1"  # commands read in the process of the tests; those about workers say so


@pytest.fixture(scope="module")
def without_graphs() -> Iterator[None]:
    """TensorFlow computes step by step: of a training of seconds, making its graph takes most."""
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)
