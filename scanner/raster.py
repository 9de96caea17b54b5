"""One page out of an image file, through OpenCV where it is plain and Pillow where it is not.

A page is decoded whole or not at all: what lost data must never pass for a blank page.
"""

import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile, TiffImagePlugin, UnidentifiedImageError, WebPImagePlugin

from scanner.arrays import Gray
from scanner.damage import JPEG_START, PNG_START, check_group_4, check_jpeg, check_png
from scanner.errors import PageError

MAX_PIXELS = 200_000_000  # A2 at 600 dpi, and the largest camera in a phone; as color, 0.8 GB in Pillow
MAX_PAGES = 2000  # reaching page n of a TIFF takes n steps
MIN_SIDE_PX = 32  # one digit and its box need more

SUBFILE_TYPE, COMPRESSION, PHOTOMETRIC, FILL_ORDER, ORIENTATION = 254, 259, 262, 266, 274  # tags of TIFF and EXIF
STRIPS, STRIP_SIZES, TILE_WIDTH, TILE_HEIGHT = 273, 279, 322, 323
REDUCED_COPY = 1  # a bit of the subfile type: a thumbnail of another page
MIN_IS_WHITE = 0  # a photometric interpretation
GROUP_4 = 4  # a compression
LOW_BIT_FIRST = 2  # a fill order
REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
LOST_TIFF_HEADER = "Truncated File Read|Corrupt EXIF data"  # Pillow only warns of it, and then counts fewer pages
BYTE = 255
NEXT_BYTES = 64  # behind an image, in which another may begin
FIRST_SIDEWAYS = 5  # orientations 5 to 8 swap width and height
FLIPS: Mapping[int, int] = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}  # orientation: cv2.flip's code, once transposed
LATE_EXIF = b"eXIf"  # a PNG may carry it behind the pixels ...
PNG_TAIL_BYTES = 65536  # ... where it has no more than that

_PLUGINS = (TiffImagePlugin, WebPImagePlugin)  # registered by their import; else Pillow imports all its plugins
Image.MAX_IMAGE_PIXELS = MAX_PIXELS  # Pillow's own guard, also of frames and tiles
logging.getLogger("PIL").addHandler(logging.NullHandler())  # its errors go to stderr where logging is not set up


@dataclass(frozen=True, slots=True)
class RawPage:
    """A page as stored but upright: pixels may be oblong and polarity swapped; `dpi` is x, y as stated, or 0, 0."""

    gray: Gray
    dpi: tuple[float, float]


def check_size(width: float, height: float, min_side: int = MIN_SIDE_PX) -> None:
    """Raise PageError unless a page of `width` x `height` pixels can be decoded safely and may hold a digit."""
    check_pixels(width, height)
    if min(width, height) < min_side:
        raise PageError("too_small", f"{width:.0f} x {height:.0f} pixels, a side needs {min_side}")


def check_pixels(width: float, height: float) -> None:
    """Raise PageError unless `width` x `height` pixels can be decoded safely."""
    if width * height > MAX_PIXELS:
        raise PageError("too_many_pixels", f"{width:.0f} x {height:.0f} pixels, at most {MAX_PIXELS:,} are read")


def count_image_pages(file: BinaryIO, kind: str) -> int:
    """The pages of an image file of Pillow's format `kind`; counting ends one beyond MAX_PAGES."""
    with _image(file, kind) as image:
        return len(_frames(image, MAX_PAGES + 1))


