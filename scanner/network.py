"""The trained network at run time, and its card. ONNX Runtime only; TensorFlow stays in scanner.training."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np

from scanner.arrays import DIGIT_SIZE, Digits, Scores
from scanner.digits import NORMALIZE_VERSION
from scanner.errors import ModelError

DEFAULT_NAME = "reader"
INT8 = "-int8"  # behind the name of a network whose weights and activations have eight bits
BATCH = 256  # digits at a time: bounds memory, costs nothing
CROSSED, NOT_A_DIGIT = "x", "?"
SELDOM = 0.135  # of what is no digit, the part that fields have of it, where training shows much


@dataclass(frozen=True, slots=True)
class Card:
    """What travels with the weights: how to feed them and how far to trust them."""

    name: str
    classes: str  # one character a class, in the order of the scores
    temperature: float  # divides the logits, so that scores are honest probabilities
    accept_threshold: float  # confidence of a digit from which on the validation error was low enough


class Network:
    """Classifies digits in MNIST form.

    `scores` is the only thing the reader asks of it.
    """

    def __init__(self, session: Any, card: Card) -> None:
        self._session = session
        self.card = card

    def scores(self, digits: Digits) -> Scores:
        """(n, 28, 28) uint8, 255 = ink -> (n, classes) calibrated probabilities in the order of `card.classes`."""
        if digits.shape[1:] != (DIGIT_SIZE, DIGIT_SIZE):
            raise ValueError(f"expected digits of shape (n, 28, 28), got {digits.shape}")
        return softmax(run_session(self._session, digits), self.card.temperature)


def softmax(logits: Scores, temperature: float = 1.0) -> Scores:
    """Probabilities (n, classes) at a temperature; above 1 they are less sure."""
    shifted = (logits - logits.max(axis=1, keepdims=True, initial=-np.inf)) / np.float32(temperature)
    powers = np.exp(shifted, dtype=np.float32)
    return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)


def in_fields(scores: Scores, classes: str) -> Scores:
    """Probabilities (n, classes) of what stands in fields, where people hardly write what is no digit.

    Training shows more of it, so that rows of print are told from fields; in these the odds are others (Saerens et
    al. 2002). Rows of zeros, of blank cells, stay so.
    """
    rarer = scores * np.array([SELDOM if name == NOT_A_DIGIT else 1.0 for name in classes], np.float32)
    total = rarer.sum(axis=1, keepdims=True)
    return np.asarray(rarer / np.where(total > 0, total, 1), np.float32)


def run_session(session: Any, digits: Digits) -> Scores:
    """Logits (n, classes) of a session of ONNX Runtime for digits (n, 28, 28); for lines see `scanner.strings`."""
    entry = session.get_inputs()[0]
    dtype = np.uint8 if "uint8" in entry.type else np.float32
    parts = [
        session.run(None, {entry.name: digits[start : start + BATCH].astype(dtype, copy=False)})[0]
        for start in range(0, len(digits), BATCH)
    ]
    return np.concatenate(parts) if parts else np.zeros((0, session.get_outputs()[0].shape[-1]), np.float32)


@dataclass(frozen=True, slots=True)
class NetworkFiles:
    """A network as it lies on disk, checked: what a worker elsewhere needs to start it."""

    path: Path  # of the weights; only messages use it
    weights: bytes
    card: Card
    sha256: str


@cache
def load_network(path: Path | None = None) -> Network:
    """Load a network by its name with its card NAME.json beside it; the shipped one by default.

    NAME, NAME.json or NAME.keras stand for NAME-int8.onnx, where there is one, else for NAME.onnx; either file may
    be named itself.

    Raises:
        ModelError: a file is missing or damaged, or the card does not fit the weights or this version of scanner.
    """
    return start_network(read_network_files(path))


def read_network_files(path: Path | None = None) -> NetworkFiles:
    """The files of a network, named as for `load_network`, without starting it.

    Raises:
        ModelError: a file is missing or damaged, or the card does not fit the weights or this version of scanner.
    """
    base, path = _named(path or shipped(DEFAULT_NAME))
    if not (path or base.with_name(f"{base.name}.json")).exists():
        raise ModelError(f"{path or base}: is no network; train one with `scanner train`, or name another")
    entries = _read_card(base.with_name(f"{base.name}.json"))
    if path is None:
        small = base.with_name(f"{base.name}{INT8}.onnx")
        path = small if "int8" in entries["sha256"] and small.exists() else base.with_name(f"{base.name}.onnx")
    try:
        weights = path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror}); train one with `scanner train`") from error
    sha256 = _check(entries, weights, path)
    card = Card(
        name=base.name,
        classes=entries["classes"],
        temperature=float(entries["temperature"]),
        accept_threshold=float(entries["accept_threshold"]),
    )
    return NetworkFiles(path, weights, card, sha256)


def start_network(files: NetworkFiles) -> Network:
    """Raises ModelError: ONNX Runtime cannot run it, or its classes are not those of its card."""
    session = start_session(files.weights, files.path)
    outputs, classes = session.get_outputs()[0].shape[-1], files.card.classes
    if outputs != len(classes):
        raise ModelError(f"{files.path}: has {outputs} classes, its card names {len(classes)}; restore both files")
    return Network(session, files.card)


def _named(path: Path) -> tuple[Path, Path | None]:
    """The name of a network without any ending, in its folder; and its weights, where these are named themselves."""
    if not path.name:
        raise ModelError(f"{path}: is no network; name one, as models/reader")
    if path.suffix == ".onnx":
        return path.with_name(path.stem.removesuffix(INT8)), path
    return (path.with_suffix("") if path.suffix in (".json", ".keras") else path), None


def shipped(name: str) -> Path:
    """A network inside the installed package, or in models/ of a checkout; without the ends of its files' names."""
    installed = Path(str(files("scanner") / "models" / name))
    if installed.with_suffix(".json").exists():
        return installed
    return Path(__file__).resolve().parent.parent / "models" / name


