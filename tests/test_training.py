"""Training: data sets in, a network with its card out. All digits here are drawn by us."""

import csv
import gc
import gzip
import json
import struct
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from scanner.digits import NORMALIZE_VERSION
from scanner.errors import ModelError, NoInputError, OutputError, ScannerError, UsageError
from scanner.network import softmax
from scanner.synth.hand import DrawnDigits
from scanner.training import TrainOptions, TrainResult, train
from scanner.training import backend as backend_module
from scanner.training.architectures import build
from scanner.training.augment import plain_crop, scan_like
from scanner.training.calibrate import choose_threshold, fit_temperature, negative_log_likelihood
from scanner.training.crossed import draw_crossed
from scanner.training.datasets import IDX_IMAGES, IDX_LABELS, DigitSet, file_sha256, hold_out, read_idx, read_source
from scanner.training.evaluate import calibration_error, evaluate, onnx_logits
from scanner.training.export import check_agreement, export_onnx
from scanner.training.fit import FitFiles, Schedule, batches, fit, fitting_callbacks, optimizer_for
from scanner.training.junk import KINDS, SpareDigits, draw_junk
from scanner.training.pen import CANVAS, on_canvas
from scanner.training.prepare import CLASSES, Mixture, OwnSamples, Samples, training_variants
from scanner.training.tuning import blend

Ink = npt.NDArray[np.uint8]


pytestmark = pytest.mark.usefixtures("without_graphs")


@pytest.fixture(scope="module")
def drawn() -> DigitSet:
    """300 drawn digits, 28 x 28, by 30 writers."""
    rng, hand = np.random.default_rng(7), DrawnDigits()
    labels = np.arange(300) % 10
    canvases = [on_canvas(hand(int(label), rng), 0.7) for label in labels]
    ink = np.stack([canvas[::4, ::4] for canvas in canvases])
    ink = np.pad(ink, ((0, 0), (2, 2), (2, 2))).astype(np.uint8)
    return DigitSet(ink, labels.astype(np.int64), np.repeat(np.arange(30), 10))


@pytest.fixture
def spare(drawn: DigitSet) -> SpareDigits:
    return SpareDigits(np.stack([on_canvas(ink, 0.7) for ink in drawn.ink[:20]]), drawn.labels[:20])


@pytest.fixture(scope="module")
def trained(drawn: DigitSet, tmp_path_factory: pytest.TempPathFactory, without_graphs: None) -> TrainResult:
    """A tiny network after one epoch."""
    folder = tmp_path_factory.mktemp("training")
    np.savez(
        folder / "drawn.npz", x_train=drawn.ink, y_train=drawn.labels, x_test=drawn.ink[:50], y_test=drawn.labels[:50]
    )
    options = TrainOptions(
        digits=(folder / "drawn.npz",),
        out=folder / "models",
        name="small",
        recipe="tiny",
        epochs=1,
        variants=1,
        boxed=60,
        drawn=100,
        junk=100,
        batch_size=50,
        workers=2,
    )
    return train(options)


