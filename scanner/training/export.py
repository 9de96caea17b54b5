"""Write a trained network, NAME.keras, NAME.onnx, NAME-int8.onnx, and its card NAME.json; none is ever half there."""

import json
import logging
import tempfile
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import numpy.typing as npt

from scanner.arrays import DIGIT_SIZE, Digits
from scanner.errors import ModelError, OutputError
from scanner.network import INT8
from scanner.staging import write_whole
from scanner.training.architectures import Model
from scanner.training.evaluate import onnx_logits

OPSET = 17  # ONNX Runtime 1.12 and later read it
AGREEMENT = 1e-4  # by which Keras' and ONNX Runtime's logits may differ
NOISE = np.random.default_rng(0).integers(0, 256, (64, DIGIT_SIZE, DIGIT_SIZE), np.uint8)  # on which that is tested
CALIBRATED = 1024, 128  # digits that tell how large activations get; so many at a time

Examples = npt.NDArray[np.uint8]


def save_network(model: Model, folder: Path, name: str, example: Examples | None = None) -> tuple[Path, Path]:
    """Write NAME.keras and NAME.onnx into a folder and return their paths.

    `example` is what both must answer alike: by default (n, 28, 28) noise.

    Raises:
        OutputError: they cannot be written.
        ModelError: the exported network answers otherwise than the trained one.
    """
    keras_path, onnx_path = folder / f"{name}.keras", folder / f"{name}.onnx"
    _write_whole(keras_path, lambda path: _without_optimizer(model).save(path))
    example = NOISE if example is None else example
    _write_whole(onnx_path, lambda path: export_onnx(model, path, example))
    check_agreement(model, onnx_path, example)
    return keras_path, onnx_path


def save_probabilities(model: Model, path: Path) -> None:
    """Write the network with a softmax behind it, as .keras or .h5: a file for those who go on in Keras.

    Raises:
        OutputError: it cannot be written.
    """
    import keras

    whole = keras.Sequential([keras.Input(model.input_shape[1:], dtype="uint8"), model, keras.layers.Softmax()])
    with _quiet("absl"):  # Keras calls .h5 legacy
        _write_whole(path, lambda part: whole.save(part))


def export_onnx(model: Model, path: Path, example: Examples = NOISE) -> None:
    """Write the network for ONNX Runtime: any number of digits, or lines, at a time."""
    model(example[:1])  # Keras exports only what was called once
    with _quiet("tf2onnx"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tf2onnx: np.object; Keras: __array__
        model.export(str(path), format="onnx", opset_version=OPSET, verbose=False)


def quantize(onnx_path: Path, digits: Digits) -> Path:
    """Write NAME-int8.onnx beside an exported network: eight bits a number, two to four times as fast.

    Args:
        onnx_path: NAME.onnx.
        digits: (n, 28, 28) as the network was trained on; a part of them sets the range of each activation.

    Returns:
        The path of the new file.

    Raises:
        OutputError: it cannot be written.
    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            count, size = CALIBRATED
            index = np.random.default_rng(0).permutation(len(digits))[:count]
            self.parts = iter([digits[index[start : start + size]] for start in range(0, len(index), size)])

        def get_next(self) -> dict[str, Digits] | None:
            part = next(self.parts, None)
            return None if part is None else {"digits": part}

    def write(part: Path) -> None:
        with tempfile.TemporaryDirectory() as folder, _quiet(None):  # it advises what has been done
            ready = Path(folder) / "ready.onnx"
            quant_pre_process(str(onnx_path), str(ready), skip_symbolic_shape=True)
            quantize_static(
                str(ready), str(part), Reader(), quant_format=QuantFormat.QDQ, per_channel=True,
                activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
            )  # fmt: skip

    path = onnx_path.with_name(f"{onnx_path.stem}{INT8}.onnx")
    _write_whole(path, write)
    return path


@contextmanager
def writing_into(folder: Path) -> Iterator[None]:
    """Raises OutputError where what is done here cannot write."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error}); choose another folder or make room") from error


@contextmanager
def _quiet(logger: str | None) -> Iterator[None]:
    """Only errors from this logger, the root one by default."""
    quiet = logging.getLogger(logger)
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        yield
    finally:
        quiet.setLevel(level)


def check_agreement(model: Model, onnx_path: Path, example: Examples = NOISE) -> None:
    """Make sure that both networks give the same logits.

    Raises:
        ModelError: they differ by more than `AGREEMENT`.
    """
    difference = float(np.abs(model.predict(example, verbose=0) - onnx_logits(onnx_path, example)).max())
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
    try:
        write_whole(path, write)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error}); choose another folder or make room") from error
