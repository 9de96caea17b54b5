"""A trained network taught more, without forgetting what it can.

New digits pull the weights to themselves. So the rate is low, some of what the network knows is rehearsed beside, and
in the end the weights are taken back part of the way to those before (Wortsman et al. 2022): no farther than the
validation sets ask for, the new digits' and the old ones', each counted alike however large. New digits held out are
few and may be such as were read before, so a little is no reason to go back.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.errors import NoInputError, UsageError
from scanner.training.architectures import Model
from scanner.training.calibrate import Logits, negative_log_likelihood
from scanner.training.prepare import Mixture, OwnSamples, Samples, join

TUNING_EPOCHS = 6
TUNING_RATE = 0.15  # of the recipe's learning rate
TUNING_REPEATS = 10  # at most so many times does what is new enter an epoch, each time distorted anew
REHEARSED = 20_000  # digits of a set an epoch, at most
REHEARSED_PART = 1 / 3  # of our own samples
CORRECTED_HELD_OUT = 1 / 8  # of the pages that people have verified: they are few
REHEARSED_HELD_OUT = 6_000  # digits of a set for validation, at most
STEPS = 10  # parts of the way that are tried
LITTLE = 0.05  # of the least loss: what costs no more than that is not taken back

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


def rehearsal(own: OwnSamples) -> Mixture:
    """How an epoch is put together: less of what is known, more of what is new."""
    counts = (round(REHEARSED_PART * count) for count in (own.boxed, own.drawn, own.junk))
    return Mixture(OwnSamples(*counts), REHEARSED, TUNING_REPEATS)


def blend(model: Model, before: Weights, validation: Sequence[Samples]) -> float:
    """Take the weights back part of the way to those before; gives the part of the way that is left."""
    after = [np.array(each) for each in model.get_weights()]
    samples, ends = join(validation), np.cumsum([len(each) for each in validation])
    losses = {}
    for step in range(STEPS + 1):
        part = step / STEPS
        model.set_weights([(1 - part) * old + part * new for old, new in zip(before, after, strict=True)])
        logits = np.split(model.predict(samples.images, batch_size=1000, verbose=0), ends[:-1])
        losses[part] = _mean_loss(logits, validation)
    best = max(part for part, loss in losses.items() if loss <= (1 + LITTLE) * min(losses.values()))
    model.set_weights([(1 - best) * old + best * new for old, new in zip(before, after, strict=True)])
    return best


def _mean_loss(logits: Sequence[Logits], validation: Sequence[Samples]) -> float:
    """Over the sets, each counted alike."""
    pairs = [(each, samples.labels) for each, samples in zip(logits, validation, strict=True) if len(samples)]
    return float(np.mean([negative_log_likelihood(each, labels, 1.0) for each, labels in pairs]))
