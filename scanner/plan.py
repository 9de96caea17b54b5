"""Which files the tables of a run folder are of, under which names: those found now, and those read that are gone."""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import PageError
from scanner.ledger import GONE, FileEntry, Ledger
from scanner.page import Discovery, Signature, SourceFile, signature_of
from scanner.sources import is_form_picture, natural_key

SETTLING = "settling"
LEFT_REASONS = {
    "unknown_type": "the name does not end like that of an image",
    "form_picture": "`form-page1.png`, what a form looks like",
    SETTLING: "it is younger than `--settle`: the next run reads it",
    "changing": "it was being written while the run looked at it: the next run reads it",
    "interrupted": "the run ended before this file, or before its last page",
    "waiting": "`--limit` was reached before this file, or before its last page",
}
"""Why a file was not read, and is no failure."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many files were `found` that are scans, and were read once and moved or taken away; of these are `gone`."""

    found: int
    kept: int
    gone: int

    @property
    def files(self) -> int:
        return self.found + self.kept


def plan_files(
    ledger: Ledger, inputs: Sequence[Path], discovery: Discovery, *, settle_s: float = 0.0, prune: bool = False
) -> Plan:
    """Say in the ledger which files the tables are of, in which order, and which of them are left for now.

    A file that was read and then taken away, or moved by scanner, keeps its rows, unless `prune`.
    """
    roots = {_root(given) for given in inputs} | {source.root for source in discovery.files}
    kept = [] if prune else ledger.kept_files(sorted(roots))
    taken = {file.name for file in kept}
    now = time.time()
    sources = [*discovery.files, *discovery.skipped]
    names = [_free_name(source.name, taken) for source in sources]
    order = sorted(
        [(natural_key(name), number) for number, name in enumerate(names)]
        + [(natural_key(file.name), -1 - number) for number, file in enumerate(kept)]
    )

    def entry(place: int, number: int) -> FileEntry:
        source = sources[number]
        is_scan = number < len(discovery.files)
        signature, reason, detail = _left(source, now, settle_s) if is_scan else _skipped(source)
        return FileEntry(place, source.path.absolute(), source.root, names[number], signature, reason, detail)

    with ledger.transaction():
        ledger.put_files(entry(place, number) for place, (_, number) in enumerate(order) if number >= 0)
        ledger.place_kept(
            (place, "" if os.path.lexists(kept[-1 - number].path_now) else GONE, kept[-1 - number].id)
            for place, (_, number) in enumerate(order)
            if number < 0
        )
    return Plan(len(discovery.files), len(kept), sum(file.moved_to is None for file in kept))


def _root(given: Path) -> Path:
    """The folder below which the names of an input's files start."""
    return (given if os.path.isdir(given) else given.parent).absolute()  # noqa: PTH112 - Path.is_dir may raise


def _free_name(name: str, taken: set[str]) -> str:
    """`scan1.pdf`, or `scan1~2.pdf` where a file of that name was read and moved away."""
    stem, dot, suffix = name.rpartition(".")
    stem, ending = (stem, f".{suffix}") if dot and stem and "/" not in suffix else (name, "")
    number, free = 2, name
    while free in taken:
        free, number = f"{stem}~{number}{ending}", number + 1
    return free


def _left(source: SourceFile, now: float, settle_s: float) -> tuple[Signature | None, str, str]:
    """The file's signature now, and why it is left for the next run; the reason is empty where it is not."""
    try:
        signature = signature_of(source.path)
    except PageError:  # it fails when it is looked at, and that is told then
        return None, "", ""
    age_s = now - signature.mtime_ns / 1e9
    if age_s < settle_s:
        return None, SETTLING, f"changed {max(age_s, 0):.0f} s ago, --settle asks for {settle_s:g} s"
    return signature, "", ""


def _skipped(source: SourceFile) -> tuple[Signature | None, str, str]:
    if is_form_picture(source.path):
        return None, "form_picture", "it shows what a form looks like, and is no scan"
    return None, "unknown_type", "the name does not end like that of an image or PDF"
