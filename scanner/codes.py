"""Bar codes on a page, of any kind, and what they say of it."""

import re

import cv2

from scanner.arrays import Gray

LONG_SIDE_PX = 2400  # a module of a QR code that people print is then three pixels wide; more only takes time
SERIAL = re.compile(r"([^0-9A-Za-z]*)([0-9A-Za-z].{0,99})", re.ASCII)


def read_codes(gray: Gray) -> list[str]:
    """The texts of all bar codes on a page, any way up: QR, Data Matrix, Code 128, EAN and the others of ZXing."""
    import zxingcpp  # only pages of forms with a code wait for it

    scale = LONG_SIDE_PX / max(gray.shape)
    page = cv2.resize(gray, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else gray
    return [code.text for code in zxingcpp.read_barcodes(page)]


def read_easy_codes(gray: Gray) -> list[str]:
    """Of the QR codes on a page those that are easily read, ten times as fast."""
    import zxingcpp

    qr = zxingcpp.BarcodeFormats(zxingcpp.BarcodeFormat.QRCode)
    return [code.text for code in zxingcpp.read_barcodes(gray, formats=qr, try_invert=False, try_downscale=False)]


def serial_behind(text: str, expected: str) -> str | None:
    """What a code says behind the text that is expected, as 0042 or 2024/17 where it says MR-0042 or MR/2024/17.

    Empty where there is no more, None where it is another code.
    """
    text = text.strip()
    if text == expected:
        return ""
    found = SERIAL.fullmatch(text[len(expected) :]) if text.startswith(expected) else None
    is_parted = found is not None and bool(found.group(1) or not expected[-1].isalnum())
    return found.group(2) if found and is_parted else None
