"""The book of a run folder: who has said what of which field, and when. Nothing in it is ever changed.

SQLite in WAL mode, beside the ledger, as people write while a run does. A field is known by the SHA-256 of its file,
its page, form and name; beside that stands where it lay, so that a later reading tells whether it is still the same.
"""

import hashlib
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from scanner.errors import OutputError
from scanner.ledger import share_with_owner

NAME = "review.db"
APPLICATION_ID = 0x5363_5265  # "ScRe": tells our databases from others
VERSION = 1
SAMPLE_SALT = b"quality"  # of the order in which fields are looked at by lot
WAIT_S = 10.0  # for others who write

Way: TypeAlias = Literal["table", "key", "group", "double", "sample"]
"""How something was said: in a table, by keys in the browser, of many at once, blind for a second time, of a sample."""

SCHEMA = """
CREATE TABLE verdicts (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL, page INTEGER NOT NULL, form TEXT NOT NULL, field TEXT NOT NULL,
    value TEXT NOT NULL, cells TEXT NOT NULL,
    is_readable INTEGER NOT NULL, is_exact INTEGER NOT NULL,
    seen_value TEXT NOT NULL, seen_cells TEXT NOT NULL, seen_status TEXT NOT NULL,  -- what the machine had read
    x INTEGER NOT NULL, y INTEGER NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
    who TEXT NOT NULL, way TEXT NOT NULL, at TEXT NOT NULL, seconds REAL
);
CREATE INDEX verdicts_by_field ON verdicts (digest, page, form, field);
CREATE TABLE cells (            -- single boxes, looked at many at once
    digest TEXT NOT NULL, page INTEGER NOT NULL, form TEXT NOT NULL, field TEXT NOT NULL, cell INTEGER NOT NULL,
    seen TEXT NOT NULL, is_right INTEGER NOT NULL, who TEXT NOT NULL, at TEXT NOT NULL,
    PRIMARY KEY (digest, page, form, field, cell)
) WITHOUT ROWID;
CREATE TABLE undone (           -- verdicts taken back
    verdict_id INTEGER PRIMARY KEY REFERENCES verdicts (id), who TEXT NOT NULL, at TEXT NOT NULL
);
"""
STANDING = "SELECT * FROM verdicts WHERE id NOT IN (SELECT verdict_id FROM undone)"


@dataclass(frozen=True, slots=True, order=True)
class FieldKey:
    """What field is meant, however its file is called."""

    digest: str
    page: int
    form: str
    field: str


def place_in_sample(key: FieldKey) -> float:
    """Where a field stands, from 0 to 1, in an order that depends on nothing but chance."""
    told = repr((key.digest, key.page, key.field)).encode()
    return int.from_bytes(hashlib.blake2b(told, key=SAMPLE_SALT, digest_size=8).digest(), "big") / 2**64


@dataclass(frozen=True, slots=True)
class Verdict:
    """What somebody has said of a field.

    Attributes:
        key: the field.
        value, cells: what is written there.
        is_readable: whether it can be read at all; `value` is empty where not.
        is_exact: whether each of `cells` is what stands in that box; else the number is right, its place is not known.
        seen_value, seen_cells, seen_status: as the machine had read it.
        box: x, y, width and height of the field on its page, in pixels.
        who, way: who said so, and how.
        at: when, in UTC; later ones sort behind.
        seconds: that it took, if known.
    """

    key: FieldKey
    value: str
    cells: str
    is_readable: bool
    is_exact: bool
    seen_value: str
    seen_cells: str
    seen_status: str
    box: tuple[int, int, int, int]
    who: str
    way: Way
    at: str
    seconds: float | None = None

    def says_same(self, other: "Verdict") -> bool:
        return (self.value, self.is_readable) == (other.value, other.is_readable)


