"""The command line: each command checks its options, calls one library function and prints one summary.

What reads pages is imported inside the commands: `scanner --help` answers at once.
"""

import logging
import os
import sys
import traceback
from collections.abc import Sequence
from errno import EPIPE
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, cast

import typer
from typer.core import TyperGroup

from scanner import __version__
from scanner.errors import INTERRUPTED, SOME_PAGES_FAILED, NoInputError, OutputError, ScannerError, UsageError
from scanner.process import prepare_process

if TYPE_CHECKING:
    from scanner.synth import DigitSource

BUG = 1

T = TypeVar("T", bound=str)


class ExitCodes(TyperGroup):
    """Turns what a command raises into a line on stderr and an exit code, in the shell and in tests alike."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ScannerError as error:
            _tell(f"error: {error}")
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            _tell("interrupted")
            raise typer.Exit(INTERRUPTED) from None
        except Exception as error:
            if _is_typers(error):
                raise
            traceback.print_exc()
            _tell(f"this is a bug in scanner {__version__}, please report it: {error!r}")
            raise typer.Exit(BUG) from error


def _is_typers(error: Exception) -> bool:
    """Typer's own, by their attribute: depending on its version Typer brings its own Click or uses the package."""
    ends = hasattr(error, "exit_code") or isinstance(error, (typer.Abort, EOFError))
    return ends or (isinstance(error, OSError) and error.errno == EPIPE)


def _tell(message: str) -> None:
    typer.echo(_printable(f"scanner: {message}"), err=True)


def _say(line: str) -> None:
    try:
        typer.echo(line)
    except OSError as error:
        if error.errno == EPIPE:  # nobody listens any more
            raise
        raise OutputError(f"the summary cannot be written: {error.strerror}; the results are complete") from error


def _printable(line: str) -> str:
    """One line, whatever is in the names of files."""
    return " ".join(line.splitlines()).encode(errors="backslashreplace").decode()


app = typer.Typer(cls=ExitCodes, no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def main() -> None:
    """The command `scanner`."""
    app(prog_name="scanner")


def _print_version(is_asked: bool) -> None:
    if is_asked:
        typer.echo(f"scanner {__version__}")
        raise typer.Exit


@app.callback()
def _scanner(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Read handwritten numbers from scanned forms: a folder of scans in, a CSV of numbers out."""


def _path(given: str | Path) -> Path:
    """Not Typer's own path: it takes an empty variable of a script for the current folder."""
    if not str(given).strip():
        raise typer.BadParameter("is empty; name a file or folder")
    return Path(given)


@app.command()
def read(
    inputs: Annotated[
        list[Path],
        typer.Argument(parser=_path, metavar="INPUT", help="Scans, PDFs, and folders of them.", show_default=False),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", parser=_path, metavar="<path>", help="Folder for the results.")
    ] = Path("output"),
    min_confidence: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Fields below this go to review. Default: what the network's card says."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="An ONNX network, its card beside it. Default: the one that comes with scanner.")
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw each page with boxes and readings on it.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing unless something failed.")] = False,
) -> None:
    """Read every digit box of every page into OUTPUT/fields.csv, review.csv and pages.csv."""
    prepare_process()  # before NumPy is imported
    from scanner.progress import stoppable, with_progress
    from scanner.run import run

    watch = stoppable if quiet else with_progress
    summary = run(inputs, output, model=model, min_confidence=min_confidence, overlay=overlay, watch=watch)
    for given in inputs:
        if not os.path.lexists(given):
            _tell(f"{given}: no such file or folder; the other inputs were read")
    if summary.interrupted_in:
        _tell(f"interrupted; what was finished is in {summary.interrupted_in}")
    if summary.exit_code or not quiet:
        _say(_printable(summary.line(summary.interrupted_in or output)))
    raise typer.Exit(summary.exit_code)


@app.command()
def predict(
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE", help="Pictures of one digit each.", show_default=False)
    ],
    model: Annotated[
        Path | None, typer.Option(help="An ONNX network, its card beside it. Default: the one that comes with scanner.")
    ] = None,
    min_confidence: Annotated[float, typer.Option(min=0, max=1, help="Digits below this are rejected.")] = 0.0,
    csv: Annotated[Path | None, typer.Option(help="Also write file,digit,confidence to this file.")] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Also draw the first 100 pictures, what the network sees of them, and all scores."),
    ] = None,
) -> None:
    """Read the digit in each picture: dark on light or light on dark, of any size."""
    from scanner import predictions as pictures
    from scanner.network import load_network

    pictures.check_targets(images, (csv, plot))
    results = pictures.predict_files(images, load_network(model), min_confidence)
    for each in results:
        (_tell if each.problem else _say)(_printable(each.line()))
    if csv is not None:
        pictures.write_predictions(csv, results)
    if plot is not None:
        pictures.draw_predictions(plot, results)
    raise typer.Exit(SOME_PAGES_FAILED if any(each.problem for each in results) else 0)


