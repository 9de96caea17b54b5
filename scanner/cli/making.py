"""The command that makes pages: `scanner synth`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import typer

from scanner.cli.app import app, printable
from scanner.errors import NoInputError, OutputError, UsageError

if TYPE_CHECKING:
    from scanner.synth import DigitSource

T = TypeVar("T", bound=str)


@app.command()
def synth(
    folder: Annotated[Path, typer.Argument(help="Folder for the pages and their truth.csv.", show_default=False)],
    count: Annotated[int, typer.Option(min=1, help="How many pages.")] = 10,
    styles: Annotated[str, typer.Option(help="Box styles, by turns; 'all' for all of them.")] = "separate,cells,comb",
    faults: Annotated[
        str, typer.Option(help="What the scan does to the page, by turns; + joins several, 'all' takes all of them.")
    ] = "clean,scan,photo",
    seed: Annotated[int, typer.Option(min=0, help="The same seed makes the same pages.")] = 1,
    digits: Annotated[
        Path | None, typer.Option(help="Folder of MNIST's IDX files, or an .npz. Default: digits that scanner draws.")
    ] = None,
) -> None:
    """Make filled and scanned forms, and the truth about them."""
    from scanner import synth as mirror

    chosen_styles = _choice("--styles", styles, (*mirror.BOX_STYLES, *mirror.EXTRA_STYLES))
    chosen_faults = _choice("--faults", faults, tuple(mirror.FAULTS), joined_by="+")
    source = _digit_source(digits)
    if (folder / "truth.csv").exists():
        raise OutputError(f"{folder}: holds pages with their truth.csv already; choose another folder")
    try:
        mirror.write_pages(folder, count, chosen_styles, chosen_faults, seed, source)
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder}: cannot write: {error.strerror}; choose another folder"
        ) from error
    typer.echo(printable(f"{count} {'page' if count == 1 else 'pages'} and truth.csv in {folder}"))


def _choice(option: str, given: str, names: "Sequence[T]", joined_by: str | None = None) -> "list[T]":
    """The names of a comma-separated list; where they can be joined, each may be several of them."""
    if given == "all":
        return list(names)
    words = [word.strip() for word in given.split(",")]
    for part in (part for word in words for part in (word.split(joined_by) if joined_by else [word])):
        if part not in names:
            raise UsageError(f"{option}: there is no {part!r}; choose of {', '.join(map(str, names))}")
    return cast("list[T]", words)


def _digit_source(path: Path | None) -> "DigitSource":
    """Digits for new pages: of a data set those that networks are not trained on, where it has such."""
    from scanner.synth import DataSetDigits, DrawnDigits

    if path is None:
        return DrawnDigits()
    from scanner.training.datasets import read_source

    source = read_source(path)
    part = source.test or source.train
    missing = sorted(set(range(10)) - set(part.labels.tolist()))
    if missing:
        raise NoInputError(f"{path}: has no digit {missing[0]}; forms need all ten")
    return DataSetDigits(part.ink, part.labels)
