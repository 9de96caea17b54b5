"""Labeled digits from files: MNIST's IDX folders, NumPy archives, a folder of pictures for each digit.

Digits come out as ink maps, 255 = ink, whatever the polarity of the file; they are normalized later.
"""

import gzip
import hashlib
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.errors import NoInputError, UsageError
from scanner.training.folders import is_class_folder, read_class_folder
from scanner.training.mislabeled import corrected

IDX_IMAGES = 0x0803  # magic number: unsigned bytes in three dimensions
IDX_LABELS = 0x0801
HOLD_OUT = 5000  # validation digits of a set without writers: a standard error of 0.1 points at 99.5 %
HOLD_OUT_SEED = 1  # which those are
HOLD_OUT_PART = 1 / 5  # ... but never more than this part of a small set
WRITERS_HELD_OUT = 1 / 3  # validation part of the writers: people, not digits, are what the network must carry over to
MIDDLE_GRAY = 127.5  # more than half of any digit image is paper

Ink = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class DigitSet:
    """Labeled digits: `ink` (n, height, width) with 255 = ink, `labels` (n,) in 0 - 9, `writers` (n,) where known."""

    ink: Ink
    labels: Labels
    writers: Labels | None = None

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: npt.NDArray[np.int64]) -> "DigitSet":
        """The digits at `index` (m,)."""
        writers = None if self.writers is None else self.writers[index]
        return DigitSet(self.ink[index], self.labels[index], writers)


@dataclass(frozen=True, slots=True)
class Source:
    """One data set: its name, digits to train with, digits to measure with once at the end, hashes of its files."""

    name: str
    train: DigitSet
    test: DigitSet | None
    sha256: dict[str, str]


def read_source(path: Path) -> Source:
    """Read a folder of IDX files (.gz or not), a folder of folders 0 - 9 of pictures, or an .npz archive.

    Labels that are known to be wrong are corrected, but for those of digits to measure with.

    Raises:
        NoInputError: it is not there, not of these kinds, damaged, or its digits and labels do not fit together.
    """
    source = _read_source(path)
    return replace(source, train=replace(source.train, labels=corrected(source.train.labels)))


def read_sources(paths: Sequence[Path]) -> list[Source]:
    """Several data sets, by default MNIST, downloaded.

    Raises:
        NoInputError: one cannot be read.
        UsageError: two have one name.
    """
    sources = [read_source(path) for path in paths] or [download_mnist()]
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two data sets are named {name}; the card could not tell them apart: rename one")
    return sources


def _read_source(path: Path) -> Source:
    if path.is_dir():
        return _read_pictures(path) if is_class_folder(path) else _read_idx_folder(path)
    if path.suffix == ".npz" and path.is_file():
        return _read_archive(path)
    raise NoInputError(
        f"{path}: no digits here; give a folder of IDX files (train-images-idx3-ubyte.gz, ...), a folder with folders "
        "0 - 9 of pictures, or an .npz"
    )


def download_mnist() -> Source:
    """MNIST through Keras, which keeps a copy in ~/.keras and downloads it where there is none."""
    from keras.utils import get_file

    address = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/mnist.npz"  # where keras.datasets takes it
    try:
        path = Path(get_file("mnist.npz", origin=address))
    except Exception as error:  # Keras raises whatever the network raised
        raise NoInputError(
            f"MNIST cannot be downloaded ({error}); give a folder of IDX files: --digits PATH"
        ) from error
    return replace(read_source(path), name="mnist")


def hold_out(digits: DigitSet, writers_part: float = WRITERS_HELD_OUT) -> tuple[DigitSet, DigitSet]:
    """Part digits into those to train with and those to validate with: by writer where writers are known.

    Of a set always the same, so that a network that is taught more is not judged by what it was trained on.
    """
    if digits.writers is not None and len(np.unique(digits.writers)) > 1:
        writers = np.unique(digits.writers)
        first_held_out = writers[len(writers) - max(round(len(writers) * writers_part), 1)]
        held_out = digits.writers >= first_held_out
        return digits.take(np.flatnonzero(~held_out)), digits.take(np.flatnonzero(held_out))
    order = np.random.default_rng(HOLD_OUT_SEED).permutation(len(digits))
    count = min(HOLD_OUT, int(len(digits) * HOLD_OUT_PART))
    return digits.take(np.sort(order[count:])), digits.take(np.sort(order[:count]))