class Book:
    """The book of a run folder; it is made when something is first written into it.

    Raises:
        OutputError: it cannot be opened, or is of another program or a newer scanner.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._db: sqlite3.Connection | None = None
        if self.path.exists():
            self._open()

    def close(self) -> None:
        if self._db is not None:
            self._db.close()
            self._db = None

    def __enter__(self) -> "Book":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def add(self, verdicts: Iterable[Verdict]) -> None:
        """Write them all, or none."""
        db = self._db or self._open()
        with _errors(self.path), _transaction(db):
            db.executemany(
                f"INSERT INTO verdicts VALUES (NULL, {', '.join('?' * 19)})",
                [
                    (
                        *astuple(each.key),
                        *(each.value, each.cells, each.is_readable, each.is_exact),
                        *(each.seen_value, each.seen_cells, each.seen_status, *each.box),
                        *(each.who, each.way, each.at, each.seconds),
                    )
                    for each in verdicts
                ],
            )

    def add_cells(self, looked_at: Iterable[tuple[FieldKey, int, str, bool]], who: str, at: str) -> None:
        """Write which boxes hold what was `seen` in them: field, number of the box, character, whether it is right."""
        db = self._db or self._open()
        with _errors(self.path), _transaction(db):
            db.executemany(
                "INSERT OR REPLACE INTO cells VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [(*astuple(key), cell, seen, is_right, who, at) for key, cell, seen, is_right in looked_at],
            )

    def cells(self) -> Iterator[tuple[FieldKey, int, str, bool]]:
        """The boxes that were looked at one by one, as `add_cells` takes them."""
        for row in self._select("SELECT * FROM cells"):
            key = FieldKey(row["digest"], row["page"], row["form"], row["field"])
            yield key, row["cell"], row["seen"], bool(row["is_right"])

    def last_of(self, who: str) -> Verdict | None:
        """The last that this person has said and not taken back; None where there is nothing."""
        rows = self._select(f"{STANDING} AND who = ? ORDER BY id DESC LIMIT 1", (who,))
        return _verdict_of(rows[0]) if rows else None

    def undo_last(self, who: str, at: str) -> Verdict | None:
        """Take back the last that this person has said and not taken back; None where there is nothing."""
        if not self.path.exists():
            return None
        db = self._db or self._open()
        with _errors(self.path), _transaction(db):
            row = db.execute(f"{STANDING} AND who = ? ORDER BY id DESC LIMIT 1", (who,)).fetchone()
            if row is None:
                return None
            db.execute("INSERT INTO undone VALUES (?, ?, ?)", (row["id"], who, at))
        return _verdict_of(row)

    def of_page(self, digest: str, page: int) -> list[Verdict]:
        """What was said, and stands, of the fields of a page; the earliest first."""
        rows = self._select(f"{STANDING} AND digest = ? AND page = ? ORDER BY id", (digest, page))
        return list(map(_verdict_of, rows))

    def all(self) -> Iterator[Verdict]:
        """All that stands, page by page; of each the earliest first."""
        yield from map(_verdict_of, self._select(f"{STANDING} ORDER BY digest, page, id"))

    def state(self) -> str:
        """Changes when anything is said or taken back."""
        counts = self._select("SELECT (SELECT count(*) FROM verdicts), (SELECT count(*) FROM undone)")
        return "".join("{}/{}".format(*row) for row in counts)

    def _select(self, query: str, values: tuple[object, ...] = ()) -> list[sqlite3.Row]:
        """Rows of a query; none where there is no book yet. Another process may have made it meanwhile."""
        if self._db is None and self.path.exists():
            self._open()
        if self._db is None:
            return []
        with _errors(self.path):
            return self._db.execute(query, values).fetchall()

    def _open(self) -> sqlite3.Connection:
        with _errors(self.path):
            # The threads of a server take turns; see `scanner.web`.
            is_ours = os.access(self.path if self.path.exists() else self.path.parent, os.W_OK)
            place = str(self.path) if is_ours else f"{self.path.absolute().as_uri()}?mode=ro"  # others may look
            db = sqlite3.connect(place, isolation_level=None, timeout=WAIT_S, check_same_thread=False, uri=not is_ours)
            db.row_factory = sqlite3.Row
            if is_ours:
                _make_ready(db)
            else:
                db.execute("SELECT count(*) FROM sqlite_master")
                share_with_owner(self.path)
            if db.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
                raise OutputError(f"{self.path}: is not of scanner; move it away")
            if (version := db.execute("PRAGMA user_version").fetchone()[0]) != VERSION:
                raise OutputError(
                    f"{self.path}: is of version {version}, this scanner writes {VERSION}; update scanner"
                )
        self._db = db
        return db


def _make_ready(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")  # what a person has typed must last through a power cut
    with _transaction(db):
        if not db.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            for statement in SCHEMA.split(";\n"):
                db.execute(statement)
            db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            db.execute(f"PRAGMA user_version = {VERSION}")


def _verdict_of(row: sqlite3.Row) -> Verdict:
    return Verdict(
        key=FieldKey(row["digest"], row["page"], row["form"], row["field"]),
        value=row["value"],
        cells=row["cells"],
        is_readable=bool(row["is_readable"]),
        is_exact=bool(row["is_exact"]),
        seen_value=row["seen_value"],
        seen_cells=row["seen_cells"],
        seen_status=row["seen_status"],
        box=(row["x"], row["y"], row["width"], row["height"]),
        who=row["who"],
        way=row["way"],
        at=row["at"],
        seconds=row["seconds"],
    )


@contextmanager
def _transaction(db: sqlite3.Connection) -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


@contextmanager
def _errors(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise OutputError(
            f"{path}: {error}; nothing was kept of what was just said: see to its disk, and say it again"
        ) from error
