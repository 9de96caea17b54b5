"""The shipped network and its card: fit for use, the same as its Keras twin, and refused where anything is off."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from scanner.arrays import DIGIT_SIZE, Digits
from scanner.digits import NORMALIZE_VERSION, normalize
from scanner.errors import ModelError
from scanner.network import CROSSED, NOT_A_DIGIT, Network, in_fields, load_network
from scanner.synth import DrawnDigits

MODELS = Path(__file__).resolve().parents[1] / "models"
AGREEMENT = 1e-4
SHARE_RIGHT = 0.97  # of drawn digits; all were right when this was written


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network()


@pytest.fixture(scope="module")
def exported() -> Network:
    """The network as trained, before it was made small."""
    return load_network(MODELS / "reader.onnx")


@pytest.fixture(scope="module")
def labels() -> npt.NDArray[np.int64]:
    return np.arange(320) % 10


@pytest.fixture(scope="module")
def drawn(labels: npt.NDArray[np.int64]) -> Digits:
    """(320, 28, 28): every label 32 times, each time by another hand."""
    rng = np.random.default_rng(1)
    inks = [cv2.copyMakeBorder(DrawnDigits()(int(label), rng), 9, 9, 9, 9, cv2.BORDER_CONSTANT) for label in labels]
    return np.stack([normalize(255 - ink) for ink in inks])


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The shipped network's ONNX file beside its card, to be spoiled."""
    for suffix in (".onnx", ".json"):
        shutil.copy(MODELS / f"reader{suffix}", tmp_path / f"copy{suffix}")
    return tmp_path / "copy.onnx"


def change_card(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    card_path = path.with_suffix(".json")
    card = json.loads(card_path.read_text(encoding="utf-8"))
    change(card)
    card_path.write_text(json.dumps(card), encoding="utf-8")


# --- the shipped network


def test_the_shipped_network_knows_ten_digits_crosses_and_junk(network: Network) -> None:
    assert sorted(network.card.classes) == sorted("0123456789" + CROSSED + NOT_A_DIGIT)
    assert network.card.name == "reader"
    assert 0.5 < network.card.accept_threshold < 1
    assert 0.3 < network.card.temperature < 3


def test_the_card_tells_where_the_network_comes_from() -> None:
    card = json.loads((MODELS / "reader.json").read_text(encoding="utf-8"))
    assert card["normalize_version"] == NORMALIZE_VERSION
    assert card["trained_on"]
    assert card["accuracies"]
    for kind, name in (("onnx", "reader.onnx"), ("int8", "reader-int8.onnx"), ("keras", "reader.keras")):
        assert card["sha256"][kind] == hashlib.sha256((MODELS / name).read_bytes()).hexdigest()


def test_the_shipped_network_reads_drawn_digits(network: Network, drawn: Digits, labels: npt.NDArray[np.int64]) -> None:
    best = network.scores(drawn).argmax(axis=1)
    assert np.mean([network.card.classes[index] == str(label) for index, label in zip(best, labels, strict=True)]) > (
        SHARE_RIGHT
    )


def test_a_sure_digit_is_a_right_digit(network: Network, drawn: Digits, labels: npt.NDArray[np.int64]) -> None:
    scores = network.scores(drawn)
    is_sure = scores.max(axis=1) >= network.card.accept_threshold
    read = np.array(list(network.card.classes))[scores.argmax(axis=1)]
    assert is_sure.mean() > 0.9  # 0.98 were
    assert (read[is_sure] != labels[is_sure].astype(str)).sum() <= 1


def test_white_noise_is_no_digit(network: Network) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (32, DIGIT_SIZE, DIGIT_SIZE), dtype=np.uint8)
    scores = network.scores(noise)
    digits = [index for index, name in enumerate(network.card.classes) if name.isdigit()]
    assert (scores[:, digits].max(axis=1) < network.card.accept_threshold).mean() > 0.9


def test_eight_bits_answer_as_thirty_two_do(network: Network, exported: Network, drawn: Digits) -> None:
    small, whole = network.scores(drawn), exported.scores(drawn)
    assert not np.array_equal(small, whole)
    assert (small.argmax(axis=1) == whole.argmax(axis=1)).sum() >= len(drawn) - 1
    assert np.abs(small - whole).mean() < 1e-3


def test_the_shipped_network_is_its_keras_twin(exported: Network, drawn: Digits) -> None:
    pytest.importorskip("tensorflow")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TensorFlow's own
        import keras

        logits = keras.models.load_model(MODELS / "reader.keras").predict(drawn[:64], verbose=0)
    exact = np.exp(logits / exported.card.temperature - (logits / exported.card.temperature).max(axis=1, keepdims=True))
    np.testing.assert_allclose(exported.scores(drawn[:64]), exact / exact.sum(axis=1, keepdims=True), atol=AGREEMENT)


