"""Which files the tables of a run folder are of, and under which names, while that is being said."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from scanner.ledger.rows import FileEntry
from scanner.ledger.schema import GONE
from scanner.opening import Signature
from scanner.remote import is_remote
from scanner.sources import is_out_of_reach, is_there, natural_key

SETTLED_NS = 2 * 10**9  # a file changed later than this before it was hashed may have changed again unseen


class Listing:
    """Which files the tables are of, while that is being said."""

    def __init__(self, db: sqlite3.Connection, now: Callable[[], str]) -> None:
        self._db, self._now = db, now
        db.create_function("is_there", 1, lambda path: bool(path) and is_there(path))
        db.create_function("is_lost", 1, lambda path: not is_there(path) and not is_out_of_reach(_folder_of(path)))
        db.create_function("is_remote", 1, lambda path: is_remote(Path(os.fsdecode(path))))

    def put(self, entry: FileEntry) -> None:
        """One that was found. What was known of it stays known, if it is still the same."""
        path = os.fsencode(entry.path)
        known = None if entry.signature is None or entry.reason else self._known(path, entry.signature)
        if known is not None:
            self._db.execute(
                "UPDATE files SET place = 0, root = ?, name = ?, key = ?, reason = '', detail = '' WHERE id = ?",
                (os.fsencode(entry.root), entry.name, entry.key, known),
            )
            return
        self._db.execute(
            "INSERT INTO files (place, path, root, name, key, reason, detail, size, mtime_ns, hashed_ns, added_at) "
            "VALUES (0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (path) WHERE moved_to IS NULL DO UPDATE SET place = 0, root = excluded.root, "
            "name = excluded.name, key = excluded.key, reason = excluded.reason, detail = excluded.detail, "
            "size = excluded.size, mtime_ns = excluded.mtime_ns, hashed_ns = excluded.hashed_ns, "
            "digest = NULL, pages = NULL",
            (
                *(path, os.fsencode(entry.root), entry.name, entry.key, entry.reason, entry.detail),
                *(*self._as_seen(entry), self._now()),
            ),
        )

    def is_known(self, path: Path, signature: Signature) -> bool:
        """Whether what is in the file was hashed already, and nobody has written to it since."""
        row = self._db.execute(
            "SELECT 1 FROM files WHERE path = ? AND moved_to IS NULL AND digest IS NOT NULL "
            "AND size = ? AND mtime_ns = ?",
            (os.fsencode(path), signature.size, signature.mtime_ns),
        ).fetchone()
        return row is not None

    def seen_since(self, path: Path, signature: Signature, now: float) -> float:
        """Since when a file that was left alone has looked like this, in seconds of this machine's clock."""
        row = self._db.execute(
            "SELECT hashed_ns FROM files WHERE path = ? AND moved_to IS NULL AND digest IS NULL "
            "AND reason != '' AND size = ? AND mtime_ns = ?",
            (os.fsencode(path), signature.size, signature.mtime_ns),
        ).fetchone()
        return now if row is None or row["hashed_ns"] is None else float(row["hashed_ns"]) / 1e9

    def _as_seen(self, entry: FileEntry) -> tuple[int | None, int | None, int | None]:
        """Size, time, and since when it has looked like this, of a file that is left alone."""
        if not entry.reason or entry.signature is None:
            return None, None, None
        now = time.time()
        since = self.seen_since(entry.path, entry.signature, now)
        return entry.signature.size, entry.signature.mtime_ns, round(since * 1e9)

    def _known(self, path: bytes, signature: Signature) -> int | None:
        """The file at this path, where it is surely still the one that was hashed."""
        row = self._db.execute(
            "SELECT id FROM files WHERE path = ? AND moved_to IS NULL AND digest IS NOT NULL "
            "AND size = ? AND mtime_ns = ? AND ctime_ns = ? "
            "AND mtime_ns > 0 AND max(mtime_ns, ctime_ns) < hashed_ns - ?",
            (path, signature.size, signature.mtime_ns, signature.ctime_ns, SETTLED_NS),
        ).fetchone()
        return None if row is None else int(row["id"])

    def keep_below(
        self, folders: Iterable[Path], places: Iterable[Path], away: Iterable[Path] = (), *, prune: bool = False
    ) -> tuple[int, int]:
        """Those that were read and are there no more; how many, and how many of them scanner has not moved.

        Below `folders` all of them, with `prune` those that still lie where scanner has moved them, or may, where that
        is out of reach; in `places`, of which only some files are read, those that scanner has moved; below folders
        that are `away` all of them.
        """
        kept = gone = 0
        folders = list(folders)
        if prune:
            for root in folders:  # for good: the next run, without, must not bring them back
                self._db.execute(
                    "DELETE FROM files WHERE root = ? AND place IS NULL AND (moved_to IS NULL AND NOT is_there(path) "
                    "OR moved_to IS NOT NULL AND is_lost(moved_to))",
                    (os.fsencode(root),),
                )
        wanted = [(folder, not prune) for folder in folders] + [(place, False) for place in places]
        wanted += [(folder, True) for folder in away]
        for root, with_gone in wanted:
            kept += self._db.execute(
                "UPDATE files SET place = 0, detail = '', reason = CASE WHEN is_there(coalesce(moved_to, path)) "
                f"THEN '' ELSE '{GONE}' END WHERE root = ? AND place IS NULL AND digest IS NOT NULL "
                "AND (moved_to IS NOT NULL OR is_remote(path) OR NOT is_there(path)) "
                "AND (? OR (moved_to IS NOT NULL AND NOT is_lost(moved_to)))",
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


def _folder_of(path: bytes) -> Path:
    return Path(os.fsdecode(path)).parent
