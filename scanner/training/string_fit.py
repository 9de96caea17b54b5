"""The network that reads a whole line at once, and its training.

Convolutions, then frames four pixels wide, each with the odds of every digit and of none; connectionist temporal
classification (Graves et al. 2006) finds by itself which frames show which digit.
"""

from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from scanner.strings.ctc import BLANK, SIGNS
from scanner.strings.network import BUCKETS, bucket_of, padded
from scanner.strings.picture import HEIGHT, WIDEST
from scanner.training.architectures import Model
from scanner.training.fit import FitFiles, Schedule, fitting_callbacks, optimizer_for, take_best
from scanner.training.string_samples import Lines

CLASSES = 1 + len(SIGNS)
LONGEST = 24  # signs of a line
WIDTHS = (16, 24, 48, 64, 96, 128)
HALVED = {1: (2, 2), 3: (2, 2), 5: (2, 1)}  # rows and columns behind these layers: full size first, for thin gaps
CONTEXT = 256  # channels of the frames
WORST = 60.0  # loss of a line at most: one that is labeled wrong shall not lead
WARPED, WARP, STEP = 0.8, 1.2, 20  # part of the lines; pixels, standard deviation; pixels between what is moved
CLIPPED = 5.0  # norm of the gradient at most

Pictures = npt.NDArray[np.uint8]
LineLabels = npt.NDArray[np.int32]