# --- scores


def test_scores_of_a_digit_are_probabilities(network: Network, drawn: Digits) -> None:
    scores = network.scores(drawn)
    assert scores.shape == (len(drawn), len(network.card.classes))
    assert scores.dtype == np.float32
    assert (scores >= 0).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_the_odds_of_fields_stay_probabilities_and_keep_the_order_of_digits() -> None:
    classes, rng = "0123456789x?", np.random.default_rng(5)
    scores = rng.dirichlet(np.full(12, 0.3), 200).astype(np.float32)
    told = in_fields(scores, classes)
    assert np.allclose(told.sum(axis=1), 1, atol=1e-5)
    assert told.dtype == np.float32
    assert (told[:, 11] <= scores[:, 11] + 1e-6).all()
    assert (told[:, :11].argsort(axis=1) == scores[:, :11].argsort(axis=1)).all()
    assert not in_fields(np.zeros((2, 12), np.float32), classes).any()  # blank cells
    assert np.array_equal(
        in_fields(scores[:, :10], classes[:10]), scores[:, :10] / scores[:, :10].sum(1, keepdims=True)
    )


def test_no_digits_have_no_scores(network: Network) -> None:
    scores = network.scores(np.zeros((0, DIGIT_SIZE, DIGIT_SIZE), np.uint8))
    assert scores.shape == (0, len(network.card.classes))
    assert scores.dtype == np.float32


@pytest.mark.parametrize("level", [0, 255])
def test_flat_digits_have_scores_too(network: Network, level: int) -> None:
    scores = network.scores(np.full((2, DIGIT_SIZE, DIGIT_SIZE), level, np.uint8))
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(scores.sum(axis=1), 1, atol=1e-5)


def test_a_digit_has_the_same_scores_in_any_company(network: Network, drawn: Digits) -> None:
    together = network.scores(drawn)
    np.testing.assert_allclose(
        np.concatenate([network.scores(drawn[i : i + 1]) for i in range(20)]), together[:20], atol=1e-5
    )
    np.testing.assert_allclose(network.scores(drawn[::-1])[::-1], together, atol=1e-5)
    for count in (2, 7, 255, 256, 257):
        np.testing.assert_allclose(network.scores(drawn[:count]), together[:count], atol=1e-5)