def write_idx(path: Path, magic: int, values: npt.NDArray[np.uint8]) -> None:
    data = struct.pack(f">I{values.ndim}I", magic, *values.shape) + values.tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def test_training_writes_a_network_its_card_and_its_history(trained: TrainResult) -> None:
    card = json.loads(trained.card_path.read_text(encoding="utf-8"))
    assert card == trained.card
    assert card["name"] == "small"
    assert card["classes"] == CLASSES == "0123456789x?"
    assert card["normalize_version"] == NORMALIZE_VERSION
    assert card["epochs"] == 1
    assert card["temperature"] > 0
    assert card["accept_threshold"] > 0
    exported = trained.card_path.with_suffix(".onnx")
    assert card["sha256"] == {
        "onnx": file_sha256(exported), "int8": file_sha256(trained.onnx), "keras": file_sha256(trained.keras)
    }  # fmt: skip
    assert (card["trained_on"][0]["n"], card["trained_on"][0]["validation"]) == (240, 60)
    assert len(card["trained_on"][0]["sha256"]["drawn.npz"]) == 64
    assert card["accuracies"]["drawn test"]["n"] == 50
    assert {path.name for path in trained.card_path.parent.iterdir()} == {
        "small.keras", "small.onnx", "small-int8.onnx", "small.json", "small-history.csv", "small-curves.png",
        "small-samples.png", "small-confusion.png", "small-mistakes.png", "small-reliability.png",
        "small-error-reject.png",
    }  # fmt: skip
    with (trained.card_path.parent / "small-history.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 1


def test_the_exported_network_equals_the_saved_one(trained: TrainResult, drawn: DigitSet) -> None:
    import keras

    model = keras.models.load_model(trained.keras)
    logits = model.predict(drawn.ink, verbose=0)
    assert logits.shape == (300, len(CLASSES))
    exported = trained.card_path.with_suffix(".onnx")
    np.testing.assert_allclose(onnx_logits(exported, drawn.ink), logits, atol=1e-4)
    np.testing.assert_allclose(onnx_logits(exported, drawn.ink[:1]), logits[:1], atol=1e-4)


def test_eight_bits_come_close_to_the_exported_network(trained: TrainResult, drawn: DigitSet) -> None:
    exact = onnx_logits(trained.card_path.with_suffix(".onnx"), drawn.ink)
    small = onnx_logits(trained.onnx, drawn.ink)
    assert trained.onnx.name == "small-int8.onnx"
    assert 0 < np.abs(small - exact).mean() < 0.05 * np.ptp(exact)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_an_interrupted_training_goes_on_where_it_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    samples = Samples(rng.integers(0, 256, (40, 28, 28), np.uint8), rng.integers(0, 12, 40))
    files = FitFiles(tmp_path / "history.csv", tmp_path / ".tiny.checkpoint")
    schedule = Schedule(epochs=2, batch_size=20)

    def interrupted(*_: object) -> Iterator[tuple[Ink, npt.NDArray[np.int64]]]:
        yield from [(samples.images[:20], samples.labels[:20])] * 2  # an epoch
        raise RuntimeError("the power went off")

    with monkeypatch.context() as patch:
        patch.setattr("scanner.training.fit.batches", interrupted)
        with pytest.raises(Exception, match="the power went off"):
            fit(build("tiny", 12), [samples], samples, schedule=schedule, seed=1, files=files)
    gc.collect()  # Keras leaves its CSV file open
    assert files.checkpoint.exists()
    assert fit(build("tiny", 12), [samples], samples, schedule=schedule, seed=1, files=files) == 2
    assert not files.checkpoint.exists()
    with files.history.open(newline="") as file:
        assert [row["epoch"] for row in csv.DictReader(file)] == ["0", "1"]


def test_a_training_that_goes_on_knows_its_best_epoch(tmp_path: Path) -> None:
    """The second of three epochs, after which it was interrupted, was better than any that comes."""
    rng = np.random.default_rng(0)
    samples = Samples(rng.integers(0, 256, (40, 28, 28), np.uint8), rng.integers(0, 12, 40))
    files = FitFiles(tmp_path / "history.csv", tmp_path / ".tiny.checkpoint")
    files.checkpoint.mkdir()
    (files.checkpoint / "training_metadata.json").write_text('{"epoch": 3, "batch": 0}')
    rows = "".join(f"{number},0,0,2,{loss}\n" for number, loss in enumerate((0.5, 0.001, 0.4)))
    files.history.write_text(f"epoch,accuracy,val_accuracy,loss,val_loss\n{rows}")
    model = build("tiny", 12)
    model.set_weights([np.full_like(each, 0.25) for each in model.get_weights()])
    model.compile(optimizer=optimizer_for(Schedule(5), 2), loss="sparse_categorical_crossentropy")
    model.optimizer.build(model.trainable_variables)
    model.save_weights(files.best)
    trained = build("tiny", 12)
    assert fit(trained, [samples], samples, schedule=Schedule(epochs=5, batch_size=20), seed=1, files=files) == 5
    assert all((each == 0.25).all() for each in trained.get_weights()[:3])
    assert not files.best.exists()


def test_the_order_of_digits_goes_on_where_it_was() -> None:
    samples = [Samples(np.zeros((9, 28, 28), np.uint8), np.arange(9) + 10 * variant) for variant in range(2)]
    whole = [labels.tolist() for _, labels in islice(batches(samples, 3, np.random.default_rng(3)), 15)]
    rest = [labels.tolist() for _, labels in islice(batches(samples, 3, np.random.default_rng(3), 2), 9)]
    assert whole[6:] == rest


def test_a_torn_checkpoint_is_begun_anew(tmp_path: Path) -> None:
    files = FitFiles(tmp_path / "history.csv", tmp_path / ".tiny.checkpoint")
    files.checkpoint.mkdir()
    (files.checkpoint / "latest.weights.h5").write_bytes(b"\x89HDF")
    files.best.write_bytes(b"")
    fitting_callbacks(Schedule(epochs=2), files)
    assert not files.checkpoint.exists()
    assert not files.best.exists()


def test_what_is_new_comes_up_more_often_than_what_is_known(drawn: DigitSet) -> None:
    known = DigitSet(np.tile(drawn.ink, (3, 1, 1)), np.full(3 * len(drawn), 3))
    new = DigitSet(drawn.ink[:4], np.full(4, 7))
    with ThreadPoolExecutor(2) as pool:
        mixture = Mixture(OwnSamples(0, 0, 0), most=160, repeats=10)
        first, second = training_variants([known, new], mixture, variants=2, seed=4, pool=pool)
    assert np.bincount(first.labels).tolist() == [0, 0, 0, 160, 0, 0, 0, 40]
    assert not np.array_equal(first.images, second.images)


def test_prepared_digits_depend_on_the_seed_alone(drawn: DigitSet) -> None:
    few = drawn.take(np.arange(20))
    with ThreadPoolExecutor(1) as one, ThreadPoolExecutor(3) as three:
        mixture = Mixture(OwnSamples(20, 10, 30))
        first = training_variants([few], mixture, variants=2, seed=4, pool=one)
        (again,) = training_variants([few], mixture, variants=1, seed=4, pool=three)
    assert [len(samples) for samples in first] == [80, 80]
    assert set(first[0].labels) == set(range(len(CLASSES)))
    assert not np.array_equal(first[0].images, first[1].images)
    np.testing.assert_array_equal(first[0].images, again.images)
    np.testing.assert_array_equal(first[0].labels, again.labels)


def test_no_digits_give_no_logits(trained: TrainResult) -> None:
    assert onnx_logits(trained.onnx, np.zeros((0, 28, 28), np.uint8)).shape == (0, len(CLASSES))


def test_a_network_that_answers_otherwise_than_its_export_is_refused(tmp_path: Path) -> None:
    export_onnx(build("tiny", 12), tmp_path / "a.onnx")
    with pytest.raises(ModelError, match="differs"):
        check_agreement(build("tiny", 12), tmp_path / "a.onnx")


def test_a_network_is_taught_more_and_taken_back_part_of_the_way(
    trained: TrainResult, drawn: DigitSet, tmp_path: Path
) -> None:
    np.savez(tmp_path / "mine.npz", x=drawn.ink[:60], y=drawn.labels[:60], writer=np.arange(60) // 10)
    options = TrainOptions(
        (tmp_path / "mine.npz",), tmp_path, "taught", "tiny", 1, variants=1, boxed=40, drawn=20, junk=30, batch_size=16,
        workers=1, start_from=trained.keras,
    )  # fmt: skip
    taught = train(options)
    assert taught.card["started_from"] == trained.keras.name
    with pytest.raises(UsageError, match="another recipe"):
        train(replace(options, recipe="cnn"))
    with pytest.raises(NoInputError, match="no saved network"):
        train(replace(options, start_from=tmp_path / "none.keras"))
    (tmp_path / "broken.keras").write_bytes(b"no network")
    with pytest.raises(NoInputError, match="cannot be read"):
        train(replace(options, start_from=tmp_path / "broken.keras"))


@pytest.mark.parametrize(("change", "is_kept"), [(0.99, True), (-1.0, False)])
def test_what_was_learned_is_kept_unless_validation_minds(change: float, is_kept: bool) -> None:
    rng = np.random.default_rng(1)
    model = build("tiny", 12)
    before = [np.array(each) for each in model.get_weights()]
    images = rng.integers(0, 255, (64, 28, 28)).astype(np.uint8)
    known = Samples(images, model.predict(images, verbose=0).argmax(axis=1))  # what it can
    after = [np.float32(change) * each for each in before]  # less sure of it; sure of the contrary

    def loss_of(weights: list[np.ndarray]) -> float:
        model.set_weights(weights)
        return negative_log_likelihood(model.predict(images, verbose=0), known.labels, 1.0)

    least = min(loss_of(before), loss_of(after))
    model.set_weights(after)
    part = blend(model, before, [known])
    now = [np.array(each) for each in model.get_weights()]
    assert (part == 1) == is_kept
    assert loss_of(now) <= 1.05 * least + 1e-6
    for old, new, blended in zip(before, after, now, strict=True):
        np.testing.assert_allclose(blended, (1 - part) * old + part * new, atol=1e-6)


def test_an_unknown_architecture_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="reader, tiny"):
        build("giant", 12)


@pytest.mark.parametrize("name", ["", "a/b", "../reader"])
def test_a_network_needs_a_plain_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="plain"):
        train(TrainOptions(out=tmp_path, name=name))


