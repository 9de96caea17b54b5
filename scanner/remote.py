"""Inputs that are URLs, as `s3://bucket/scans`: listed, looked at and fetched through fsspec.

A URL travels as a Path, which writes it with one slash, `s3:/bucket/scans`, and knows its parent, name and suffix.
"""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from scanner.errors import PageError, UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

URL = re.compile(r"([a-z][a-z0-9+.-]+):/+(.*)", re.DOTALL)  # a drive of Windows has one letter
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # by protocol: the extra of scanner that brings it
CHANGED_FIELDS = ("LastModified", "last_modified", "mtime", "updated", "modified", "created")
TAG_FIELDS = ("ETag", "etag", "md5Hash", "generation")
CHUNK_BYTES = 1 << 22
KEPT = 2  # fetched files that a process keeps: their next page needs no fetching


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file system says of a file: it changes when the file does."""

    size: int
    mtime_ns: int
    ctime_ns: int


@dataclass(slots=True)
class _Fetched:
    path: Path
    signature: Signature
    file: IO[bytes]


_kept: list[_Fetched] = []


def path_of(given: str | Path) -> Path:
    """What a person has given as an input, as a path; `file:///srv/scans` is one of this machine."""
    text = os.fspath(given)
    found = URL.fullmatch(text)
    if found and found[1] in ("file", "local"):
        return Path(unquote(urlsplit(text).path))
    return Path(text)


def is_remote(path: Path) -> bool:
    """Whether it is a URL, and not of this machine's folders."""
    return (found := URL.match(os.fspath(path))) is not None and _is_protocol(found[1])


@cache
def _is_protocol(name: str) -> bool:
    """Whether fsspec knows it; without fsspec any may be one."""
    try:
        from fsspec.registry import known_implementations, registry
    except ImportError:
        return not os.path.lexists(f"{name}:")  # or it is a folder here
    return name in known_implementations or name in registry


def url_of(path: Path) -> str:
    """As a person writes it; other paths as they are."""
    found = URL.fullmatch(os.fspath(path)) if is_remote(path) else None
    return f"{found[1]}://{found[2]}" if found else os.fspath(path)


def why_missing(path: Path) -> str:
    """Why nothing is there; empty where something is.

    Raises:
        UsageError: the package for this kind of URL is not installed.
    """
    system, key = _system(path)
    try:
        system.info(key)
    except FileNotFoundError:
        return "no such file or folder"
    except Exception as error:
        return _in_words(error)
    return ""


def is_in_reach(folder: Path) -> bool:
    """Whether a folder can be listed, and is not empty."""
    try:
        system, key = _system(folder)
        return bool(system.ls(key, detail=False))
    except Exception:
        return False


def find(start: Path) -> Iterator[tuple[Path, Signature | None]]:
    """Every file below a folder, or itself; hidden ones are left out. A folder that cannot be listed comes as itself.

    Raises:
        UsageError: the package for this kind of URL is not installed.
    """
    system, key = _system(start)
    try:
        if system.isfile(key):
            yield start, None
            return
        for _, folders, files in system.walk(key, detail=True, on_error="raise"):
            for name in [name for name in folders if name.startswith(".")]:
                del folders[name]
            for name, about in files.items():
                below = about["name"][len(key) :].strip("/")
                if name and not name.startswith(".") and below:
                    yield start / below, _signature(about)
    except Exception:
        yield start, None


def look_at(path: Path) -> Signature:
    """Raises PageError: it cannot be reached, or is no file."""
    with _told():
        system, key = _system(path)
        about = system.info(key)
    if about.get("type") == "directory":
        raise PageError("unreadable", "a folder, not a file")
    return _signature(about)


def fetch(path: Path, check_size: Callable[[int], None]) -> BufferedReader:
    """A copy of the file, without a name, at its start; `check_size` is asked whether its bytes are too many.

    Raises PageError.
    """
    signature = look_at(path)
    for kept in _kept:
        if (kept.path, kept.signature) == (path, signature):
            return _again(kept.file)
    check_size(signature.size)
    while len(_kept) >= KEPT:
        _kept.pop(0).file.close()
    file = TemporaryFile()  # noqa: SIM115 - it stays open
    try:
        _copy(path, file, check_size)
    except PageError:
        file.close()
        raise
    _kept.append(_Fetched(path, signature, file))
    return _again(file)


def _copy(path: Path, file: IO[bytes], check_size: Callable[[int], None]) -> None:
    with _told():
        system, key = _system(path)
        with system.open(key, "rb") as source:
            while chunk := source.read(CHUNK_BYTES):
                file.write(chunk)
                check_size(file.tell())
        file.flush()


def _again(file: IO[bytes]) -> BufferedReader:
    copy = os.fdopen(os.dup(file.fileno()), "rb")
    copy.seek(0)
    return copy


@contextmanager
def _told() -> Iterator[None]:
    """What a file system raises, and there is much of it, as a PageError."""
    try:
        yield
    except PageError:
        raise
    except Exception as error:
        raise PageError("unreadable", _in_words(error)) from error


def _in_words(error: Exception) -> str:
    return " ".join([f"{type(error).__name__}:", *str(error).split()]).removesuffix(":")


def _system(path: Path) -> "tuple[AbstractFileSystem, str]":
    """The file system of a URL and what it calls the file; it keeps no listings, as files come and go."""
    url = url_of(path)
    protocol = url.partition(":")[0]
    try:
        from fsspec.core import url_to_fs

        system, key = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        help_ = f"pip install 'scanner[{extra}]'" if extra else f"pip install fsspec, and what it wants ({error})"
        raise UsageError(f"{url}: a package for {protocol}:// is missing: {help_}") from error
    except ValueError as error:
        raise UsageError(f"{url}: {error}") from error
    return system, str(key)


def _signature(about: dict[str, Any]) -> Signature:
    """Of what a file system says of a file. Stores tell whole seconds, and a tag of the content: it tells the rest."""
    changed: object = next((about[name] for name in CHANGED_FIELDS if about.get(name)), 0)
    seconds = 0.0
    with suppress(ValueError):
        if isinstance(changed, str):
            changed = datetime.fromisoformat(changed)
        seconds = changed.timestamp() if isinstance(changed, datetime) else float(str(changed))
    tag = "".join(str(about[name]).strip('"') for name in TAG_FIELDS if about.get(name))
    rest = int.from_bytes(hashlib.sha256(tag.encode()).digest()[:4], "big") % 10**9 if tag else 0
    return Signature(int(about.get("size") or 0), int(seconds) * 10**9 + rest, 0)
