"""The postal code on the picture of an envelope: of all words of its address, the one that reads as a code."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from scanner.arrays import Gray, Quads
from scanner.fields import REVIEW, FieldReading, Policy, field_reading, make_field
from scanner.network import NOT_A_DIGIT, Network
from scanner.strings import StringReading, as_row, is_printed, read_strings
from scanner.strings.words import TextLine, find_blocks, frame_of, runs_of_words
from scanner.turns import turn_back, turned

NAME = "postal_code"  # of the field
LENGTHS = {"at": (4,), "ch": (4,), "nl": (4,), "in": (6,), "us": (9, 5), "any": (6, 5, 4)}
LENGTH = 5  # digits of a code in all other countries
DIGIT_WIDE = (0.28, 1.5)  # heights of the line: a digit with the gap beside it
ROOM = 0.25  # heights of paper around a word
BLOCKS, LINES = 3, 4  # that are looked at: those with most writing, and their last lines
MOST_WORDS = 40  # of a line
LIKELY = 0.3  # mean probability of the digits of a code, at least
SURE = 0.85  # from here on, nothing else is looked at
A_DIGIT, A_LINE = 0.02, 0.1  # how much a digit more speaks for a code, and a line below against it
UPRIGHT = 0.96  # from here on, the envelope is not turned on its head: digits may look like others then
TURNS = (0, 2, 1, 3)


def read_envelope(gray: Gray, network: Network, country: str, policy: Policy) -> tuple[FieldReading, ...]:
    """The postal code of an envelope as the one field of its page, whichever way the envelope lies.

    Args:
        gray: (height, width), 0 = ink.
        network: tells what the parts of words look like.
        country: its two letters, or `any`; of `form.rules.POSTAL_CODES`.
        policy: from which confidence on a code is accepted.
    """
    best: tuple[float, StringReading, int] | None = None
    for turn in TURNS:
        found = _find_code(turned(gray, turn), network, country)
        if found and (best is None or found[0] > best[0]):
            best = (*found, turn)
        if best and best[0] >= (UPRIGHT if turn == TURNS[0] else SURE):
            break
    if best is None:
        return (_not_found(gray),)
    _, reading, turn = best
    row = as_row(reading)
    quads = turn_back(row.row.quads, turn, gray.shape)
    return (
        make_field(
            NAME, row.scores, row.ink, quads, network.card.classes, policy, is_boxed=False, touching=reading.touching
        ),
    )


def _not_found(gray: Gray) -> FieldReading:
    """The largest block of writing, for a person to read."""
    blocks = find_blocks(gray)
    height, width = gray.shape
    whole = frame_of(np.array([[0, 0, width, height]]), 0)
    quad = frame_of(np.array([line.box for line in max(blocks, key=_writing)]), 0) if blocks else whole
    return field_reading(NAME, NOT_A_DIGIT, np.zeros(1), 0.0, REVIEW, "code_not_found", quad[None], is_boxed=False)


def _find_code(page: Gray, network: Network, country: str) -> tuple[float, StringReading] | None:
    """What speaks for the likeliest code of an upright envelope, and the code: of the first block that has one."""
    for block in sorted(find_blocks(page), key=_writing, reverse=True)[:BLOCKS]:
        best: tuple[float, StringReading] | None = None
        for below, line in enumerate(reversed(block[-LINES:])):
            found = _code_on(page, line, network, country)
            if found and (best is None or found[0] - A_LINE * below > best[0]):
                best = found[0] - A_LINE * below, found[1]
            if best and best[0] >= SURE:  # nothing above can be better
                break
        if best:
            return best
    return None


def _code_on(page: Gray, line: TextLine, network: Network, country: str) -> tuple[float, StringReading] | None:
    """The likeliest code of a line, and what speaks for it."""
    words = list(_words(line, country))[:MOST_WORDS]
    if not words:
        return None
    frames, lengths = np.stack([frame for frame, _ in words]), [length for _, length in words]
    from scanner.form.rules import POSTAL_CODES  # what forms are checked with takes a tenth of a second to import

    pattern = re.compile(POSTAL_CODES[country])
    best: tuple[float, StringReading] | None = None
    for reading in read_strings(page, frames, network, lengths, inset=0.0):
        if reading is None or not pattern.fullmatch(_text(reading, network)) or is_printed(reading):
            continue
        likeness = _likeness(reading, network)
        worth = likeness + A_DIGIT * (len(reading.digits) - LENGTH)
        if likeness >= LIKELY and (best is None or worth > best[0]):
            best = worth, reading
    return best


def _text(reading: StringReading, network: Network) -> str:
    classes = network.card.classes
    return "".join(classes[index] for index in reading.scores[:, : classes.index("9") + 1].argmax(axis=1))


def _likeness(reading: StringReading, network: Network) -> float:
    """How much its parts look like the digits read: geometric mean of their probabilities."""
    columns = [network.card.classes.index(character) for character in _text(reading, network)]
    return float(np.exp(np.log(np.maximum(reading.scores[np.arange(len(columns)), columns], 1e-6)).mean()))


def _words(line: TextLine, country: str) -> Iterator[tuple[Quads, int]]:
    """Frames on a line that may hold a code of so many digits."""
    for first, last in runs_of_words(line):
        parts = line.parts[first:last]
        high = max(float((parts[:, 3] - parts[:, 1]).max()), line.height)
        wide = float(parts[:, 2].max() - parts[:, 0].min()) / high
        for length in LENGTHS.get(country, (LENGTH,)):
            if DIGIT_WIDE[0] * length <= wide <= DIGIT_WIDE[1] * length:
                yield frame_of(parts, ROOM * line.height), length


def _writing(block: Sequence[TextLine]) -> float:
    """How much is written in a block, and how large: the address is the most of an envelope."""
    return sum(len(line.parts) * line.height for line in block)
