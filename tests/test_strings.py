"""Numbers without boxes: ink found, parted into digits, read; and refused where it is no number."""

import math

import cv2
import numpy as np
import pytest

from scanner.arrays import Gray, Mask, Quads
from scanner.boxes import find_boxes
from scanner.decode import cell_alternatives, decode_field
from scanner.form.rules import FieldRule
from scanner.network import load_network
from scanner.pipeline import read_image
from scanner.strings import StringReading, as_row, read_frames, read_strings
from scanner.strings.ink import find_slant, line_ink, without_rules
from scanner.strings.lattice import Lattice, Segment, find_segments
from scanner.strings.opinions import NO_NUMBER, Candidate
from scanner.strings.pieces import Piece, find_pieces
from scanner.strings.read import _with_doubt
from scanner.synth.hand import DrawnDigits, Writer
from scanner.synth.sheet import text_ink
from scanner.synth.strings import write_string

HAND = Writer(slant=0.1, size=0.7, pen=0.08, color=(40, 40, 40), is_pencil=False, care=0.7, hand=4)
TEXTS = ("16", "899", "0124", "43744", "403875", "7358")


def crop_of(text: str, seed: int = 1, touching: float = 0.0) -> Gray:
    ink = write_string(text, DrawnDigits(), np.random.default_rng(seed), HAND, touching=touching).ink
    return np.asarray(cv2.copyMakeBorder(255 - ink, *[14] * 4, cv2.BORDER_CONSTANT, value=(255,)), np.uint8)


def whole(crop: Gray) -> Quads:
    height, width = crop.shape
    return np.array([[[0, 0], [width, 0], [width, height], [0, height]]], np.float32)


def read(crop: Gray, length: int | None = None) -> StringReading | None:
    return read_strings(crop, whole(crop), load_network(), [length], inset=0.0)[0]


def text_of(reading: StringReading | None) -> str:
    assert reading is not None
    return "".join(map(str, reading.scores[:, :10].argmax(axis=1)))