def build_string_network() -> Model:
    """(n, 32, w) uint8, 255 = ink, w a multiple of 4 -> logits (n, w / 4, classes): no sign, then `SIGNS`."""
    import keras

    layers = keras.layers
    lines = keras.Input((HEIGHT, None), dtype="uint8", name="lines")
    x = layers.Rescaling(1 / 255)(lines)
    x = keras.ops.expand_dims(x, -1)
    for number, width in enumerate(WIDTHS):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        if number in HALVED:
            x = layers.MaxPooling2D(HALVED[number])(x)
    x = layers.Conv2D(CONTEXT, (HEIGHT // 8, 1), use_bias=False)(x)  # all rows into one
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = keras.ops.squeeze(x, 1)
    x = layers.Dropout(0.2)(x)
    for _ in range(3):
        y = layers.Conv1D(CONTEXT, 5, padding="same", use_bias=False)(x)
        x = layers.Add()([x, layers.ReLU()(layers.BatchNormalization()(y))])
    x = layers.Dropout(0.2)(x)
    return keras.Model(lines, layers.Dense(CLASSES, name="logits")(x))


def fit_strings(
    model: Model, variants: Sequence[Lines], validation: Lines, *, schedule: Schedule, seed: int, files: FitFiles
) -> int:
    """Train the model in place; afterwards it holds the averaged weights of its best epoch.

    Args:
        model: of `build_string_network`.
        variants: one entry an epoch, in turn.
        validation: decides which epoch is best.
        schedule: how long and how fast.
        seed: of the order of the lines and of how they are varied.
        files: what is written while training; where a checkpoint is found, training goes on from it.

    Returns:
        Epochs trained, those before an interruption included.
    """
    import keras
    import tensorflow as tf

    steps = min(sum(1 for _ in _batch_places(lines, schedule.batch_size, None)) for lines in variants)
    accuracy = keras.metrics.MeanMetricWrapper(exact, name="accuracy")
    model.compile(optimizer=optimizer_for(schedule, steps, clip=CLIPPED), loss=ctc_loss, metrics=[accuracy])
    lines = tf.data.Dataset.from_generator(  # a plain generator may not have batches of different widths
        lambda: _endless(variants, schedule.batch_size, steps, np.random.default_rng(seed), files.epochs_done),
        output_signature=(
            tf.TensorSpec((None, HEIGHT, None), tf.uint8),
            tf.TensorSpec((None, LONGEST), tf.int32),
        ),
    ).prefetch(2)
    trained = model.fit(
        lines,
        shuffle=False,  # the batches come shuffled
        steps_per_epoch=steps,
        epochs=schedule.epochs,
        validation_data=(padded(validation.pictures, WIDEST), labels_of(validation.texts)),
        validation_batch_size=100,
        callbacks=fitting_callbacks(schedule, files),
        verbose=0,
    )
    take_best(model, files)
    return int(trained.epoch[-1]) + 1


def ctc_loss(labels: Any, logits: Any) -> Any:
    """(n,) minus logarithm of the probability of each line's signs; `labels` (n, LONGEST), 0 behind the last."""
    import tensorflow as tf

    signs = tf.sparse.from_dense(tf.cast(labels, tf.int32))
    classes = tf.SparseTensor(signs.indices, signs.values - 1, signs.dense_shape)
    losses = tf.compat.v1.nn.ctc_loss(  # dense labels have no kernel: a step takes a third longer
        classes,
        tf.roll(logits, -1, axis=2),  # it takes the last class for no sign
        tf.fill([tf.shape(logits)[0]], tf.shape(logits)[1]),
        time_major=False,
        ignore_longer_outputs_than_inputs=True,
    )
    return tf.minimum(losses, WORST)


def exact(labels: Any, logits: Any) -> Any:
    """(n,) 1 where the likeliest class of each frame gives the line's signs."""
    import tensorflow as tf

    best = tf.argmax(logits, axis=2, output_type=tf.int32)
    before = tf.pad(best[:, :-1], [[0, 0], [1, 0]], constant_values=BLANK)
    starts = (best != before) & (best != BLANK)
    found = tf.ragged.boolean_mask(best, starts).to_tensor(default_value=0, shape=(None, LONGEST))
    right = tf.reduce_all(found == tf.cast(labels, tf.int32), axis=1)
    return tf.cast(right & (tf.reduce_sum(tf.cast(starts, tf.int32), 1) <= LONGEST), tf.float32)


def labels_of(texts: Sequence[str]) -> LineLabels:
    """(n, LONGEST) classes of the signs, 0 behind the last."""
    labels = np.zeros((len(texts), LONGEST), np.int32)
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = [SIGNS.index(character) + 1 for character in text]
    return labels


def _endless(
    variants: Sequence[Lines], size: int, steps: int, rng: np.random.Generator, skipped: int = 0
) -> Iterator[tuple[Pictures, LineLabels]]:
    for number, lines in enumerate(cycle(variants)):
        places = list(_batch_places(lines, size, rng))
        for batch in rng.permutation(len(places))[:steps] if number >= skipped else ():
            width, index = places[batch]
            varied = [_varied(lines.pictures[place], rng) for place in index]
            yield padded(varied, width), labels_of([lines.texts[place] for place in index])


def _batch_places(
    lines: Lines, size: int, rng: np.random.Generator | None
) -> Iterator[tuple[int, npt.NDArray[np.intp]]]:
    """Lines of about one width, which fill one batch, and that width."""
    widths = np.array([bucket_of(picture) for picture in lines.pictures])
    for width in BUCKETS:
        index = np.flatnonzero(widths == width)
        if rng is not None:
            rng.shuffle(index)
        for start in range(0, len(index), size):
            yield width, index[start : start + size]


def _varied(picture: Pictures, rng: np.random.Generator) -> Pictures:
    """A little wider or narrower, leaning, moved, warped, bolder or finer, paler or darker: each time it comes up."""
    height, width = picture.shape
    across, down = np.exp(rng.normal(0, (0.08, 0.05)))
    lean, right, low = rng.normal(0, (0.08, 1.5, 1.0))
    matrix = np.array([[across, lean, right - lean * height / 2], [0, down, (1 - down) * height / 2 + low]])
    size = max(round(width * across), 8), height
    picture = np.asarray(cv2.warpAffine(picture, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)
    if rng.random() < WARPED:
        picture = _warped(picture, rng)
    if rng.random() < 0.2:
        change = cv2.erode if rng.random() < 0.5 else cv2.dilate
        changed = change(picture, np.ones((2, 2), np.uint8))
        picture = np.asarray(cv2.addWeighted(picture, 0.5, changed, 0.5, 0), np.uint8)
    return np.asarray(cv2.convertScaleAbs(picture, alpha=float(rng.uniform(0.7, 1.15))), np.uint8)


def _warped(picture: Pictures, rng: np.random.Generator) -> Pictures:
    """Each part moved by itself, smoothly: no two digits of a hand are alike (Wigington et al. 2017)."""
    height, width = picture.shape
    moves = rng.normal(0, WARP, (2, 4, max(width // STEP, 2))).astype(np.float32)
    right, down = (cv2.resize(part, (width, height), interpolation=cv2.INTER_CUBIC) for part in moves)
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    return np.asarray(cv2.remap(picture, x + right, y + down, cv2.INTER_LINEAR), np.uint8)
