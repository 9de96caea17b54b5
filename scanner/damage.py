"""Signs that image data lost a part, for which decoders do not fail: they fill the page up and go on.

Each `check_...` raises PageError where its data is damaged for sure; that it is whole, none can tell.
"""

import re
import zlib

from scanner.errors import PageError

JPEG_START, JPEG_SCAN, JPEG_END = b"\xff\xd8", b"\xff\xda", b"\xff\xd9"
MAX_SEGMENTS = 10_000  # of a JPEG before its pixels; color profiles and EXIF come in some dozens
PNG_START, PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
PNG_CHUNK_FRAME = 12  # bytes: length and name before the data of a chunk, checksum behind it
END_OF_GROUP_4 = "000000000001" * 2  # bits, wherever in a byte they begin
FIRST_BEYOND_END_OF_LINE = 1 << 5  # 16 bits that begin with 11 zeros are less
FLATE_CHUNK_BYTES = 1 << 20
MAX_FAX_ERRORS = 10  # lines that libtiff may report as bad in a G3 fax: noise on the telephone line, a millimeter
LIBRARY_SAYS_DAMAGED = re.compile(
    # libjpeg goes on over lost data; a few stray bytes before the end marker (0xd9) are a habit of some cameras.
    r"Corrupt JPEG data: (?!\d extraneous bytes before marker 0xd9)|Premature end of JPEG"
    r"|(?!Fax3)\w+Decode\w*: |.*Using code not yet in table"  # libtiff says so, and Pillow has an image all the same
)


def find_damage(messages: list[str]) -> str | None:
    """The message of a C library, of those it wrote to stderr, that tells of lost data."""
    fax_errors = [message for message in messages if message.startswith("Fax3")]
    serious = [message for message in messages if LIBRARY_SAYS_DAMAGED.match(message)]
    if len(fax_errors) > MAX_FAX_ERRORS:
        serious += fax_errors
    return serious[0] if serious else None


def check_jpeg(data: bytes) -> None:
    """Without its end marker a JPEG is damaged, even if nothing else is lost; what follows the marker does not matter.

    OpenCV 4 makes a half gray page of a JPEG cut short.
    """
    if data.rfind(JPEG_END, _first_scan(data)) < 0:
        raise PageError("damaged", "the JPEG has no end")


def _first_scan(data: bytes) -> int:
    """Where the pixels of a JPEG begin, behind all segments (one may hold a thumbnail with an end of its own)."""
    at = len(JPEG_START)
    for _ in range(MAX_SEGMENTS):
        if data[at : at + 2] == JPEG_SCAN:
            break
        is_fill = data[at + 1 : at + 2] == b"\xff"
        at += 1 if is_fill else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return at


def check_png(data: bytes) -> None:
    """No chunk may be longer than the file, and the last one must be there. OpenCV makes room for any, be it 2 GB."""
    at = len(PNG_START)
    while data[at + 4 : at + 8] != PNG_END:
        at += PNG_CHUNK_FRAME + int.from_bytes(data[at : at + 4], "big")
        if at >= len(data):
            raise PageError("damaged", "the PNG has no end")


def check_group_4(data: bytes) -> None:
    """A run of zeros, which no Group 4 code has, may stand after the end mark only.

    Decoders take such a hole for the end of the page, and the page for complete. Fax data that begin with an end of
    line are Group 3, where zeros may fill the time that an old fax machine needed.
    """
    data = data.rstrip(b"\0")
    hole = data.find(b"\0\0")
    is_group_3 = int.from_bytes(data[:2], "big") < FIRST_BEYOND_END_OF_LINE
    if hole >= 0 and not is_group_3 and END_OF_GROUP_4 not in _bits(data[: hole + 1]):
        raise PageError("damaged", f"a hole in the fax data, {hole:,} of {len(data):,} bytes from their start")


def _bits(data: bytes) -> str:
    return f"{int.from_bytes(data, 'big'):b}"


def check_flate(data: bytes, needed_bytes: int) -> None:
    """The data must not break off, nor have a wrong checksum (zlib.error), before so many bytes are unpacked."""
    inflater, unpacked = zlib.decompressobj(), 0
    while data and not inflater.eof and unpacked < needed_bytes:
        unpacked += len(inflater.decompress(data, FLATE_CHUNK_BYTES))
        data = inflater.unconsumed_tail
    if not inflater.eof and unpacked < needed_bytes:
        raise PageError("damaged", "the data of an image in the PDF has no end")
