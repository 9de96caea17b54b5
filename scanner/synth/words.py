"""The words that stand on synthetic forms."""

import numpy as np

_WORD_LINES = (
    "please complete this form in block letters and return it to the office before the end of month",
    "meter reading number water gas electricity account customer street town postal code date of birth",
    "signature name page section total amount due paid by check list item value year quarter office use",
    "only applicant declaration information provided correct best knowledge see notes overleaf reference",
    "station district vote count valid invalid result officer witness seal annex copy",
)
WORDS = tuple(" ".join(_WORD_LINES).split())
FIELD_LABELS = (
    "Meter reading", "Meter number", "Customer number", "Account", "Street number", "Postal code", "Date of birth",
    "Date", "Section", "Amount due", "Total", "Page", "Year", "Quarter", "Reference", "Station", "District", "Votes",
    "Valid", "Invalid", "Seal number", "Annex", "Copies", "Item", "Value", "Phone", "Case number", "Order", "Points",
    "Persons", "Hours", "Pieces", "Policy number", "Tax number", "Room", "Day total", "Code", "Serial number",
)  # fmt: skip
NAMES = (
    "MARTHA KELLER", "JOHN DOE", "ELENA ROSSI", "PAUL WAGNER", "INGRID LUND", "AHMED FARAH", "RUTH BAKER",
    "STEFAN KOVAC", "MAIN STREET", "LAKEVIEW", "NEWTON", "OAK AVENUE", "HILLSIDE RD", "WESTERN", "BUDI HARTONO",
)  # fmt: skip


def random_words(rng: np.random.Generator, count: int) -> str:
    words = [WORDS[int(index)] for index in rng.integers(0, len(WORDS), count)]
    return " ".join(words)


def random_label(rng: np.random.Generator) -> str:
    """What is printed beside a field."""
    return FIELD_LABELS[int(rng.integers(len(FIELD_LABELS)))]
