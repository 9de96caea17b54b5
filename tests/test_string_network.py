"""The network that reads whole lines: its picture of a line, its decoding, its training."""

import csv
import itertools
import json
import re
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from scanner.errors import ModelError, NoInputError
from scanner.strings.ctc import LETTERS, LETTERS_CLASS, SIGNS, digit_frames, likeliest_strings, log_probabilities
from scanner.strings.ink import line_ink
from scanner.strings.network import BUCKETS, load_line_network, padded
from scanner.strings.picture import HEIGHT, WIDEST, line_picture
from scanner.synth.hand import DrawnDigits
from scanner.synth.strings import string_crop, write_string
from scanner.training import STRINGS, StringOptions, train_strings
from scanner.training.string_fit import LONGEST
from scanner.training.string_samples import read_lines
from scanner.training.string_texts import label_of, random_text

Frames = npt.NDArray[np.float64]


def some_frames(seed: int, count: int = 6, classes: int = 4) -> Frames:
    frames = np.zeros((count, 1 + len(SIGNS)))
    frames[:, :classes] = np.random.default_rng(seed).dirichlet(np.full(classes, 0.4), count)
    return frames


def by_all_ways(frames: Frames, classes: int = 4) -> dict[str, float]:
    """The probability of every string, by adding up all ways to spread it over the frames."""
    found: dict[str, float] = {}
    for way in itertools.product(range(classes), repeat=len(frames)):
        kept = [label for label, _ in itertools.groupby(way)]
        text = "".join(str(label - 1) for label in kept if label)
        found[text] = found.get(text, 0.0) + float(np.prod([frames[at, label] for at, label in enumerate(way)]))
    return found


@pytest.mark.parametrize("seed", range(4))
def test_the_probability_of_a_string_is_that_of_all_its_ways(seed: int) -> None:
    frames = some_frames(seed)
    ways = {text: part for text, part in by_all_ways(frames).items() if text and part > 1e-6}
    found = np.exp(log_probabilities(frames, list(ways)))
    np.testing.assert_allclose(found, list(ways.values()), rtol=1e-3)


@pytest.mark.parametrize("length", [None, 2])
def test_the_beam_finds_the_likeliest_string(length: int | None) -> None:
    for seed in range(6):
        frames = some_frames(seed)
        ways = {text: p for text, p in by_all_ways(frames).items() if length is None or len(text) == length}
        assert likeliest_strings(frames, length)[0][0] == max(ways, key=lambda text: ways[text])


def test_words_side_by_side_are_one() -> None:
    for seed in range(6):
        frames = some_frames(seed, classes=3)
        frames[:, [2, -1]] = frames[:, [-1, 2]]  # blank, a digit, letters
        ways: dict[str, float] = {}
        for way in itertools.product((0, 1, len(SIGNS)), repeat=len(frames)):
            text = "".join(SIGNS[label - 1] for label, _ in itertools.groupby(way) if label)
            merged = re.sub(f"{LETTERS}+", LETTERS, text)
            ways[merged] = ways.get(merged, 0.0) + float(np.prod([frames[at, label] for at, label in enumerate(way)]))
        for text, part in likeliest_strings(frames)[:2]:
            assert part == pytest.approx(ways[text], rel=0.05)
        two = [text for text in ways if text.count("0") == 2]
        assert likeliest_strings(frames, 2)[0][0] == max(two, key=lambda text: ways[text])


def test_digits_beside_words_are_where_their_frames_are() -> None:
    frames = np.full((10, 1 + len(SIGNS)), 0.001)
    for at, label in enumerate([LETTERS_CLASS, 0, LETTERS_CLASS, 0, 4, 0, 5, 5, 0, LETTERS_CLASS]):
        frames[at, label] = 0.99
    assert likeliest_strings(frames)[0][0] == "a34a"
    assert digit_frames(frames, "a34a")[1:3] == [(4, 4), (6, 7)]


def test_texts_tell_their_digits_and_where_words_are() -> None:
    assert label_of(["CH-3012", "Bern,", "-", "79"]) == "a3012a79"
    assert label_of(["12345-6789"]) == "123456789"
    rng = np.random.default_rng(4)
    texts = [label_of(random_text(rng)) for _ in range(200)]
    assert all(0 < len(text) <= LONGEST and set(text) <= set(SIGNS) for text in texts)
    assert any(set(text) == {LETTERS} for text in texts)


def test_digits_are_where_their_frames_are() -> None:
    frames = np.full((9, 1 + len(SIGNS)), 0.001)
    for at, label in enumerate([0, 8, 8, 0, 8, 0, 3, 3, 0]):
        frames[at, label] = 0.99
    assert likeliest_strings(frames)[0][0] == "772"
    assert digit_frames(frames, "772") == [(1, 2), (4, 4), (6, 7)]


@pytest.mark.parametrize("seed", range(12))
def test_all_of_a_line_is_in_its_picture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    text = "".join(map(str, rng.integers(0, 10, 5)))
    written = write_string(text, DrawnDigits(), rng, touching=0.5)
    crop = 255 - cv2.copyMakeBorder(written.ink, 15, 15, 20, 20, cv2.BORDER_CONSTANT, value=(0,))
    line = line_ink(np.asarray(crop, np.uint8))
    picture = line_picture(line)
    assert picture.pixels.shape[0] == HEIGHT
    x, y, width, height = written.boxes.T.astype(float)
    x, y = x + 20, y + 15
    corners = np.array([[x, y], [x + width, y + height]]).transpose(0, 2, 1).reshape(1, -1, 2)
    on_line = cv2.transform(corners, cv2.invertAffineTransform(line.to_crop))
    on_picture = cv2.transform(on_line, cv2.invertAffineTransform(picture.to_line))[0]
    middle = on_picture.reshape(2, -1, 2).mean(axis=0)
    assert (middle > 0).all()
    assert (middle < [picture.pixels.shape[1], HEIGHT]).all()
    assert on_picture[:, 1].min() > -3
    assert on_picture[:, 1].max() < HEIGHT + 3


