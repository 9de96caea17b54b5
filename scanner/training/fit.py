"""Fit a network: weights averaged, learning rate on a cosine, best epoch kept; or plainly. Every epoch is on disk."""

import csv
import hashlib
import json
import logging
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scanner.arrays import Digits
from scanner.training.architectures import Model
from scanner.training.datasets import Labels
from scanner.training.prepare import Samples

WEIGHT_DECAY = 0.01
AVERAGED = 0.02  # part of all steps that the average of the weights remembers
WARM_UP = 0.05  # part of the steps in which the learning rate rises

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Schedule:
    """How long and how fast.

    `is_plain`: Adam at one learning rate for all epochs, nothing else. `one_hot`: the labels go into the loss as rows
    of zeros and a one. `patience`: epochs without a better validation loss after which training ends.
    """

    epochs: int
    batch_size: int = 256
    learning_rate: float = 2e-3
    patience: int = 8
    is_plain: bool = False
    one_hot: bool = False


@dataclass(frozen=True, slots=True)
class FitFiles:
    """`history`: CSV, a line an epoch. `checkpoint`: a folder that is there while training and gone afterwards.

    `best`: beside it, the averaged weights of the best epoch so far.
    """

    history: Path
    checkpoint: Path

    @property
    def best(self) -> Path:
        return self.checkpoint.with_suffix(".best.weights.h5")

    @property
    def epochs_done(self) -> int:
        """As the checkpoint says; 0 where there is none."""
        try:
            return int(json.loads((self.checkpoint / "training_metadata.json").read_text())["epoch"])
        except (OSError, ValueError, KeyError):
            return 0


def files_for(folder: Path, name: str, training: object) -> FitFiles:
    """The files of a training; its checkpoint is found again only by one that is the same, as `repr` tells."""
    same = hashlib.sha256(repr(training).encode()).hexdigest()[:12]
    return FitFiles(folder / f"{name}-history.csv", folder / f".{name}-{same}.checkpoint")


