"""Write a trained network: NAME.keras, NAME.onnx and its card NAME.json, each complete or not at all."""

import json
import logging
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np

from scanner.arrays import DIGIT_SIZE
from scanner.errors import ModelError, OutputError
from scanner.training.architectures import Model
from scanner.training.evaluate import onnx_logits

OPSET = 17  # ONNX Runtime 1.12 and later read it
AGREEMENT = 1e-4  # by which Keras' and ONNX Runtime's logits may differ
CHECKED = 64  # digits on which that is tested


def save_network(model: Model, folder: Path, name: str) -> tuple[Path, Path]:
    """Write NAME.keras and NAME.onnx into a folder and return their paths.

    Raises:
        OutputError: they cannot be written.
        ModelError: the exported network answers otherwise than the trained one.
    """
    keras_path, onnx_path = folder / f"{name}.keras", folder / f"{name}.onnx"
    _write_whole(keras_path, lambda path: _without_optimizer(model).save(path))
    _write_whole(onnx_path, lambda path: export_onnx(model, path))
    check_agreement(model, onnx_path)
    return keras_path, onnx_path


def save_probabilities(model: Model, path: Path) -> None:
    """Write the network with a softmax behind it, as .keras or .h5: a file for those who go on in Keras.

    Raises:
        OutputError: it cannot be written.
    """
    import keras

    whole = keras.Sequential([keras.Input(model.input_shape[1:], dtype="uint8"), model, keras.layers.Softmax()])
    quiet = logging.getLogger("absl")
    level = quiet.level
    quiet.setLevel(logging.ERROR)  # Keras calls .h5 legacy
    try:
        _write_whole(path, lambda part: whole.save(part))
    finally:
        quiet.setLevel(level)


def export_onnx(model: Model, path: Path) -> None:
    """Write the network for ONNX Runtime: any number of digits at a time."""
    model(np.zeros((1, DIGIT_SIZE, DIGIT_SIZE), np.uint8))  # Keras exports only what was called once
    quiet = logging.getLogger("tf2onnx")
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # tf2onnx: np.object; Keras: __array__
            model.export(str(path), format="onnx", opset_version=OPSET, verbose=False)
    finally:
        quiet.setLevel(level)


def check_agreement(model: Model, onnx_path: Path) -> None:
    """Make sure that both networks give the same logits.

    Raises:
        ModelError: they differ by more than `AGREEMENT`.
    """
    digits = np.random.default_rng(0).integers(0, 256, (CHECKED, DIGIT_SIZE, DIGIT_SIZE), np.uint8)
    difference = float(np.abs(model.predict(digits, verbose=0) - onnx_logits(onnx_path, digits)).max())
    if not difference <= AGREEMENT:
        raise ModelError(f"{onnx_path}: differs by {difference:.2g} from the Keras network; do not use it, train again")


def write_card(card: Mapping[str, object], path: Path) -> None:
    """Write the card as JSON.

    Raises:
        OutputError: it cannot be written.
    """
    text = json.dumps(card, indent=2, ensure_ascii=False) + "\n"
    _write_whole(path, lambda part: part.write_text(text, encoding="utf-8"))


def _without_optimizer(model: Model) -> Model:
    """The network alone: what the optimizer remembers is three times its size."""
    alone = type(model).from_config(model.get_config())  # clone_model would copy the optimizer too
    alone.set_weights(model.get_weights())
    return alone


def _write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Write beside the target and rename, so that no half file bears the name."""
    part = path.with_name(f".part-{path.name}")
    try:
        write(part)
        part.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); choose another folder or make room") from error
    finally:
        part.unlink(missing_ok=True)
