"""The postal code on the picture of an envelope: each line of its address is read as a whole, letters as such, and the
number that stands where the country writes its code is read again, digit by digit."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads, Scores
from scanner.fields import REVIEW, FieldReading, Policy, field_reading, make_field
from scanner.network import NOT_A_DIGIT, Network
from scanner.strings import StringReading, as_row, read_strings
from scanner.strings.ctc import LETTERS
from scanner.strings.opinions import NO_NUMBER
from scanner.strings.read import LESSER
from scanner.strings.text import TextReading, read_text
from scanner.strings.words import Block, TextLine, find_blocks, frame_of
from scanner.turns import turn_back, turned

NAME = "postal_code"  # of the field


def _at_end(*counts: int, taken: int = 0) -> str:
    """Behind the town; `a` stands for words, of which so many letters before the code may be taken for digits."""
    return f"(?:^|a)[0-9]{{0,{taken}}}?({_digits(counts)})$"


def _at_start(*counts: int, taken: int = 0) -> str:
    """Before the town, of which so many letters may be taken for digits; perhaps behind letters of the country."""
    return f"^a?({_digits(counts)})(?=[0-9]{{0,{taken}}}(?:a|$))"


def _digits(counts: Sequence[int]) -> str:
    return "|".join(f"[0-9]{{{count}}}" for count in counts)


PLACES: Mapping[str, tuple[str, ...]] = {
    "any": (_at_start(6, 5, 4), _at_end(9, 6, 5, 4)),
    "at": (_at_start(4, taken=1),),
    "ch": (_at_start(4, taken=1),),
    "de": (_at_start(5, taken=1),),
    "es": (_at_start(5, taken=1),),
    "fr": (_at_start(5, taken=1),),
    "in": (_at_end(6, taken=1),),
    "it": (_at_start(5, taken=1),),
    "nl": (_at_start(4, taken=4),),  # two capitals follow
    "us": (_at_end(9, 5, taken=2),),  # two capitals before it
}
"""Where on its line each country writes its code, and how many digits it has."""
SIDE_ROOM, HIGH_ROOM = 0.3, 0.16  # heights of paper around a line: above and below there are others
LONGEST = 16.0  # heights of a line that are read: from its start or to its end
ZIP_PLUS_4, DASH_BEHIND, DASH = 9, 5, 1.25  # digits; behind so many there is a dash: as wide a gap, in usual ones
BLOCKS, LINES = 3, 4  # that are looked at: those with most writing, and their last lines
LEVEL = 0.012  # lines that fall by less need not be turned
EVIDENCE, SURENESS = 0.25, 0.5  # powers of how likely a line has a code, and of how sure it is which
LEAST, LIKELY = 1e-6, 0.05  # evidence; worth of a code
MOST = 6  # codes that a line may say
A_BLOCK, A_LINE = 0.22, 0.82  # what is left of a code's worth, for each likelier block, each line below
NAMELESS = 0.6  # of its worth is left to a code below no name
SPREAD = 0.6  # of the way from the middle to the edges: so far from there addresses stand
PART_OF_MORE = (
    0.5  # probability that no digit stands beside a code: below it, it is more likely part of a longer number
)
ELSEWHERE = 0.5  # of its probability is left to a code that does not stand last in the likeliest block
ABOVE = 0.2  # and of its worth, above a line with another
LONG_NUMBER, SURELY = re.compile("[0-9]{4}"), 0.5  # digits in a row; probability of such
DECIDED = 0.5  # a code worth that much is not one of an envelope upside down
TURNS = ((0, 1.0), (2, 1.0), (1, 0.6), (3, 0.6))  # quarters, and what is left of a code's worth

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Said:
    """What a line says if it has a code: all of it, where the code starts, its digits; the shares of the codes that it
    may be, how likely the line says any, and which part of that has no digit beside the code."""

    whole: str
    first: int
    count: int
    codes: Mapping[str, float]
    evidence: float
    alone: float


@dataclass(frozen=True)
class _Code:
    """A number that may be the code: what speaks for it, up to 1, how much of its confidence is left, its reading."""

    worth: float
    left: float
    reading: StringReading


@dataclass(frozen=True)
class _Leveled:
    """A picture of an envelope with level lines, its blocks, the likeliest first, the map (2, 3) back to the picture
    that was turned; what its lines say is read once."""

    gray: Gray
    blocks: list[Block]
    to_turned: Floats
    texts: dict[bytes, TextReading | None] = field(default_factory=dict)

    def text(self, line: TextLine, *, is_end: bool) -> TextReading | None:
        frame = _frame(line, is_end=is_end)
        key = frame.tobytes()
        if key not in self.texts:
            self.texts[key] = read_text(self.gray, frame)
        return self.texts[key]


def read_envelope(gray: Gray, network: Network, country: str, policy: Policy) -> tuple[FieldReading, ...]:
    """The postal code of an envelope as the one field of its page, whichever way the envelope lies.

    Args:
        gray: (height, width), 0 = ink.
        network: tells what the parts of the code look like.
        country: its two letters, or `any`; of `PLACES`.
        policy: from which confidence on a code is accepted.
    """
    best: _Code | None = None
    quads = np.zeros((0, 4, 2), np.float32)
    for turn, left in TURNS:
        if best and best.worth >= DECIDED * left:
            break
        page = _leveled(turned(gray, turn))
        found = _find_code(page, network, country)
        worth = found.worth * left * _uprightness(page) if found else 0.0
        if found and (best is None or worth > best.worth):
            best = replace(found, worth=worth)
            there = cv2.transform(found.reading.quads, page.to_turned)
            quads = turn_back(np.asarray(there, np.float32), turn, gray.shape)
    if best is None:
        return (_not_found(gray),)
    row = as_row(best.reading)
    scores = _with_doubt(row.scores, best.left, network)
    classes, touching = network.card.classes, best.reading.touching
    return (make_field(NAME, scores, row.ink, quads, classes, policy, is_boxed=False, touching=touching),)


def _uprightness(page: _Leveled) -> float:
    """What is left of a code's worth by its block: the other way up nobody can tell what the lines say, and there is
    seldom a name on the first."""
    texts = [page.text(line, is_end=False) for line in page.blocks[0].lines[-LINES:]]
    shares = [text.strings[0][1] for text in texts if text and text.strings]
    name = dict(texts[0].strings).get(LETTERS, 0.0) if texts[0] else 0.0
    return float(np.mean(shares or [0.0])) * (NAMELESS + (1 - NAMELESS) * name)


def _leveled(picture: Gray) -> _Leveled:
    """A picture turned so that the lines of its likeliest block are level."""
    blocks = _likeliest_blocks(picture)
    slope = blocks[0].slope if blocks else 0.0
    if abs(slope) < LEVEL:
        return _Leveled(picture, blocks, np.eye(2, 3))
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), float(np.degrees(np.arctan(slope))), 1.0)
    leveled = cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    gray = np.asarray(leveled, np.uint8)
    return _Leveled(gray, _likeliest_blocks(gray), np.asarray(cv2.invertAffineTransform(turn), np.float64))


def _with_doubt(scores: Scores, left: float, network: Network) -> Scores:
    """Scores of the digits, of the least sure one only that part is left."""
    doubted = scores.copy()
    least = int(scores.max(axis=1).argmin())
    digit, none = int(scores[least].argmax()), network.card.classes.index(NOT_A_DIGIT)
    doubted[least] *= left
    doubted[least, none] = min(doubted[least, none] + 1 - left, LESSER * doubted[least, digit])
    return doubted


def _not_found(gray: Gray) -> FieldReading:
    """The likeliest address, for a person to read."""
    blocks = _likeliest_blocks(gray)
    height, width = gray.shape
    whole = frame_of(np.array([[0, 0, width, height]]), 0)
    quad = frame_of(np.array([line.box for line in blocks[0].lines]), 0) if blocks else whole
    return field_reading(NAME, NOT_A_DIGIT, np.zeros(1), 0.0, REVIEW, "code_not_found", quad[None], is_boxed=False)


def _find_code(page: _Leveled, network: Network, country: str) -> _Code | None:
    """The likeliest code of an upright envelope; it is doubted where it stands in another block, or above a number."""
    best: _Code | None = None
    for rank, block in enumerate(page.blocks[:BLOCKS]):
        for below, line in enumerate(reversed(block.lines[-LINES:])):
            most = A_BLOCK**rank * A_LINE**below
            if best and best.worth >= most:  # nothing else is worth more
                break
            found = _code_on(page, line, network, country)
            if found and (best is None or most * found.worth > best.worth):
                is_above = any(_has_number(page, each) for each in block.lines[len(block.lines) - below :])
                worth = (ABOVE if is_above else 1.0) * most * found.worth
                if best is None or worth > best.worth:
                    best = replace(found, worth=worth, left=found.left * (ELSEWHERE if rank or is_above else 1.0))
    return best


def _has_number(page: _Leveled, line: TextLine) -> bool:
    """Whether a line probably says a number as long as a code's: above it a number is one of a street."""
    texts = [page.text(line, is_end=is_end) for is_end in (False, True)]
    shares = [sum(part for whole, part in text.strings if LONG_NUMBER.search(whole)) for text in texts if text]
    return max(shares, default=0.0) >= SURELY


