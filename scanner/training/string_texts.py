"""What lines of text say: words with numbers before, behind and between them; so letters are not read as digits."""

import re

import numpy as np

from scanner.strings.ctc import LETTERS
from scanner.synth.words import WORDS

ONSETS = ("b", "br", "c", "ch", "d", "dr", "f", "fl", "g", "gr", "h", "j", "k", "kl", "l", "ll", "m", "n", "p", "ph",
          "r", "s", "sch", "st", "t", "th", "tr", "v", "w", "z")  # fmt: skip
VOWELS = ("a", "ai", "e", "ea", "ee", "i", "ie", "o", "oo", "ou", "u", "y")
CODAS = ("ck", "l", "ll", "m", "n", "nd", "ng", "r", "rt", "s", "ss", "st", "t", "tt", "x")
CLOSED = tuple("ABEFHKMNPQRTUVWXYadefhkmnpqrtuvwxy")  # alone, no other letter is told from a digit
UNITS = ("Fr.", "CHF", "EUR", "USD", "Rs.", "No.", "Nr.", "kg", "km", "Tel.", "Apt", "Box", "P.O.", "Unit", "TX", "NY",
         "CH-")  # fmt: skip
STATES = ("AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA", "HI", "ID", "IL", "IN", "IA", "KS", "KY", "LA",
          "ME", "MD", "MA", "MI", "MN", "MS", "MO", "MT", "NE", "NV", "NH", "NJ", "NM", "NY", "NC", "ND", "OH", "OK",
          "OR", "PA", "RI", "SC", "SD", "TN", "TX", "UT", "VT", "VA", "WA", "WV", "WI", "WY", "AB", "BC", "MB", "NB",
          "ON", "QC")  # fmt: skip
STATED = 0.2  # part of the lines whose number stands behind a state, as in addresses
MARKS = (",", ".", ":", "-")  # behind a word; nothing that is read
MOST_WORDS = 4  # of a line, beside its number


def random_text(rng: np.random.Generator) -> list[str]:
    """Words of a line, some of them numbers."""
    words = [_word(rng) for _ in range(int(rng.integers(1, MOST_WORDS + 1)))]
    if rng.random() < 0.15:
        return words
    number = _number(rng)
    choice = rng.random()
    if choice < STATED:
        words += [str(rng.choice(STATES)), number]
    elif choice < 0.4:
        words.append(number)
    elif choice < 0.8:
        words.insert(0, number)
    else:
        words.insert(int(rng.integers(len(words) + 1)), number)
    if rng.random() < 0.15:
        words.insert(int(rng.integers(len(words) + 1)), str(rng.integers(1, 200)))
    return words


def label_of(words: list[str]) -> str:
    """What the network shall read: the digits, and one `LETTERS` for each run of letters."""
    runs = (run for word in words for run in re.findall(r"\d+|[^\d]+", word))
    return "".join(run if run.isdigit() else LETTERS for run in runs if run.isdigit() or re.search(r"\w", run))


def _number(rng: np.random.Generator) -> str:
    length = int(rng.choice([1, 2, 3, 4, 5, 6, 9, 10], p=[0.05, 0.07, 0.13, 0.22, 0.25, 0.13, 0.1, 0.05]))
    digits = "".join(map(str, rng.integers(0, 10, length)))
    if length >= 5 and rng.random() < 0.4:
        cut = 5 if length == 9 else int(rng.integers(2, length - 1))
        return digits[:cut] + "-" + digits[cut:]
    choice = rng.random()
    if choice < 0.08:
        return digits + str(rng.choice(CLOSED))
    return "-" + digits if choice < 0.12 else digits


def _word(rng: np.random.Generator) -> str:
    choice = rng.random()
    if choice < 0.12:
        return str(rng.choice(UNITS))
    if choice < 0.2:
        return "".join(rng.choice(CLOSED, int(rng.integers(1, 3))))
    word = str(rng.choice(WORDS)) if choice < 0.5 else _invented(rng)
    case = rng.random()
    word = word.upper() if case < 0.2 else word.capitalize() if case < 0.75 else word
    return word + str(rng.choice(MARKS)) if rng.random() < 0.15 else word


def _invented(rng: np.random.Generator) -> str:
    syllables = int(rng.integers(1, 4))
    word = "".join(str(rng.choice(ONSETS)) + str(rng.choice(VOWELS)) for _ in range(syllables))
    return word + str(rng.choice(CODAS)) if rng.random() < 0.7 else word
