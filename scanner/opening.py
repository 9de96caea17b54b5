"""Files opened behind guards, what they are, and what their errors mean."""

import errno
import hashlib
import os
import re
import stat
import time
from dataclasses import dataclass
from functools import partial
from io import BufferedReader
from pathlib import Path

from PIL import Image

from scanner.errors import PageError
from scanner.remote import Signature, fetch, is_remote, look_at

__all__ = ["Hash", "Signature", "detail_of", "hash_file", "open_regular", "reason_of", "signature_of"]

MAX_BYTES = 2 * 1024**3  # 80 color pages at 300 dpi in one TIFF without compression
LATEST_NS = 2**63 - 1
UNSUPPORTED = re.compile("unsupported|not supported|unknown|cannot handle|not available", re.IGNORECASE)  # of Pillow


def signature_of(path: Path) -> Signature:
    """Raises PageError: the file cannot be opened, or is none to be read."""
    if is_remote(path):
        return look_at(path)
    return _signature(_status_of(path, may_be_empty=True))


@dataclass(frozen=True, slots=True)
class Hash:
    """What a file is: its SHA-256 as hexadecimal digits; its signature, and the time, from before that was read."""

    digest: str
    signature: Signature
    hashed_ns: int


def hash_file(path: Path) -> Hash:
    """Raises PageError: the file cannot be opened, or is none to be read."""
    now = time.time_ns()
    told = look_at(path) if is_remote(path) else None
    try:
        with open_regular(path, may_be_empty=True) as file:
            signature = told or _signature(os.fstat(file.fileno()))
            return Hash(hashlib.file_digest(file, "sha256").hexdigest(), signature, now)
    except OSError as error:
        raise PageError(reason_of(error), detail_of(error)) from error


def _signature(status: os.stat_result) -> Signature:
    """Cameras and shares may tell of times that no database can hold."""
    times = (min(max(each, -LATEST_NS), LATEST_NS) for each in (status.st_mtime_ns, status.st_ctime_ns))
    return Signature(status.st_size, *times)


def open_regular(path: Path, *, may_be_empty: bool = False) -> BufferedReader:
    """The file at its start, of a URL a copy. Raises PageError, and OSError."""
    if is_remote(path):
        file = fetch(path, partial(_check_size, may_be_empty=True))
        if not may_be_empty and file.read(1) == b"":
            file.close()
            raise PageError("empty_file", "0 bytes")
        file.seek(0)
        return file
    _status_of(path, may_be_empty=may_be_empty)
    return path.open("rb")


def _status_of(path: Path, *, may_be_empty: bool = False) -> os.stat_result:
    """Of a file that may be opened."""
    try:
        status = path.stat()
    except ValueError as error:  # a null in the name
        raise PageError("unreadable", str(error)) from error
    except OSError as error:
        raise PageError(reason_of(error), detail_of(error)) from error
    if stat.S_ISDIR(status.st_mode):
        raise PageError("unreadable", "a folder, not a file")
    if not stat.S_ISREG(status.st_mode):  # a named pipe would keep us waiting
        raise PageError("unreadable", "not a regular file")
    _check_size(status.st_size, may_be_empty=may_be_empty)
    return status


def _check_size(size: int, *, may_be_empty: bool) -> None:
    if size == 0 and not may_be_empty:
        raise PageError("empty_file", "0 bytes")
    if size > MAX_BYTES:
        raise PageError("too_large", f"{size:,} bytes, at most {MAX_BYTES:,} are read")


def reason_of(error: Exception) -> str:
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # EINVAL: a place that no file has
        return "unreadable"
    if isinstance(error, (Image.DecompressionBombWarning, Image.DecompressionBombError, MemoryError)):
        return "too_many_pixels"
    is_rare = isinstance(error.__cause__ or error, (KeyError, NotImplementedError))  # a code not in Pillow's tables
    is_rare = is_rare or UNSUPPORTED.search(str(error)) is not None
    return "unsupported" if is_rare else "damaged"


def detail_of(error: Exception) -> str:
    """The message in one line, with the kind of error where a mere word says too little."""
    words = str(error).split()
    return " ".join(words) if len(words) > 1 else " ".join([f"{type(error.__cause__ or error).__name__}:", *words])