def _likeliest_blocks(page: Gray) -> list[Block]:
    """Blocks of writing, first what is most like the address: large, in the middle; a sender stands at an edge."""
    middle = np.array(page.shape[::-1]) / 2

    def likeness(block: Block) -> float:
        boxes = np.array([line.box for line in block.lines])
        center = (boxes[:, :2].min(axis=0) + boxes[:, 2:].max(axis=0)) / 2
        return block.writing * float(np.exp(-((np.abs(center - middle) / middle / SPREAD) ** 2).sum()))

    return sorted(find_blocks(page), key=likeness, reverse=True)


def _code_on(page: _Leveled, line: TextLine, network: Network, country: str) -> _Code | None:
    """The likeliest code of a line, if it says one where the country writes its own."""
    best: _Code | None = None
    for pattern in PLACES[country]:
        text = page.text(line, is_end=pattern.endswith("$"))
        said = text and _said(text, pattern, country)
        if not text or not said:
            continue
        quad = text.quad_of(said.whole, said.first, said.count)
        reading = read_strings(page.gray, quad[None], network, [said.count], expected=[said.codes], inset=0.0)[0]
        if reading is None:
            continue
        sureness = float(reading.scores.max(axis=1).prod())
        worth = said.evidence**EVIDENCE * sureness**SURENESS
        if worth >= LIKELY and (best is None or worth > best.worth):
            best = _Code(worth, max(said.alone, LEAST) if said.alone < PART_OF_MORE else 1.0, reading)
    return best