def _read_card(path: Path) -> dict[str, Any]:
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: the network's card cannot be read ({error}); train again or restore it") from error
    if not isinstance(card, dict):
        raise ModelError(f"{path}: the network's card is not a table of entries; train again or restore it")
    for key, is_right in CARD_ENTRIES.items():
        if key not in card:
            raise ModelError(f"{path}: the network's card lacks {key}; train again with `scanner train`")
        if not is_right(card[key]):
            raise ModelError(f"{path}: {key} cannot be {card[key]!r}; train again with `scanner train`")
    return card


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


CARD_ENTRIES: dict[str, Callable[[Any], bool]] = {
    "classes": lambda value: (
        isinstance(value, str) and value.startswith("0123456789") and len(set(value)) == len(value)
    ),
    "normalize_version": lambda value: isinstance(value, int),
    "temperature": lambda value: _is_number(value) and value > 0,
    "accept_threshold": lambda value: _is_number(value) and 0 <= value <= 1,
    "sha256": lambda value: isinstance(value, dict),
}
"""What the reader needs to find in a card, and how it must look."""


def _check(card: dict[str, Any], weights: bytes, path: Path) -> str:
    """The SHA-256 of the weights, where they and this scanner are what the card says."""
    if card["normalize_version"] != NORMALIZE_VERSION:
        raise ModelError(
            f"{path}: trained on digits of normalization {card['normalize_version']}, this scanner makes "
            f"{NORMALIZE_VERSION}; train again with `scanner train`"
        )
    kind = "int8" if path.stem.endswith(INT8) else "onnx"
    sha256 = hashlib.sha256(weights).hexdigest()
    if sha256 != card["sha256"].get(kind):
        raise ModelError(f"{path}: does not match the SHA-256 in its card; restore both files or train again")
    return sha256


def start_session(weights: bytes, path: Path) -> Any:
    """A session of ONNX Runtime on one core; `path` is where the weights come from.

    Raises:
        ModelError: they are damaged.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it writes to the user's cache, or complains that it cannot
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # workers share the cores, pages do not
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(weights, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises its own classes, one for each way a file can be wrong
        raise ModelError(f"{path}: is not a network that ONNX Runtime can run ({error})") from error