def test_two_data_sets_of_one_name_are_refused(tmp_path: Path, drawn: DigitSet) -> None:
    np.savez(tmp_path / "drawn.npz", x=drawn.ink, y=drawn.labels)
    with pytest.raises(UsageError, match="rename"):
        train(TrainOptions(digits=(tmp_path / "drawn.npz",) * 2, out=tmp_path, recipe="tiny"))


def test_a_folder_that_cannot_be_made_stops_before_training(tmp_path: Path, drawn: DigitSet) -> None:
    (tmp_path / "file").touch()
    np.savez(tmp_path / "drawn.npz", x=drawn.ink, y=drawn.labels)
    with pytest.raises(OutputError, match="choose another folder"):
        train(TrainOptions(digits=(tmp_path / "drawn.npz",), out=tmp_path / "file" / "models", recipe="tiny"))


def test_training_without_tensorflow_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(UsageError, match=r"pip install 'scanner\[train\]'"):
        backend_module.require_tensorflow()


def test_importing_the_package_leaves_tensorflow_alone() -> None:
    code = "import sys, scanner.training; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_idx_folders_are_read_plain_and_compressed(tmp_path: Path, drawn: DigitSet, suffix: str) -> None:
    for part in ("train", "t10k"):
        write_idx(tmp_path / f"{part}-images-idx3-ubyte{suffix}", IDX_IMAGES, drawn.ink)
        write_idx(tmp_path / f"{part}-labels-idx1-ubyte{suffix}", IDX_LABELS, drawn.labels.astype(np.uint8))
    source = read_source(tmp_path)
    np.testing.assert_array_equal(source.train.ink, drawn.ink)
    np.testing.assert_array_equal(source.train.labels, drawn.labels)
    assert source.test is not None
    assert len(source.test) == 300
    assert len(source.sha256) == 4