def read_idx(path: Path, magic: int) -> npt.NDArray[np.uint8]:
    """Read one IDX file: images (n, height, width) or labels (n,), as `magic` says.

    Raises:
        NoInputError: the file is missing, of another kind, or ends early.
    """
    data = _read_bytes(path)
    dimensions = magic & 0xFF
    header_bytes = 4 * (1 + dimensions)
    if len(data) < header_bytes or int.from_bytes(data[:4], "big") != magic:
        raise NoInputError(f"{path}: not an IDX file of the right kind (magic number {magic:#06x}); download it again")
    shape = tuple(int(size) for size in np.frombuffer(data[4:header_bytes], ">u4"))
    values = np.frombuffer(data, np.uint8, offset=header_bytes)
    if len(values) != np.prod(shape):
        raise NoInputError(f"{path}: holds {len(values)} bytes where {shape} are announced; download it again")
    return values.reshape(shape)


def _read_bytes(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        return gzip.decompress(data) if path.suffix == ".gz" else data
    except (OSError, EOFError, zlib.error) as error:
        raise NoInputError(f"{path}: cannot be read ({error}); download it again") from error


def _read_idx_folder(folder: Path) -> Source:
    files = {part: _find_idx(folder, part) for part in ("train-images", "train-labels", "t10k-images", "t10k-labels")}
    images, labels = files["train-images"], files["train-labels"]
    if images is None or labels is None:
        raise NoInputError(
            f"{folder}: neither train-images-idx3-ubyte(.gz) with its labels here nor folders 0 - 9 of pictures"
        )
    test_images, test_labels = files["t10k-images"], files["t10k-labels"]
    return Source(
        name=folder.resolve().name,
        train=_idx_digits(images, labels),
        test=_idx_digits(test_images, test_labels) if test_images and test_labels else None,
        sha256={path.name: file_sha256(path) for path in files.values() if path},
    )


def _read_pictures(folder: Path) -> Source:
    inks, labels, sha256 = read_class_folder(folder)
    digits = _checked(np.stack(inks), np.array(labels), None, folder)
    return Source(name=folder.resolve().name, train=digits, test=None, sha256={"pictures": sha256})


def _find_idx(folder: Path, part: str) -> Path | None:
    return next(iter(sorted(folder.glob(f"{part}*ubyte*"))), None)


def _idx_digits(images: Path, labels: Path) -> DigitSet:
    return _checked(read_idx(images, IDX_IMAGES), read_idx(labels, IDX_LABELS), None, images)


def _read_archive(path: Path) -> Source:
    """`x`, `y` and perhaps `writer`, or `x_train`, `y_train` and perhaps `x_test`, `y_test`."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            if not isinstance(archive, np.lib.npyio.NpzFile):
                raise ValueError("one array")
            arrays = {name: archive[name] for name in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise NoInputError(f"{path}: not a readable .npz archive ({error}); download or save it again") from error
    train = ("x_train", "y_train") if "x_train" in arrays else ("x", "y")
    if not all(name in arrays for name in train):
        raise NoInputError(f"{path}: has {sorted(arrays)}, but x and y, or x_train and y_train, are needed")
    has_test = "x_test" in arrays and "y_test" in arrays
    return Source(
        name=path.stem,
        train=_checked(arrays[train[0]], arrays[train[1]], arrays.get("writer"), path),
        test=_checked(arrays["x_test"], arrays["y_test"], None, path) if has_test else None,
        sha256={path.name: file_sha256(path)},
    )


def _checked(images: npt.NDArray[np.generic], labels: npt.NDArray[np.generic], writers: object, path: Path) -> DigitSet:
    """Digits whose arrays fit together, as ink maps."""
    if images.ndim != 3 or images.dtype != np.uint8 or 0 in images.shape:
        raise NoInputError(
            f"{path}: images are {images.shape} {images.dtype}, expected (n, height, width) uint8 with n > 0"
        )
    if labels.shape != images.shape[:1]:
        raise NoInputError(f"{path}: {len(images)} images need as many labels, there are {labels.shape}")
    if not np.isin(labels, np.arange(10)).all():
        raise NoInputError(f"{path}: labels must be 0 - 9, there is {labels[~np.isin(labels, np.arange(10))][0]}")
    who = None if writers is None else np.asarray(writers)
    if who is not None and who.shape != labels.shape:
        raise NoInputError(f"{path}: writer is {who.shape}, expected {labels.shape}")
    if who is not None and who.dtype.kind not in "iu":
        who = np.unique(who, return_inverse=True)[1]  # names
    ink = images.astype(np.uint8, copy=False)
    if ink.mean() > MIDDLE_GRAY:
        ink = 255 - ink
    return DigitSet(ink, labels.astype(np.int64), None if who is None else who.astype(np.int64))


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
