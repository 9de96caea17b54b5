"""Every recipe trains, saves, exports, and reads: tiny sets of digits that we draw, a few epochs."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scanner.digits import normalize
from scanner.errors import UsageError
from scanner.network import load_network
from scanner.pipeline import read_image
from scanner.predict import predict_digit
from scanner.synth import DrawnDigits, make_page
from scanner.training import TrainOptions, train
from scanner.training.augment import plain_crop
from scanner.training.datasets import DigitSet
from scanner.training.recipes import RECIPES


@pytest.fixture(scope="module")
def digits() -> DigitSet:
    rng, hand = np.random.default_rng(3), DrawnDigits()
    labels = np.arange(300) % 10
    ink = np.zeros((len(labels), 36, 36), np.uint8)
    for page, label in zip(ink, labels, strict=True):
        drawn = hand(int(label), rng)
        scale = 28 / max(drawn.shape)
        small = cv2.resize(drawn, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        page[4 : 4 + small.shape[0], 4 : 4 + small.shape[1]] = small
    return DigitSet(ink, labels.astype(np.int64))


@pytest.mark.parametrize("recipe", [name for name, each in RECIPES.items() if not each.is_reader])
def test_every_recipe_trains_saves_and_reads(recipe: str, digits: DigitSet, tmp_path: Path) -> None:
    np.savez(tmp_path / "drawn.npz", x=digits.ink, y=digits.labels)
    options = TrainOptions(
        digits=(tmp_path / "drawn.npz",), out=tmp_path / "models", recipe=recipe, epochs=15, batch_size=16, workers=1
    )
    result = train(options)
    assert result.card["recipe"] == result.card["name"] == recipe
    assert result.card["classes"] == "0123456789"
    network = load_network(result.onnx)
    scores = network.scores(np.stack([normalize(plain_crop(ink)) for ink in digits.ink]))
    assert (scores.argmax(axis=1) == digits.labels).mean() > 0.9
    page = make_page("separate", "clean", 1, 1, DrawnDigits()).image
    picture = np.pad(255 - digits.ink[0], 10, constant_values=255)
    assert predict_digit(picture, network=network).confidence > 0
    assert len(read_image(page, network)) > 3
    if RECIPES[recipe].also:
        check_probabilities(tmp_path / "models" / RECIPES[recipe].also)


def check_probabilities(path: Path) -> None:
    """Tutorials find their file, and what they expect of it."""
    import keras

    model = keras.models.load_model(path, compile=False)
    probabilities = model.predict(np.zeros((2, 28, 28), np.uint8), verbose=0)
    assert probabilities.shape == (2, 10)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)


@pytest.mark.usefixtures("without_graphs")
def test_the_same_seed_gives_the_same_weights(digits: DigitSet, tmp_path: Path) -> None:
    import keras

    np.savez(tmp_path / "drawn.npz", x=digits.ink, y=digits.labels)
    weights = []
    for folder in ("a", "b"):
        options = TrainOptions(
            digits=(tmp_path / "drawn.npz",), out=tmp_path / folder, recipe="mlp-128-64", epochs=2, workers=1
        )
        weights.append(keras.models.load_model(train(options).keras).get_weights())
    for one, other in zip(*weights, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_an_unknown_recipe_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="mlp-128, mlp-128-128, mlp-128-64, cnn"):
        train(TrainOptions(out=tmp_path, recipe="giant"))
