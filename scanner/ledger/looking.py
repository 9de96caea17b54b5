"""What those ask of a ledger who only look at it: reviewers, reports, other programs."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from scanner.ledger.rows import ReadField, RunRow, field_of, file_of, read_field_of, reading_of
from scanner.ledger.schema import COUNTS, FILE_QUERY
from scanner.page import FAILURE_REASONS
from scanner.pipeline import PageReading
from scanner.sources import is_there


class Looking:
    """The part of a ledger that writes nothing."""

    _db: sqlite3.Connection

    def page_named(self, name: str, page: int) -> tuple[str, PageReading] | None:
        """A page by the name of its file in the tables: the file's digest, and what was read; None where it was not."""
        row = self._db.execute(
            "SELECT pages.* FROM files JOIN pages USING (digest) "
            "WHERE place IS NOT NULL AND name = ? AND page = ? AND pages.status = 'read'",
            (name, page),
        ).fetchone()
        if row is None:
            return None
        return row["digest"], self._reading(name, row)

    def _reading(self, name: str, row: sqlite3.Row) -> PageReading:
        fields = self._db.execute("SELECT * FROM fields WHERE page_id = ? ORDER BY place", (row["id"],))
        return reading_of(name, row, tuple(map(field_of, fields)))

    def page_of(self, digest: str, page: int) -> PageReading | None:
        """A page as it was read, under the first name of its file; None where it is not in the tables."""
        row = self._db.execute(
            "SELECT files.name AS name, pages.* FROM files JOIN pages USING (digest) "
            "WHERE place IS NOT NULL AND digest = ? AND page = ? AND pages.status = 'read' ORDER BY place LIMIT 1",
            (digest, page),
        ).fetchone()
        return None if row is None else self._reading(row["name"], row)

    def path_of(self, digest: str) -> Path | None:
        """Where a file with this content lies now; None where it is gone."""
        for row in self._db.execute(f"{FILE_QUERY} WHERE digest = ? AND place IS NOT NULL ORDER BY place", (digest,)):
            if is_there(path := file_of(row).path_now):
                return path
        return None

    def read_fields(self) -> Iterator[ReadField]:
        """All fields of the tables, the least sure first."""
        rows = self._db.execute(
            "SELECT DISTINCT pages.digest, pages.page, pages.form, fields.name, fields.value, fields.confidence, "
            "fields.status, fields.reason, x, y, width, height, pages.read_at, pages.reader, pages.form_version "
            "FROM files JOIN pages USING (digest) "
            "JOIN fields ON page_id = pages.id WHERE files.place IS NOT NULL "
            "ORDER BY fields.confidence, pages.digest, pages.page, fields.place"
        )
        for row in rows:
            yield read_field_of(row)

    def version(self) -> int:
        """Changes when another process writes here."""
        return int(self._db.execute("PRAGMA data_version").fetchone()[0])

    def failures_since(self, told: str) -> Iterator[tuple[str, int, str, str]]:
        """File, page, reason and detail of what has failed after this time, or could not be opened now."""
        rows = self._db.execute(
            "SELECT name, page, pages.reason, pages.detail FROM files JOIN pages USING (digest) "
            "WHERE place IS NOT NULL AND pages.status = 'failed' AND files.reason = '' "
            "AND (read_at > ? OR added_at > ?) ORDER BY place, page",
            (told, told),
        )
        yield from map(tuple, rows)
        unopened = "SELECT name, 0, reason, detail FROM files WHERE place IS NOT NULL AND digest IS NULL ORDER BY place"
        yield from (tuple(row) for row in self._db.execute(unopened) if row["reason"] in FAILURE_REASONS)

    def count_left(self, reasons: tuple[str, ...]) -> int:
        """How many files of the tables were left for one of these reasons."""
        marks = ", ".join("?" * len(reasons))
        query = f"SELECT count(*) FROM files WHERE place IS NOT NULL AND reason IN ({marks})"
        return int(self._db.execute(query, reasons).fetchone()[0])

    def runs(self) -> list[RunRow]:
        """Those that read anything, the last one first."""
        rows = self._db.execute("SELECT * FROM runs ORDER BY id DESC")
        return [RunRow(*tuple(row)[1:]) for row in rows]

    def counts(self) -> dict[str, int]:
        """Of the tables: files and what became of them, pages and fields by status."""
        found: dict[str, int] = {}
        for query in COUNTS:
            for name, number in self._db.execute(query):
                found[name] = found.get(name, 0) + number
        return found