def test_a_picture_is_never_too_wide_and_dirt_moves_nothing() -> None:
    long = np.full((40, 900), 255, np.uint8)
    for x in range(10, 880, 30):
        cv2.ellipse(long, (x, 20), (8, 13), 0, 0, 360, (0,), 3)
    assert line_picture(line_ink(long)).pixels.shape[1] <= WIDEST == BUCKETS[-1]
    crop = long[:, :200].copy()
    clean = line_picture(line_ink(crop)).to_line
    crop[1, 190] = 60
    np.testing.assert_allclose(line_picture(line_ink(crop)).to_line, clean, atol=0.5)
    assert line_picture(line_ink(np.full((30, 80), 255, np.uint8))).pixels.max() == 0


def test_pictures_are_filled_up_with_paper() -> None:
    full = padded([np.full((32, 50), 9, np.uint8), np.full((32, 500), 9, np.uint8)], 96)
    assert full.shape == (2, 32, 96)
    assert full[0, :, 50:].max() == 0
    assert full[1].min() == 9


def test_a_written_string_tells_where_its_digits_are() -> None:
    rng = np.random.default_rng(3)
    for _ in range(10):
        written = write_string("40718", DrawnDigits(), rng, separators=0.5)
        assert len(written.boxes) == 5
        crop = string_crop(written, rng)
        assert crop.dtype == np.uint8
        assert crop.min() < crop.max()


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen crops of written numbers, as people collect them."""
    folder = tmp_path_factory.mktemp("lines")
    (folder / "images").mkdir()
    rng, truth = np.random.default_rng(1), {}
    for number in range(18):
        text = "".join(map(str, rng.integers(0, 10, 3)))
        cv2.imwrite(str(folder / "images" / f"{number}.png"), string_crop(write_string(text, DrawnDigits(), rng), rng))
        truth[f"{number}.png"] = text if number % 2 else {"value": text}
    (folder / "truth.json").write_text(json.dumps(truth))
    return folder


def test_real_lines_need_pictures_and_numbers(lines: Path, tmp_path: Path) -> None:
    assert len(read_lines(lines).texts) == 18
    with pytest.raises(NoInputError, match=r"truth\.json"):
        read_lines(tmp_path)
    (tmp_path / "truth.json").write_text('{"a.png": "1"}')
    with pytest.raises(NoInputError, match=r"a\.png"):
        read_lines(tmp_path)
    for wrong in ('{"a.png": "1a"}', '["1"]', '{"a.png": {"boxes": []}}', '{"a.png": "12345678901"}'):
        (tmp_path / "truth.json").write_text(wrong)
        with pytest.raises(NoInputError, match=r"truth\.json"):
            read_lines(tmp_path)


@pytest.mark.usefixtures("without_graphs")
def test_a_network_of_lines_is_trained(lines: Path, tmp_path: Path) -> None:
    rng, hand = np.random.default_rng(7), DrawnDigits()
    labels = np.arange(200) % 10
    images = np.stack([cv2.resize(hand(int(label), rng), (28, 28), interpolation=cv2.INTER_AREA) for label in labels])
    np.savez(tmp_path / "drawn.npz", x=images, y=labels)
    options = StringOptions(
        (tmp_path / "drawn.npz",), (lines,), tmp_path / "out", epochs=1, variants=1, written=20, workers=1
    )
    result = train_strings(options)
    assert set(result.accuracies) == {"written", "text", lines.name}
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "strings.keras", "strings.onnx", "strings.json", "strings-history.csv", "strings-curves.png",
        "strings-samples.png", "strings-mistakes.png", "strings-reliability.png", "strings-error-reject.png",
    }  # fmt: skip
    assert json.loads((tmp_path / "out" / "strings.json").read_text()) == result.card
    with (tmp_path / "out" / "strings-history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1
    network = load_line_network(result.onnx)
    pictures = [np.zeros((32, width), np.uint8) for width in (50, 96, 300)]
    frames = network.frames(pictures)
    assert [each.shape for each in frames] == [(24, 12), (24, 12), (96, 12)]
    np.testing.assert_allclose(frames[0].sum(axis=1), 1)
    np.testing.assert_array_equal(network.frames(pictures[:1])[0], frames[0])
    card = json.loads((tmp_path / "out" / "strings.json").read_text())
    for change in ({"picture_version": 0}, {"sha256": {"onnx": "0"}}, {"sha256": None}):
        (tmp_path / "out" / "strings.json").write_text(json.dumps(card | change))
        load_line_network.cache_clear()
        with pytest.raises(ModelError, match=r"strings\.onnx"):
            load_line_network(result.onnx)


def test_the_recipe_of_lines_is_told_apart() -> None:
    from typer.testing import CliRunner

    from scanner.cli import app

    runner = CliRunner()
    for arguments, said in (
        (["--recipe", STRINGS, "--from", "models/reader.keras"], "--from"),
        (["--recipe", "tiny", "--lines", "lines"], "--lines"),
    ):
        result = runner.invoke(app, ["train", *arguments])
        assert result.exit_code == 2
        assert said in result.output
