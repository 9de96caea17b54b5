"""Image files to pages: every format, every way to fail, and nothing lost in silence."""

import contextlib
import io
import os
import struct
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scanner import page as page_module
from scanner.arrays import Gray
from scanner.damage import MAX_FAX_ERRORS, check_group_4, find_damage
from scanner.errors import PageError
from scanner.page import FAILURE_REASONS, PageImage, count_pages, load_page
from scanner.raster import MAX_PAGES

HEIGHT, WIDTH = 120, 200
II = "<"  # little-endian, as TIFF's II


def drawn_page() -> Gray:
    """(120, 200), a page that looks different whichever way it is turned; some texture, so that codecs have work."""
    gray = np.full((HEIGHT, WIDTH), 250, np.uint8)
    gray[10:15, 12:90] = 20
    gray[10:70, 12:17] = 20
    gray[80:100, 150:190:4] = 60
    return gray


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(data: bytes, width: int, height: int, tags: Mapping[int, int] | None = None, order: str = II) -> bytes:
    """An uncompressed TIFF of one strip with 8-bit gray, unless `tags` say otherwise."""
    known = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    entries = sorted((known | dict(tags or {})).items())
    header = (b"II*\0" if order == II else b"MM\0*") + struct.pack(order + "I", 8 + len(data))
    body = b"".join(struct.pack(order + "HHII", tag, 4, 1, value) for tag, value in entries)
    return header + data + struct.pack(order + "H", len(entries)) + body + bytes(4)


def tiled_tiff(gray: Gray, side: int = 64) -> bytes:
    """8-bit gray in tiles of `side` x `side`, each over its own offset."""
    rows, columns = -(-gray.shape[0] // side), -(-gray.shape[1] // side)
    padded = np.full((rows * side, columns * side), 255, np.uint8)
    padded[: gray.shape[0], : gray.shape[1]] = gray
    count, size = rows * columns, side * side
    tiles = padded.reshape(rows, side, columns, side).swapaxes(1, 2).tobytes()
    offsets = struct.pack(f"<{count}I", *(8 + size * i for i in range(count)))
    sizes = struct.pack(f"<{count}I", *[size] * count)
    first = 8 + len(tiles)
    entries = [(256, 1, gray.shape[1]), (257, 1, gray.shape[0]), (258, 1, 8), (259, 1, 1), (262, 1, 1), (277, 1, 1)]
    entries += [(322, 1, side), (323, 1, side), (324, count, first), (325, count, first + len(offsets))]
    ifd = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", tag, 4, n, v) for tag, n, v in entries)
    return b"II*\0" + struct.pack("<I", first + 2 * len(offsets)) + tiles + offsets + sizes + ifd + bytes(4)


def chained_tiff(count: int) -> bytes:
    """A TIFF of `count` pages that share their pixels."""
    pixels = drawn_page().tobytes()
    tags = {256: WIDTH, 257: HEIGHT, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: HEIGHT, 279: len(pixels)}
    ifd = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    start, size = 8 + len(pixels), len(ifd) + 4
    chain = [ifd + struct.pack("<I", start + size * (i + 1) if i + 1 < count else 0) for i in range(count)]
    return b"II*\0" + struct.pack("<I", start) + pixels + b"".join(chain)


def png_chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png_header(width: int, height: int) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))


def pdf(objects: list[bytes], trailer: bytes = b"") -> bytes:
    """A PDF of numbered objects, of which the first is the catalog."""
    out, offsets = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n" % number + content + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    out_size = len(out)
    return (
        out
        + b"xref\n0 %d\n0000000000 65535 f \n" % size
        + table
        + b"trailer<</Size %d/Root 1 0 R%b>>\nstartxref\n%d\n%%%%EOF\n" % (size, trailer, out_size)
    )


def pdf_stream(data: bytes, entries: bytes = b"") -> bytes:
    return b"<</Length %d%b>>stream\n" % (len(data), entries) + data + b"\nendstream"


def scan_pdf(gray: Gray, dpi: float = 200, *, jpeg: bool = False, drawing: bytes = b"", entries: bytes = b"") -> bytes:
    """A page that is one scan, with `drawing` on it."""
    height, width = gray.shape
    points_x, points_y = width / dpi * 72, height / dpi * 72
    data = encoded(Image.fromarray(gray), "JPEG", quality=95) if jpeg else zlib.compress(gray.tobytes())
    image = b"/Type/XObject/Subtype/Image/Width %d/Height %d/ColorSpace/DeviceGray/BitsPerComponent 8" % (width, height)
    image += b"/Filter/DCTDecode" if jpeg else b"/Filter/FlateDecode"
    font = b"/Font<</F<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>"
    box = b"[0 0 %.3f %.3f]" % (points_x, points_y)
    resources = b"/Resources<</XObject<</I 4 0 R>>%b>>" % font
    return pdf(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox%b%b/Contents 5 0 R%b>>" % (box, resources, entries),
            pdf_stream(data, image),
            pdf_stream(b"q %.3f 0 0 %.3f 0 0 cm /I Do Q " % (points_x, points_y) + drawing),
        ]
    )


