"""The network that reads a whole line at once, and its training.

Convolutions, then frames four pixels wide, each with the probability of every digit and of none; connectionist temporal
classification (Graves et al. 2006) finds by itself which frames show which digit.
"""

import logging
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from scanner.strings.picture import HEIGHT
from scanner.training.architectures import Model
from scanner.training.string_samples import LONGEST, Lines, padded

BLANK = 0  # the class of a frame without a digit; digit d is class d + 1
CLASSES = 11
FRAME = 4  # pixels
WIDTHS = (24, 32, 48, 64, 96)
CONTEXT = 128  # channels of the frames
BUCKETS = (96, 160, 256, 384)  # widths that pictures are filled up to

log = logging.getLogger(__name__)


def build_string_network() -> Model:
    """(n, 32, w) uint8, 255 = ink, w a multiple of 4 -> logits (n, w / 4, 11): no digit, then 0 - 9."""
    import keras

    layers = keras.layers
    lines = keras.Input((HEIGHT, None), dtype="uint8", name="lines")
    x = layers.Rescaling(1 / 255)(lines)
    x = keras.ops.expand_dims(x, -1)
    for number, width in enumerate(WIDTHS):
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.ReLU()(layers.BatchNormalization()(x))
        if number in (0, 1):
            x = layers.MaxPooling2D(2)(x)
        elif number == 3:
            x = layers.MaxPooling2D((2, 1))(x)
    x = layers.Conv2D(CONTEXT, (HEIGHT // 8, 1), use_bias=False)(x)  # all rows into one
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = keras.ops.squeeze(x, 1)
    x = layers.Dropout(0.2)(x)
    for _ in range(2):
        y = layers.Conv1D(CONTEXT, 5, padding="same", use_bias=False)(x)
        x = layers.Add()([x, layers.ReLU()(layers.BatchNormalization()(y))])
    x = layers.Dropout(0.2)(x)
    return keras.Model(lines, layers.Dense(CLASSES, name="logits")(x))


def batches(
    lines: Lines, size: int, rng: np.random.Generator | None
) -> Iterator[tuple[npt.NDArray[np.uint8], npt.NDArray[np.int32]]]:
    """Batches of pictures of about one width, (n, 32, w), and of labels (n, LONGEST), 0 behind the last; one round."""
    buckets = np.searchsorted(BUCKETS, [min(picture.shape[1], BUCKETS[-1]) for picture in lines.pictures])
    found = []
    for bucket in range(len(BUCKETS)):
        index = np.flatnonzero(buckets == bucket)
        if rng is not None:
            rng.shuffle(index)
        found += [(BUCKETS[bucket], index[at : at + size]) for at in range(0, len(index), size)]
    if rng is not None:
        rng.shuffle(found)
    for width, index in found:
        pictures = padded([lines.pictures[place] for place in index], width)
        if rng is not None:
            pictures = _jittered(pictures, rng)
        yield pictures, labels_of([lines.texts[place] for place in index])


def labels_of(texts: Sequence[str]) -> npt.NDArray[np.int32]:
    labels = np.zeros((len(texts), LONGEST), np.int32)
    for row, text in zip(labels, texts, strict=True):
        row[: len(text)] = [int(character) + 1 for character in text]
    return labels


def _jittered(pictures: npt.NDArray[np.uint8], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """Moved by a few pixels, paler or darker."""
    down, right = int(rng.integers(-2, 3)), int(rng.integers(0, 4))
    moved = np.roll(pictures, (down, right), axis=(1, 2))
    gain = rng.uniform(0.7, 1.15, (len(pictures), 1, 1)).astype(np.float32)
    return np.clip(moved * gain, 0, 255).astype(np.uint8)


def best_path(logits: npt.NDArray[np.float32]) -> list[str]:
    """(n, frames, 11) -> the digits of the likeliest class of each frame, repetitions and blanks left out."""
    best = logits.argmax(axis=2)
    texts = []
    for row in best:
        kept = row[np.flatnonzero(np.diff(row, prepend=-1))]
        texts.append("".join(str(each - 1) for each in kept if each != BLANK))
    return texts
