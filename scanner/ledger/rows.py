"""Rows of the ledger and the values that they stand for."""

import json
import os
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from scanner.fields import FieldReading
from scanner.opening import Signature
from scanner.page import FAILURE_REASONS
from scanner.pipeline import PageFailure, PageReading, PageResult

Redo: TypeAlias = Literal["nothing", "failed", "all"]


@dataclass(frozen=True, slots=True)
class Reader:
    """What pages are read with: `key` stands for network and settings, `forms` has a version for each form's name.

    `unknown` stands for all the forms, and for what happens to pages that show none. Pages read before `since` are read
    again: those that failed, or all.
    """

    key: str
    forms: dict[str, str]
    unknown: str
    overlay: bool = False
    redo: Redo = "nothing"
    since: str = ""

    def form_version(self, form: str) -> str | None:
        return self.forms.get(form) if form else self.unknown


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file found in the inputs; without a signature it has to be looked at anew, with a reason it is left alone."""

    path: Path
    root: Path
    name: str
    key: bytes  # of the name, for sorting
    signature: Signature | None
    reason: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FileRow:
    """A file that the ledger knows; see the table."""

    id: int
    path: Path
    name: str
    place: int | None
    digest: str | None
    pages: int | None
    signature: Signature
    reason: str
    detail: str
    seconds: float
    moved_to: Path | None

    @property
    def path_now(self) -> Path:
        return self.moved_to or self.path


@dataclass(frozen=True, slots=True)
class ReadField:
    """A field as it was read, without what only its page needs; `box` is x, y, width and height."""

    digest: str
    page: int
    form: str
    name: str
    value: str
    confidence: float
    status: str
    reason: str
    box: tuple[int, int, int, int]
    read_at: str
    reader: str = ""
    form_version: str = ""

    def is_by(self, reader: Reader) -> bool:
        """Whether it was read with this network, these settings, and this form."""
        return (self.reader, self.form_version) == (reader.key, reader.form_version(self.form))


@dataclass(frozen=True, slots=True)
class RunRow:
    """What one run added: pages read and failed, fields by status; `seconds` is the workers' time for them."""

    started: str
    ended: str
    is_interrupted: int
    pages: int
    failed: int
    accepted: int
    review: int
    blank: int
    seconds: float

    @property
    def straight_through(self) -> float | None:
        """The part of its filled fields that needs no person; None where there are none."""
        filled = self.accepted + self.review
        return self.accepted / filled if filled else None


def now_text() -> str:
    """The time, so that later ones sort behind."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def file_of(row: sqlite3.Row) -> FileRow:
    return FileRow(
        row["id"],
        Path(os.fsdecode(row["path"])),
        row["name"],
        row["place"],
        row["digest"],
        row["pages"],
        Signature(row["size"], row["mtime_ns"], row["ctime_ns"]),
        row["reason"],
        row["detail"],
        row["seconds"],
        None if row["moved_to"] is None else Path(os.fsdecode(row["moved_to"])),
    )


def is_current(row: sqlite3.Row, reader: Reader) -> bool:
    """Whether the page would be read just so again."""
    is_asked_for = reader.redo == "all" or (reader.redo == "failed" and row["status"] == "failed")
    if is_asked_for and row["read_at"] < reader.since:
        return False
    if row["reader"] == "":
        return True  # it failed before anything was read
    is_drawn = row["overlay"] != "" or not reader.overlay or row["status"] == "failed"
    return row["reader"] == reader.key and row["form_version"] == reader.form_version(row["form"]) and is_drawn


def read_field_of(row: sqlite3.Row) -> ReadField:
    return ReadField(
        digest=row["digest"],
        page=row["page"],
        form=row["form"],
        name=row["name"],
        value=row["value"],
        confidence=row["confidence"],
        status=row["status"],
        reason=row["reason"],
        box=(row["x"], row["y"], row["width"], row["height"]),
        read_at=row["read_at"],
        reader=row["reader"],
        form_version=row["form_version"],
    )


def row_of_page(result: PageResult, reader: Reader) -> dict[str, object]:
    if isinstance(result, PageFailure):
        made_no_difference = result.reason in FAILURE_REASONS
        return {
            "reader": "" if made_no_difference else reader.key,
            "form": "",
            "form_version": "" if made_no_difference else reader.unknown,
            "status": "failed",
            "reason": result.reason,
            "detail": result.detail,
            "seconds": result.seconds,
            "form_page": 0,
            "serial": "",
            "thumbnail": result.thumbnail,
        }
    return {
        "reader": reader.key,
        "form": result.form,
        "form_version": reader.form_version(result.form) or "",
        "status": "read",
        "reason": result.reason,
        "detail": result.detail,
        "seconds": result.seconds,
        "residual_mm": result.residual_mm,
        "form_page": result.form_page,
        "serial": result.serial,
        "thumbnail": "",
    }


def reading_of(name: str, row: sqlite3.Row, fields: tuple[FieldReading, ...]) -> PageReading:
    return PageReading(
        name,
        row["page"],
        fields,
        row["seconds"],
        row["form"],
        row["reason"],
        row["detail"],
        row["residual_mm"],
        row["form_page"],
        row["serial"],
    )


def row_of_field(field: FieldReading) -> tuple[object, ...]:
    return (
        *(field.name, field.value, field.confidence, field.status, field.reason, field.cells),
        json.dumps(field.digit_confidences),
        *field.box_xywh,
        np.asarray(field.cell_quads, "<f4").tobytes(),
        json.dumps(field.alternatives),
        field.crop,
        *(int(field.is_boxed), field.side_share),
    )


def field_of(row: sqlite3.Row) -> FieldReading:
    quads = np.frombuffer(row["quads"], "<f4").reshape(-1, 4, 2).tolist()
    return FieldReading(
        name=row["name"],
        value=row["value"],
        confidence=row["confidence"],
        status=row["status"],
        reason=row["reason"],
        cells=row["cells"],
        digit_confidences=tuple(json.loads(row["digit_confidences"])),
        box_xywh=(row["x"], row["y"], row["width"], row["height"]),
        cell_quads=tuple(tuple((x, y) for x, y in quad) for quad in quads),
        alternatives=tuple((cells, part) for cells, part in json.loads(row["alternatives"])),
        crop=row["crop"],
        is_boxed=bool(row["is_boxed"]) if "is_boxed" in row.keys() else True,  # noqa: SIM118
        side_share=row["side_share"] if "side_share" in row.keys() else 1.0,  # noqa: SIM118
    )
