"""Envelopes: an address in somebody's hand, a stamp, a postmark, a sender, bar codes; and the postal code that is true.

The letters of the address come from handwriting fonts, its digits from the source that is given, all of one size.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from scanner.synth.effects import PhotoImage
from scanner.synth.forms import Decoy
from scanner.synth.hand import DigitSource
from scanner.synth.lines import Hand, random_hand, write_line
from scanner.synth.printed import bar_code
from scanner.synth.scan import scan
from scanner.synth.sheet import (
    UNSEEN_FONTS,
    Color,
    Sheet,
    blank_sheet,
    curve,
    draw_text,
    ellipse_points,
    fill_rectangle,
    ink_at,
    rectangle,
)

SIZES_MM = ((162.0, 114.0), (220.0, 110.0), (229.0, 162.0), (241.0, 105.0), (176.0, 125.0))
PAPERS: tuple[Color, ...] = ((255, 255, 255), (250, 252, 252), (228, 240, 246), (150, 190, 215), (235, 240, 235))
INKS: tuple[Color, ...] = ((40, 30, 30), (120, 50, 30), (30, 30, 60), (60, 60, 60))
DPIS = (150.0, 400.0)
LETTER_MM = (2.8, 4.6)  # height of a capital
MARGIN_MM = 6.0  # on the right: nobody writes over the edge

FIRST = ("Anna", "Peter", "Maria", "John", "Ruth", "Paul", "Elena", "Ahmed", "Priya", "Jan", "Sofie", "Mark", "Ines")
LAST = ("Keller", "Doe", "Rossi", "Wagner", "Lund", "Farah", "Baker", "Kovac", "Singh", "de Vries", "Meier", "Brown")
STREETS = ("Oak Street", "Main St", "Lakeview Dr", "Hill Road", "Mill Lane", "Park Avenue", "Elm Ct", "Station Rd")
STRASSEN = ("Bahnhofstrasse", "Hauptstrasse", "Gartenweg", "Seeweg", "Lindenallee", "Dorfplatz", "Kerkstraat", "Ring")
TOWNS: Mapping[str, tuple[str, ...]] = {
    "us": ("Springfield, IL", "Dayton, OH", "Austin TX", "Portland, OR", "Salem MA", "Reno, NV", "Ames, Iowa"),
    "ch": ("Bern", "Thun", "Winterthur", "Basel", "Chur", "Aarau", "Lausanne", "Lugano"),
    "de": ("Berlin", "Kassel", "Freiburg", "Mainz", "Kiel", "Leipzig", "Hamburg", "Ulm"),
    "nl": ("Utrecht", "Leiden", "Delft", "Breda", "Assen", "Zwolle"),
    "in": ("Pune", "Nagpur", "Mysuru", "Jaipur", "Kochi", "Indore"),
}
COUNTRIES: tuple[str, ...] = tuple(TOWNS)


@dataclass(frozen=True, slots=True)
class Envelope:
    """A scanned envelope: its picture, resolution, and the digits of its postal code."""

    image: PhotoImage
    dpi: float
    country: str
    code: str


def make_envelope(
    country: str, digits: DigitSource, rng: np.random.Generator, fault: str = "scan", dpi: float | None = None
) -> Envelope:
    """An envelope to somewhere in a country of `COUNTRIES`, scanned; `rng` decides everything, also the resolution."""
    dpi = float(rng.uniform(*DPIS)) if dpi is None else dpi
    sheet = blank_sheet(*SIZES_MM[int(rng.integers(len(SIZES_MM)))], dpi, PAPERS[int(rng.integers(len(PAPERS)))])
    hand = random_hand(UNSEEN_FONTS, digits, float(rng.uniform(*LETTER_MM)) * sheet.px_per_mm, rng)
    code = _code(country, rng)
    _print_sender(sheet, rng)
    _stamp(sheet, rng)
    if rng.random() < 0.5:
        wide_mm, high_mm = float(rng.uniform(40, 75)), float(rng.uniform(4, 8))
        place = sheet.width_mm - wide_mm - 8, sheet.height_mm - 10
        bar_code(sheet, Decoy("bar_code", *place, wide_mm, high_mm), hand.writer, rng)
    _write_address(sheet, _address(country, code, rng), hand, rng)
    if rng.random() < 0.85:
        _postmark(sheet, rng)
    scanned = scan(sheet.image, fault, rng, dpi=dpi)
    return Envelope(scanned.image, dpi, country, code)


def _code(country: str, rng: np.random.Generator) -> str:
    if country == "us":
        code = f"{rng.integers(501, 99951):05d}"
        return code + f"{rng.integers(1, 10000):04d}" if rng.random() < 0.25 else code
    low, high = {"ch": (1000, 9700), "de": (1067, 99999), "nl": (1011, 9999), "in": (110001, 855118)}[country]
    return f"{rng.integers(low, high):0{5 if country == 'de' else len(str(high))}d}"


def _address(country: str, code: str, rng: np.random.Generator) -> list[str]:
    """Lines of the address."""

    def one(words: tuple[str, ...]) -> str:
        return words[int(rng.integers(len(words)))]

    name = f"{one(FIRST)} {one(LAST)}"
    town = one(TOWNS[country])
    house = int(rng.integers(1, 180))
    if country == "us":
        number = f"{rng.integers(1, 12000)}"
        written = f"{code[:5]}-{code[5:]}" if len(code) == 9 else f"{code}"
        lines = [name, f"{number} {one(STREETS)}", f"{town} {written}"]
        if rng.random() < 0.2:
            lines.insert(2, f"Apt {rng.integers(1, 400)}")
    elif country == "in":
        written = f"{code[:3]} {code[3:]}" if rng.random() < 0.5 else f"{code}"
        dash = " - " if rng.random() < 0.5 else " "
        lines = [name, f"{house} {one(STREETS)}", f"{town}{dash}{written}"]
    else:
        letters = f" {''.join(rng.choice(list('ABCDEGHKLMNPRSTVWXZ'), 2))} " if country == "nl" else " "
        lines = [name, f"{one(STRASSEN)} {house}", f"{code}{letters}{town}"]
    if rng.random() < 0.2:
        lines.append({"us": "USA", "ch": "Switzerland", "de": "Germany", "nl": "Netherlands", "in": "India"}[country])
    return lines


def _write_address(sheet: Sheet, lines: list[str], hand: Hand, rng: np.random.Generator) -> None:
    color = INKS[int(rng.integers(len(INKS)))]
    pitch = hand.capital_px * float(rng.uniform(1.9, 2.6))
    left = sheet.image.shape[1] * float(rng.uniform(0.35, 0.5))
    top = sheet.image.shape[0] * float(rng.uniform(0.42, 0.52))
    slope = float(rng.normal(0, 0.02))
    written = [write_line(text.split(), hand, rng) for text in lines]
    room = sheet.image.shape[1] - MARGIN_MM * sheet.px_per_mm - max(ink.shape[1] for ink in written)
    left = max(min(left, room), 0.0)
    for number, ink in enumerate(written):
        turn = np.array([[1, 0, 0], [slope, 1, max(-slope, 0) * ink.shape[1]]])
        size = ink.shape[1], ink.shape[0] + int(np.ceil(abs(slope) * ink.shape[1]))
        leaning = np.asarray(cv2.warpAffine(ink, turn, size), np.uint8)
        ink_at(sheet, leaning, round(left + rng.normal(0, 0.4) * hand.capital_px), round(top + number * pitch), color)


def _print_sender(sheet: Sheet, rng: np.random.Generator) -> None:
    """The sender's address, printed small at the top left; it has a postal code, too."""
    if rng.random() < 0.4:
        return
    lines = ("Sender GmbH & Co.", f"Postfach {rng.integers(100, 9999)}", f"{rng.integers(1000, 99999)} Anytown")
    size_pt = float(rng.uniform(6, 9))
    for number, text in enumerate(lines):
        draw_text(sheet, 8.0, 7.0 + number * size_pt * 0.45, text, size_pt=size_pt)