def drawn_pdf(width: float, height: float, pages: int = 1) -> bytes:
    """Pages of `width` x `height` points, with a black rectangle in the lower left ninth and no image."""
    kids = b" ".join(b"%d 0 R" % (4 + i) for i in range(pages))
    content = b"0 0 %.3f %.3f re f" % (width / 3, height / 3)
    sheet = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.3f %.3f]/Contents 3 0 R>>" % (width, height)
    tree = b"<</Type/Pages/Kids[%b]/Count %d>>" % (kids, pages)
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", tree, pdf_stream(content), *[sheet] * pages])


def locked_pdf() -> bytes:
    lock = b"/Encrypt<</Filter/Standard/V 1/R 2/P -1/O<%b>/U<%b>>>/ID[<00><00>]" % (b"12" * 32, b"34" * 32)
    return pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"], lock)


def make_samples() -> dict[str, bytes]:
    """The drawn page in every format."""
    page = drawn_page()
    deep = (page.astype(np.uint16) * 257).astype("<u2")
    gray = Image.fromarray(page)
    color, line_art, index = gray.convert("RGB"), gray.convert("1", dither=Image.Dither.NONE), gray.convert("P")
    nibbles = np.packbits(np.unpackbits((page & 0xF0).reshape(-1, 1), axis=1)[:, :4].reshape(-1))
    see_through = Image.merge("LA", [gray, Image.fromarray(255 - page)])  # white paper with no opacity at all
    return {
        "png gray": encoded(gray, "PNG"),
        "png color": encoded(color, "PNG"),
        "png 1 bit": encoded(line_art, "PNG"),
        "png palette": encoded(index, "PNG"),
        "png 16 bit": encoded(Image.fromarray(deep), "PNG"),
        "png transparent": encoded(see_through, "PNG"),
        "png one color transparent": encoded(gray, "PNG", transparency=250),
        "jpeg gray": encoded(gray, "JPEG", quality=90),
        "jpeg color": encoded(color, "JPEG", quality=90),
        "jpeg progressive": encoded(color, "JPEG", quality=90, progressive=True),
        "jpeg cmyk": encoded(color.convert("CMYK"), "JPEG", quality=90),
        "jpeg of two images": encoded(color, "MPO", save_all=True, append_images=[color]),
        "bmp": encoded(gray, "BMP"),
        "bmp color": encoded(color, "BMP"),
        "webp": encoded(color, "WEBP", quality=90),
        "webp lossless": encoded(color, "WEBP", lossless=True),
        "webp transparent": encoded(see_through.convert("RGBA"), "WEBP", lossless=True),
        "pgm": encoded(gray, "PPM"),
        "pbm": encoded(line_art, "PPM"),
        "ppm": encoded(color, "PPM"),
        "pgm 12 bit": b"P5 %d %d 4095\n" % (WIDTH, HEIGHT) + (page.astype(np.uint16) * 16).astype(">u2").tobytes(),
        "tiff": encoded(gray, "TIFF"),
        "tiff big-endian": tiff(page.tobytes(), WIDTH, HEIGHT, order=">"),
        "tiff lzw": encoded(color, "TIFF", compression="tiff_lzw"),
        "tiff deflate": encoded(gray, "TIFF", compression="tiff_adobe_deflate"),
        "tiff packbits": encoded(gray, "TIFF", compression="packbits"),
        "tiff jpeg": encoded(color, "TIFF", compression="jpeg", quality=90),
        "tiff group 3": encoded(line_art, "TIFF", compression="group3"),
        "tiff group 4": encoded(line_art, "TIFF", compression="group4"),
        "tiff palette": encoded(index, "TIFF"),
        "tiff cmyk": encoded(color.convert("CMYK"), "TIFF"),
        "tiff 4 bit": tiff(nibbles.tobytes(), WIDTH, HEIGHT, {258: 4}),
        "tiff tiled": tiled_tiff(page),
        "tiff min is white": tiff((255 - page).tobytes(), WIDTH, HEIGHT, {262: 0}),
        "tiff 16 bit": tiff(deep.tobytes(), WIDTH, HEIGHT, {258: 16}),
        "tiff 16 bit big-endian": tiff(deep.astype(">u2").tobytes(), WIDTH, HEIGHT, {258: 16}, order=">"),
        "tiff 12 bit": tiff((page.astype("<u2") * 16).tobytes(), WIDTH, HEIGHT, {258: 16}),
        "tiff 16 bit min is white": tiff((65535 - deep).astype("<u2").tobytes(), WIDTH, HEIGHT, {258: 16, 262: 0}),
        "tiff float": encoded(Image.fromarray((page / 255).astype(np.float32)), "TIFF"),
        "pdf": scan_pdf(page),
        "pdf jpeg": scan_pdf(page, jpeg=True),
        "pdf group 4": encoded(line_art, "PDF", resolution=200),
    }


SAMPLES = make_samples()


@pytest.fixture
def save(tmp_path: Path) -> Callable[[bytes], Path]:
    def write(data: bytes) -> Path:
        path = tmp_path / "page.scan"  # the suffix must not matter
        path.write_bytes(data)
        return path

    return write


Save = Callable[[bytes], Path]


def ink_overlap(one: Gray, other: Gray) -> float:
    """Intersection over union of what is darker than middle gray."""
    first, second = one < 128, other < 128
    return float((first & second).sum() / (first | second).sum())


