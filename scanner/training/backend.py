"""TensorFlow, found late and told to be quiet."""

import os

from scanner.errors import UsageError


def require_tensorflow() -> None:
    """Make Keras with TensorFlow importable, or say which command installs it.

    Raises:
        UsageError: TensorFlow is not installed.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # read at import; TensorFlow is chatty
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # off by default on older processors, where it halves the time
    try:
        import keras  # noqa: F401
        import tensorflow  # noqa: F401
    except ImportError as error:
        raise UsageError(f"training needs TensorFlow ({error}): pip install 'scanner[train]'") from error