def _said(text: TextReading, pattern: str, country: str) -> _Said | None:
    """The likeliest code that a line may say."""
    from scanner.form.rules import POSTAL_CODES  # what forms are checked with takes a tenth of a second to import

    codes: dict[str, list[tuple[float, str, int]]] = {}
    for whole, share in text.strings:
        found = re.search(pattern, whole)
        if not found or not re.fullmatch(POSTAL_CODES[country], found[1]):
            continue
        if len(found[1]) != ZIP_PLUS_4 or text.gap_behind(whole, found.start(1), ZIP_PLUS_4, DASH_BEHIND) >= DASH:
            codes.setdefault(found[1], []).append((share, whole, found.start(1)))
    if not codes:
        return None
    shares = {code: sum(share for share, *_ in ways) for code, ways in codes.items()}
    code = max(shares, key=lambda each: shares[each])
    evidence = max(sum(shares.values()), LEAST)
    _, whole, first = codes[code][0]
    alike = sorted(((share, each) for each, share in shares.items() if len(each) == len(code)), reverse=True)[:MOST]
    longer = sum(share for each, share in shares.items() if len(each) != len(code))  # or shorter
    expected = {each: share for share, each in alike} | {NO_NUMBER: 1 - evidence + longer}
    alone = sum(part for each, ways in codes.items() for part, of, at in ways if not _has_more(of, at, len(each)))
    return _Said(whole, first, len(code), expected, evidence, alone / evidence)


def _has_more(whole: str, first: int, count: int) -> bool:
    """Whether digits stand right beside a code: letters that look like such, or a longer number."""
    return whole[:first][-1:].isdigit() or whole[first + count :][:1].isdigit()


def _frame(line: TextLine, *, is_end: bool) -> Quads:
    """(4, 2) corners around the end or the start of a line."""
    boxes = line.parts
    longest = LONGEST * line.height
    if is_end:
        boxes = boxes[boxes[:, 2] > boxes[:, 2].max() - longest]
    else:
        boxes = boxes[boxes[:, 0] < boxes[:, 0].min() + longest]
    frame = frame_of(boxes, HIGH_ROOM * line.height)
    frame[:, 0] += np.array([-1, 1, 1, -1], np.float32) * SIDE_ROOM * line.height
    return frame
