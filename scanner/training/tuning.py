"""A trained network taught more, without forgetting what it can.

New digits pull the weights to themselves. So the rate is low, our own samples are rehearsed beside, and in the end the
weights are taken back part of the way to those before (Wortsman et al. 2022): as far as all validation sets together,
the new digits' and our own, like best.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.errors import NoInputError, UsageError
from scanner.training.architectures import Model
from scanner.training.calibrate import negative_log_likelihood
from scanner.training.prepare import Samples

TUNING_EPOCHS = 6
TUNING_RATE = 0.15  # of the recipe's learning rate
STEPS = 10  # parts of the way that are tried

Weights = list[npt.NDArray[np.float32]]


def start_from(model: Model, path: Path) -> Weights:
    """Give a new model the weights of a saved one, and return them.

    Raises:
        NoInputError: it cannot be read.
        UsageError: it is of another recipe.
    """
    import keras

    if path.suffix != ".keras" or not path.is_file():
        raise NoInputError(f"{path}: is no saved network; name a .keras file, as models/reader.keras")
    try:
        saved = keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises anything
        raise NoInputError(f"{path}: cannot be read ({error}); is it damaged?") from error
    weights = saved.get_weights()
    if [each.shape for each in weights] != [each.shape for each in model.get_weights()]:
        raise UsageError(f"--from: {path} is of another recipe; choose that with --recipe")
    model.set_weights(weights)
    return [np.array(each) for each in weights]


def blend(model: Model, before: Weights, validation: Samples) -> float:
    """Take the weights back part of the way to those before; gives the part of the way that is left."""
    after = [np.array(each) for each in model.get_weights()]
    losses = {}
    for step in range(STEPS + 1):
        part = step / STEPS
        model.set_weights([(1 - part) * old + part * new for old, new in zip(before, after, strict=True)])
        logits = model.predict(validation.images, batch_size=1000, verbose=0)
        losses[part] = negative_log_likelihood(logits, validation.labels, 1.0)
    best = min(losses, key=lambda part: losses[part])
    model.set_weights([(1 - best) * old + best * new for old, new in zip(before, after, strict=True)])
    return best
