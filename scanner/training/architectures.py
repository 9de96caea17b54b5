"""The networks that can be trained, by name.

Each takes (n, 28, 28) uint8 with 255 = ink, scales inside, and gives logits (n, classes): the softmax and its
temperature belong to run time. Keras is imported late, see `scanner.training.backend`.
"""

from collections.abc import Callable
from typing import Any

from scanner.arrays import DIGIT_SIZE
from scanner.errors import UsageError

Model = Any  # keras.Model: Keras has no types
WIDTHS = (32, 32, 64, 64, 128, 128)  # channels of the six convolutions: 289,000 weights
DROPPED = 0.2  # part of the features left out at a training step


def build(name: str, classes: int) -> Model:
    """A new network of this name.

    Raises:
        UsageError: there is no such architecture.
    """
    if name not in ARCHITECTURES:
        raise UsageError(f"no architecture {name!r}; choose one of {', '.join(sorted(ARCHITECTURES))}")
    return ARCHITECTURES[name](classes)


def _reader(classes: int) -> Model:
    """Six convolutions; the first four without padding, which halves their cost: 110 us a digit on one core."""
    return _convolutions(WIDTHS, classes)


def _tiny(classes: int) -> Model:
    """The reader at an eighth of its width: for tests and for trying things out."""
    return _convolutions(tuple(width // 8 for width in WIDTHS), classes)


def _convolutions(widths: tuple[int, ...], classes: int) -> Model:
    import keras

    layers = keras.layers
    digits = keras.Input((DIGIT_SIZE, DIGIT_SIZE), dtype="uint8", name="digits")
    x = layers.Rescaling(1 / 255)(digits)
    x = layers.Reshape((DIGIT_SIZE, DIGIT_SIZE, 1))(x)
    for number, width in enumerate(widths):
        x = layers.Conv2D(width, 3, padding="valid" if number < 4 else "same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        if number in (1, 3):  # 24 x 24 to 12 x 12, 8 x 8 to 4 x 4
            x = layers.MaxPooling2D()(x)
    x = layers.Dropout(DROPPED)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(digits, layers.Dense(classes, name="logits")(x))


def _dense(*widths: int) -> Callable[[int], Model]:
    """Layers of ReLUs over all pixels."""

    def build_dense(classes: int) -> Model:
        import keras

        digits = keras.Input((DIGIT_SIZE, DIGIT_SIZE), dtype="uint8", name="digits")
        x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(digits))
        for width in widths:
            x = keras.layers.Dense(width, activation="relu")(x)
        return keras.Model(digits, keras.layers.Dense(classes, name="logits")(x))

    return build_dense


def _cnn(classes: int) -> Model:
    """Convolution, max pooling, twice; then a dense layer: the network of many a tutorial."""
    import keras

    layers = keras.layers
    digits = keras.Input((DIGIT_SIZE, DIGIT_SIZE), dtype="uint8", name="digits")
    x = layers.Reshape((DIGIT_SIZE, DIGIT_SIZE, 1))(layers.Rescaling(1 / 255)(digits))
    for width in (32, 64):
        x = layers.MaxPooling2D()(layers.Conv2D(width, 3, activation="relu")(x))
    x = layers.Dense(128, activation="relu")(layers.Flatten()(x))
    return keras.Model(digits, layers.Dense(classes, name="logits")(x))


ARCHITECTURES: dict[str, Callable[[int], Model]] = {
    "reader": _reader,
    "tiny": _tiny,
    "mlp-128": _dense(128),
    "mlp-128-128": _dense(128, 128),
    "mlp-128-64": _dense(128, 64),
    "cnn": _cnn,
}
"""What builds each network, given the number of classes."""