def test_dark_digits_on_white_become_ink_maps(tmp_path: Path, drawn: DigitSet) -> None:
    np.savez(tmp_path / "paper.npz", x=255 - drawn.ink, y=drawn.labels, writer=drawn.writers)
    source = read_source(tmp_path / "paper.npz")
    np.testing.assert_array_equal(source.train.ink, drawn.ink)
    np.testing.assert_array_equal(source.train.writers, drawn.writers)
    assert source.test is None


def test_a_file_of_another_kind_is_no_idx_file(tmp_path: Path) -> None:
    write_idx(tmp_path / "labels", IDX_LABELS, np.zeros(5, np.uint8))
    with pytest.raises(NoInputError, match="not an IDX file"):
        read_idx(tmp_path / "labels", IDX_IMAGES)


@pytest.mark.parametrize("kept", [0, 7, 16, 1000])
def test_a_truncated_idx_file_is_refused(tmp_path: Path, drawn: DigitSet, kept: int) -> None:
    path = tmp_path / "images"
    write_idx(path, IDX_IMAGES, drawn.ink)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(NoInputError, match="download it again"):
        read_idx(path, IDX_IMAGES)


def test_a_truncated_gzip_is_refused(tmp_path: Path, drawn: DigitSet) -> None:
    path = tmp_path / "images.gz"
    write_idx(path, IDX_IMAGES, drawn.ink)
    path.write_bytes(path.read_bytes()[:-50])
    with pytest.raises(NoInputError, match="download it again"):
        read_idx(path, IDX_IMAGES)