def assert_is(page: PageImage, expected: Gray) -> None:
    assert page.gray.dtype == np.uint8
    assert page.gray.shape == expected.shape
    assert page.gray.flags.c_contiguous
    assert page.gray.flags.writeable
    assert ink_overlap(page.gray, expected) > 0.95
    assert np.median(page.gray) > 230


def failure(path: Path, page: int = 1) -> PageError:
    with pytest.raises(PageError) as caught:
        load_page(path, page)
    assert caught.value.reason in FAILURE_REASONS
    assert caught.value.detail
    assert "\n" not in caught.value.detail
    return caught.value


# Empty, blank, flat


def test_an_empty_file_says_so(save: Save) -> None:
    assert failure(save(b"")).reason == "empty_file"


@pytest.mark.parametrize("level", [0, 30, 128, 255])
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "PPM"])
def test_a_flat_page_stays_as_it_is(save: Save, kind: str, level: int) -> None:
    page = load_page(save(encoded(Image.new("RGB", (60, 50), (level,) * 3), kind)))
    assert page.gray.shape == (50, 60)
    assert np.abs(page.gray.astype(int) - level).max() <= 1


def test_a_blank_16_bit_page_is_not_stretched_to_noise(save: Save, rng: np.random.Generator) -> None:
    paper = rng.normal(60_000, 100, (50, 60)).astype("<u2")
    gray = load_page(save(encoded(Image.fromarray(paper), "PNG"))).gray
    assert gray.min() > 220


def test_a_transparent_page_is_blank(save: Save) -> None:
    assert load_page(save(encoded(Image.new("RGBA", (60, 50)), "PNG"))).gray.min() == 255


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(2)


# Formats


@pytest.mark.parametrize("name", SAMPLES)
def test_every_format_shows_the_drawn_page(save: Save, name: str) -> None:
    path = save(SAMPLES[name])
    assert count_pages(path) == 1
    assert_is(load_page(path), drawn_page())


@pytest.mark.parametrize("compression", ["raw", "group4", "tiff_lzw", "jpeg"])
def test_every_page_of_a_tiff_is_read(save: Save, compression: str) -> None:
    bilevel = compression == "group4"
    images = [Image.fromarray(np.roll(drawn_page(), 9 * i, axis=0)) for i in range(4)]
    images = [image.convert("1", dither=Image.Dither.NONE) if bilevel else image for image in images]
    path = save(encoded(images[0], "TIFF", compression=compression, save_all=True, append_images=images[1:]))
    assert count_pages(path) == 4
    for i in range(4):
        assert_is(load_page(path, i + 1), np.roll(drawn_page(), 9 * i, axis=0))


def test_thumbnails_in_a_tiff_are_no_pages(save: Save) -> None:
    page, small = Image.fromarray(drawn_page()), Image.new("L", (50, 40), 255)
    small.encoderinfo = {"tiffinfo": {254: 1}}  # type: ignore[attr-defined]
    path = save(encoded(page, "TIFF", save_all=True, append_images=[small, page]))
    assert count_pages(path) == 2
    assert_is(load_page(path, 2), drawn_page())


def test_a_page_with_a_broken_header_costs_no_other_page(save: Save) -> None:
    data = bytearray(chained_tiff(3))
    pixels, ifd = 8 + HEIGHT * WIDTH, 2 + 9 * 12 + 4
    bits = pixels + ifd + 2 + 2 * 12 + 8  # the value of the third tag of the second page: bits a sample
    data[bits : bits + 4] = struct.pack("<I", 77)
    path = save(bytes(data))
    assert count_pages(path) == 3
    assert failure(path, 2).reason == "unsupported"
    assert_is(load_page(path, 1), drawn_page())
    assert_is(load_page(path, 3), drawn_page())


def test_a_tiff_whose_pages_form_a_loop_ends(save: Save) -> None:
    data = chained_tiff(2)
    assert count_pages(save(data[:-4] + struct.pack("<I", 8 + HEIGHT * WIDTH))) == 2


def test_the_pages_of_a_pdf_are_counted(save: Save) -> None:
    path = save(drawn_pdf(144, 72, pages=3))
    assert count_pages(path) == 3
    assert load_page(path, 3).gray.shape == (300, 600)


# Orientation


STORED: Mapping[int, Callable[[Gray], Gray]] = {  # after the definition in TIFF 6.0: where row 0 and column 0 are seen
    1: lambda page: page,  # top, left
    2: np.fliplr,  # top, right
    3: lambda page: np.rot90(page, 2),  # bottom, right
    4: np.flipud,  # bottom, left
    5: np.transpose,  # left, top
    6: lambda page: np.rot90(page, 1),  # right, top
    7: lambda page: np.rot90(page, 2).T,  # right, bottom
    8: lambda page: np.rot90(page, -1),  # left, bottom
}


def stored_as(gray: Gray, orientation: int) -> Gray:
    """What a file holds of which a viewer makes `gray`."""
    return np.ascontiguousarray(STORED[orientation](gray))


def exif(orientation: int) -> Image.Exif:
    data = Image.Exif()
    data[0x0112] = orientation
    return data


def late_exif_png(image: Image.Image, orientation: int) -> bytes:
    """A PNG with its EXIF behind the pixels, as the format allows."""
    plain = encoded(image, "PNG")
    return plain[:-12] + png_chunk(b"eXIf", exif(orientation).tobytes()[6:]) + plain[-12:]


