"""The database of a run folder: its tables, how it is opened, and what SQLite's complaints mean."""

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scanner.errors import NoInputError, OutputError

NAME = "run.db"
APPLICATION_ID = 0x5363_616E  # "Scan": tells our databases from others
VERSION = 4
GONE = "gone"  # the reason of a file that was read and is there no more

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
    moved_to BLOB,
    added_at TEXT NOT NULL DEFAULT ''  -- when it was first found
);
CREATE UNIQUE INDEX files_by_path ON files (path) WHERE moved_to IS NULL;
CREATE INDEX files_by_place ON files (place) WHERE place IS NOT NULL;
CREATE INDEX files_by_digest ON files (digest, place);
CREATE INDEX files_by_new_path ON files (moved_to) WHERE moved_to IS NOT NULL;
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
    is_boxed INTEGER NOT NULL DEFAULT 1, side_share REAL NOT NULL DEFAULT 1,
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
    path TEXT PRIMARY KEY
) WITHOUT ROWID;
"""
UPGRADES = {
    1: "ALTER TABLE files ADD COLUMN added_at TEXT NOT NULL DEFAULT ''",
    2: "ALTER TABLE fields ADD COLUMN is_boxed INTEGER NOT NULL DEFAULT 1",
    3: "ALTER TABLE fields ADD COLUMN side_share REAL NOT NULL DEFAULT 1",
}
"""What makes of a ledger of this version one of the next."""

PAGES_READ = "(SELECT count(*) FROM pages WHERE pages.digest = files.digest)"
FILE_QUERY = "SELECT * FROM files"
COUNTED = "files.place IS NOT NULL"
COUNTS = (
    f"SELECT 'files', count(*) FROM files WHERE {COUNTED}",
    "SELECT CASE WHEN digest IS NULL AND reason != '' THEN 'file ' || reason "
    f"WHEN digest IS NULL OR ({PAGES_READ} < max(pages, 1) AND reason != '{GONE}') THEN 'waiting' ELSE 'done' END, "
    "count(*) "
    f"FROM files WHERE {COUNTED} GROUP BY 1",
    f"SELECT 'moved', count(*) FROM files WHERE {COUNTED} AND moved_to IS NOT NULL",
    f"SELECT 'pages ' || pages.status, count(*) FROM files JOIN pages USING (digest) WHERE {COUNTED} GROUP BY 1",
    "SELECT 'failed ' || pages.reason, count(*) FROM files JOIN pages USING (digest) "
    f"WHERE {COUNTED} AND pages.status = 'failed' GROUP BY 1",
    "SELECT 'fields ' || fields.status, count(*) FROM files JOIN pages USING (digest) "
    f"JOIN fields ON page_id = pages.id WHERE {COUNTED} GROUP BY 1",
)
"""What `counts` asks: queries of a name and a number."""


def open_to_write(path: Path) -> sqlite3.Connection:
    """Open the database, or make it.

    Raises:
        OutputError: it cannot be written, or is of another program or a newer scanner.
    """
    with ledger_errors(path):
        db = sqlite3.connect(path, isolation_level=None)
        db.row_factory = sqlite3.Row
        if not _number(db, "SELECT count(*) FROM sqlite_master"):
            _create(db)
        _check(db, path)
        _upgrade(db)
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last pages, never the ledger
        db.execute("PRAGMA foreign_keys = ON")
    return db


def open_to_look(path: Path) -> sqlite3.Connection:
    """Open it without writing anything, even where nothing can be written.

    Raises:
        NoInputError: there is none.
        OutputError: it cannot be read.
    """
    if not os.path.exists(path):  # noqa: PTH110 - Path.exists may raise
        raise NoInputError(f"{path.parent}: no {NAME} in it; name the output folder of a run")
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with ledger_errors(path):
        try:
            db = sqlite3.connect(uri, uri=True)
            _number(db, "SELECT count(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            db = sqlite3.connect(f"{uri}&immutable=1", uri=True)
        db.row_factory = sqlite3.Row
        _check(db, path)
    share_with_owner(path)
    return db


def share_with_owner(path: Path) -> None:
    """What SQLite lays beside a database is of who looks first; who writes to it must be able to write there, too."""
    owner = path.stat()
    for beside in (path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")):
        with suppress(OSError):  # it is not there, or not ours
            if beside.stat().st_uid != owner.st_uid:
                os.chown(beside, -1, owner.st_gid)
                beside.chmod(stat.S_IMODE(owner.st_mode) | stat.S_IRGRP | stat.S_IWGRP)


def _create(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for statement in SCHEMA.split(";\n"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("COMMIT")


def _check(db: sqlite3.Connection, path: Path) -> None:
    if _number(db, "PRAGMA application_id") != APPLICATION_ID:
        raise OutputError(f"{path}: is not of scanner; choose another folder with --output")
    version = _number(db, "PRAGMA user_version")
    if version != VERSION and version not in UPGRADES:
        raise OutputError(
            f"{path}: is of version {version}, this scanner writes {VERSION}; choose another folder with --output"
        )


def _upgrade(db: sqlite3.Connection) -> None:
    db.execute("BEGIN IMMEDIATE")
    for version in range(_number(db, "PRAGMA user_version"), VERSION):
        db.execute(UPGRADES[version])
        db.execute(f"PRAGMA user_version = {version + 1}")
    db.execute("COMMIT")


def _number(db: sqlite3.Connection, query: str) -> int:
    return int(db.execute(query).fetchone()[0])


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