@pytest.mark.parametrize(
    "arrays",
    [
        {"digits": np.zeros((2, 28, 28), np.uint8)},
        {"x": np.zeros((2, 28, 28), np.uint8), "y": np.zeros(3, np.int64)},
        {"x": np.zeros((2, 28, 28), np.uint8), "y": np.array([3, 11])},
        {"x": np.zeros((2, 28, 28), np.float32), "y": np.zeros(2, np.int64)},
        {"x": np.zeros((2, 784), np.uint8), "y": np.zeros(2, np.int64)},
        {"x": np.zeros((0, 28, 28), np.uint8), "y": np.zeros(0, np.int64)},
        {"x": np.zeros((2, 28, 28), np.uint8), "y": np.zeros(2, np.int64), "writer": np.zeros(1, np.int64)},
    ],
)
def test_archives_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict[str, npt.NDArray[np.generic]]) -> None:
    np.savez(tmp_path / "bad.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(NoInputError, match=r"bad\.npz"):
        read_source(tmp_path / "bad.npz")


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 cut"])
def test_damaged_archives_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(NoInputError, match=r"bad\.npz"):
        read_source(tmp_path / "bad.npz")


def test_what_is_no_data_set_is_refused_with_a_next_step(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing", tmp_path / "missing.npz"):
        with pytest.raises(ScannerError, match=r"(IDX|idx)"):
            read_source(path)


def test_whole_writers_are_held_out(drawn: DigitSet) -> None:
    training, validation = hold_out(drawn)
    assert training.writers is not None
    assert validation.writers is not None
    assert len(training) == 200
    assert not set(training.writers) & set(validation.writers)


def test_without_writers_always_the_same_digits_are_held_out(drawn: DigitSet) -> None:
    unknown = DigitSet(drawn.ink, drawn.labels)
    first, second = (hold_out(unknown) for _ in range(2))
    assert (len(first[0]), len(first[1])) == (240, 60)
    np.testing.assert_array_equal(first[1].ink, second[1].ink)


def test_a_mock_scan_gives_dark_ink_on_light_paper(drawn: DigitSet) -> None:
    rng = np.random.default_rng(0)
    for ink in drawn.ink:
        crop = scan_like(ink, rng)
        assert crop.dtype == np.uint8
        assert crop.ndim == 2
        assert np.median(crop) > crop.min()


@pytest.mark.parametrize(
    "ink", [np.zeros((28, 28), np.uint8), np.full((28, 28), 255, np.uint8), np.eye(1, dtype=np.uint8)]
)
def test_a_mock_scan_takes_blank_full_and_single_pixels(ink: Ink) -> None:
    for seed in range(30):
        assert scan_like(ink, np.random.default_rng(seed)).dtype == np.uint8


def test_the_same_seed_gives_the_same_scan(drawn: DigitSet) -> None:
    first, second = (scan_like(drawn.ink[0], np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_a_plain_crop_only_flips_polarity(drawn: DigitSet) -> None:
    np.testing.assert_array_equal(plain_crop(drawn.ink[0]), 255 - drawn.ink[0])


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_junk_has_ink(kind: str, spare: SpareDigits) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        ink = KINDS[kind].draw(spare, rng)
        assert ink.shape == (CANVAS, CANVAS)
        assert ink.dtype == np.uint8
        assert ink.any()


def test_junk_and_crosses_need_no_digits_and_follow_the_seed() -> None:
    nothing = SpareDigits(np.zeros((0, CANVAS, CANVAS), np.uint8), np.zeros(0, np.int64))
    for draw in (
        lambda rng: draw_junk(nothing, rng)[0],
        lambda rng: draw_crossed(nothing.ink, nothing.labels, rng),
    ):
        first, second = ([draw(np.random.default_rng(seed)) for seed in range(20)] for _ in range(2))
        assert all(ink.any() for ink in first)
        np.testing.assert_array_equal(first, second)


def test_struck_out_digits_keep_their_ink(spare: SpareDigits) -> None:
    rng = np.random.default_rng(0)
    crossed = [draw_crossed(spare.ink[:1], spare.labels[:1], rng) for _ in range(60)]
    assert any((ink >= spare.ink[0]).all() for ink in crossed)


def test_the_fitted_temperature_undoes_a_known_one() -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(0, 2, (20_000, 12)).astype(np.float32)
    labels = np.array([rng.choice(12, p=row / row.sum()) for row in softmax(honest).astype(np.float64)])
    assert fit_temperature(honest * 2.5, labels) == pytest.approx(2.5, rel=0.05)
    assert fit_temperature(honest[:0], labels[:0]) == 1.0


def test_softmax_rows_sum_to_one_however_large_the_logits() -> None:
    scores = softmax(np.array([[1000, -1000, 0], [3, 3, 3]], np.float32))
    np.testing.assert_allclose(scores.sum(axis=1), 1)
    np.testing.assert_allclose(scores[1], 1 / 3)


def test_the_threshold_accepts_as_much_as_the_allowed_errors_permit() -> None:
    confidence = np.array([0.9, 0.6, 0.8, 0.7, 0.5])
    is_right = np.array([True, False, True, True, True])
    assert choose_threshold(confidence, is_right, wrong_accepted=0.0) == 0.7
    assert choose_threshold(confidence, is_right, wrong_accepted=0.2) == 0.5
    assert choose_threshold(confidence, is_right, wrong_accepted=0.1) == 0.7


def test_the_threshold_never_parts_equal_confidences() -> None:
    tied = np.array([0.9, 0.9, 0.8])
    assert choose_threshold(tied, np.array([True, False, True]), wrong_accepted=0.0) > 1
    assert choose_threshold(tied[:0], np.zeros(0, np.bool_)) > 1


def test_a_report_counts_what_is_sure_and_wrong() -> None:
    scores = np.array([[0.995, 0.005], [0.6, 0.4], [0.999, 0.001], [0.3, 0.7]], np.float32)
    report = evaluate(scores, np.array([0, 0, 1, 1]))
    assert report.accuracy == 0.75
    assert report.class_accuracy == (1.0, 0.5)
    assert report.confusion.tolist() == [[2, 0], [1, 1]]
    assert (report.sure_coverage, report.sure_wrong) == (0.5, 1)


def test_an_empty_set_has_no_accuracy() -> None:
    report = evaluate(np.zeros((0, 12), np.float32), np.zeros(0, np.int64))
    assert report.n == 0
    assert np.isnan(report.accuracy)


def test_honest_confidences_have_no_calibration_error() -> None:
    confidence = np.full(100, 0.75)
    assert calibration_error(confidence, np.arange(100) % 4 > 0) == pytest.approx(0)
    assert calibration_error(confidence, np.zeros(100, np.bool_)) == pytest.approx(0.75)
