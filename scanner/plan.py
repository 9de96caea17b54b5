"""Which files the tables of a run folder are of, under which names: those found now, and those read that are gone."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scanner.errors import PageError
from scanner.ledger import FileEntry, Ledger, Listing
from scanner.opening import Signature, signature_of
from scanner.page import Discovery, SourceFile
from scanner.sources import is_folder, is_form_picture, is_there, natural_key, real_path

SETTLING = "settling"
YOUNG_REASONS = (SETTLING, "changing")
LEFT_REASONS = {
    "unknown_type": "the name does not end like that of an image",
    "form_picture": "`form-page1.png`, what a form looks like, or `form-page1-fields.png`",
    SETTLING: "it is younger than `--settle`: the next run reads it",
    "changing": "it was being written while the run looked at it: the next run reads it",
    "interrupted": "the run ended before this file, or before its last page",
    "waiting": "`--limit` was reached before this file, or before its last page",
}
"""Why a file was not read, and is no failure."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How many files were `found` that are scans, were read once and moved or taken away; of these are `gone`."""

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
    folders, places = _roots(inputs, discovery)
    now = time.time()
    with ledger.transaction(), ledger.listing() as listing:
        for source in discovery.files:
            listing.put(_entry(source, *_left(source, now, settle_s, listing)))
        for source in discovery.skipped:
            listing.put(_entry(source, *_skipped(source)))
        away = [real_path(given) for given in inputs if not is_there(given)]  # as a share that is not mounted
        kept, gone = listing.keep_below(folders, places, away, prune=prune)
    return Plan(discovery.count, kept, gone)


def _entry(source: SourceFile, signature: Signature | None, reason: str, detail: str) -> FileEntry:
    return FileEntry(source.path, source.root, source.name, natural_key(source.name), signature, reason, detail)


def _roots(inputs: Sequence[Path], discovery: Discovery) -> tuple[list[Path], list[Path]]:
    """The folders that are read, and those in which files lie that were given by their names."""
    searched = {given for given in inputs if is_folder(given) or given in discovery.has_below}
    folders = {real_path(given) for given in searched}
    places = {real_path(given.parent) for given in inputs if given not in searched}
    return sorted(folders), sorted(places - folders)


def _left(source: SourceFile, now: float, settle_s: float, listing: Listing) -> tuple[Signature | None, str, str]:
    """The file's signature now, and why it is left for the next run; the reason is empty where it is not.

    A file that was read is not left; one from the future, as the clock of a share may be ahead, until it has looked the
    same for so long.
    """
    try:
        signature = source.signature or signature_of(source.path)
    except PageError:  # it fails when it is looked at, and that is told then
        return None, "", ""
    age_s = now - signature.mtime_ns / 1e9
    if settle_s <= 0 or age_s >= settle_s or listing.is_known(source.path, signature):
        return signature, "", ""
    if age_s < 0:
        age_s = now - listing.seen_since(source.path, signature, now)
        if age_s >= settle_s:
            return signature, "", ""
    return signature, SETTLING, f"changed {age_s:.0f} s ago, --settle asks for {settle_s:g} s"


def _skipped(source: SourceFile) -> tuple[Signature | None, str, str]:
    if is_form_picture(source.path):
        return None, "form_picture", "it shows what a form looks like, and is no scan"
    return None, "unknown_type", "the name does not end like that of an image or PDF"