def _stamp(sheet: Sheet, rng: np.random.Generator) -> None:
    """A postage stamp at the top right: a colored picture with its value."""
    wide, high = float(rng.uniform(20, 28)), float(rng.uniform(22, 32))
    x, y = sheet.width_mm - wide - float(rng.uniform(5, 9)), float(rng.uniform(4, 8))
    color: Color = (int(rng.integers(60, 230)), int(rng.integers(60, 230)), int(rng.integers(60, 230)))
    fill_rectangle(sheet, x, y, wide, high, color)
    rectangle(sheet, x + 1, y + 1, wide - 2, high - 2, 0.3, (80, 80, 80))
    for _ in range(int(rng.integers(2, 6))):
        center = x + wide * rng.uniform(0.3, 0.7), y + high * rng.uniform(0.3, 0.7)
        points = ellipse_points(*center, wide * rng.uniform(0.1, 0.25), high * rng.uniform(0.08, 0.2))
        curve(sheet, points, 0.4, (60, 60, 60), closed=True)
    draw_text(sheet, x + 2, y + high - 7, f"{rng.integers(20, 180)}", size_pt=12, bold=True)


def _postmark(sheet: Sheet, rng: np.random.Generator) -> None:
    """A circle with a date, half on the stamp, and wavy lines to its left; they may run into the address."""
    color: Color = (70, 70, 70)
    x, y = sheet.width_mm - float(rng.uniform(30, 48)), float(rng.uniform(14, 26))
    for radius in (11.0, 7.0):
        curve(sheet, ellipse_points(x, y, radius, radius), 0.35, color, closed=True)
    draw_text(sheet, x - 6, y - 2.2, f"{rng.integers(1, 29)}.{rng.integers(1, 13)}.{rng.integers(18, 27)}", size_pt=8)
    length = float(rng.uniform(30, 60))
    for row in range(int(rng.integers(4, 7))):
        level = y - 8 + row * 3.4
        points = np.array([[x - 12 - length * t, level + 0.9 * np.sin(6 * np.pi * t)] for t in np.linspace(0, 1, 60)])
        curve(sheet, points, 0.4, color)
