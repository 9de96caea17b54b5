"""The files of a batch: found in the inputs, each once, in an order and under a name that stay the same."""

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scanner.errors import NoInputError

SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".bmp", ".dib", ".webp"}
    | {".pbm", ".pgm", ".ppm", ".pnm", ".pdf"}
)


FORM_FILE = "form.toml"
FORM_PICTURE = re.compile(r"form-page\d+\.png")  # what a form looks like, beside its form.toml


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file of the batch.

    `name` is its POSIX path relative to the input folder it was found in (a file given directly: its file name);
    bytes that are no UTF-8 are written as \\xNN, so that every name can be put in a CSV.
    """

    path: Path
    name: str
    root: Path  # absolute: the folder below which the name starts


@dataclass(frozen=True, slots=True)
class Discovery:
    """What lies in the inputs, in natural order of the names: files to read, and those that are no scans."""

    files: tuple[SourceFile, ...]
    skipped: tuple[SourceFile, ...]


@dataclass(frozen=True, slots=True)
class _Found:
    path: Path
    real: str  # the same for all ways that lead to it
    root: Path  # the name starts below this folder
    is_tried: bool


def discover(inputs: Sequence[Path]) -> Discovery:
    """Find the files in `inputs`, files and folders, recursively; hidden ones in folders are left out silently.

    In folders the suffix decides what is tried, a file given directly always is. A folder that cannot be listed
    counts as a file, so that it is accounted for when it fails. A file to which several ways lead counts once, by
    the first. Where names would be the same, as much of the folder goes in front as tells them apart. A missing input
    beside others counts as a file, too: the others are read and it fails.
    Raises NoInputError where all inputs are missing.
    """
    if inputs and not any(os.path.lexists(given) for given in inputs):
        missing = ", ".join(map(str, inputs))
        raise NoInputError(f"{missing}: no such file or folder; check the spelling, and that its drive is connected")
    found = _once(item for given in inputs for item in _search(given))
    if not all(map(os.path.lexists, inputs)) and not any(
        item.is_tried and os.path.lexists(item.path) for item in found
    ):
        missing = ", ".join(str(given) for given in inputs if not os.path.lexists(given))
        raise NoInputError(f"{missing}: no such file or folder, and nothing to read beside; connect its drive")
    names = _unique_names(found)
    order = sorted(range(len(found)), key=lambda i: natural_key(names[i]))
    return Discovery(
        files=tuple(_source(found[i], names[i]) for i in order if found[i].is_tried),
        skipped=tuple(_source(found[i], names[i]) for i in order if not found[i].is_tried),
    )


def _source(found: _Found, name: str) -> SourceFile:
    return SourceFile(found.path, name, _absolute(found.root))


@cache
def _absolute(root: Path) -> Path:
    return root.absolute()


def _search(given: Path) -> Iterator[_Found]:
    for path, real, is_folder in _walk(given):
        is_given = path == given
        is_image = path.suffix.lower() in SUFFIXES and not is_form_picture(path)
        yield _Found(path, real, given.parent if is_given else given, is_given or is_image or is_folder)


def is_form_picture(path: Path) -> bool:
    """Whether it shows what the form beside it looks like."""
    return bool(FORM_PICTURE.fullmatch(path.name)) and os.path.exists(path.with_name(FORM_FILE))  # noqa: PTH110


def _walk(start: Path) -> Iterator[tuple[Path, str, bool]]:
    """Every file under `start`, or itself, in natural order, with its real path; no folder is entered twice.

    A folder that cannot be listed comes as itself, and is said to be one.
    """
    visited: set[str] = set()
    waiting = [(start, os.path.realpath(start), os.path.isdir(start))]  # noqa: PTH112 - Path.is_dir raises PermissionError
    while waiting:
        path, real, is_folder = waiting.pop()
        if not is_folder:
            yield path, real, False
        elif real not in visited:
            visited.add(real)
            try:
                children = list(_children(path, real))
            except OSError:
                yield path, real, True
                continue
            waiting += sorted(children, key=lambda child: natural_key(child[0].name), reverse=True)


def _children(folder: Path, real: str) -> Iterator[tuple[Path, str, bool]]:
    """What lies in a folder and is not hidden: path, real path, whether it is a folder."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if not entry.name.startswith("."):
                is_link = entry.is_symlink()
                there = os.path.realpath(entry.path) if is_link else os.path.join(real, entry.name)  # noqa: PTH118
                is_folder = os.path.isdir(entry.path) if is_link else entry.is_dir()  # noqa: PTH112
                yield folder / entry.name, there, is_folder


def _once(found: Iterable[_Found]) -> list[_Found]:
    """Each file once: by the first way that tries it, else by the first."""
    by_file: dict[str, _Found] = {}
    for item in found:
        known = by_file.setdefault(item.real, item)
        if item.is_tried and not known.is_tried:
            by_file[item.real] = item
    return list(by_file.values())


def _unique_names(found: Sequence[_Found]) -> list[str]:
    folders = [_absolute(item.root).parts[1:] for item in found]
    names = [_text(item.path.relative_to(item.root)) for item in found]
    for depth in range(1, 1 + max(map(len, folders), default=0)):
        count = Counter(names)
        for i, item in enumerate(found):
            if count[names[i]] > 1:
                names[i] = _text(Path(*folders[i][-depth:], item.path.relative_to(item.root)))
    return names


def _text(path: Path) -> str:
    return os.fsencode(path.as_posix()).decode(errors="backslashreplace")


def natural_key(name: str) -> tuple[list[list[str | int]], str]:
    """Puts scan2 before scan10, whatever the case; equal for equal names only."""
    words = [re.split(r"([0-9]+)", part.casefold()) for part in name.split("/")]
    return [[int(word) if i % 2 else word for i, word in enumerate(part)] for part in words], name