def fit(
    model: Model, variants: Sequence[Samples], validation: Samples, *, schedule: Schedule, seed: int, files: FitFiles
) -> int:
    """Train the model in place; afterwards it holds the averaged weights of its best epoch, or plainly its last ones.

    Args:
        model: a new network, of `architectures.build`.
        variants: one entry an epoch, in turn.
        validation: decides which epoch is best.
        schedule: how long and how fast.
        seed: of the order of the samples; the weights draw from Keras' global one.
        files: what is written while training; where a checkpoint is found, training goes on from it.

    Returns:
        Epochs trained, those before an interruption included.
    """
    import keras

    steps = max(len(variants[0]) // schedule.batch_size, 1)
    loss = keras.losses.CategoricalCrossentropy if schedule.one_hot else keras.losses.SparseCategoricalCrossentropy
    model.compile(optimizer=optimizer_for(schedule, steps), loss=loss(from_logits=True), metrics=["accuracy"])
    classes = model.output_shape[1] if schedule.one_hot else 0
    in_order = batches(variants, schedule.batch_size, np.random.default_rng(seed), files.epochs_done)
    trained = model.fit(
        ((images, _coded(labels, classes)) for images, labels in in_order),
        shuffle=False,  # the batches come shuffled
        steps_per_epoch=steps,
        epochs=schedule.epochs,
        validation_data=(validation.images, _coded(validation.labels, classes)),
        validation_batch_size=1000,
        callbacks=fitting_callbacks(schedule, files),
        verbose=0,
    )
    take_best(model, files)
    return int(trained.epoch[-1]) + 1


def take_best(model: Model, files: FitFiles) -> None:
    """Give a model that is trained the weights of its best epoch, if such were kept; they are gone from disk then."""
    if files.best.exists():
        model.load_weights(files.best)
        files.best.unlink()


def batches(
    variants: Sequence[Samples], size: int, rng: np.random.Generator, skipped: int = 0
) -> Iterator[tuple[Digits, Labels]]:
    """Endless batches: (size, 28, 28) images and (size,) labels, each variant shuffled anew at its turn.

    `skipped`: epochs, a variant each, that an earlier start has done.
    """
    for number, samples in enumerate(cycle(variants)):
        order = rng.permutation(len(samples))
        whole = max(len(order) // size, 1)
        for index in np.array_split(order[: whole * size], whole) if number >= skipped else ():
            yield samples.images[index], samples.labels[index]


def _coded(labels: Labels, classes: int) -> npt.NDArray[np.generic]:
    """(n,) labels as they are, or as (n, classes) rows of zeros and a one."""
    return np.eye(classes, dtype=np.float32)[labels] if classes else labels


def optimizer_for(schedule: Schedule, steps: int, clip: float | None = None) -> Any:
    """Of a training with so many steps an epoch; `clip`: the norm that a gradient may have."""
    import keras

    if schedule.is_plain:
        return keras.optimizers.Adam(schedule.learning_rate)
    total = steps * schedule.epochs
    warm_up = max(int(total * WARM_UP), 1)
    rate = keras.optimizers.schedules.CosineDecay(
        schedule.learning_rate / 10, total - warm_up, warmup_target=schedule.learning_rate, warmup_steps=warm_up
    )
    momentum = 1 - 1 / max(total * AVERAGED, 1)
    return keras.optimizers.AdamW(
        rate, weight_decay=WEIGHT_DECAY, global_clipnorm=clip, use_ema=True, ema_momentum=momentum
    )


def fitting_callbacks(schedule: Schedule, files: FitFiles) -> list[Any]:
    """The checkpoint keeps the weights as they are; all after the swap sees the averaged ones.

    A training that goes on knows how good it has been, and for how long no better.
    """
    from keras import callbacks

    _drop_torn(files)
    losses = _losses_before(files)

    def report(epoch: int, logs: dict[str, float]) -> None:
        log.info(
            "epoch %d of %d: loss %.4f, validation loss %.4f, validation accuracy %.2f %%",
            epoch + 1,
            schedule.epochs,
            logs["loss"],
            logs["val_loss"],
            100 * logs["val_accuracy"],
        )

    stopping = callbacks.EarlyStopping(monitor="val_loss", patience=schedule.patience)

    def remember(_: object) -> None:
        if losses:
            stopping.best, stopping.wait = min(losses), len(losses) - 1 - int(np.argmin(losses))

    choosing = [
        callbacks.SwapEMAWeights(swap_on_epoch=True),
        stopping,
        callbacks.LambdaCallback(on_train_begin=remember),
        callbacks.ModelCheckpoint(
            str(files.best),
            monitor="val_loss",
            save_best_only=True,
            save_weights_only=True,
            initial_value_threshold=min(losses, default=None),
        ),
    ]
    return [
        callbacks.BackupAndRestore(str(files.checkpoint), double_checkpoint=True),
        *([] if schedule.is_plain else choosing),
        callbacks.CSVLogger(str(files.history), append=files.checkpoint.exists()),
        callbacks.LambdaCallback(on_epoch_end=report),
    ]


def _drop_torn(files: FitFiles) -> None:
    """What cannot be gone on with is removed: a checkpoint whose writing was interrupted, a best epoch without one."""
    weights = files.checkpoint / "latest.weights.h5"
    if weights.exists() and not weights.with_name(f"{weights.name}.bkp").exists() and not _is_whole(weights):
        log.warning("%s is torn: the training begins anew", files.checkpoint)
        shutil.rmtree(files.checkpoint)
    if not files.checkpoint.exists():
        files.best.unlink(missing_ok=True)


def _is_whole(weights: Path) -> bool:
    """Whether a file of weights can be opened: it ends where its own header says."""
    import h5py  # type: ignore[import-untyped]

    try:
        with h5py.File(weights):
            return True
    except OSError:
        return False


def _losses_before(files: FitFiles) -> list[float]:
    """The validation loss of each epoch that an interrupted training has done."""
    if not files.best.exists() or not files.history.exists():
        return []
    with files.history.open(newline="") as file:
        return [float(row["val_loss"]) for row in csv.DictReader(file) if row["val_loss"]][: files.epochs_done]