@app.command()
def train(
    digits: Annotated[
        list[Path] | None,
        typer.Option(help="IDX folder, .npz, or folders 0 - 9 of pictures; repeatable. Default: MNIST, downloaded."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the network and its card.")] = Path("models"),
    recipe: Annotated[
        str, typer.Option(help="reader, which ships; mlp-128, mlp-128-128, mlp-128-64, cnn; tiny to try things out.")
    ] = "reader",
    name: Annotated[
        str | None, typer.Option(help="Its name: NAME.keras, NAME.onnx, NAME.json. Default: the recipe's.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How often the network sees the digits. Default: the recipe's.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Digits a step. Default: the recipe's.")] = None,
    variants: Annotated[int, typer.Option(min=1, help="How often each digit is distorted anew.")] = 8,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn by lot.")] = 1,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes that prepare digits. Default: one a core.")
    ] = None,
    measure_tests: Annotated[
        bool, typer.Option("--test/--no-test", help="Whether to measure the data sets' test digits at the end.")
    ] = True,
) -> None:
    """Train a network of your own; needs TensorFlow, which the extra `train` brings."""
    from scanner import training

    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    result = training.train(
        training.TrainOptions(
            digits=tuple(digits or ()),
            out=out,
            name=name,
            recipe=recipe,
            epochs=epochs,
            batch_size=batch_size,
            variants=variants,
            seed=seed,
            workers=workers,
            measure_tests=measure_tests,
        )
    )
    accuracies = ", ".join(f"{data} {100 * report.accuracy:.2f} %" for data, report in result.reports.items())
    typer.echo(_printable(f"{result.onnx}: {accuracies}"))


@app.command()
def evaluate(
    target: Annotated[
        Path, typer.Argument(metavar="TARGET", help="A network, or the folder of a run.", show_default=False)
    ],
    digits: Annotated[
        list[Path] | None, typer.Option(help="For a network: digits to read, as for `train`; may be repeated.")
    ] = None,
    truth: Annotated[
        list[Path] | None, typer.Option(help="For a run: truth.csv beside the scans; may be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print all figures as JSON.")] = False,
    plots: Annotated[Path | None, typer.Option(help="For a network: folder for pictures of the figures.")] = None,
) -> None:
    """Measure a network on labeled digits, or a run against its truth."""
    from scanner import measure

    if bool(digits) == bool(truth):
        raise UsageError("give --digits to measure a network or --truth to measure a run, and not both")
    if plots is not None and not digits:
        raise UsageError("--plots is for networks, with --digits")
    if digits:
        figures = measure.measure_network(target, digits, plots=plots)
    else:
        figures = measure.measure_run(target, truth or [])
    _say(figures.json() if as_json else figures.text)


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
    chosen_faults = _choice("--faults", faults, tuple(mirror.FAULTS))
    source = _digit_source(digits)
    if (folder / "truth.csv").exists():
        raise OutputError(f"{folder}: holds pages with their truth.csv already; choose another folder")
    try:
        mirror.write_pages(folder, count, chosen_styles, chosen_faults, seed, source)
    except OSError as error:
        raise OutputError(
            f"{error.filename or folder}: cannot write: {error.strerror}; choose another folder"
        ) from error
    typer.echo(_printable(f"{count} {'page' if count == 1 else 'pages'} and truth.csv in {folder}"))


def _choice(option: str, given: str, names: "Sequence[T]") -> "list[T]":
    """The names of a comma-separated list; each may be several of them joined by `+`."""
    if given == "all":
        return list(names)
    words = [word.strip() for word in given.split(",")]
    for part in (part for word in words for part in word.split("+")):
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
