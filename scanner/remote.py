"""Inputs that are URLs, as `s3://bucket/scans`: listed, looked at and fetched through fsspec.

A URL travels as a Path, which writes it with one slash, `s3:/bucket/scans`, and knows its parent, name and suffix.
"""

import hashlib
import os
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from io import BufferedReader
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, TypeVar
from urllib.parse import unquote

from scanner.errors import PageError, UsageError

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

QUERY = re.compile(r"(https?://[^\s?'\"]*)\?[^\s'\")]*")  # of a URL, with what may be a key in it
URL = re.compile(r"([a-z][a-z0-9+.-]+):(?:/+(.*)|$)", re.DOTALL)  # a drive of Windows has one letter
FILE_URL = re.compile(r"(?:file|local):(?://(?:localhost)?(?=/))?(/(?!/).*)", re.DOTALL)
ANSWER_S = 60.0  # that a store may take to answer, but for a whole file
EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}  # by protocol: the extra of scanner that brings it
CHANGED_FIELDS = ("LastModified", "last_modified", "mtime", "updated", "modified", "modify", "created")
TAG_FIELDS = ("ETag", "etag", "md5Hash", "generation")
T = TypeVar("T")
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
    """What a person has given as an input, as a path; `file:///srv/scans` is one of this machine.

    Raises:
        UsageError: it is a file URL of another machine.
    """
    text = os.fspath(given)
    if text.startswith(("file:", "local:")):
        found = FILE_URL.fullmatch(text)
        if found is None:
            raise UsageError(f"{text}: is a file of another machine; name it as it is mounted here")
        return Path(unquote(found[1]))
    path = Path(text)
    is_url = "://" in text.split("/.", 1)[0] or not isinstance(given, str)
    return path if is_url or not is_remote(path) else path.absolute()  # a folder here that is called `s3:`


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
    return f"{found[1]}://{found[2] or ''}" if found else os.fspath(path)


def told_url(path: Path) -> str:
    """As messages tell it: behind a question mark there may be keys."""
    url = url_of(path)
    return url.partition("?")[0] if url.startswith("http") else url


def why_missing(path: Path) -> str:
    """Why nothing is there; empty where something is.

    Raises:
        UsageError: the package for this kind of URL is not installed.
    """
    try:
        _in_time(lambda: _info(path))
    except UsageError:
        raise
    except FileNotFoundError:
        return "no such file or folder"
    except Exception as error:
        return _in_words(error)
    return ""


def is_in_reach(folder: Path) -> bool:
    """Whether a folder can be listed, and is not empty."""
    try:
        return bool(_in_time(lambda: _list(folder)))
    except Exception:
        return False


def find(start: Path) -> Iterator[tuple[Path, Signature | None, bool]]:
    """Every file below a folder, or itself, its signature, and whether it is a folder that cannot be listed.

    Hidden ones are left out. What is a file and a folder at once, as stores allow, counts as both.

    Raises:
        UsageError: the package for this kind of URL is not installed.
    """
    with suppress(PageError):
        look_at(start)
        yield start, None, False
    waiting = [start]
    while waiting:
        folder = waiting.pop()
        try:
            key, entries = _in_time(lambda folder=folder: (_system(folder)[1], _list(folder)))  # type: ignore[misc]
        except UsageError:
            raise
        except NotADirectoryError:
            continue
        except Exception:
            yield folder, None, True
            continue
        for about in entries:
            name = str(about["name"]).removeprefix(key).removeprefix("/")
            is_folder = about.get("type") == "directory"
            if name.strip("/") == "":  # itself, or its marker; as a folder it is one without a name
                if is_folder and str(about["name"]) != key:
                    yield folder / "(without a name)", None, True
            elif not name.startswith("."):
                path = folder / name.strip("/")
                if is_folder:
                    waiting.append(path)
                else:
                    yield path, _signature(about), False


def look_at(path: Path) -> Signature:
    """Raises PageError: it cannot be reached, or is no file."""
    with _told():
        about = _in_time(lambda: _info(path))
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
    if signature.mtime_ns:
        _kept.append(_Fetched(path, signature, file))
        return _again(file)
    with file:  # nothing tells whether it changes
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
    words = " ".join([f"{type(error).__name__}:", *str(error).split()]).removesuffix(":")
    return QUERY.sub(r"\1", words)


def _info(path: Path) -> dict[str, Any]:
    system, key = _system(path)
    return dict(system.info(key))


def _list(folder: Path) -> list[dict[str, Any]]:
    system, key = _system(folder)
    return list(system.ls(key, detail=True))


def _in_time(ask: Callable[[], T]) -> T:
    """What a store answers, if it does so in time; what is left waiting ends with the process."""
    answer: Future[T] = Future()

    def attend() -> None:
        try:
            answer.set_result(ask())
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=attend, daemon=True).start()
    try:
        return answer.result(ANSWER_S)
    except TimeoutError as error:
        if answer.done():
            raise
        raise TimeoutError(f"no answer in {ANSWER_S:g} s") from error


def _system(path: Path) -> "tuple[AbstractFileSystem, str]":
    """The file system of a URL and what it calls the file; it keeps no listings, as files come and go."""
    url = url_of(path)
    protocol = url.partition(":")[0]
    try:
        from fsspec import filesystem, get_filesystem_class

        kind = get_filesystem_class(protocol)
        system = filesystem(protocol, **kind._get_kwargs_from_urls(url) | {"use_listings_cache": False})
    except ImportError as error:
        extra = EXTRAS.get(protocol)
        help_ = f"pip install 'scanner[{extra}]'" if extra else f"pip install fsspec, and what it wants ({error})"
        raise UsageError(f"{url}: a package for {protocol}:// is missing: {help_}") from error
    return system, str(kind._strip_protocol(url))


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
