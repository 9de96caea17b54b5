"""What a run folder knows of its files and pages. All tables are exports of it.

SQLite in WAL mode; one process writes, a transaction a page. A page is known by the SHA-256 of its file and its number;
beside it stands what it was read with, so that a changed form or network tells which pages are to be read again.
"""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import asdict, astuple
from datetime import datetime, timedelta
from pathlib import Path

from scanner.errors import OutputError
from scanner.fields import ACCEPTED
from scanner.ledger.listing import Listing
from scanner.ledger.looking import Looking
from scanner.ledger.rows import (
    FileRow,
    Reader,
    RunRow,
    file_of,
    is_current,
    now_text,
    row_of_field,
    row_of_page,
)
from scanner.ledger.schema import FILE_QUERY, GONE, NAME, ledger_errors, open_to_look, open_to_write
from scanner.opening import Hash, Signature
from scanner.pipeline import PageFailure, PageReading, PageResult

CHUNK = 500  # files in memory at once


class Ledger(Looking):
    """The ledger of a run folder.

    Raises:
        OutputError: on opening, where it cannot be written, or is of another program or a newer scanner.
        NoInputError: there is none where one must be.
    """

    def __init__(self, folder: Path, *, to_look: bool = False) -> None:
        """Open it, or make it; `to_look` only, where there must be one, and nothing is written."""
        self.path = folder / NAME
        self._db = open_to_look(self.path) if to_look else open_to_write(self.path)
        self._latest = ""

    def now(self) -> str:
        """The time; never before anything that is written here, wherever the clock has been."""
        if not self._latest:
            told = "SELECT max(coalesce((SELECT max(read_at) FROM pages), ''), coalesce(max(added_at), '')) FROM files"
            self._latest = str(self._db.execute(told).fetchone()[0] or "")
        now = now_text()
        if now <= self._latest:
            now = (datetime.fromisoformat(self._latest) + timedelta(microseconds=1)).isoformat(timespec="microseconds")
        self._latest = now
        return now

    def close(self) -> None:
        self._db.close()

    def copy_to(self, folder: Path) -> None:
        """Make another one of the same content in another folder."""
        with closing(sqlite3.connect(folder / NAME)) as copy:
            self._db.backup(copy)

    def check_there(self) -> None:
        """Raises OutputError: somebody has taken the file away, and what was written into it is lost."""
        if not self.path.exists():
            raise OutputError(
                f"{self.path}: was removed during the run; the tables are complete, but the next run reads all anew"
            )

    def __enter__(self) -> "Ledger":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All that the block writes, or nothing; inside another one it is a part of that."""
        if self._db.in_transaction:
            yield
            return
        with ledger_errors(self.path):
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                with suppress(sqlite3.Error):  # a full disk has rolled back already
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    # --- files

    @contextmanager
    def listing(self) -> Iterator["Listing"]:
        """Say anew which files the tables are of; they are in order when the block ends."""
        self._db.execute("UPDATE files SET place = NULL WHERE place IS NOT NULL")
        listing = Listing(self._db, self.now)
        yield listing
        listing.make_names_unique()
        self._db.execute(
            "UPDATE files SET place = ordered.place FROM "
            "(SELECT id, row_number() OVER (ORDER BY key, name) AS place FROM files WHERE place IS NOT NULL) "
            "AS ordered WHERE files.id = ordered.id"
        )

    def put_looked(self, path: Path, found: Hash, pages: int) -> None:
        """What a file is, and how many pages it has; none where it failed as a whole."""
        values = {
            **asdict(found.signature),
            **{"digest": found.digest, "hashed_ns": found.hashed_ns, "pages": pages, "path": os.fsencode(path)},
        }
        for place in ("path = :path AND moved_to IS NULL", "moved_to = :path"):  # each has its index
            self._db.execute(
                "UPDATE files SET digest = :digest, size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns, "
                f"hashed_ns = :hashed_ns, pages = :pages, reason = '', detail = '' WHERE {place}",
                values,
            )
        if pages:  # it may have failed as a whole with an earlier scanner
            self._db.execute("DELETE FROM pages WHERE digest = ? AND page = 0", (found.digest,))

    def put_left(self, path: Path, reason: str, detail: str, seconds: float = 0.0) -> None:
        """A file that could not be opened, or that is left for the next run; it is looked at again then."""
        self._db.execute(
            "UPDATE files SET digest = NULL, pages = NULL, reason = ?, detail = ?, seconds = ? "
            "WHERE path = ? AND moved_to IS NULL",
            (reason, detail, seconds, os.fsencode(path)),
        )
        # One that scanner has moved keeps what was read of it.
        self._db.execute(f"UPDATE files SET reason = '{GONE}' WHERE moved_to = ?", (os.fsencode(path),))

    def put_moved(self, file: FileRow, target: Path, signature: Signature) -> None:
        """Where scanner itself has moved a file, and its signature there."""
        self._db.execute(
            "UPDATE files SET moved_to = ?, size = ?, mtime_ns = ?, ctime_ns = ? WHERE id = ?",
            (os.fsencode(target), signature.size, signature.mtime_ns, signature.ctime_ns, file.id),
        )

    def files(self) -> Iterator[FileRow]:
        """Those of the tables, in their order; may be written to meanwhile."""
        place = -1
        while rows := self._db.execute(
            f"{FILE_QUERY} WHERE place > ? ORDER BY place LIMIT {CHUNK}", (place,)
        ).fetchall():
            yield from map(file_of, rows)
            place = rows[-1]["place"]

    def first_of(self, file: FileRow) -> str | None:
        """The name of the file in the tables, before this one, that has the same content."""
        row = self._db.execute(
            "SELECT name FROM files WHERE digest = ? AND place < ? ORDER BY place LIMIT 1",
            (file.digest, file.place),
        ).fetchone()
        return None if row is None else str(row["name"])

    def forget_renamed(self) -> int:
        """Leave out for good what is gone, and there under another name; how many they are."""
        is_gone = f"reason = '{GONE}' AND moved_to IS NULL"
        return self._db.execute(
            f"DELETE FROM files WHERE place IS NOT NULL AND {is_gone} AND digest IN (SELECT digest FROM files "
            f"WHERE place IS NOT NULL AND digest IS NOT NULL AND NOT ({is_gone}))"
        ).rowcount

    def read_again_what_has_crops(self) -> None:
        """For the case that somebody has cleared the pictures away."""
        self._db.execute("UPDATE pages SET reader = 'again' WHERE id IN (SELECT page_id FROM fields WHERE crop != '')")

    def read_again_for_crops(self, is_sure: Callable[[str, str, float], bool]) -> None:
        """For accepted fields that have none, and are not sure enough any more: form, name and confidence tell."""
        rows = self._db.execute(
            "SELECT pages.id, pages.form, name, confidence FROM fields JOIN pages ON page_id = pages.id "
            f"WHERE fields.status = '{ACCEPTED}' AND fields.reason = '' AND crop = ''"
        )
        pages = {(row["id"],) for row in rows if not is_sure(row["form"], row["name"], row["confidence"])}
        self._db.executemany("UPDATE pages SET reader = 'again' WHERE id = ?", pages)

    # --- pages

    def missing(self, digest: str, pages: int, reader: Reader) -> list[int]:
        """The pages of a file that are still to be read with this reader; page 0 is the file as a whole."""
        rows = self._db.execute("SELECT * FROM pages WHERE digest = ?", (digest,)).fetchall()
        current = {row["page"] for row in rows if is_current(row, reader)}
        return [page for page in (range(1, pages + 1) if pages else [0]) if page not in current]

    def put_page(self, digest: str, result: PageResult, reader: Reader, overlay: str = "") -> None:
        """A page as read, or why it could not be; in the place of what was known of it."""
        page_id = self._db.execute(
            "SELECT id FROM pages WHERE digest = ? AND page = ?", (digest, result.page)
        ).fetchone()
        if page_id is not None:
            self._discard(page_id["id"])
        row = row_of_page(result, reader)
        marks = ", ".join("?" * (len(row) + 4))
        cursor = self._db.execute(
            f"INSERT INTO pages (digest, page, overlay, read_at, {', '.join(row)}) VALUES ({marks})",
            (digest, result.page, overlay, self.now(), *row.values()),
        )
        if isinstance(result, PageReading):
            self._db.executemany(
                f"INSERT INTO fields VALUES ({', '.join('?' * 18)})",
                ((cursor.lastrowid, place, *row_of_field(field)) for place, field in enumerate(result.fields)),
            )
            kept = {overlay, *(field.crop for field in result.fields)}
        else:
            kept = {result.thumbnail}
        self._db.executemany("DELETE FROM stale WHERE path = ?", [(path,) for path in kept if path])

    def _discard(self, page_id: int) -> None:
        self._db.execute(
            "INSERT OR IGNORE INTO stale SELECT crop FROM fields WHERE page_id = :id AND crop != '' "
            "UNION SELECT overlay FROM pages WHERE id = :id AND overlay != '' "
            "UNION SELECT thumbnail FROM pages WHERE id = :id AND thumbnail != ''",
            {"id": page_id},
        )
        self._db.execute("DELETE FROM pages WHERE id = ?", (page_id,))

    def results(self, file: FileRow, reader: Reader) -> Iterator[PageResult]:
        """The pages of a file as they were read with this reader, in order; of a file that is gone, with any."""
        if file.digest is None:
            return
        for row in self._db.execute("SELECT * FROM pages WHERE digest = ? ORDER BY page", (file.digest,)).fetchall():
            if file.reason != GONE and not is_current(row, reader):
                continue
            if row["status"] == "failed":
                yield PageFailure(
                    file.name, row["page"], row["reason"], row["detail"], row["seconds"], row["thumbnail"]
                )
            else:
                yield self._reading(file.name, row)

    def stale_pictures(self) -> list[str]:
        """Paths in the output folder that no page has any more."""
        return [row["path"] for row in self._db.execute("SELECT path FROM stale")]

    def clear_stale(self) -> None:
        self._db.execute("DELETE FROM stale")

    def state(self) -> str:
        """Of all that the tables are made of: the same only if they would be the same."""
        digest = hashlib.sha256()
        for row in self._db.execute(
            "SELECT name, digest, pages, reason, detail FROM files WHERE place IS NOT NULL ORDER BY place"
        ):
            digest.update(repr(tuple(row)).encode(errors="surrogateescape"))
        pages = self._db.execute("SELECT count(*), max(read_at) FROM pages").fetchone()
        digest.update(repr(tuple(pages)).encode())
        return digest.hexdigest()

    def put_run(self, run: RunRow) -> None:
        self._db.execute(f"INSERT INTO runs VALUES (NULL, {', '.join('?' * len(astuple(run)))})", astuple(run))

    def note(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def put_note(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))