ORIENTED: Mapping[str, Callable[[Image.Image, int], bytes]] = {
    "jpeg": lambda image, o: encoded(image, "JPEG", quality=95, exif=exif(o)),
    "jpeg cmyk": lambda image, o: encoded(image.convert("RGB").convert("CMYK"), "JPEG", quality=95, exif=exif(o)),
    "png": lambda image, o: encoded(image, "PNG", exif=exif(o)),
    "png late": late_exif_png,
    "png palette": lambda image, o: encoded(image.convert("P"), "PNG", exif=exif(o)),
    "webp": lambda image, o: encoded(image.convert("RGB"), "WEBP", lossless=True, exif=exif(o)),
    "tiff": lambda image, o: encoded(image, "TIFF", tiffinfo={274: o}),
    "tiff group 4": lambda image, o: encoded(
        image.convert("1", dither=Image.Dither.NONE), "TIFF", compression="group4", tiffinfo={274: o}
    ),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("name", ORIENTED)
def test_pages_are_upright_as_a_viewer_shows_them(save: Save, name: str, orientation: int) -> None:
    stored = Image.fromarray(stored_as(drawn_page(), orientation))
    assert_is(load_page(save(ORIENTED[name](stored, orientation))), drawn_page())


@pytest.mark.parametrize("content", [b"Exif\0\0garbage", b"Exif\0\0II*\0\xff\xff\xff\xff", exif(99).tobytes()])
def test_a_page_is_worth_more_than_its_exif(save: Save, content: bytes) -> None:
    assert_is(load_page(save(encoded(Image.fromarray(drawn_page()), "JPEG", exif=content))), drawn_page())


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_pdf_pages_are_turned(save: Save, turn: int) -> None:
    page = load_page(save(scan_pdf(drawn_page(), entries=b"/Rotate %d" % turn)))
    assert_is(page, np.rot90(drawn_page(), -turn // 90))


# Resolution


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP"])
@pytest.mark.parametrize(("stated", "expected"), [(200, 200), (300, 300), (72, None), (96, None), (9000, None)])
def test_the_resolution_is_what_the_file_says_if_credible(
    save: Save, kind: str, stated: int, expected: float | None
) -> None:
    page = load_page(save(encoded(Image.fromarray(drawn_page()), kind, dpi=(stated, stated))))
    assert page.dpi == (expected and pytest.approx(expected, rel=0.001))


def test_no_resolution_is_none(save: Save) -> None:
    assert load_page(save(SAMPLES["png gray"])).dpi is None
    assert load_page(save(SAMPLES["webp"])).dpi is None


def test_a_page_larger_than_any_paper_has_no_resolution(save: Save) -> None:
    assert load_page(save(encoded(Image.new("L", (4000, 40), 255), "PNG", dpi=(150, 150)))).dpi is None


@pytest.mark.parametrize("orientation", [1, 6])
def test_the_oblong_pixels_of_a_coarse_fax_become_square(save: Save, orientation: int) -> None:
    squashed = stored_as(drawn_page()[::2], orientation)
    dpi = (204, 102) if orientation == 1 else (102, 204)
    options = {"compression": "group3", "tiffinfo": {274: orientation}, "dpi": dpi}
    page = load_page(save(encoded(Image.fromarray(squashed).convert("1", dither=0), "TIFF", **options)))
    assert page.gray.shape == (HEIGHT, WIDTH)
    assert ink_overlap(page.gray, drawn_page()) > 0.9
    assert page.dpi == 204


@pytest.mark.parametrize("dpi", [72, 150, 200, 300, 600])
def test_a_scan_in_a_pdf_keeps_its_pixels(save: Save, dpi: float) -> None:
    page = load_page(save(scan_pdf(drawn_page(), dpi)))
    assert page.gray.shape == (HEIGHT, WIDTH)
    assert ink_overlap(page.gray, drawn_page()) > 0.99
    assert page.dpi == (pytest.approx(dpi, rel=0.01) if dpi > 96 else None)


def test_text_recognized_behind_a_scan_does_not_change_its_pixels(save: Save) -> None:
    hidden = load_page(save(scan_pdf(drawn_page(), drawing=b"BT 3 Tr /F 9 Tf 9 9 Td (12) Tj ET")))
    shown = load_page(save(scan_pdf(drawn_page(), drawing=b"BT /F 9 Tf 9 9 Td (12) Tj ET")))
    assert hidden.dpi == 200
    assert shown.dpi == 300
    assert ink_overlap(hidden.gray, drawn_page()) > 0.98


def layered_pdf(paper: Gray, ink: Gray, *, at: tuple[float, float, float, float], mask: Gray | None = None) -> bytes:
    """A page of 200 dpi with an image on it in `at`, parts of the page's width and height, shown through a mask."""
    height, width = HEIGHT / 200 * 72, WIDTH / 200 * 72
    left, low, wide, high = (part * side for part, side in zip(at, (width, height) * 2, strict=True))

    def image(gray: Gray, entries: bytes = b"") -> bytes:
        size = b"/Width %d/Height %d" % gray.shape[::-1]
        about = b"/Type/XObject/Subtype/Image/ColorSpace/DeviceGray/BitsPerComponent 8/Filter/FlateDecode"
        return pdf_stream(zlib.compress(gray.tobytes()), about + size + entries)

    drawing = b"q %.3f 0 0 %.3f 0 0 cm /P Do Q " % (width, height)
    drawing += b"q %.3f 0 0 %.3f %.3f %.3f cm /I Do Q" % (wide, high, left, low)
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %.3f %.3f]/Contents 4 0 R"
        b"/Resources<</XObject<</P 5 0 R/I 6 0 R>>>>>>" % (width, height),
        pdf_stream(drawing),
        image(paper),
        image(ink, b"/SMask 7 0 R" if mask is not None else b""),
    ]
    return pdf(objects if mask is None else [*objects, image(mask)])


def test_ink_in_a_mask_keeps_its_pixels_however_coarse_its_color(save: Save) -> None:
    paper, ink = np.full((HEIGHT // 6, WIDTH // 6), 255, np.uint8), np.zeros((1, 1), np.uint8)
    page = load_page(save(layered_pdf(paper, ink, at=(0, 0, 1, 1), mask=255 - drawn_page())))
    assert page.dpi == 300
    small = np.asarray(Image.fromarray(page.gray).resize((WIDTH, HEIGHT), Image.Resampling.BOX))
    assert ink_overlap(small, drawn_page()) > 0.95


def test_a_fine_stamp_does_not_make_the_page_fine(save: Save) -> None:
    stamp = np.full((400, 400), 128, np.uint8)  # 0.2 of the page: eight times as fine
    page = load_page(save(layered_pdf(drawn_page(), stamp, at=(0.7, 0.7, 0.2, 0.2))))
    assert page.gray.shape == (HEIGHT, WIDTH)


@pytest.mark.parametrize(("width", "height", "dpi"), [(144, 72, 300), (8000, 8000, 57)])
def test_a_drawn_pdf_page_has_300_dpi_unless_it_is_huge(save: Save, width: int, height: int, dpi: int) -> None:
    page = load_page(save(drawn_pdf(width, height)))
    assert page.gray.shape == pytest.approx((height / 72 * dpi, width / 72 * dpi), rel=0.01)
    assert (page.gray < 128).mean() == pytest.approx(1 / 9, abs=0.01)


@pytest.mark.parametrize(
    "one",
    [
        b"P5 %d %d 255\n" % (WIDTH, HEIGHT) + bytes(WIDTH * HEIGHT),
        b"P5 %d %d 65535\n" % (WIDTH, HEIGHT) + bytes(2 * WIDTH * HEIGHT),
        b"P6 %d %d 255\n" % (WIDTH, HEIGHT) + bytes(3 * WIDTH * HEIGHT),
        b"P6 %d %d 1023\n" % (WIDTH, HEIGHT) + bytes(6 * WIDTH * HEIGHT),
        b"P4 %d %d\n" % (WIDTH, HEIGHT) + bytes((WIDTH + 7) // 8 * HEIGHT),
    ],
)
def test_several_images_in_a_netpbm_file_are_not_lost(save: Save, one: bytes) -> None:
    assert count_pages(save(one)) == 1
    assert count_pages(save(one + b"\n\n")) == 1
    with pytest.raises(PageError, match="several images") as raised:
        count_pages(save(one + one))
    assert raised.value.reason == "unsupported"


def test_a_bmp_whose_opacity_nobody_filled_in_is_not_white(save: Save) -> None:
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[..., :3] = drawn_page()[::-1, :, None]
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    about = (
        struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 32, 3, pixels.nbytes, 2835, 2835, 0, 0) + masks + bytes(52)
    )
    data = (
        b"BM" + struct.pack("<IHHI", 14 + len(about) + pixels.nbytes, 0, 0, 14 + len(about)) + about + pixels.tobytes()
    )
    assert ink_overlap(load_page(save(data)).gray, drawn_page()) > 0.99


# Polarity


@pytest.mark.parametrize("name", ["png gray", "jpeg gray", "tiff group 4", "pdf"])
def test_white_on_black_pages_are_corrected(save: Save, name: str) -> None:
    white_on_black = Image.fromarray(255 - drawn_page())
    line_art = white_on_black.convert("1", dither=Image.Dither.NONE)
    data = {
        "png gray": encoded(white_on_black, "PNG"),
        "jpeg gray": encoded(white_on_black, "JPEG", quality=95),
        "tiff group 4": encoded(line_art, "TIFF", compression="group4"),
        "pdf": scan_pdf(255 - drawn_page()),
    }
    assert_is(load_page(save(data[name])), drawn_page())


@pytest.mark.parametrize("share", [0.9, 0.5, 0.2, 0.1])
def test_a_page_on_a_dark_table_is_not_inverted(save: Save, rng: np.random.Generator, share: float) -> None:
    margin_y, margin_x = (round(side * (share**-0.5 - 1) / 2) for side in (HEIGHT, WIDTH))
    photo = np.pad(drawn_page(), [(margin_y, margin_y), (margin_x, margin_x)], constant_values=40)
    photo = np.clip(photo + rng.normal(0, 5, photo.shape), 0, 255).astype(np.uint8)
    gray = load_page(save(encoded(Image.fromarray(photo), "PNG"))).gray
    assert np.array_equal(gray, photo)


@pytest.mark.parametrize("paper", [60, 90, 140])
def test_a_page_in_the_shadow_is_not_inverted(save: Save, paper: int) -> None:
    dim = (drawn_page() * (paper / 250)).astype(np.uint8)
    assert np.array_equal(load_page(save(encoded(Image.fromarray(dim), "PNG"))).gray, dim)


# Failures


def fifo(folder: Path) -> Path:
    os.mkfifo(folder / "pipe.png")
    return folder / "pipe.png"


FAILURES: Mapping[str, bytes] = {
    "empty_file": b"",
    "unknown_format": b"GIF89a\x20\x00\x20\x00\xf1\x03\x00;",
    "damaged": SAMPLES["png gray"][:200],
    "encrypted": locked_pdf(),
    "too_many_pixels": png_header(20_000, 20_000) + png_chunk(b"IDAT", b""),
    "too_many_pages": chained_tiff(MAX_PAGES + 1),
    "too_small": encoded(Image.new("L", (200, 31)), "PNG"),
    "unsupported": tiff(drawn_page().tobytes(), WIDTH, HEIGHT, {259: 34712}),
}


@pytest.mark.parametrize("reason", FAILURES)
def test_every_failure_has_its_reason(save: Save, reason: str) -> None:
    path = save(FAILURES[reason])
    with pytest.raises(PageError) as caught:
        count_pages(path) and load_page(path)
    assert caught.value.reason == reason


def test_every_reason_is_tested_and_says_what_to_do() -> None:
    elsewhere = {"no_such_page", "too_large", "unreadable"}
    assert set(FAILURES) | elsewhere == set(FAILURE_REASONS)
    assert all(": " in todo and "\n" not in todo for todo in FAILURE_REASONS.values())


@pytest.mark.parametrize("name", ["png gray", "pdf", "tiff"])
@pytest.mark.parametrize("page", [-1, 0, 2, 9999])
def test_a_page_that_is_not_there(save: Save, name: str, page: int) -> None:
    assert failure(save(SAMPLES[name]), page).reason == "no_such_page"


def test_a_file_with_too_many_bytes(save: Save) -> None:
    path = save(SAMPLES["png gray"])
    os.truncate(path, 3 * 1024**3)  # sparse, takes no room
    assert failure(path).reason == "too_large"


def test_what_cannot_be_opened_is_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Save) -> None:
    assert failure(tmp_path / "gone.png").reason == "unreadable"
    assert failure(tmp_path).reason == "unreadable"
    assert failure(fifo(tmp_path)).reason == "unreadable"  # and does not wait for a writer
    assert failure(tmp_path / "null\0.png").reason == "unreadable"

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = save(SAMPLES["bmp"])
    monkeypatch.setattr(Path, "open", refuse)
    assert failure(path).reason == "unreadable"


def test_a_pdf_without_pages_is_not_lost(save: Save) -> None:
    path = save(pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"]))
    with pytest.raises(PageError, match="damaged: PDFium finds no pages in it"):
        count_pages(path)


def test_after_an_encrypted_pdf_a_damaged_one_is_not_called_encrypted(save: Save) -> None:
    assert failure(save(locked_pdf())).reason == "encrypted"
    assert failure(save(pdf([b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]>>"]))).reason == "damaged"


@pytest.mark.parametrize("exception", [MemoryError(), RecursionError(), ZeroDivisionError(), OSError(5, "I/O error")])
def test_whatever_a_decoder_raises_costs_one_page(
    save: Save, monkeypatch: pytest.MonkeyPatch, exception: Exception
) -> None:
    def fail(*_: object) -> None:
        raise exception

    monkeypatch.setattr(page_module, "decode_image", fail)
    expected = {MemoryError: "too_many_pixels", OSError: "unreadable"}.get(type(exception), "damaged")
    assert failure(save(SAMPLES["bmp"])).reason == expected


HUGE: Mapping[str, bytes] = {
    "png": png_header(20_000, 20_000) + png_chunk(b"IDAT", zlib.compress(bytes(99))),
    "pgm": b"P5 20000 20000 255\n",
    "bmp": b"BM" + struct.pack("<IIIIiiHHIIiiII", 0, 0, 54, 40, 20_000, 20_000, 1, 8, 0, 0, 0, 0, 0, 0),
    "tiff": tiff(b"", 20_000, 20_000),
    "webp": b"RIFF" + struct.pack("<I", 98) + b"WEBPVP8L" + struct.pack("<IBI", 85, 0x2F, 0x0FFF_FFFF) + bytes(81),
    "pdf": scan_pdf(drawn_page()).replace(b"/Width 200/Height 120", b"/Width 99999/Height 99999"),
    "tile": tiff(b"x" * 99, 100, 100, {259: 8, 322: 30_000, 323: 30_000, 324: 8, 325: 99}),
}


@pytest.mark.parametrize("name", HUGE)
def test_bombs_are_defused_before_they_are_decoded(save: Save, name: str) -> None:
    assert failure(save(HUGE[name])).reason == "too_many_pixels"


def test_a_bomb_of_flate_in_a_pdf_is_unpacked_no_further_than_its_pixels(save: Save) -> None:
    bomb = scan_pdf(drawn_page()).replace(zlib.compress(drawn_page().tobytes()), zlib.compress(bytes(10**8)))
    path = save(bomb)
    tracemalloc.start()
    assert load_page(path).gray.shape == (HEIGHT, WIDTH)
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


# Damage: a page that lost data must never pass for a whole one


def cuts(data: bytes) -> Iterator[bytes]:
    for at in {len(data) * i // 24 for i in range(1, 24)} | {len(data) - n for n in (1, 2, 3, 12, 40)}:
        yield data[:at]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_truncated_file_fails_or_had_lost_nothing(save: Save, name: str) -> None:
    whole = load_page(save(SAMPLES[name])).gray
    failed = 0
    for part in cuts(SAMPLES[name]):
        try:
            gray = load_page(save(part)).gray
        except PageError:
            failed += 1
        else:
            assert np.array_equal(gray, whole)
    assert failed >= (20 if name != "jpeg of two images" else 10)  # of which the first is the page


def busy_page() -> Gray:
    """(600, 400) of scribble, so that its data is long."""
    rng = np.random.default_rng(5)
    gray = np.full((600, 400), 255, np.uint8)
    for y, x in zip(rng.integers(0, 590, 900), rng.integers(0, 390, 900), strict=True):
        gray[y : y + rng.integers(1, 9), x : x + rng.integers(1, 9)] = rng.integers(0, 90)
    return gray


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"restart_marker_rows": 1}])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_jpeg_with_a_hole_in_it_is_damaged(save: Save, options: dict[str, Any], part: float) -> None:
    data = encoded(Image.fromarray(busy_page()), "JPEG", **options)
    at, size = int(len(data) * part), len(data) // 20
    assert failure(save(data[:at] + bytes(size) + data[at + size :])).reason == "damaged"
    assert failure(save(data[:at] + data[at + size :])).reason == "damaged"
    assert failure(save(data[:at] + bytes(len(data) - at))).reason == "damaged"


def test_a_jpeg_with_a_thumbnail_does_not_end_with_the_thumbnail(save: Save) -> None:
    thumbnail = encoded(Image.new("L", (32, 32)), "JPEG")
    data = encoded(Image.fromarray(busy_page()), "JPEG", exif=b"Exif\0\0" + thumbnail)
    load_page(save(data))
    assert failure(save(data[: len(data) * 2 // 3])).reason == "damaged"


@pytest.mark.parametrize("name", ["jpeg gray", "jpeg progressive", "png gray", "png palette", "tiff", "webp", "pdf"])
def test_trailing_bytes_do_not_matter(save: Save, name: str) -> None:
    assert_is(load_page(save(SAMPLES[name] + bytes(4096))), drawn_page())


def test_a_motion_photo_ends_with_its_picture(save: Save, rng: np.random.Generator) -> None:
    film = b"\xff\xda" + rng.bytes(99_999) + b"\xff\xda"
    assert_is(load_page(save(SAMPLES["jpeg color"] + film)), drawn_page())


@pytest.mark.parametrize("compression", ["group4", "tiff_lzw", "tiff_adobe_deflate", "packbits"])
def test_a_tiff_with_a_hole_in_it_is_damaged(save: Save, compression: str) -> None:
    image = Image.fromarray(busy_page())
    image = image.convert("1", dither=Image.Dither.NONE) if compression == "group4" else image
    data = encoded(image, "TIFF", compression=compression)
    at, size = len(data) // 2, len(data) // 10
    assert failure(save(data[:at] + bytes(size) + data[at + size :])).reason == "damaged"


def test_a_group_4_scan_in_a_pdf_with_a_hole_in_it_is_damaged(save: Save) -> None:
    data = encoded(Image.fromarray(busy_page()).convert("1", dither=Image.Dither.NONE), "PDF")
    at = data.index(b"stream") + 1500
    assert failure(save(data[:at] + bytes(300) + data[at + 300 :])).reason == "damaged"


@pytest.mark.parametrize("shift", range(8))
def test_zeros_after_the_end_of_group_4_data_are_no_hole(shift: int) -> None:
    ones = (1 << shift) - 1
    end = ((ones << 24 | 0x001001) << (8 - shift) % 8).to_bytes(3 + (shift > 0), "big")
    check_group_4(b"\x26\xa1" + end + bytes(9) + b"\xff")
    check_group_4(b"\x26\xa1" + end + b"\x09" + bytes(9) + b"\xff")  # Pillow leaves half a TIFF in its PDFs
    check_group_4(b"\0\x10" + bytes(9) + b"\xff")  # fill bits of Group 3
    with pytest.raises(PageError, match="hole"):
        check_group_4(b"\x26\xa1" + bytes(9) + b"\xff" + end)


def test_a_few_bad_lines_of_a_fax_are_noise_and_many_are_damage() -> None:
    noise = ["Fax3Decode1D: Bad code word at line 162 of strip 0 (x 280)."] * MAX_FAX_ERRORS
    assert find_damage([]) is None
    assert find_damage(noise) is None
    assert find_damage([*noise, *noise]) == noise[0]
    assert find_damage(["Fax4Decode: Bad code word at line 9 of strip 0 (x 1)."])
    assert find_damage(["Corrupt JPEG data: 2 extraneous bytes before marker 0xd9"]) is None
    assert find_damage(["Corrupt JPEG data: 412 extraneous bytes before marker 0xd9"])


@pytest.mark.parametrize("name", ["png gray", "png palette", "png 16 bit"])
def test_a_wrong_checksum_in_a_png_is_damage(save: Save, name: str) -> None:
    data = bytearray(SAMPLES[name])
    data[data.rindex(b"IDAT") + 30] ^= 1
    assert failure(save(bytes(data))).reason == "damaged"


def test_a_png_chunk_longer_than_the_file_takes_no_memory(save: Save) -> None:
    data = SAMPLES["png gray"]
    at = data.rindex(b"IEND") - 4
    assert "has no end" in failure(save(data[:at] + b"\x7f\xff\xff\xff" + b"tEXt" + data[at:])).detail


@pytest.mark.parametrize("jpeg", [False, True])
def test_a_pdf_with_a_hole_in_its_scan_is_damaged(save: Save, jpeg: bool) -> None:
    data = scan_pdf(busy_page(), jpeg=jpeg)
    at = len(data) // 2
    assert failure(save(data[:at] + bytes(4000) + data[at + 4000 :])).reason == "damaged"


@pytest.mark.parametrize("compression", ["raw", "group4", "tiff_lzw"])
def test_a_tiff_that_lost_its_last_pages_is_not_counted_short(save: Save, compression: str) -> None:
    mode = "1" if compression == "group4" else "L"
    images = [Image.fromarray(drawn_page()).convert(mode)] * 3
    data = encoded(images[0], "TIFF", compression=compression, save_all=True, append_images=images[1:])
    for part in cuts(data):
        with contextlib.suppress(PageError):
            assert count_pages(save(part)) == 3


# Quiet, and safe to call from anywhere


@pytest.mark.parametrize("name", ["jpeg gray", "png gray", "tiff group 4", "tiff lzw", "pdf", "tiff"])
def test_decoders_are_quiet(save: Save, name: str, capfd: pytest.CaptureFixture[str]) -> None:
    data = SAMPLES[name]
    holed = data[: len(data) // 2] + bytes(30) + data[len(data) // 2 + 30 :]
    for content in [data, holed, data[:-50], data.replace(b"\x15\x01\x03\x00\x01", b"\x15\x01\x03\x00\x09")]:
        try:
            load_page(save(content))
        except PageError:
            continue
    os.write(2, b"this is heard\n")
    assert capfd.readouterr() == ("", "this is heard\n")


def test_absurd_headers_are_quiet(save: Save, capfd: pytest.CaptureFixture[str]) -> None:
    assert failure(save(tiff(b"", 40, 40, {277: 65535}))).reason == "damaged"
    assert capfd.readouterr() == ("", "")


def test_pages_are_read_without_a_stderr(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.__stderr__", None)
    assert_is(load_page(save(SAMPLES["jpeg gray"])), drawn_page())


def test_a_closed_stderr_does_not_matter(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> int:
        raise OSError(9, "Bad file descriptor")

    monkeypatch.setattr(os, "dup", refuse)
    assert_is(load_page(save(SAMPLES["jpeg gray"])), drawn_page())


def test_threads_may_read_at_once(tmp_path: Path) -> None:
    paths = [tmp_path / f"{i}.scan" for i in range(len(SAMPLES))]
    for path, data in zip(paths, SAMPLES.values(), strict=True):
        path.write_bytes(data)
    with ThreadPoolExecutor(4) as pool:
        pages = list(pool.map(load_page, paths * 2))
    for page in pages:
        assert_is(page, drawn_page())


def test_a_bug_of_ours_is_no_damage(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "_is_inverted", None)
    with pytest.raises(TypeError):
        load_page(save(SAMPLES["bmp"]))


# Anything at all


@st.composite
def broken_files(draw: st.DrawFn) -> bytes:
    """A small valid file of any format, cut, with bytes changed, or with a run of zeros."""
    data = bytearray(SAMPLES[draw(st.sampled_from(sorted(SAMPLES)))])
    near_start = st.integers(0, min(200, len(data) - 1))
    anywhere = near_start | st.integers(0, len(data) - 1) | st.integers(max(0, len(data) - 300), len(data) - 1)
    for at, value in draw(st.lists(st.tuples(anywhere, st.integers(0, 255)), max_size=4)):
        data[at] = value
    if draw(st.booleans()):
        start, size = draw(anywhere), draw(st.integers(0, 64))
        data[start : start + size] = bytes(len(data[start : start + size]))
    if draw(st.booleans()):
        del data[draw(anywhere) :]
    return bytes(data)


@settings(max_examples=400, deadline=None)
@given(data=broken_files())
def test_a_broken_file_is_a_page_or_a_page_error(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "broken.scan"
    path.write_bytes(data)
    with contextlib.suppress(PageError), pytest.MonkeyPatch.context() as patch:
        patch.setattr("scanner.raster.MAX_PIXELS", 10**6)  # else half the time goes into huge pages of nothing
        patch.setattr("scanner.pdf.MAX_DRAWN_PIXELS", 10**6)
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 10**6)
        for number in range(1, min(3, count_pages(path)) + 1):
            page = load_page(path, number)
            assert page.gray.dtype == np.uint8
            assert min(page.gray.shape) >= 32
