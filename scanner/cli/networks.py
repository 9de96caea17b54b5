"""The commands about networks: `scanner train`, `scanner evaluate`."""

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.app import app, printable, say
from scanner.errors import UsageError


@app.command()
def train(
    digits: Annotated[
        list[Path] | None,
        typer.Option(help="IDX folder, .npz, or folders 0 - 9 of pictures; repeatable. Default: MNIST, downloaded."),
    ] = None,
    lines: Annotated[
        list[Path] | None,
        typer.Option(help="For strings: folder with `images` of numbers and their `truth.json`; repeatable."),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for the network and its card.")] = Path("models"),
    recipe: Annotated[
        str,
        typer.Option(
            help="reader and strings, which ship; mlp-128, mlp-128-128, mlp-128-64, cnn; tiny to try things out."
        ),
    ] = "reader",
    name: Annotated[
        str | None, typer.Option(help="Its name: NAME.keras, NAME.onnx, NAME.json. Default: the recipe's.")
    ] = None,
    start_from: Annotated[
        Path | None, typer.Option("--from", help="A .keras of the same recipe, to be taught more without forgetting.")
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="How often the network sees the digits. Default: the recipe's.")
    ] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Digits a step. Default: the recipe's.")] = None,
    variants: Annotated[
        int | None,
        typer.Option(min=1, help="How often each digit is distorted anew. Default: 10; 30 of strings; 3 with --from."),
    ] = None,
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
    if recipe == training.STRINGS:
        if start_from is not None:
            raise UsageError("--from: the recipe strings starts anew; leave it out")
        read = training.train_strings(
            training.StringOptions(
                digits=tuple(digits or ()),
                lines=tuple(lines or ()),
                out=out,
                name=name or recipe,
                epochs=epochs,
                batch_size=batch_size,
                variants=variants,
                seed=seed,
                workers=workers,
            )
        )
        parts = ", ".join(f"{data} {100 * part:.1f} % of lines" for data, part in read.accuracies.items())
        typer.echo(printable(f"{read.onnx}: {parts}"))
        return
    if lines:
        raise UsageError(f"--lines: the recipe {recipe} learns of single digits; choose --recipe strings")
    result = training.train(
        training.TrainOptions(
            digits=tuple(digits or ()),
            out=out,
            name=name,
            recipe=recipe,
            epochs=epochs,
            batch_size=batch_size,
            variants=variants or (10 if start_from is None else 3),
            start_from=start_from,
            seed=seed,
            workers=workers,
            measure_tests=measure_tests,
        )
    )
    accuracies = ", ".join(f"{data} {100 * report.accuracy:.2f} %" for data, report in result.reports.items())
    typer.echo(printable(f"{result.onnx}: {accuracies}"))


@app.command()
def calibrate(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", show_default=False)],
    out: Annotated[Path, typer.Option(help="Folder for the network and its card.")] = Path("models"),
    name: Annotated[str, typer.Option(help="Its name: `scanner read --model OUT/NAME`.")] = "calibrated",
) -> None:
    """Fit the network's confidence to what people have verified in a run folder, by lot."""
    from scanner.training.refit import refit

    found = refit(output, out, name)
    say(
        printable(
            f"{found.card}: by {found.digits:,} digits, temperature {found.temperature[0]:.3f} -> "
            f"{found.temperature[1]:.3f}, threshold {found.threshold[0]:.4f} -> {found.threshold[1]:.4f}"
        )
    )


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
    say(figures.json() if as_json else figures.text)