def page_of(crops: list[Gray], frame: int = 3) -> Gray:
    """An A4 page at 150 dpi with a frame around each crop, two in a row."""
    page = np.full((1754, 1240), 255, np.uint8)
    for place, crop in enumerate(crops):
        small = cv2.resize(crop, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        row, column = divmod(place, 2)
        x, y = 120 + 560 * column, 150 + 160 * row
        page[y + 8 : y + 8 + small.shape[0], x + 20 : x + 20 + small.shape[1]] = small
        cv2.rectangle(page, (x, y), (x + 400, y + small.shape[0] + 16), (0,), frame)
    return page


# --- ink


def test_ruled_lines_are_taken_out_and_strokes_that_cross_them_stay() -> None:
    mask: Mask = np.zeros((96, 500), np.uint8)
    cv2.line(mask, (60, 10), (60, 90), (255,), 6)
    before = mask.copy()
    cv2.line(mask, (0, 70), (499, 70), (255,), 3)
    cleaned = without_rules(mask)
    assert (cleaned != before).sum() < 40
    assert cleaned[66:75, 58:63].all()


def test_a_tall_one_is_no_line_of_a_box_unless_it_stands_at_an_end() -> None:
    mask: Mask = np.zeros((96, 500), np.uint8)
    for x in (4, 250, 495):
        cv2.line(mask, (x, 0), (x, 95), (255,), 4)
    cleaned = without_rules(mask)
    assert [bool(cleaned[:, x - 2 : x + 3].any()) for x in (4, 250, 495)] == [False, True, False]


@pytest.mark.parametrize("lean", [-0.2, 0.0, 0.4, 0.8])
def test_the_slant_is_that_of_the_strokes(lean: float) -> None:
    mask: Mask = np.zeros((96, 500), np.uint8)
    for x in range(100, 400, 60):
        cv2.line(mask, (x, 90), (round(x + 80 * lean), 10), (255,), 5)
    assert find_slant(mask) == pytest.approx(lean, abs=0.06)


def test_the_map_of_a_line_leads_back_to_the_crop() -> None:
    crop = np.full((60, 300), 240, np.uint8)
    cv2.line(crop, (150, 50), (170, 10), (20,), 4)
    line = line_ink(crop)
    ys, xs = np.nonzero(line.mask)
    points = np.stack([xs, ys, np.ones_like(xs)], axis=1) @ line.to_crop.T
    assert points.mean(axis=0) == pytest.approx((160, 30), abs=1.5)


# --- pieces and paths


def test_touching_digits_are_cut() -> None:
    mask: Mask = np.zeros((96, 300), np.uint8)
    cv2.circle(mask, (60, 48), 30, (255,), 6)
    cv2.circle(mask, (124, 48), 30, (255,), 6)
    pieces, height = find_pieces(mask)
    assert height == pytest.approx(67, abs=2)
    assert any(abs(piece.box[2] - 92) <= 4 for piece in pieces)
    assert sum(cv2.countNonZero(piece.ink) for piece in pieces) == cv2.countNonZero(mask)


def test_no_ink_is_no_piece() -> None:
    assert find_pieces(np.zeros((50, 100), np.uint8)) == ([], 0.0)


def block(x0: int, x1: int, y0: int = 0, y1: int = 50) -> Piece:
    return Piece((x0, y0, x1, y1), np.full((y1 - y0, x1 - x0), 255, np.uint8))


def scores_of(segments: list[Segment], looks: dict[tuple[int, int], str]) -> np.ndarray:
    """Sure of what is said, sure that all else is no digit."""
    scores = np.full((len(segments), 12), 0.001)
    for row, segment in zip(scores, segments, strict=True):
        told = looks.get((segment.first, segment.last))
        row[11 if told is None else int(told)] = 1 - 0.011
    return scores


def test_the_path_is_that_of_parts_that_look_like_digits() -> None:
    pieces = [block(0, 15), block(15, 30), block(35, 60), block(64, 70, 42, 50), block(75, 100)]
    segments = find_segments(pieces, 50)
    looks = {(0, 2): "4", (2, 3): "7", (4, 5): "1"}
    best = Lattice(pieces, segments, scores_of(segments, looks), 50).likeliest()[0]
    assert best.text == "471"  # the first two pieces are one digit, the low one is a point
    assert [(segments[index].first, segments[index].last) for index in best.segments] == list(looks)


def test_a_known_length_chooses_among_paths() -> None:
    pieces = [block(0, 25), block(25, 50)]
    segments = find_segments(pieces, 50)
    scores = scores_of(segments, {(0, 1): "1", (1, 2): "3", (0, 2): "0"})
    for length, text in ((1, "0"), (2, "13")):
        paths = Lattice(pieces, segments, scores, 50).likeliest(length)
        assert [path.text for path in paths][:1] == [text]
        assert {len(path.text) for path in paths} == {length}
        assert Lattice(pieces, segments, scores, 50).path_to(text) == paths[0]
    assert Lattice(pieces, segments, scores, 50).likeliest(3) == []


# --- numbers


@pytest.mark.parametrize("text", TEXTS)
def test_a_line_is_read(text: str) -> None:
    assert text_of(read(crop_of(text))) == text


def test_most_lines_with_touching_digits_are_read_where_their_length_is_known() -> None:
    rng = np.random.default_rng(3)
    texts = ["".join(map(str, rng.integers(0, 10, 4))) for _ in range(20)]
    right = [text_of(read(crop_of(text, seed, 0.3), 4)) == text for seed, text in enumerate(texts)]
    assert sum(right) >= 12, right


def test_what_was_said_before_weighs_and_does_not_decide() -> None:
    crop = crop_of("4711")
    alone, again, other, words = (
        read_strings(crop, whole(crop), load_network(), [4], expected=expected, inset=0.0)[0]
        for expected in (None, [{"4711": 0.9}], [{"4777": 0.9, "4711": 0.1}], [{"4711": 0.05, NO_NUMBER: 0.95}])
    )
    assert {text_of(reading) for reading in (alone, again, other, words)} == {"4711"}
    sure, doubted, none = (reading.scores.max(axis=1).prod() for reading in (again, other, words) if reading)
    assert sure > doubted
    assert sure > none


@pytest.mark.parametrize(("share", "is_accepted"), [(0.5, False), (0.9, False), (0.9999, True)])
def test_a_list_of_numbers_that_are_alike_settles_no_doubt_between_them(share: float, is_accepted: bool) -> None:
    classes, rule = "0123456789x?", FieldRule(lambda _: True, 1e-3, ("12343", "12348"))
    doubt = [Candidate("12343", None, math.log(share)), Candidate("12348", None, math.log(1 - share))]
    scores = _with_doubt(doubt, np.eye(12, dtype=np.float32)[[1, 2, 3, 4, 3]], classes)
    best, other = decode_field(cell_alternatives(scores, np.zeros(5, np.bool_), classes, 0.999), rule, str)[:2]
    assert (best.cells, other.cells) == ("12343", "12348")
    assert (best.probability > 0.97) == is_accepted
    assert best.probability == pytest.approx(share, abs=0.03)


def test_it_is_told_that_digits_touch() -> None:
    apart, touching = read(crop_of("23", touching=0.0)), read(crop_of("23", touching=1.0))
    assert apart is not None
    assert touching is not None
    assert (apart.touching, touching.touching) == (False, True)
    assert [as_row(each).row.touching for each in (apart, touching)] == [False, True]


def test_a_number_with_a_stroke_through_all_of_it_is_struck_out() -> None:
    """Nobody takes it for a number, and most are told."""
    told: list[str] = []
    for seed in range(50, 62):
        crop = crop_of(TEXTS[seed % len(TEXTS)], seed)
        reading = read(crop)
        assert reading is not None
        assert not reading.is_struck
        height, width = crop.shape
        middle = round(height * (0.45 + 0.01 * (seed - 50)))
        start = 10 + (seed - 50) // 2  # it need not go all the way
        cv2.line(crop, (start, middle + 4), (width - start, middle - 4), (30,), 4, cv2.LINE_AA)
        struck = read(crop)
        assert struck is None or (struck.is_struck and as_row(struck).ink.runs_on.all())
        first, *rest = read_image(page_of([crop, crop_of("3058")]), load_network())
        told += [first.status] if rest else []
        if seed < 56:
            shorter = crop_of(TEXTS[seed % len(TEXTS)], seed)
            short = round(0.07 * (width - 28))
            cv2.line(shorter, (14 + short, middle), (width - 14 - short, middle), (30,), 4, cv2.LINE_AA)
            reading = read(shorter)
            assert reading is None or reading.is_struck
    assert set(told) == {"review"}
    assert len(told) >= 7


def test_digits_stand_where_they_were_written() -> None:
    written = write_string("3058", DrawnDigits(), np.random.default_rng(2), HAND, touching=0.0)
    crop = np.asarray(cv2.copyMakeBorder(255 - written.ink, *[14] * 4, cv2.BORDER_CONSTANT, value=(255,)), np.uint8)
    reading = read(crop)
    assert reading is not None
    middles = reading.quads.mean(axis=1)
    np.testing.assert_allclose(middles, written.boxes[:, :2] + 14 + written.boxes[:, 2:] / 2, atol=6)


def test_where_there_is_nothing_to_read_nothing_is_read() -> None:
    network = load_network()
    blank = np.full((80, 300), 250, np.uint8)
    assert read_strings(blank, whole(blank), network) == [None]
    assert read_strings(blank, np.zeros((0, 4, 2), np.float32), network) == []
    assert read_strings(blank, whole(np.full((4, 300), 250, np.uint8)), network) == [None]
    rng = np.random.default_rng(1)
    dirt = rng.integers(0, 255, (80, 300)).astype(np.uint8)
    assert read_frames(dirt, whole(dirt), network) == []


def test_frames_around_whole_numbers_are_fields() -> None:
    fields = read_image(page_of([crop_of(text, seed) for seed, text in enumerate(TEXTS)]), load_network())
    assert [field.value for field in fields] == list(TEXTS)
    assert [field.name for field in fields] == ["r01f01", "r01f02", "r02f01", "r02f02", "r03f01", "r03f02"]
    for field in fields:
        assert len(field.cells) == len(field.digit_confidences) == len(field.cell_quads)


def test_frames_around_words_are_not_accepted_and_mostly_no_fields() -> None:
    words = [255 - text_ink(word, "caveat", 64) for word in ("Anna", "Kunde", "Basel", "Mai")]
    crops = [np.asarray(cv2.copyMakeBorder(word, *[14] * 4, cv2.BORDER_CONSTANT, value=(255,))) for word in words]
    page = page_of([*crops, np.full((90, 300), 255, np.uint8)])
    assert len(find_boxes(page).frames) >= 4
    fields = read_image(page, load_network())
    assert [field.status for field in fields if field.status == "accepted"] == []
    assert len(fields) <= 2  # of five: words joined up still pass for numbers with touching digits, in review


def test_a_table_of_very_many_frames_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    page = page_of([crop_of(text, seed) for seed, text in enumerate(TEXTS)])
    frames = find_boxes(page).frames
    assert len(read_frames(page, frames, load_network())) == len(TEXTS)
    monkeypatch.setattr("scanner.strings.frames.MOST_FRAMES", len(TEXTS) - 1)
    assert read_frames(page, frames, load_network()) == []


def test_a_frame_with_cells_in_it_is_not_one_of_a_number() -> None:
    page = np.full((1754, 1240), 255, np.uint8)
    cv2.rectangle(page, (100, 100), (700, 180), (0,), 3)
    assert len(find_boxes(page).frames) == 1
    cv2.rectangle(page, (120, 115), (300, 165), (0,), 3)
    assert len(find_boxes(page).frames) == 1  # the inner one
    assert find_boxes(page).frames[0, 0] == pytest.approx((120, 115), abs=4)
