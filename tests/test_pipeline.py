"""From a page to its numbers: read(scan(fill(x))) == x where a number is accepted, and no page is ever lost."""

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st
from PIL import Image

from scanner.arrays import Gray
from scanner.errors import NoInputError
from scanner.fields import REASONS, FieldReading
from scanner.network import Network, load_network
from scanner.page import FAILURE_REASONS
from scanner.pipeline import PageFailure, PageReading, read_image, read_page, read_pages
from scanner.synth import BOX_STYLES, BoxField, DrawnDigits, FieldTruth, Layout, SyntheticPage, Writer, fill
from scanner.synth.forms import DROPOUT_COLORS, BoxStyle, Decoy
from scanner.synth.pages import scan_form
from scanner.synth.sheet import BLACK, PRINT_FONTS, Sheet, ink_at, rectangle, text_ink

pytestmark = pytest.mark.no_cover  # whole pages: each stage has tests of its own, and being traced takes a quarter more

DPI = 150.0
A5_MM = (148.0, 210.0)
TOPS_MM = (30.0, 75.0, 120.0, 165.0)
VALUES = ("0471", "25", "913860", "77")
BALLPOINT = Writer(slant=0.1, size=0.65, pen=0.08, color=(90, 40, 30), is_pencil=False, care=0.7, hand=3)


@pytest.fixture(scope="module")
def network() -> Network:
    return load_network()


def gray(image: np.ndarray) -> Gray:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def form(style: BoxStyle, counts: Sequence[int]) -> Layout:
    """An A5 page, a field a row."""
    gap_mm = 2.0 if style in ("separate", "rounded", "dropout") else 0.0
    color = DROPOUT_COLORS[0] if style == "dropout" else BLACK
    fields = tuple(
        BoxField(f"r{n:02d}f01", 22.0, top, count, style, 7.5, 10.0, gap_mm, color=color, radius_mm=1.0)
        for n, (top, count) in enumerate(zip(TOPS_MM, counts, strict=False), start=1)
    )
    return Layout(style, *A5_MM, fields)


def filled(style: BoxStyle, values: Sequence[str], fault: str = "clean", seed: int = 2) -> SyntheticPage:
    """Each value in a field with as many cells as it has characters."""
    layout = form(style, [len(value) for value in values])
    named = {field.name: value for field, value in zip(layout.fields, values, strict=True)}
    return scan_form(layout, named, fault, DrawnDigits(), np.random.default_rng(seed), DPI)


def written_by(writer: Writer, values: Sequence[str], style: BoxStyle = "separate") -> Gray:
    layout = form(style, [len(value) for value in values])
    named = {field.name: value for field, value in zip(layout.fields, values, strict=True)}
    return gray(fill(layout, named, DrawnDigits(), np.random.default_rng(1), DPI, writer=writer).image)