def decode_image(file: BinaryIO, kind: str, page: int, min_side: int = MIN_SIDE_PX) -> RawPage:
    """Page `page`, from 1, of an image file of Pillow's format `kind`. Raises PageError, and what decoders raise."""
    with _image(file, kind) as image:
        frames = _frames(image, page)
        if not 1 <= page <= len(frames):
            raise PageError("no_such_page", f"page {page} of {len(frames)}")
        if problem := frames[-1]:
            raise problem
        check_size(*image.size, min_side)
        if isinstance(image, TiffImagePlugin.TiffImageFile):
            check_pixels(image.tag_v2.get(TILE_WIDTH, 1), image.tag_v2.get(TILE_HEIGHT, 1))
            _check_strips(file, image.tag_v2)
        dpi = _stated_dpi(image)
        orientation, gray = _decode_plain(file, image) if _is_plain(image, kind) else _decode_any(file, image, kind)
    turned = gray if kind == "TIFF" else upright(gray, orientation)  # Pillow turns TIFF images itself
    return RawPage(turned, dpi[::-1] if orientation >= FIRST_SIDEWAYS else dpi)


@contextmanager
def _image(file: BinaryIO, kind: str) -> Iterator[ImageFile.ImageFile]:
    """The image with nothing but its header read."""
    with _lost_headers_raise(kind):
        try:
            image = Image.open(file, formats=[kind])
        except UnidentifiedImageError:
            file.seek(0)
            image = Image.OPEN[kind][0](file, "")  # the same, but it says what is wrong
    with image:
        if kind == "PPM":
            _check_single(file, image)
        yield image


def _check_single(file: BinaryIO, image: ImageFile.ImageFile) -> None:
    """Raise PageError where a Netpbm file goes on with another image: Pillow shows the first alone."""
    codec, _, offset, how = image.tile[0]
    if codec == "ppm_plain":
        return
    width, height = image.size
    is_wide = image.mode == "I" or (isinstance(how, tuple) and int(how[-1]) > BYTE)
    row = (width + 7) // 8 if image.mode == "1" else width * len(image.getbands()) * (1 + is_wide)
    place = file.tell()
    file.seek(offset + row * height)
    behind = file.read(NEXT_BYTES).lstrip()
    file.seek(place)
    if behind[:1] == b"P" and behind[1:2].isdigit():
        raise PageError("unsupported", "several images in one file; write each into a file of its own")


@contextmanager
def _lost_headers_raise(kind: str) -> Iterator[None]:
    with warnings.catch_warnings():
        if kind == "TIFF":
            warnings.filterwarnings("error", message=LOST_TIFF_HEADER)
        yield


def _frames(image: Image.Image, wanted: int) -> list[Exception | None]:
    """The pages up to the one wanted, at which the image is left: what is wrong with the header of each."""
    if not isinstance(image, TiffImagePlugin.TiffImageFile):
        return [None]
    pages: list[Exception | None] = []
    for frame in range(2 * MAX_PAGES):  # each page may have a reduced copy
        problem = None
        try:
            with _lost_headers_raise("TIFF"):
                image.seek(frame)
        except EOFError:
            break
        except (SyntaxError, TypeError) as error:  # a header that Pillow cannot use costs one page, not the file
            problem = error
        if frame == 0 or not image.tag_v2.get(SUBFILE_TYPE, 0) & REDUCED_COPY:
            pages.append(problem)
        if len(pages) >= wanted:
            break
    return pages


def _check_strips(file: BinaryIO, tags: TiffImagePlugin.ImageFileDirectory_v2) -> None:
    if tags.get(COMPRESSION) != GROUP_4:
        return
    for offset, size in zip(tags.get(STRIPS, ()), tags.get(STRIP_SIZES, ()), strict=False):
        file.seek(offset)
        strip = file.read(size)
        check_group_4(strip.translate(REVERSED_BITS) if tags.get(FILL_ORDER) == LOW_BIT_FIRST else strip)


def _stated_dpi(image: Image.Image) -> tuple[float, float]:
    try:
        dpi_x, dpi_y = image.info.get("dpi", (0, 0))
        return float(dpi_x), float(dpi_y)
    except (TypeError, ValueError, ZeroDivisionError):
        return 0.0, 0.0


def _is_plain(image: Image.Image, kind: str) -> bool:
    """Whether OpenCV, which is faster, shows the image as a viewer does: no transparency, no more than 8 bits."""
    if kind == "JPEG":
        return image.mode in ("L", "RGB")
    is_still = not getattr(image, "is_animated", False)
    return kind == "PNG" and is_still and image.mode in ("1", "L", "RGB") and not image.has_transparency_data