@pytest.mark.parametrize("shape", [(28, 28), (3, 28), (2, 28, 27), (2, 32, 32), (2, 1, 28, 28), (2, 28, 28, 1)])
def test_digits_of_another_shape_are_refused(network: Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\(n, 28, 28\)"):
        network.scores(np.zeros(shape, np.uint8))


# --- loading


def test_the_network_is_loaded_once() -> None:
    assert load_network() is load_network()


def test_a_name_may_have_points_and_its_neighbors_networks_of_eight_bits(copy: Path, drawn: Digits) -> None:
    for path in (copy.with_suffix(".onnx"), copy.with_suffix(".json")):
        path.rename(path.with_name(f"{path.stem}.v2{path.suffix}"))
    shutil.copy(MODELS / "reader-int8.onnx", copy.with_name("copy-int8.onnx"))
    for path in (copy.with_name("copy.v2"), copy.with_name("copy.v2.json"), copy.with_name("copy.v2.onnx")):
        assert load_network(path).card.name == "copy.v2"
    card_path = copy.with_name("copy.v2.json")
    card = json.loads(card_path.read_text())
    del card["sha256"]["int8"]
    card_path.write_text(json.dumps(card))
    shutil.copy(MODELS / "strings.onnx", copy.with_name("copy.v2-int8.onnx"))  # of another training
    load_network.cache_clear()
    assert len(load_network(copy.with_name("copy.v2")).scores(drawn[:3])) == 3
    for nothing in (Path(), copy.with_name("missing")):
        with pytest.raises(ModelError, match="is no network"):
            load_network(nothing)


@pytest.mark.parametrize("suffix", ["", ".onnx", ".json", ".keras"])
def test_a_network_is_found_by_any_of_its_files(
    copy: Path, exported: Network, network: Network, drawn: Digits, suffix: str
) -> None:
    loaded = load_network(copy.with_suffix(suffix))
    assert loaded.card.name == "copy"
    np.testing.assert_array_equal(loaded.scores(drawn[:3]), exported.scores(drawn[:3]))
    load_network.cache_clear()
    shutil.copy(MODELS / "reader-int8.onnx", copy.with_name("copy-int8.onnx"))
    again = load_network(copy.with_suffix(suffix))
    assert again.card == loaded.card
    meant = exported if suffix == ".onnx" else network  # the file named itself, else the fastest of the name
    np.testing.assert_array_equal(again.scores(drawn[:3]), meant.scores(drawn[:3]))


def test_a_network_of_eight_bits_can_be_named_itself(network: Network, drawn: Digits) -> None:
    loaded = load_network(MODELS / "reader-int8.onnx")
    assert loaded.card == network.card
    np.testing.assert_array_equal(loaded.scores(drawn[:3]), network.scores(drawn[:3]))


def test_the_temperature_of_the_card_flattens_the_scores_and_keeps_their_order(
    copy: Path, exported: Network, drawn: Digits
) -> None:
    change_card(copy, lambda card: card.update(temperature=card["temperature"] * 3))
    warm, cold = load_network(copy).scores(drawn), exported.scores(drawn)
    assert (warm.argmax(axis=1) == cold.argmax(axis=1)).all()
    assert (warm.max(axis=1) <= cold.max(axis=1) + 1e-6).all()


def test_a_missing_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_network(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("suffix", [".onnx", ".json"])
def test_a_missing_file_is_named_with_what_to_do(copy: Path, suffix: str) -> None:
    copy.with_suffix(suffix).unlink()
    with pytest.raises(ModelError, match=rf"copy\{suffix}.*train"):
        load_network(copy)


@pytest.mark.parametrize("text", ["", "{", "no JSON", "[]", "null", "5", '"text"', "{}", "\udcff"])
def test_a_damaged_card_is_refused(copy: Path, text: str) -> None:
    copy.with_suffix(".json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(ModelError, match=r"copy\.json.*card"):
        load_network(copy)


@pytest.mark.parametrize("key", ["classes", "normalize_version", "temperature", "accept_threshold", "sha256"])
def test_what_a_card_lacks_is_named(copy: Path, key: str) -> None:
    change_card(copy, lambda card: card.pop(key))
    with pytest.raises(ModelError, match=rf"copy\.json.*lacks {key};.*train"):
        load_network(copy)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("temperature", "warm"),
        ("temperature", None),
        ("temperature", 0),
        ("accept_threshold", []),
        ("sha256", "abc"),
        ("sha256", None),
        ("classes", 12),
    ],
)
def test_a_card_with_nonsense_in_it_is_refused(copy: Path, key: str, value: object) -> None:
    change_card(copy, lambda card: card.update({key: value}))
    with pytest.raises(ModelError, match="copy"):
        load_network(copy)


@pytest.mark.parametrize("classes", ["0123456789", "0123456789x?!"])
def test_a_card_with_other_classes_than_the_network_has_is_refused(copy: Path, classes: str) -> None:
    change_card(copy, lambda card: card.update(classes=classes))
    with pytest.raises(ModelError, match="copy"):
        load_network(copy)


def test_a_network_trained_on_other_digits_is_refused(copy: Path) -> None:
    change_card(copy, lambda card: card.update(normalize_version=NORMALIZE_VERSION + 1))
    with pytest.raises(ModelError, match=rf"normalization {NORMALIZE_VERSION + 1}.*{NORMALIZE_VERSION}.*train again"):
        load_network(copy)


def test_weights_that_do_not_match_the_card_are_refused(copy: Path) -> None:
    weights = bytearray(copy.read_bytes())
    weights[len(weights) // 2] ^= 1
    copy.write_bytes(weights)
    with pytest.raises(ModelError, match="SHA-256"):
        load_network(copy)


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x08" * 100])
def test_a_file_that_is_no_network_is_refused(copy: Path, content: bytes) -> None:
    copy.write_bytes(content)
    change_card(copy, lambda card: card["sha256"].update(onnx=hashlib.sha256(content).hexdigest()))
    with pytest.raises(ModelError, match="ONNX Runtime"):
        load_network(copy)


def test_a_network_cut_short_is_refused(copy: Path) -> None:
    content = copy.read_bytes()[:-5000]
    copy.write_bytes(content)
    change_card(copy, lambda card: card["sha256"].update(onnx=hashlib.sha256(content).hexdigest()))
    with pytest.raises(ModelError, match="ONNX Runtime"):
        load_network(copy)


def test_reading_leaves_no_telemetry_behind(tmp_path: Path) -> None:
    """ONNX Runtime would keep a diary in the user's cache, and complain on stderr where it cannot."""
    program = "from scanner.network import load_network; load_network()"
    result = subprocess.run(
        [sys.executable, "-c", program], env=os.environ | {"HOME": str(tmp_path)}, capture_output=True, check=True
    )
    assert list(tmp_path.rglob("*.db")) == []
    assert result.stderr == b""
