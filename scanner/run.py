"""One run: files and folders of scans in, one finished output folder out. `scanner read` is this function."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from scanner.errors import PageError, UsageError
from scanner.export import RunSummary, SkippedFile, write_results
from scanner.network import Network, load_network
from scanner.overlay import crop_path, cut_field, draw_overlay, overlay_path, write_picture
from scanner.page import Discovery, count_pages, discover, load_page
from scanner.pipeline import PageReading, PageResult, policy_of, read_pages
from scanner.sources import is_form_picture
from scanner.staging import PUBLISHED

if TYPE_CHECKING:
    from scanner.documents import Assembler
    from scanner.known import KnownForm

Watch: TypeAlias = Callable[[Iterator[PageResult], int], Iterator[PageResult]]
"""Sees each result pass by; is told how many files there are. A KeyboardInterrupt from it ends the run."""


def run(
    inputs: Sequence[Path],
    output: Path,
    *,
    model: Path | None = None,
    min_confidence: float | None = None,
    forms: Sequence[Path] = (),
    reads_unknown: bool = True,
    overlay: bool = False,
    watch: Watch | None = None,
) -> RunSummary:
    """Read every page of `inputs` and write tables and pictures to the folder `output`.

    Args:
        inputs: files and folders; folders are searched through.
        output: the folder of the results; an earlier run in it is replaced when this one is finished.
        model: an ONNX network with its card beside it; by default the one that comes with scanner.
        min_confidence: fields below it go to review; by default what the network's card says.
        forms: `form.toml` files and folders of them; pages that show one are read as it says.
        reads_unknown: whether pages that show none of them are read all the same; else they fail.
        overlay: whether to draw each page with its readings.
        watch: sees the results as they come, to show progress or to stop.

    Raises:
        ScannerError: one of its kinds, for what stops a run: see `scanner.errors`.
    """
    if min_confidence is not None and not 0 <= min_confidence <= 1:  # not a number is none of these either
        raise UsageError(f"--min-confidence: {min_confidence} is no probability; choose one from 0 to 1")
    _check_apart(inputs, output)
    network = load_network(model)
    discovery = discover(inputs)
    known = _known_forms(forms)
    results = read_pages(
        inputs,
        network=network,
        min_confidence=min_confidence,
        forms=known,
        reads_unknown=reads_unknown,
    )
    if watch is not None:
        results = watch(results, len(discovery.files))
    if known:
        results = _settled(results, known, network, min_confidence)
    paths = {source.name: source.path for source in discovery.files}
    reached: dict[str, int] = {}  # the last page of each file

    def pictures(folder: Path, page: PageReading) -> Mapping[str, str]:
        return write_pictures(folder, page, paths[page.file], overlay=overlay)

    return write_results(
        output,
        _noted(results, reached),
        skipped=_skipped(discovery, reached),
        pictures=pictures,
        documents=_assembler(known),
    )


def _known_forms(paths: Sequence[Path]) -> "Sequence[KnownForm]":
    if not paths:
        return ()
    from scanner.known import load_known_forms  # what forms are checked with takes a tenth of a second to import

    return load_known_forms(paths)


def _settled(
    results: Iterator[PageResult], forms: "Sequence[KnownForm]", network: Network, min_confidence: float | None
) -> Iterator[PageResult]:
    from scanner.unique import settle_unique

    return settle_unique(results, forms, policy_of(network, min_confidence))


def _assembler(forms: "Sequence[KnownForm]") -> "Assembler | None":
    if not forms:
        return None
    from scanner.documents import Assembler

    return Assembler(forms)


def _noted(results: Iterator[PageResult], reached: dict[str, int]) -> Iterator[PageResult]:
    for result in results:
        reached[result.file] = result.page
        yield result


def _skipped(discovery: Discovery, reached: dict[str, int]) -> Iterator[SkippedFile]:
    """Every file that went in and has no page among the results is accounted for here."""
    for source in discovery.skipped:
        if is_form_picture(source.path):
            yield SkippedFile(source.name, "form_picture", "it shows what a form looks like, and is no scan")
        else:
            yield SkippedFile(source.name, "unknown_type", "the name does not end like that of an image or PDF")
    for source in discovery.files:
        if source.name not in reached:
            yield SkippedFile(source.name, "interrupted", "the run ended before this file")
        elif source.name == next(reversed(reached)) and 0 < reached[source.name] < (pages := _pages_of(source.path)):
            detail = f"the run ended after page {reached[source.name]} of {pages}"
            yield SkippedFile(source.name, "interrupted", detail)


def _pages_of(path: Path) -> int:
    try:
        return count_pages(path)
    except PageError:  # it could be read a moment ago
        return 0


def _check_apart(inputs: Sequence[Path], output: Path) -> None:
    """What a run writes must not be read by the next, nor what it reads be replaced."""
    results = _real(output)
    replaced = [results / name for name in PUBLISHED]
    for given in inputs:
        source = _real(given)
        if os.path.isdir(source) and results.is_relative_to(source):  # noqa: PTH112 - Path.is_dir may raise
            raise UsageError(
                f"output folder {output} lies inside input folder {given}, and its pictures would be read as scans; "
                "choose another with --output"
            )
        if any(source.is_relative_to(path) for path in replaced):
            raise UsageError(f"input {given} would be replaced by the results; choose another folder with --output")


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve may raise


def write_pictures(folder: Path, page: PageReading, path: Path, *, overlay: bool) -> dict[str, str]:
    """Write the crops of the fields to review, and the overlay; give the path of each field's crop in `folder`."""
    fields = [field for field in page.fields if field.status == "review"]
    if not fields and not overlay:
        return {}
    try:
        gray = load_page(path, page.page).gray
    except PageError:  # it could be read a moment ago: whoever took it away has to do without pictures
        return {}
    if overlay:
        write_picture(folder / overlay_path(page), draw_overlay(gray, page))
    crops = {field.name: crop_path(page, field) for field in fields}
    for field in fields:
        write_picture(folder / crops[field.name], cut_field(gray, field))
    return crops