def _decode_plain(file: BinaryIO, image: Image.Image) -> tuple[int, Gray]:
    """(orientation, gray) of a JPEG or PNG."""
    file.seek(0)
    data = file.read()
    if image.format == "PNG" and LATE_EXIF in data[-PNG_TAIL_BYTES:]:
        image.load()  # only then Pillow knows what is behind the pixels
    return _orientation(image), decode_bytes(data)


def decode_bytes(data: bytes) -> Gray:
    """A JPEG or PNG as gray, not turned. What OpenCV's decoders only say of damage, is for `damage.find_damage`."""
    if data.startswith(JPEG_START):
        check_jpeg(data)
    elif data.startswith(PNG_START):
        check_png(data)
    gray = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE | cv2.IMREAD_IGNORE_ORIENTATION)
    if gray is None:
        raise PageError("damaged", "the pixels cannot be decoded")
    return gray.astype(np.uint8, copy=False)


def _decode_any(file: BinaryIO, image: Image.Image, kind: str) -> tuple[int, Gray]:
    """(orientation, gray) of an image of any mode; Pillow turns TIFF images while it loads them, and no other."""
    if kind == "PNG":
        _verify_png(file)
    orientation = _orientation(image) if kind == "TIFF" else None  # no longer known after loading
    image.load()
    if orientation is None:
        orientation = _orientation(image)  # of a PNG, known after loading only
    if image.mode == "F" or image.mode.startswith("I"):
        is_negative = isinstance(image, TiffImagePlugin.TiffImageFile) and image.tag_v2.get(PHOTOMETRIC) == MIN_IS_WHITE
        gray = _to_8_bits(np.asarray(image))
        return orientation, cv2.bitwise_not(gray).astype(np.uint8) if is_negative else gray
    if kind == "BMP" and image.mode == "RGBA" and not any(image.getchannel("A").getextrema()):
        image = image.convert("RGB")  # nobody has filled in how opaque it is
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", layer.size, "white"), layer)
    if image.mode == "LAB":
        image = image.getchannel("L")
    return orientation, np.array(image.convert("L"))


def _verify_png(file: BinaryIO) -> None:
    """Compare all checksums, which Pillow does not when it decodes."""
    position = file.tell()
    file.seek(0)
    with Image.open(file, formats=["PNG"]) as copy:
        copy.verify()
    file.seek(position)


def _to_8_bits(deep: npt.NDArray[Any]) -> Gray:
    """(height, width) of any number to gray: white is the most that the bits in use can say.

    So 12-bit data in 16 bits become neither black nor, if the page is dark or blank, stretched.
    """
    values = np.nan_to_num(deep.astype(np.float32))
    peak = float(values.max())
    is_fraction = deep.dtype.kind == "f" and peak <= 1
    white = 1.0 if is_fraction else 2.0 ** max(8, int(peak).bit_length()) - 1
    gray: Gray = np.clip(values * (255 / white) + 0.5, 0, 255).astype(np.uint8)
    return gray


def _orientation(image: Image.Image) -> int:
    """1 to 8, as EXIF and TIFF number them."""
    try:
        value = Image.Image.getexif(image).get(ORIENTATION)  # PngImageFile's own decodes all pixels for it
    except Exception:  # a page is worth more than its EXIF
        return 1
    return int(value) if value is not None and value in range(1, 9) else 1


def upright(gray: Gray, orientation: int) -> Gray:
    """Turn and mirror as `orientation`, 1 to 8 of EXIF, asks."""
    if orientation >= FIRST_SIDEWAYS:
        gray = cv2.transpose(gray).astype(np.uint8, copy=False)
    return cv2.flip(gray, FLIPS[orientation]).astype(np.uint8, copy=False) if orientation in FLIPS else gray
