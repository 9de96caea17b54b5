"""What a run is asked for: whether it makes sense, and what pages are to be read with."""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scanner.errors import NoInputError, UsageError
from scanner.ledger import Reader, Redo
from scanner.network import read_network_files
from scanner.remote import is_remote, told_url
from scanner.sources import is_folder, real_path
from scanner.staging import PUBLISHED
from scanner.strings.network import shipped_sha256
from scanner.task import Kit

if TYPE_CHECKING:
    from scanner.known import FormFiles, KnownForm


@dataclass(frozen=True, slots=True)
class Order:
    """What pages are to be read with.

    Attributes:
        model: an ONNX network with its card beside it; by default the one that comes with scanner.
        min_confidence: fields below it go to review; by default what the network's card says.
        forms: `form.toml` files and folders of them; pages that show one are read as it says.
        reads_unknown: whether pages that show none of them are read all the same; else they fail.
        overlay: whether to draw each page with its readings.
        postal: two letters of a country, or `any`: pages are envelopes, and their postal codes are read.
        target_error: part of the accepted fields that may be wrong; thresholds come from what people have verified.
    """

    model: Path | None = None
    min_confidence: float | None = None
    forms: tuple[Path, ...] = ()
    reads_unknown: bool = True
    overlay: bool = False
    target_error: float | None = None
    postal: str | None = None

    def to_json(self) -> str:
        """As `from_json` takes it, wherever the process then is."""
        return json.dumps(
            asdict(self)
            | {
                "model": None if self.model is None else os.path.realpath(self.model),
                "forms": [os.path.realpath(form) for form in self.forms],
            }
        )

    @classmethod
    def from_json(cls, text: str) -> "Order":
        told = json.loads(text)
        model = None if told["model"] is None else Path(told["model"])
        return cls(**told | {"model": model, "forms": tuple(map(Path, told["forms"]))})


PLAIN = Order()


@dataclass(frozen=True, slots=True)
class Chores:
    """What a nightly run does beside reading.

    Attributes:
        settle_s: files changed less than so many seconds ago are left for the next run.
        limit: how many pages are read at most.
        redo: what is read again although it is in the ledger.
        prune: whether files that are there no more lose their rows in the tables.
        move_done, move_failed: folders for files that are all read, and for those of which a page failed.
    """

    settle_s: float = 0.0
    limit: int | None = None
    redo: Redo = "nothing"
    prune: bool = False
    move_done: Path | None = None
    move_failed: Path | None = None


NO_CHORES = Chores()


def check_order(inputs: Sequence[Path], output: Path, order: Order, chores: Chores) -> None:
    """Raises UsageError: what is asked for makes no sense, or would do harm."""
    sure = order.min_confidence
    if sure is not None and not 0 <= sure <= 1:  # not a number is none of these either
        raise UsageError(f"--min-confidence: {sure} is no probability; choose one from 0 to 1")
    if order.target_error is not None and not 0 < order.target_error < 1:
        raise UsageError(f"--target-error: {order.target_error} is no part of the accepted fields; choose 0.001 or so")
    if order.target_error is not None and sure is not None:
        raise UsageError("--target-error chooses the confidence: leave --min-confidence out")
    _check_apart(inputs, output)
    _check_moves(inputs, output, chores)


def _check_apart(inputs: Sequence[Path], output: Path) -> None:
    """What a run writes must not be read by the next, nor what it reads be replaced."""
    if is_remote(output):
        raise UsageError(f"--output: {told_url(output)} is none of this machine's folders; name one")
    results = real_path(output)
    replaced = [results / name for name in PUBLISHED]
    for given in inputs:
        source = real_path(given)
        if is_folder(source) and results.is_relative_to(source):
            raise UsageError(
                f"output folder {output} lies inside input folder {given}, and its pictures would be read as scans; "
                "choose another with --output"
            )
        if any(source.is_relative_to(path) for path in replaced):
            raise UsageError(f"input {given} would be replaced by the results; choose another folder with --output")


def _check_moves(inputs: Sequence[Path], output: Path, chores: Chores) -> None:
    """What is moved away must not be found again."""
    for option, folder in (("--move-done", chores.move_done), ("--move-failed", chores.move_failed)):
        if folder is not None and any(map(is_remote, (folder, *inputs))):
            raise UsageError(f"{option}: files are only moved between folders of this machine; leave it out")
        if folder is not None and any(real_path(folder).is_relative_to(real_path(given)) for given in inputs):
            raise UsageError(f"{option}: {folder} lies inside an input, and would be read again; choose another folder")
        if folder is not None and real_path(folder).is_relative_to(real_path(output)):
            raise UsageError(f"{option}: {folder} lies inside the output; choose another folder")
        if folder is not None and folder.exists() and not folder.is_dir():
            raise UsageError(f"{option}: {folder} is no folder; choose another one")


def nothing_in(inputs: Sequence[Path]) -> NoInputError:
    return NoInputError(f"{', '.join(map(told_url, inputs))}: no image or PDF files found; name a folder of scans")


def make_kit(order: Order) -> "tuple[Kit, Reader, Sequence[KnownForm]]":
    """What workers read with, what the ledger knows of it, and the forms."""
    network = read_network_files(order.model)
    files: tuple[FormFiles, ...] = ()
    known: Sequence[KnownForm] = ()
    if order.forms:
        from scanner.known import make_known_form, read_all_form_files  # a tenth of a second to import

        files = read_all_form_files(order.forms)
        known = tuple(map(make_known_form, files))  # their mistakes stop the run, and not each page
    key = digest_of(network.sha256, repr(network.card), shipped_sha256(), repr(order.min_confidence))
    versions = {each.form.name: each.version for each in files}
    unknown = digest_of(*sorted(versions.values()), repr(order.reads_unknown and bool(files)), order.postal or "")
    kit = Kit(
        digest_of(key, unknown),
        network,
        files,
        order.min_confidence,
        order.reads_unknown,
        order.overlay,
        all_crops=order.target_error is not None,
        postal=order.postal,
    )
    return kit, Reader(key, versions, unknown, order.overlay), known


def digest_of(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
