"""What people say of readings: the book it is kept in, the table they fill, and how it changes the results."""

from scanner.review.apply import Corrections, Said, settle
from scanner.review.book import Book, FieldKey, Verdict, Way
from scanner.review.meaning import Impossible, Meant, meaning_of

__all__ = [
    "Book",
    "Corrections",
    "FieldKey",
    "Impossible",
    "Meant",
    "Said",
    "Verdict",
    "Way",
    "meaning_of",
    "settle",
]
