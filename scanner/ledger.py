"""run.db: what a run folder knows of its files and pages. All tables are exports of it.

SQLite in WAL mode; one process writes, a transaction a page. A page is known by the SHA-256 of its file and its number;
beside it stands what it was read with, so that a changed form or network tells which pages are to be read again.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, astuple, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from scanner.errors import NoInputError, OutputError
from scanner.fields import FieldReading
from scanner.page import FAILURE_REASONS, Hash, Signature
from scanner.pipeline import PageFailure, PageReading, PageResult
from scanner.sources import natural_key

NAME = "run.db"
APPLICATION_ID = 0x5363_616E  # "Scan": tells our databases from others
VERSION = 1
CHUNK = 500  # files in memory at once
GONE = "gone"  # the reason of a file that was read and is there no more
SETTLED_NS = 2 * 10**9  # a file changed later than this before it was hashed may have changed again unseen

Redo: TypeAlias = Literal["nothing", "failed", "all"]

SCHEMA = """
CREATE TABLE files (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL,         -- absolute, as the file system spells it
    root BLOB NOT NULL,         -- the folder below which its name starts
    name TEXT NOT NULL,         -- as in the tables
    key BLOB NOT NULL,          -- sorts as the names are counted
    place INTEGER,              -- among the files of the tables; NULL: not in them
    size INTEGER, mtime_ns INTEGER, ctime_ns INTEGER, hashed_ns INTEGER,
    digest TEXT,                -- SHA-256; NULL: not opened yet, or it cannot be
    pages INTEGER,              -- 0: it failed as a whole
    reason TEXT NOT NULL DEFAULT '', detail TEXT NOT NULL DEFAULT '',  -- why it was not opened, or not all was read
    seconds REAL NOT NULL DEFAULT 0,
    moved_to BLOB
);
CREATE UNIQUE INDEX files_by_path ON files (path) WHERE moved_to IS NULL;
CREATE INDEX files_by_place ON files (place) WHERE place IS NOT NULL;
CREATE INDEX files_by_digest ON files (digest);
CREATE INDEX files_by_name ON files (name) WHERE place IS NOT NULL;
CREATE TABLE pages (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL, page INTEGER NOT NULL,
    reader TEXT NOT NULL,       -- network and settings it was read with; empty where they made no difference
    form TEXT NOT NULL, form_version TEXT NOT NULL,  -- without a form: the version of all that were looked for
    status TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    seconds REAL NOT NULL, residual_mm REAL, form_page INTEGER NOT NULL, serial TEXT NOT NULL,
    overlay TEXT NOT NULL, thumbnail TEXT NOT NULL, read_at TEXT NOT NULL,
    UNIQUE (digest, page)
);
CREATE TABLE fields (
    page_id INTEGER NOT NULL REFERENCES pages (id) ON DELETE CASCADE, place INTEGER NOT NULL,
    name TEXT NOT NULL, value TEXT NOT NULL, confidence REAL NOT NULL, status TEXT NOT NULL, reason TEXT NOT NULL,
    cells TEXT NOT NULL, digit_confidences TEXT NOT NULL,
    x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    quads BLOB NOT NULL,        -- (cells, 4, 2) float32
    alternatives TEXT NOT NULL, crop TEXT NOT NULL,
    PRIMARY KEY (page_id, place)
) WITHOUT ROWID;
CREATE TABLE runs (             -- one row a run: what it added
    id INTEGER PRIMARY KEY, started TEXT NOT NULL, ended TEXT NOT NULL, is_interrupted INTEGER NOT NULL,
    pages INTEGER NOT NULL, failed INTEGER NOT NULL,
    accepted INTEGER NOT NULL, review INTEGER NOT NULL, blank INTEGER NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE notes (            -- what a run leaves for the next
    key TEXT PRIMARY KEY, value TEXT NOT NULL
);
CREATE TABLE stale (            -- pictures that no page has any more
    path TEXT NOT NULL
);
"""


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


class Ledger:
    """The ledger of a run folder.

    Raises:
        OutputError: on opening, where it cannot be written, or is of another program or a newer scanner.
        NoInputError: there is none where one must be.
    """

    def __init__(self, folder: Path, *, to_look: bool = False) -> None:
        """Open it, or make it; `to_look` only, where there must be one, and nothing is written."""
        self.path = folder / NAME
        if to_look and not self.path.exists():
            raise NoInputError(f"{folder}: no {NAME} in it; name the output folder of a run")
        with ledger_errors(self.path):
            self._db = self._look() if to_look else sqlite3.connect(self.path, isolation_level=None)
            self._db.row_factory = sqlite3.Row
            if not to_look and not self._number("SELECT count(*) FROM sqlite_master"):
                self._create()
            self._check()
            if not to_look:
                self._db.execute("PRAGMA journal_mode = WAL")
                self._db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last pages, never the ledger
                self._db.execute("PRAGMA foreign_keys = ON")

    def _look(self) -> sqlite3.Connection:
        """Without writing anything, even where nothing can be written."""
        uri = f"{self.path.absolute().as_uri()}?mode=ro"
        try:
            db = sqlite3.connect(uri, uri=True)
            db.execute("SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            db = sqlite3.connect(f"{uri}&immutable=1", uri=True)
        return db

    def close(self) -> None:
        self._db.close()

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
        listing = Listing(self._db)
        yield listing
        listing.make_names_unique()
        self._db.execute(
            "UPDATE files SET place = ordered.place FROM "
            "(SELECT id, row_number() OVER (ORDER BY key, name) AS place FROM files WHERE place IS NOT NULL) "
            "AS ordered WHERE files.id = ordered.id"
        )

    def put_looked(self, path: Path, found: Hash, pages: int) -> None:
        """What a file is, and how many pages it has; none where it failed as a whole."""
        self._db.execute(
            "UPDATE files SET digest = :digest, size = :size, mtime_ns = :mtime_ns, ctime_ns = :ctime_ns, "
            "hashed_ns = :hashed_ns, pages = :pages, reason = '', detail = '' "
            "WHERE (path = :path AND moved_to IS NULL) OR moved_to = :path",
            {
                **asdict(found.signature),
                **{"digest": found.digest, "hashed_ns": found.hashed_ns, "pages": pages, "path": os.fsencode(path)},
            },
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
            yield from map(_file, rows)
            place = rows[-1]["place"]

    def first_of(self, file: FileRow) -> str | None:
        """The name of the file in the tables, before this one, that has the same content."""
        row = self._db.execute(
            f"SELECT name FROM files WHERE digest = ? AND place < ? AND NOT {IS_RENAMED} ORDER BY place LIMIT 1",
            (file.digest, file.place),
        ).fetchone()
        return None if row is None else str(row["name"])

    def is_renamed(self, file: FileRow) -> bool:
        """Whether a file that is gone is there under another name."""
        query = f"SELECT 1 FROM files WHERE digest = ? AND place IS NOT NULL AND NOT {IS_RENAMED}"
        is_gone = file.reason == GONE and file.moved_to is None
        return is_gone and self._db.execute(query, (file.digest,)).fetchone() is not None

    def read_again_what_has_crops(self) -> None:
        """For the case that somebody has cleared the pictures away."""
        self._db.execute("UPDATE pages SET reader = 'again' WHERE id IN (SELECT page_id FROM fields WHERE crop != '')")

    # --- pages

    def missing(self, digest: str, pages: int, reader: Reader) -> list[int]:
        """The pages of a file that are still to be read with this reader; page 0 is the file as a whole."""
        rows = self._db.execute("SELECT * FROM pages WHERE digest = ?", (digest,)).fetchall()
        current = {row["page"] for row in rows if _is_current(row, reader)}
        return [page for page in (range(1, pages + 1) if pages else [0]) if page not in current]

    def put_page(self, digest: str, result: PageResult, reader: Reader, overlay: str = "") -> None:
        """A page as read, or why it could not be; in the place of what was known of it."""
        page_id = self._db.execute(
            "SELECT id FROM pages WHERE digest = ? AND page = ?", (digest, result.page)
        ).fetchone()
        if page_id is not None:
            self._discard(page_id["id"])
        row = _page_row(result, reader)
        marks = ", ".join("?" * (len(row) + 4))
        cursor = self._db.execute(
            f"INSERT INTO pages (digest, page, overlay, read_at, {', '.join(row)}) VALUES ({marks})",
            (digest, result.page, overlay, now_text(), *row.values()),
        )
        if isinstance(result, PageReading):
            self._db.executemany(
                f"INSERT INTO fields VALUES ({', '.join('?' * 16)})",
                ((cursor.lastrowid, place, *_field_row(field)) for place, field in enumerate(result.fields)),
            )
            kept = {overlay, *(field.crop for field in result.fields)}
        else:
            kept = {result.thumbnail}
        self._db.executemany("DELETE FROM stale WHERE path = ?", [(path,) for path in kept if path])

    def _discard(self, page_id: int) -> None:
        self._db.execute(
            "INSERT INTO stale SELECT crop FROM fields WHERE page_id = :id AND crop != '' "
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
            if file.reason != GONE and not _is_current(row, reader):
                continue
            if row["status"] == "failed":
                yield PageFailure(
                    file.name, row["page"], row["reason"], row["detail"], row["seconds"], row["thumbnail"]
                )
            else:
                fields = self._db.execute("SELECT * FROM fields WHERE page_id = ? ORDER BY place", (row["id"],))
                yield _reading(file.name, row, tuple(map(_field, fields)))

    def stale_pictures(self) -> list[str]:
        """Paths in the output folder that no page has any more."""
        return [row["path"] for row in self._db.execute("SELECT path FROM stale")]

    def clear_stale(self) -> None:
        self._db.execute("DELETE FROM stale")

    def state(self) -> str:
        """Of all that the tables are made of: the same only if they would be the same."""
        digest = hashlib.sha256()
        for row in self._db.execute(
            "SELECT name, digest, pages, reason, detail, seconds FROM files WHERE place IS NOT NULL ORDER BY place"
        ):
            digest.update(repr(tuple(row)).encode(errors="surrogateescape"))
        pages = self._db.execute("SELECT count(*), max(read_at) FROM pages").fetchone()
        digest.update(repr(tuple(pages)).encode())
        return digest.hexdigest()

    def put_run(self, run: RunRow) -> None:
        self._db.execute(f"INSERT INTO runs VALUES (NULL, {', '.join('?' * len(astuple(run)))})", astuple(run))

    def runs(self) -> list[RunRow]:
        """Those that read anything, the last one first."""
        rows = self._db.execute("SELECT * FROM runs ORDER BY id DESC")
        return [RunRow(*tuple(row)[1:]) for row in rows]

    def note(self, key: str) -> str | None:
        row = self._db.execute("SELECT value FROM notes WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row["value"])

    def put_note(self, key: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (key, value))

    def counts(self) -> dict[str, int]:
        """Of the tables: files and what became of them, pages and fields by status."""
        found: dict[str, int] = {}
        for query in COUNTS:
            for name, number in self._db.execute(query):
                found[name] = found.get(name, 0) + number
        return found

    # --- the database

    def _create(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")
        for statement in SCHEMA.split(";\n"):
            self._db.execute(statement)
        self._db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._db.execute(f"PRAGMA user_version = {VERSION}")
        self._db.execute("COMMIT")

    def _check(self) -> None:
        if self._number("PRAGMA application_id") != APPLICATION_ID:
            raise OutputError(f"{self.path}: is not of scanner; choose another folder with --output")
        if (version := self._number("PRAGMA user_version")) != VERSION:
            raise OutputError(
                f"{self.path}: is of version {version}, this scanner writes {VERSION}; choose another folder with "
                "--output"
            )

    def _number(self, query: str) -> int:
        return int(self._db.execute(query).fetchone()[0])


@contextmanager
def ledger_errors(path: Path) -> Iterator[None]:
    """What SQLite says of a ledger, in words that help."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        told = str(error)
        if "lock" in told:
            help_ = "another program holds it; close that, and start again"
        elif "readonly" in told or "unable to open" in told:
            help_ = "see to its permissions, or choose another folder with --output"
        elif "full" in told or "disk I/O" in told:
            help_ = "make room, or choose another folder with --output"
        else:
            help_ = "it is damaged: move it away, and everything is read anew"
        raise OutputError(f"{path}: {told}; {help_}") from error


class Listing:
    """Which files the tables are of, while that is being said."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        db.create_function("is_there", 1, os.path.lexists)

    def put(self, entry: FileEntry) -> None:
        """One that was found. What was known of it stays known, if it is still the same."""
        path = os.fsencode(entry.path)
        known = None if entry.signature is None else self._known(path, entry.signature)
        if known is not None:
            self._db.execute(
                "UPDATE files SET place = 0, root = ?, name = ?, key = ?, reason = '', detail = '' WHERE id = ?",
                (os.fsencode(entry.root), entry.name, entry.key, known),
            )
            return
        self._db.execute(
            "INSERT INTO files (place, path, root, name, key, reason, detail) VALUES (0, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (path) WHERE moved_to IS NULL DO UPDATE SET place = 0, root = excluded.root, "
            "name = excluded.name, key = excluded.key, reason = excluded.reason, detail = excluded.detail, "
            "digest = NULL, pages = NULL",
            (path, os.fsencode(entry.root), entry.name, entry.key, entry.reason, entry.detail),
        )

    def _known(self, path: bytes, signature: Signature) -> int | None:
        """The file at this path, where it is surely still the one that was hashed."""
        row = self._db.execute(
            "SELECT id FROM files WHERE path = ? AND moved_to IS NULL AND digest IS NOT NULL "
            "AND size = ? AND mtime_ns = ? AND ctime_ns = ? AND max(mtime_ns, ctime_ns) < hashed_ns - ?",
            (path, signature.size, signature.mtime_ns, signature.ctime_ns, SETTLED_NS),
        ).fetchone()
        return None if row is None else int(row["id"])

    def keep_below(self, folders: Iterable[Path], places: Iterable[Path], *, prune: bool) -> tuple[int, int]:
        """Those that were read and are there no more; how many, and how many of them scanner has not moved.

        Below `folders` all of them, with `prune` those that still lie where scanner has moved them; in `places`, of
        which only some files are read, those that scanner has moved.
        """
        kept = gone = 0
        wanted = [(folder, not prune) for folder in folders] + [(place, False) for place in places]
        for root, with_gone in wanted:
            kept += self._db.execute(
                "UPDATE files SET place = 0, detail = '', reason = CASE WHEN is_there(coalesce(moved_to, path)) "
                f"THEN '' ELSE '{GONE}' END WHERE root = ? AND place IS NULL AND digest IS NOT NULL "
                "AND (moved_to IS NOT NULL OR NOT is_there(path)) AND (? OR is_there(coalesce(moved_to, '')))",
                (os.fsencode(root), with_gone),
            ).rowcount
            gone += self._db.execute(
                f"SELECT count(*) FROM files WHERE root = ? AND place = 0 AND reason = '{GONE}' AND moved_to IS NULL",
                (os.fsencode(root),),
            ).fetchone()[0]
        return kept, gone

    def make_names_unique(self) -> None:
        """`scan1.pdf` was read and moved away: the new one is `scan1~2.pdf`."""
        same = self._db.execute(
            "SELECT id, name FROM files WHERE place IS NOT NULL AND name IN "
            "(SELECT name FROM files WHERE place IS NOT NULL GROUP BY name HAVING count(*) > 1) "
            "ORDER BY name, moved_to IS NULL, id"
        ).fetchall()
        seen: set[str] = set()
        for row in same:
            name = row["name"]
            stem, dot, suffix = name.rpartition(".")
            stem, ending = (stem, f".{suffix}") if dot and stem and "/" not in suffix else (name, "")
            number = 2
            while name in seen or (name != row["name"] and self._is_taken(name)):
                name, number = f"{stem}~{number}{ending}", number + 1
            seen.add(name)
            if name != row["name"]:
                self._db.execute(
                    "UPDATE files SET name = ?, key = ? WHERE id = ?", (name, natural_key(name), row["id"])
                )

    def _is_taken(self, name: str) -> bool:
        query = "SELECT 1 FROM files WHERE place IS NOT NULL AND name = ?"
        return self._db.execute(query, (name,)).fetchone() is not None


IS_RENAMED = f"(reason = '{GONE}' AND moved_to IS NULL)"  # a file that is gone makes none a copy of it
PAGES_READ = "(SELECT count(*) FROM pages WHERE pages.digest = files.digest)"
COUNTS = (
    "SELECT 'files', count(*) FROM files WHERE place IS NOT NULL",
    "SELECT CASE WHEN digest IS NULL AND reason != '' THEN 'file ' || reason "
    f"WHEN digest IS NULL OR {PAGES_READ} < max(pages, 1) THEN 'waiting' ELSE 'done' END, count(*) "
    "FROM files WHERE place IS NOT NULL GROUP BY 1",
    "SELECT 'moved', count(*) FROM files WHERE place IS NOT NULL AND moved_to IS NOT NULL",
    "SELECT 'pages ' || pages.status, count(*) FROM files JOIN pages USING (digest) WHERE place IS NOT NULL GROUP BY 1",
    "SELECT 'failed ' || pages.reason, count(*) FROM files JOIN pages USING (digest) "
    "WHERE files.place IS NOT NULL AND pages.status = 'failed' GROUP BY 1",
    "SELECT 'fields ' || fields.status, count(*) FROM files JOIN pages USING (digest) "
    "JOIN fields ON page_id = pages.id WHERE files.place IS NOT NULL GROUP BY 1",
)
"""What `counts` asks: queries of a name and a number."""
FILE_QUERY = "SELECT * FROM files"


def now_text() -> str:
    """The time, so that later ones sort behind."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _file(row: sqlite3.Row) -> FileRow:
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


def _is_current(row: sqlite3.Row, reader: Reader) -> bool:
    """Whether the page would be read just so again."""
    is_asked_for = reader.redo == "all" or (reader.redo == "failed" and row["status"] == "failed")
    if is_asked_for and row["read_at"] < reader.since:
        return False
    if row["reader"] == "":
        return True  # it failed before anything was read
    is_drawn = row["overlay"] != "" or not reader.overlay or row["status"] == "failed"
    return row["reader"] == reader.key and row["form_version"] == reader.form_version(row["form"]) and is_drawn


def _page_row(result: PageResult, reader: Reader) -> dict[str, object]:
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


def _reading(name: str, row: sqlite3.Row, fields: tuple[FieldReading, ...]) -> PageReading:
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


def _field_row(field: FieldReading) -> tuple[object, ...]:
    return (
        *(field.name, field.value, field.confidence, field.status, field.reason, field.cells),
        json.dumps(field.digit_confidences),
        *field.box_xywh,
        np.asarray(field.cell_quads, "<f4").tobytes(),
        json.dumps(field.alternatives),
        field.crop,
    )


def _field(row: sqlite3.Row) -> FieldReading:
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
    )
