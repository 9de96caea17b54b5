"""The front door: one page in, one PageReading out, every stage in order."""

from dataclasses import dataclass

from scanner.fields import FieldReading


@dataclass(frozen=True, slots=True)
class PageReading:
    """What was read from one page; `fields` in reading order."""

    file: str  # relative to the input folder
    page: int  # from 1
    fields: tuple[FieldReading, ...]
    seconds: float
    form: str = ""
    reason: str = ""  # `no_fields` where nothing was found
    detail: str = ""
    residual_mm: float | None = None


@dataclass(frozen=True, slots=True)
class PageFailure:
    """Why one page, or one whole file (page 0), could not be read."""

    file: str
    page: int
    reason: str
    detail: str
    seconds: float