def displaced(style: BoxStyle, dy: float, writer: Writer) -> Gray:
    """The ten digits in a row of ten cells, all written too high or too low by `dy` of a cell's height."""
    layout = form(style, [10])
    field, page = layout.fields[0], fill(layout, {}, DrawnDigits(), np.random.default_rng(1), DPI)
    sheet = Sheet(page.image, page.px_per_mm)
    rng = np.random.default_rng(writer.hand)
    for label in range(10):
        drawn = DrawnDigits()(label, rng, writer)
        height = round(0.65 * field.cell_height_mm * sheet.px_per_mm)
        width = max(2, round(height * drawn.shape[1] / drawn.shape[0]))
        ink = np.asarray(cv2.resize(drawn, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        x_mm = field.cell_left_mm(label) + field.cell_width_mm / 2
        y_mm = field.y_mm + (0.5 + dy) * field.cell_height_mm
        left, top = x_mm * sheet.px_per_mm - width / 2, y_mm * sheet.px_per_mm - height / 2
        ink_at(sheet, ink, round(left), round(top), writer.color)
    return gray(sheet.image)


def overlap(reading: FieldReading, truth: FieldTruth) -> float:
    """Intersection over union of the cell that is hit worst; 0 where the numbers of cells differ."""
    found, true = np.array(reading.cell_quads, np.float32), truth.quads.astype(np.float32)
    if len(found) != len(true):
        return 0.0
    both = [cv2.intersectConvexConvex(cell, other)[0] for cell, other in zip(found, true, strict=True)]
    sizes = [cv2.contourArea(cell) + cv2.contourArea(other) for cell, other in zip(found, true, strict=True)]
    return min(shared / (size - shared) for shared, size in zip(both, sizes, strict=True))


def by_name(fields: Sequence[FieldReading]) -> Mapping[str, FieldReading]:
    return {field.name: field for field in fields}


def save(image: np.ndarray, path: Path) -> Path:
    Image.fromarray(gray(image)).save(path, dpi=(DPI, DPI))
    return path


def without_time(page: PageReading | PageFailure) -> PageReading | PageFailure:
    return replace(page, seconds=0.0)


# --- the round trip

numbers = st.lists(st.text("0123456789", min_size=2, max_size=6), min_size=2, max_size=4)


@given(
    values=numbers,
    style=st.sampled_from(BOX_STYLES),
    fault=st.sampled_from(["clean", "scan"]),
    seed=st.integers(0, 899),
)
@example(values=["77491", "33"], style="separate", fault="clean", seed=16)  # the bar of a 7 lies above its box
@settings(derandomize=True, max_examples=40, deadline=None, phases=[Phase.explicit, Phase.generate])
def test_what_is_accepted_is_what_was_written(values: list[str], style: BoxStyle, fault: str, seed: int) -> None:
    page = filled(style, values, fault, seed)
    for field in read_image(gray(page.image), load_network()):
        truth = [true for true in page.truth if overlap(field, true) > 0.4]
        if field.status == "accepted":
            assert [true.value for true in truth] == [field.value]


@pytest.mark.parametrize("style", [*BOX_STYLES, "open"])
def test_nearly_all_numbers_of_clean_pages_are_found_and_right(style: BoxStyle, network: Network) -> None:
    """Measured: 91 to 100 % of the numbers of a style were found, 91 to 97 % were right."""
    right, was_found = [], []
    rng = np.random.default_rng(7)
    for seed in range(8):
        values = ["".join(str(digit) for digit in rng.integers(0, 10, count)) for count in (4, 2, 6, 3)]
        page = filled(style, values, "clean", seed)
        fields = read_image(gray(page.image), network)
        for truth in page.truth:
            reading = max(fields, key=lambda field: overlap(field, truth), default=None)
            was_found.append(reading is not None and overlap(reading, truth) > 0.5)
            right.append(was_found[-1] and reading is not None and reading.cells == truth.cells)
    assert np.mean(was_found) >= 0.88
    assert np.mean(right) >= 0.85


@pytest.mark.parametrize("style", BOX_STYLES)
def test_blank_cells_and_empty_fields_are_read_as_such(style: BoxStyle, network: Network) -> None:
    values = ("__42", "____", "07__", "3915")
    fields = read_image(gray(filled(style, values, "clean", 4).image), network)
    assert [field.cells for field in fields] == list(values)
    assert [field.value for field in fields] == ["42", "", "07", "3915"]
    assert fields[1].status == "blank"


def test_what_is_crossed_out_is_no_number(network: Network) -> None:
    fields = read_image(written_by(BALLPOINT, ("1234", "xxxx", "5678")), network)
    assert [field.cells for field in fields] == ["1234", "xxxx", "5678"]
    assert (fields[1].value, fields[1].status, fields[1].reason) == ("", "review", "crossed_out")


@pytest.mark.parametrize("value", ["000000", "111111", "888888", "123123"])
@pytest.mark.parametrize("hand", [0, 3, 5])
def test_a_number_of_equal_digits_is_a_number(value: str, hand: int, network: Network) -> None:
    """A careful hand writes them nearly alike; so does print, but print does not fill boxes."""
    fields = read_image(written_by(replace(BALLPOINT, hand=hand), ("2468", value)), network)
    assert len(fields) == 2


@pytest.mark.parametrize("dy", [-0.3, -0.22, 0.22, 0.3])
@pytest.mark.parametrize("style", ["separate", "cells", "comb"])
def test_a_digit_over_its_frame_is_right_or_unsure(style: BoxStyle, dy: float, network: Network) -> None:
    """A 2 whose foot lies on the line below it must not become a sure 7."""
    wrong = []
    for hand in (0, 3, 5):
        fields = read_image(displaced(style, dy, replace(BALLPOINT, hand=hand)), network)
        for field in fields:
            for true, read in zip("0123456789", field.cells, strict=False):
                is_wrong = field.status == "accepted" and read != true and len(field.cells) == 10
                wrong += [true + read] if is_wrong else []
    assert wrong == []


def test_fields_stand_where_the_boxes_are(network: Network) -> None:
    for style in BOX_STYLES:
        page = filled(style, VALUES, "scan")
        fields = by_name(read_image(gray(page.image), network))
        for truth in page.truth:
            assert overlap(fields[truth.name], truth) > 0.6, (style, truth.name)
            x, y, width, height = fields[truth.name].box_xywh
            corners = np.array(fields[truth.name].cell_quads).reshape(-1, 2)
            assert ((corners >= (x, y)) & (corners <= (x + width, y + height))).all()


# --- which way up


@pytest.mark.parametrize("fault", ["upside_down", "sideways", "sideways+upside_down"])
@pytest.mark.parametrize("style", ["separate", "cells", "comb"])
def test_turned_pages_are_read_upright_and_reported_as_they_came(style: BoxStyle, fault: str, network: Network) -> None:
    upright = read_image(gray(filled(style, VALUES).image), network)
    page = filled(style, VALUES, f"clean+{fault}")
    fields = read_image(gray(page.image), network)
    assert [field.cells for field in fields] == [field.cells for field in upright]
    assert [field.name for field in fields] == [truth.name for truth in page.truth]
    for field, truth in zip(fields, page.truth, strict=True):
        assert overlap(field, truth) > 0.6
        x, y, width, height = field.box_xywh
        low, high = truth.quads.min(axis=(0, 1)), truth.quads.max(axis=(0, 1))
        assert np.abs(np.array((x, y)) - low).max() < 25
        assert np.abs(np.array((x + width, y + height)) - high).max() < 25


@pytest.mark.parametrize("values", [("0896", "1103", "8280"), ("3009", "6089", "0111"), ("6890", "4106")])
def test_numbers_that_are_numbers_on_their_head_too_are_read_the_right_way_up(
    values: tuple[str, ...], network: Network
) -> None:
    for seed in range(4):
        upright = gray(filled("separate", values, seed=seed).image)
        for turns in range(4):
            fields = read_image(np.ascontiguousarray(np.rot90(upright, turns)), network)
            assert {field.value for field in fields if field.status == "accepted"} <= set(values)
            assert len(fields) == len(values)


def test_a_skewed_page_has_the_names_of_a_straight_one(network: Network) -> None:
    page = filled("separate", VALUES, "skew", seed=2)
    fields = by_name(read_image(gray(page.image), network))
    assert all(overlap(fields[truth.name], truth) > 0.6 for truth in page.truth)


# --- pages without numbers


@pytest.mark.parametrize("level", [0, 120, 255])
@pytest.mark.parametrize("size", [(32, 32), (60, 400), (900, 700)])
def test_a_flat_page_has_no_fields(size: tuple[int, int], level: int, network: Network) -> None:
    assert read_image(np.full(size, level, np.uint8), network) == ()


@pytest.mark.parametrize("size", [(32, 40_000), (40_000, 32), (1, 1)])
def test_a_page_of_any_shape_is_read_without_error(size: tuple[int, int], network: Network) -> None:
    assert read_image(np.full(size, 255, np.uint8), network) == ()


def test_nothing_is_accepted_on_a_page_of_noise(network: Network) -> None:
    rng = np.random.default_rng(1)
    for size in ((300, 200), (800, 600)):
        fields = read_image(rng.integers(0, 256, size, dtype=np.uint8), network)
        assert [field.cells for field in fields if field.status == "accepted"] == []
        assert len(fields) <= 2


@pytest.mark.parametrize("width_mm", [105.0, 148.0, 210.0])
def test_a_page_of_print_has_no_numbers(width_mm: float, network: Network) -> None:
    """The print of a small page is enlarged to the size of handwriting."""
    height_mm = width_mm * 1.4
    text = Decoy("paragraph", 12, 12, width_mm - 24, height_mm - 24, 1)
    layout = Layout("text", width_mm, height_mm, (), decoys=(text,))
    page = scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(1), DPI)
    fields = read_image(gray(page.image), network)
    assert [field.cells for field in fields if field.status == "accepted"] == []
    assert len(fields) <= 2


@pytest.mark.parametrize("kind", ["check_boxes", "bubbles", "rating_row", "print_table", "letter_row", "ruled_lines"])
def test_what_is_no_number_is_not_accepted(kind: str, network: Network) -> None:
    letters = BoxField("letters", 20, 60, 10, "cells", 8.0, 9.5) if kind == "letter_row" else None
    accepted = []
    for seed in range(4):
        decoy = Decoy(kind, 20, 60, 108, 60, seed, letters)
        layout = replace(form("separate", (4, 2)), decoys=(decoy,))
        layout = replace(layout, fields=tuple(replace(field, y_mm=field.y_mm + 110) for field in layout.fields[:1]))
        page = scan_form(layout, {"r01f01": "4711"}, "clean", DrawnDigits(), np.random.default_rng(seed), DPI)
        fields = read_image(gray(page.image), network)
        accepted += [f.value for f in fields if f.status == "accepted" and overlap(f, page.truth[0]) < 0.4]
    assert accepted == []


def test_a_page_without_numbers_says_so(tmp_path: Path) -> None:
    blank = read_page(save(np.full((400, 300), 255, np.uint8), tmp_path / "blank.png"))
    unfilled = read_page(save(gray(filled("separate", ("____", "__")).image), tmp_path / "unfilled.png"))
    for page in (blank, unfilled):
        assert isinstance(page, PageReading)
        assert (page.fields, page.reason) == ((), "no_fields")
        assert page.detail


# --- policy


def test_an_accepted_number_is_at_least_as_sure_as_asked_for(network: Network) -> None:
    image = gray(filled("cells", VALUES, "scan", 5).image)
    for least in (0.5, 0.9, 0.99, 0.999):
        for field in read_image(image, network, least):
            assert field.status != "accepted" or field.confidence >= least - 5e-5
            assert field.status != "review" or field.reason != "low_confidence" or field.confidence <= least + 5e-5


def test_asking_for_more_accepts_less(network: Network) -> None:
    image = gray(filled("separate", VALUES, "scan", 6).image)
    counts = [
        sum(field.status == "accepted" for field in read_image(image, network, least))
        for least in (0.0, 0.9, 0.999, 1.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= len(VALUES) - 1  # one may have a stroke on its frame


def test_status_and_reason_fit_each_other(network: Network) -> None:
    for style in BOX_STYLES:
        for field in read_image(gray(filled(style, ("1_2", "xx", "98", "__"), "scan", 3).image), network):
            assert field.status in ("accepted", "review", "blank")
            assert (field.reason in REASONS) == (field.status == "review")


# --- files


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """scan1.png, scan2.tif with three pages, scan10.png, and a text file."""
    folder = tmp_path_factory.mktemp("scans")
    pages = [gray(filled("separate", (str(n) * 3, f"0{n}"), "clean", n).image) for n in range(1, 6)]
    save(pages[0], folder / "scan1.png")
    first, *others = (Image.fromarray(page) for page in pages[1:4])
    first.save(folder / "scan2.tif", save_all=True, append_images=others, dpi=(DPI, DPI))
    save(pages[4], folder / "scan10.png")
    (folder / "notes.txt").write_text("no scan")
    return folder


def test_pages_come_in_natural_order_each_once(scans: Path) -> None:
    pages = list(read_pages([scans, scans / "scan1.png"]))
    assert [(page.file, page.page) for page in pages] == [
        ("scan1.png", 1),
        ("scan2.tif", 1),
        ("scan2.tif", 2),
        ("scan2.tif", 3),
        ("scan10.png", 1),
    ]
    assert all(isinstance(page, PageReading) and len(page.fields) == 2 and page.seconds > 0 for page in pages)


def test_each_page_of_a_tiff_has_its_own_numbers(scans: Path) -> None:
    pages = [page for page in read_pages([scans / "scan2.tif"]) if isinstance(page, PageReading)]
    assert [page.fields[0].value for page in pages] == ["222", "333", "444"]


def test_a_page_is_read_the_same_again_and_whatever_is_read_with_it(scans: Path) -> None:
    together = [without_time(page) for page in read_pages([scans])]
    again = [without_time(page) for page in read_pages([str(scans)])]
    alone = [without_time(read_page(scans / page.file, page.page)) for page in together]
    assert together == again == alone


def test_pages_are_read_one_at_a_time(scans: Path, tmp_path: Path) -> None:
    """What comes later is not opened before it is asked for."""
    for name in ("scan1.png", "scan10.png"):
        (tmp_path / name).write_bytes((scans / name).read_bytes())
    pages = read_pages([tmp_path])
    assert isinstance(pages, Iterator)
    assert isinstance(next(pages), PageReading)
    (tmp_path / "scan10.png").unlink()
    lost = next(pages)
    assert isinstance(lost, PageFailure)
    assert (lost.file, lost.reason) == ("scan10.png", "unreadable")
    assert list(pages) == []


def test_a_bad_file_costs_no_other_file(scans: Path, tmp_path: Path) -> None:
    good = (scans / "scan1.png").read_bytes()
    for name, content in (("a.png", good), ("b.png", b""), ("c.png", good[:-900]), ("d.png", b"no"), ("e.png", good)):
        (tmp_path / name).write_bytes(content)
    pages = list(read_pages([tmp_path]))
    assert [page.file for page in pages] == ["a.png", "b.png", "c.png", "d.png", "e.png"]
    assert [isinstance(page, PageFailure) for page in pages] == [False, True, True, True, False]
    assert [page.reason for page in pages[1:4]] == ["empty_file", "damaged", "unknown_format"]


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("empty.png", b"", "empty_file"),
        ("text.jpg", b"Dear Sir or Madam,", "unknown_format"),
        ("head.png", b"\x89PNG\r\n\x1a\n", "damaged"),
        ("half.pdf", b"%PDF-1.7\n1 0 obj", "damaged"),
        ("tiff.tif", b"II*\0\x08\0\0\0", "damaged"),
        ("small.pgm", b"P5 4 4 255 " + bytes(16), "too_small"),
    ],
)
def test_whatever_is_wrong_with_a_file_comes_as_a_value(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    (page,) = read_pages([tmp_path / name])
    for failure in (page, read_page(tmp_path / name)):
        assert isinstance(failure, PageFailure)
        assert failure.file == name
        assert failure.reason == reason
        assert failure.reason in FAILURE_REASONS
        assert failure.detail
        assert failure.seconds >= 0


def test_a_page_that_a_file_does_not_have_is_a_failure(scans: Path) -> None:
    for path, number in ((scans / "scan1.png", 2), (scans / "scan2.tif", 4), (scans / "nowhere.png", 1)):
        page = read_page(path, number)
        assert isinstance(page, PageFailure)
        assert (page.file, page.page) == (path.name, number)
        assert page.reason in ("no_such_page", "unreadable")


def test_a_file_is_called_as_asked_for(scans: Path) -> None:
    assert read_page(scans / "scan1.png", file="2026/05/a.png").file == "2026/05/a.png"
    assert read_page(scans / "notes.txt", file="b").file == "b"


def test_nothing_to_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="no image or PDF"):
        list(read_pages([tmp_path]))
    with pytest.raises(NoInputError, match="nowhere"):
        list(read_pages([tmp_path / "nowhere"]))
    with pytest.raises(NoInputError):
        list(read_pages([]))


def test_results_travel_between_processes(scans: Path) -> None:
    pages = [read_page(scans / "scan1.png"), read_page(scans / "notes.txt")]
    assert pickle.loads(pickle.dumps(pages)) == pages


def test_an_inverted_scan_is_read_as_any_other(scans: Path, tmp_path: Path) -> None:
    image = np.asarray(Image.open(scans / "scan1.png"))
    inverted = read_page(save(255 - image, tmp_path / "scan1.png"))
    upright = read_page(scans / "scan1.png")
    assert without_time(inverted) == without_time(upright)


def test_a_bug_of_ours_costs_one_page_and_is_named(
    tmp_path: Path, network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next page is read, and the detail says what to report."""

    def stumble(*_: object) -> None:
        raise RuntimeError("boxes went missing")

    path = tmp_path / "page.png"
    cv2.imwrite(str(path), np.full((300, 200), 255, np.uint8))
    with monkeypatch.context() as broken:
        broken.setattr("scanner.pipeline.find_boxes", stumble)
        failure = read_page(path, network=network)
    assert isinstance(failure, PageFailure)
    assert (failure.reason, failure.detail) == ("internal_error", "RuntimeError: boxes went missing")
    assert isinstance(read_page(path, network=network), PageReading)


def test_a_missing_input_costs_itself_only(scans: Path) -> None:
    results = list(read_pages([scans / "scan1.png", scans / "nowhere"]))
    assert [type(result) for result in results] == [PageFailure, PageReading]
    assert isinstance(results[0], PageFailure)
    assert (results[0].file, results[0].page, results[0].reason) == ("nowhere", 0, "unreadable")


@pytest.mark.parametrize("style", ["separate", "cells", "comb", "rounded"])
@pytest.mark.parametrize("part", [0.3, 0.5, 0.7])
def test_a_number_that_the_edge_of_the_page_cuts_is_not_accepted(
    style: BoxStyle, part: float, network: Network
) -> None:
    page = filled(style, ("913760", "472583"))
    field = form(style, [6]).fields[0]
    cut = round((field.cell_left_mm(0) + part * field.cell_width_mm) * DPI / 25.4)
    for reading in read_image(np.ascontiguousarray(gray(page.image)[:, cut:]), network):
        assert reading.status == "review"


@pytest.mark.parametrize("seed", range(6))
def test_parts_of_a_number_that_is_struck_out_are_not_accepted(seed: int, network: Network) -> None:
    """One slanted line through all its boxes: pieces of them, above it and below, look like boxes."""
    writer = replace(BALLPOINT, slant=0.05 * seed, hand=seed * 1771 + 3)
    number = "".join(np.random.default_rng(seed).choice(list("0123456789"), 5))
    image = written_by(writer, ("913860", number)).copy()
    field = form("separate", [6, 5]).fields[1]
    ends = ((field.x_mm - 1, field.bottom_mm - 1), (field.right_mm + 1, field.y_mm + 1))
    start, end = (tuple(round(each * DPI / 25.4) for each in point) for point in ends)
    cv2.line(image, start, end, (45,), 4, cv2.LINE_AA)
    assert all(each.value == "913860" for each in read_image(image, network) if each.status == "accepted")


# --- digits beside a row


def beside(
    text: str, *, height: float = 0.7, style: BoxStyle = "separate", seed: int = 5, dx: float = 0.0
) -> FieldReading:
    """Two boxes with 2 and 5; where a third would be, a text without any frame, as high as a part of a cell."""
    layout = form(style, [2])
    field = layout.fields[0]
    page = fill(layout, {field.name: "25"}, DrawnDigits(), np.random.default_rng(4), DPI, writer=BALLPOINT)
    sheet = Sheet(page.image, page.px_per_mm)
    if text.isdigit():
        ink = DrawnDigits()(int(text), np.random.default_rng(seed), BALLPOINT)
    else:
        ink = text_ink(text, PRINT_FONTS[0], 60)
    tall = round(height * field.cell_height_mm * page.px_per_mm)
    ink = np.asarray(cv2.resize(ink, (max(round(tall * ink.shape[1] / ink.shape[0]), 2), tall)), np.uint8)
    middle_mm = field.cell_left_mm(1) + field.cell_width_mm + field.gap_mm + field.cell_width_mm * (0.5 + dx)
    left = round(middle_mm * page.px_per_mm - ink.shape[1] / 2)
    ink_at(sheet, ink, left, round((field.y_mm + 0.15 * field.cell_height_mm) * page.px_per_mm), BALLPOINT.color)
    (reading,) = read_image(gray(sheet.image), load_network())
    assert reading.cells == "25"
    return reading


@pytest.mark.parametrize("digit", "34789")
def test_a_digit_beside_a_row_sends_the_number_to_review(digit: str) -> None:
    """Its box was not seen, as after a fax; a number cut off must not pass for a whole one."""
    reading = beside(digit)
    assert (reading.status, reading.reason) == ("review", "cut_off")


def test_a_digit_beside_adjoining_cells_is_seen_although_their_frame_is_near() -> None:
    seen = [beside(digit, style="cells", seed=seed, dx=-0.2) for digit in "0245689" for seed in range(3)]
    assert sum(each.status == "review" for each in seen) >= 20


def test_an_empty_row_whose_number_stands_where_no_boxes_were_found_goes_to_review() -> None:
    layout = form("separate", [7])
    field = layout.fields[0]
    page = fill(layout, {field.name: "____386"}, DrawnDigits(), np.random.default_rng(4), DPI, writer=BALLPOINT)
    sheet = Sheet(page.image, page.px_per_mm)
    bare = fill(replace(layout, fields=()), {}, DrawnDigits(), np.random.default_rng(4), DPI, writer=BALLPOINT).image
    left = round((field.cell_left_mm(4) - 0.5) * page.px_per_mm)
    sheet.image[:, left:] = bare[:, left:]
    rng = np.random.default_rng(6)
    for place, digit in enumerate((3, 8, 6), start=4):
        ink = DrawnDigits()(digit, rng, BALLPOINT)
        tall = round(0.7 * field.cell_height_mm * page.px_per_mm)
        ink = np.asarray(cv2.resize(ink, (max(round(tall * ink.shape[1] / ink.shape[0]), 2), tall)), np.uint8)
        middle = (field.cell_left_mm(place) + field.cell_width_mm / 2) * page.px_per_mm
        top = round((field.y_mm + 0.15 * field.cell_height_mm) * page.px_per_mm)
        ink_at(sheet, ink, round(middle - ink.shape[1] / 2), top, BALLPOINT.color)
    other = gray(filled("separate", ("913860",)).image)  # tells what boxes look like
    whole = np.vstack([gray(sheet.image)[: other.shape[0] // 3], other])
    readings = [each for each in read_image(whole, load_network()) if len(each.cells) == 4]
    assert [(each.cells, each.status, each.reason) for each in readings] == [("____", "review", "cut_off")]


def test_numbers_in_frames_of_their_own_do_not_take_the_place_of_boxes() -> None:
    layout = form("separate", [4])
    page = fill(layout, {layout.fields[0].name: "9138"}, DrawnDigits(), np.random.default_rng(4), DPI, writer=BALLPOINT)
    sheet = Sheet(page.image, page.px_per_mm)
    for row, number in enumerate(("257", "514")):
        top_mm = 75 + 45 * row
        rectangle(sheet, 22.0, top_mm, 60.0, 11.0, 0.3)
        for place, digit in enumerate(number):
            ink = DrawnDigits()(int(digit), np.random.default_rng(7 * row + int(digit)), BALLPOINT)
            tall = round(6.5 * page.px_per_mm)
            ink = np.asarray(cv2.resize(ink, (max(round(tall * ink.shape[1] / ink.shape[0]), 2), tall)), np.uint8)
            left = round((28 + 7 * place) * page.px_per_mm)
            ink_at(sheet, ink, left, round((top_mm + 2) * page.px_per_mm), BALLPOINT.color)
    assert [each.value for each in read_image(gray(sheet.image), load_network())] == ["9138", "257", "514"]


@pytest.mark.parametrize(("text", "height"), [("kg", 0.6), ("H", 0.7), ("3", 0.25)])
def test_letters_and_small_print_beside_a_row_do_not(text: str, height: float) -> None:
    assert beside(text, height=height).reason != "cut_off"


def test_the_digits_of_the_next_field_are_not_beside_this_one() -> None:
    """Two numbers in one line, a box and a half apart: nothing of the one is missing."""
    fields = tuple(
        BoxField(name, x, 30.0, 4, "separate", 7.0, 9.0, gap_mm=2.0) for name, x in (("a", 15.0), ("b", 54.5))
    )
    layout = Layout("two", 148.0, 105.0, fields)
    page = fill(layout, {"a": "2593", "b": "8647"}, DrawnDigits(), np.random.default_rng(4), DPI, writer=BALLPOINT)
    readings = read_image(gray(page.image), load_network())
    assert [(each.cells, each.reason) for each in readings] == [("2593", ""), ("8647", "")]
