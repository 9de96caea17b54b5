"""The files of a batch: found in the inputs, each once, in an order and under a name that stay the same."""

import os
import re
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import NoInputError
from scanner.remote import Signature, find, is_in_reach, is_remote, told_url, why_missing

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".webp"}
    | {".pbm", ".pgm", ".ppm", ".pnm", ".pdf"}
)


FORM_FILE = "form.toml"
NUMBER = re.compile(r"[0-9]+")
FORM_PICTURE = re.compile(r"form-page\d+(-fields)?\.png")  # what a form looks like, beside its form.toml


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the batch.

    `name` is its POSIX path relative to the input folder it was found in (a file given directly: its file name);
    bytes that are no UTF-8 are written as \\xNN, so that every name can be put in a CSV.
    """

    path: Path
    name: str
    root: Path  # absolute, without links: the folder below which the name starts
    signature: Signature | None = None  # where it was told in the listing


class Discovery:
    """What lies in the inputs, in natural order of the names: files to read, and those that are no scans.

    They are kept in a temporary file, as there may be millions.
    """

    def __init__(self) -> None:
        self.has_below: set[Path] = set()  # the inputs that are folders with something in them
        self._roots: dict[Path, Path] = {}  # without links
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(
            "CREATE TABLE found "
            "(given INTEGER, path BLOB, real BLOB UNIQUE, root BLOB, name TEXT, key BLOB, tried INTEGER, "
            "size INTEGER, mtime_ns INTEGER)"
        )
        self._db.execute("BEGIN")

    @property
    def files(self) -> Iterator[SourceFile]:
        return self._select(tried=True)

    @property
    def skipped(self) -> Iterator[SourceFile]:
        return self._select(tried=False)

    @property
    def count(self) -> int:
        """Of the files to read."""
        return int(self._db.execute("SELECT count(*) FROM found WHERE tried").fetchone()[0])

    @property
    def roots(self) -> list[Path]:
        """The folders below which the names start."""
        return [
            Path(os.fsdecode(root)) for (root,) in self._db.execute("SELECT DISTINCT root FROM found ORDER BY root")
        ]

    def has_any_there(self) -> bool:
        """Whether one of the files to read is there, if only as a link that leads nowhere."""
        return any(is_there(path) for (path,) in self._db.execute("SELECT path FROM found WHERE tried"))

    def add(
        self, given: int, path: Path, real: str, root: Path, is_tried: bool, signature: Signature | None = None
    ) -> None:
        """One more file; of those that are the same the first that is tried stays."""
        below = path.relative_to(root)
        name = _text(below)
        if is_remote(path) and os.fspath(path).startswith("http"):
            name = name.partition("?")[0]  # may hold keys
        if root not in self._roots:
            self._roots[root] = real_path(root)
        root = self._roots[root]
        self._db.execute(
            "INSERT INTO found VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (real) DO UPDATE SET "
            "given = excluded.given, path = excluded.path, root = excluded.root, name = excluded.name, "
            "key = excluded.key, tried = excluded.tried, size = excluded.size, mtime_ns = excluded.mtime_ns "
            "WHERE (NOT excluded.tried, excluded.given, excluded.key) < (NOT tried, given, key)",
            (
                *(given, os.fsencode(root / below), os.fsencode(real), os.fsencode(root), name, natural_key(name)),
                is_tried,
                *((None, None) if signature is None else (signature.size, signature.mtime_ns)),
            ),
        )

    def make_names_unique(self) -> None:
        """Put as much of the folder in front of equal names as tells them apart."""
        deepest = max((len(root.parts) for root in self.roots), default=0)
        for depth in range(1, deepest):
            same = self._db.execute(
                "SELECT rowid, path, root FROM found WHERE name IN "
                "(SELECT name FROM found GROUP BY name HAVING count(*) > 1)"
            ).fetchall()
            if not same:
                return
            for row, path, root in same:
                folder = Path(os.fsdecode(root))
                below = Path(os.fsdecode(path)).relative_to(folder)
                name = _text(Path(*folder.parts[1:][-depth:], below))
                self._db.execute("UPDATE found SET name = ?, key = ? WHERE rowid = ?", (name, natural_key(name), row))

    def _select(self, *, tried: bool) -> Iterator[SourceFile]:
        query = "SELECT path, name, root, size, mtime_ns FROM found WHERE tried = ? ORDER BY key, name"
        for path, name, root, size, mtime_ns in self._db.execute(query, (tried,)):
            signature = None if size is None else Signature(size, mtime_ns, 0)
            yield SourceFile(Path(os.fsdecode(path)), name, Path(os.fsdecode(root)), signature)


def discover(inputs: Sequence[Path]) -> Discovery:
    """Find the files in `inputs`, files and folders, recursively; hidden ones in folders are left out silently.

    In folders the suffix decides what is tried, a file given directly always is. A folder that cannot be listed
    counts as a file, so that it is accounted for when it fails. A file to which several ways lead counts once, by
    the first. Where names would be the same, as much of the folder goes in front as tells them apart. A missing input
    beside others counts as a file, too: the others are read and it fails.
    Raises NoInputError where all inputs are missing.
    """
    missing = {given: why for given in inputs if (why := why_not_there(given))}
    told = "; ".join(f"{told_url(given)}: {why}" for given, why in missing.items())
    if missing and len(missing) == len(set(inputs)):
        keys = ", and the keys of its store" if any(map(is_remote, missing)) else ""
        raise NoInputError(f"{told}; check the spelling, that its drive or network is connected{keys}")
    found = Discovery()
    for number, given in enumerate(inputs):
        for path, real, is_unlisted, signature in _walk(given):
            is_given = path == given
            is_image = path.suffix.lower() in SUFFIXES and not is_form_picture(path if is_remote(given) else Path(real))
            is_tried = is_given or is_image or is_unlisted
            found.has_below |= set() if is_given else {given}
            found.add(number, path, real, given.parent if is_given else given, is_tried, signature)
    if missing and not found.has_any_there():
        raise NoInputError(f"{told}, and nothing to read beside; connect its drive")
    found.make_names_unique()
    return found


def why_not_there(given: Path) -> str:
    """Why an input is not there; empty where it is.

    Raises:
        UsageError: it is a URL of a kind for which a package is missing.
    """
    if is_remote(given):
        return why_missing(given)
    return "" if os.path.lexists(given) else "no such file or folder"


def is_there(path: bytes | Path) -> bool:
    """Whether there is such a file, if only as a link that leads nowhere."""
    return not why_not_there(path if isinstance(path, Path) else Path(os.fsdecode(path)))


def is_out_of_reach(folder: Path) -> bool:
    """Whether a folder cannot be listed or, as the place of a share that is gone, is empty."""
    if is_remote(folder):
        return not is_in_reach(folder)
    try:
        with os.scandir(folder) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def is_folder(given: Path) -> bool:
    """Whether an input is one, or a link to one; Path.is_dir may raise."""
    if is_remote(given):
        return given.suffix.lower() not in SUFFIXES
    return os.path.isdir(given)  # noqa: PTH112


def real_path(folder: Path) -> Path:
    """However one comes there, the same; Path.resolve may raise."""
    return folder if is_remote(folder) else Path(os.path.realpath(folder))


def is_form_picture(path: Path) -> bool:
    """Whether it shows what the form beside it looks like."""
    return bool(FORM_PICTURE.fullmatch(path.name)) and is_there(path.with_name(FORM_FILE))


def _walk(start: Path) -> Iterator[tuple[Path, str, bool, Signature | None]]:
    """Every file under `start`, or itself, with its real path; no folder is entered twice, and that in natural order.

    A folder that cannot be listed comes as itself, and is said to be one.
    """
    if is_remote(start):
        for path, signature, is_unlisted in find(start):
            yield path, os.fspath(path), is_unlisted, signature
        return
    visited: set[str] = set()
    real = os.path.realpath(start)
    if not is_folder(start):
        yield start, real, False, None
        return
    waiting = [(start, real)]
    while waiting:
        path, real = waiting.pop()
        if real in visited:
            continue
        visited.add(real)
        folders: list[tuple[Path, str]] = []
        try:
            for child, there, is_below in _children(path, real):
                if is_below:
                    folders.append((child, there))
                else:
                    yield child, there, False, None
        except OSError:
            yield path, real, True, None
        waiting += sorted(folders, key=lambda folder: natural_key(folder[0].name), reverse=True)


def _children(folder: Path, real: str) -> Iterator[tuple[Path, str, bool]]:
    """What lies in a folder and is not hidden: path, real path, whether it is a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                is_link = entry.is_symlink()
                there = os.path.realpath(entry.path) if is_link else os.path.join(real, entry.name)  # noqa: PTH118
                is_folder = os.path.isdir(entry.path) if is_link else entry.is_dir()  # noqa: PTH112
                yield folder / entry.name, there, is_folder


def _text(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")


def natural_key(name: str) -> bytes:
    """Sorts scan2 before scan10, whatever the case: numbers stand behind how many digits they have."""
    parts = (NUMBER.sub(_sortable, part.casefold()) for part in name.split("/"))
    return "\0".join(parts).encode(errors="surrogateescape")


def _sortable(number: re.Match[str]) -> str:
    digits = number.group().lstrip("0")
    return f"\1{len(digits):03d}{digits}\1"
