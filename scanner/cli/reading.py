"""The commands that read: `scanner read`, `scanner predict`."""

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.app import app, printable, say, tell
from scanner.errors import SOME_PAGES_FAILED, UsageError
from scanner.process import prepare_process

if TYPE_CHECKING:
    from scanner.export import RunSummary


WATCH_SETTLE_S = 5.0  # what is looked at all the time is seen while it is being written


class Unknown(StrEnum):
    """What happens to pages that show no form."""

    read = "read"
    fail = "fail"


class Postal(StrEnum):
    """Countries whose postal codes are known."""

    any = "any"
    at = "at"
    ch = "ch"
    de = "de"
    es = "es"
    fr = "fr"
    india = "in"
    it = "it"
    nl = "nl"
    us = "us"


class Redo(StrEnum):
    """What is read again."""

    nothing = "nothing"
    failed = "failed"
    all = "all"


def _path(given: str | Path) -> Path:
    """Not Typer's own path: it takes an empty variable of a script for the current folder."""
    if not str(given).strip():
        raise typer.BadParameter("is empty; name a file or folder")
    from scanner.remote import path_of

    return path_of(given)


@app.command()
@app.command("watch", help="Read what is there, as `read` does, and go on with what comes, until it is stopped.")
def read(
    context: typer.Context,
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
    target_error: Annotated[
        float | None,
        typer.Option(min=0, max=1, help="Accept so that at most this part is wrong, by what people have verified."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="An ONNX network, its card beside it. Default: the one that comes with scanner.")
    ] = None,
    form: Annotated[
        list[Path] | None,
        typer.Option(help="A form.toml, or a folder of forms: pages that show one are read as it says; repeatable."),
    ] = None,
    unknown: Annotated[Unknown, typer.Option(help="What to do with pages that show none of the forms.")] = Unknown.read,
    postal: Annotated[
        Postal | None, typer.Option(help="Pages are envelopes: read their postal codes, as this country writes them.")
    ] = None,
    overlay: Annotated[bool, typer.Option("--overlay", help="Draw each page with boxes and readings on it.")] = False,
    workers: Annotated[
        int | None,
        typer.Option(min=1, envvar="SCANNER_WORKERS", help="Processes that read. Default: one a core. 1: no others."),
    ] = None,
    page_timeout: Annotated[
        float | None,
        typer.Option(min=0.1, help="Seconds after which a page is given up. Default: 120; with 1 worker, none."),
    ] = None,
    page_memory: Annotated[float, typer.Option(min=0.5, max=1e5, help="GiB of memory a worker may have.")] = 4.0,
    cluster: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="Have the workers of this Dask scheduler read.")
    ] = None,
    settle: Annotated[
        float | None,
        typer.Option(min=0, help="Leave files changed less than so many seconds ago. Default: 0; 5 for `watch`."),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read at most so many pages.")] = None,
    redo: Annotated[
        Redo, typer.Option(help="What to read again although it was read: failed pages, or all.")
    ] = Redo.nothing,
    prune: Annotated[
        bool, typer.Option("--prune", help="Leave files out of the tables that are there no more.")
    ] = False,
    move_done: Annotated[
        Path | None, typer.Option(parser=_path, metavar="<path>", help="Move files there that are all read.")
    ] = None,
    move_failed: Annotated[
        Path | None, typer.Option(parser=_path, metavar="<path>", help="Move files there of which a page failed.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be read.")] = False,
    log: Annotated[bool, typer.Option("--log", help="Tell on stderr what happens, a line a page.")] = False,
    log_json: Annotated[bool, typer.Option("--log-json", help="The same, as a line of JSON each.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print nothing unless something failed.")] = False,
) -> None:
    """Read every digit box of every page into OUTPUT/fields.csv, review.csv and pages.csv."""
    prepare_process()  # before NumPy is imported
    from scanner.engine import Engine, all_cores
    from scanner.events import listen
    from scanner.order import Chores, Order
    from scanner.progress import progress_bar, stop_signal
    from scanner.remote import told_url
    from scanner.run import preview, run
    from scanner.sources import why_not_there

    if unknown is Unknown.fail and not form:
        raise UsageError("--unknown fail needs a form: --form PATH")
    is_watching = context.info_name == "watch"
    settle = (WATCH_SETTLE_S if is_watching else 0.0) if settle is None else settle
    order = Order(
        model,
        min_confidence,
        tuple(form or ()),
        unknown is Unknown.read,
        overlay,
        target_error,
        None if postal is None else postal.value,
    )
    chores = Chores(settle, limit, redo.value, prune, move_done, move_failed)
    if dry_run:
        planned = preview(inputs, output, order, chores=chores)
        for name in planned.to_read:
            say(printable(name))
        files = "file" if len(planned.to_read) == 1 else "files"
        say(f"{len(planned.to_read):,} {files} to read, {planned.done:,} done")
        return
    if log or log_json:
        listen(as_json=log_json)
    engine = Engine(workers or all_cores(), page_timeout, round(page_memory * 1024**3), cluster)
    is_shown = not (quiet or log or log_json)
    with stop_signal() as stop, progress_bar(is_shown) as progress:
        read_now = partial(
            run, inputs, output, order, engine=engine, chores=chores, is_stopped=stop.is_set, progress=progress
        )
        if is_watching:
            from scanner.watch import watch

            told: tuple[str, ...] = ()
            for summary in watch(read_now, inputs, stop, settle):
                read_now.keywords["chores"] = replace(chores, redo="nothing")  # once is enough
                is_news, told = summary.new or summary.failures != told, summary.failures
                if is_news:
                    _tell_summary(summary, output, quiet=quiet, is_logged=log or log_json)
            return
        missing = {given: why for given in inputs if (why := why_not_there(given))}  # the run may move some away
        summary = read_now()
    for given, why in missing.items():
        tell(f"{told_url(given)}: {why}; the other inputs were read")
    _tell_summary(summary, output, quiet=quiet, is_logged=log or log_json)
    raise typer.Exit(summary.exit_code)


def _tell_summary(summary: "RunSummary", output: Path, *, quiet: bool, is_logged: bool) -> None:
    if summary.kept_review:
        tell(f"{summary.kept_review}: review.csv as it was edited; the new one has what is to be reviewed now")
    if summary.is_interrupted:
        tell(f"interrupted; what was finished is in {output}, and the same command goes on")
    if not is_logged:
        for failure in summary.failures:
            tell(f"failed: {failure}")
    if summary.guarantee and not quiet:
        tell(summary.guarantee)
    if summary.new_failed or summary.is_interrupted or not quiet:
        say(printable(summary.line(output)))


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
    results = []
    drawn = pictures.MOST_DRAWN if plot is not None else 0
    for each in pictures.predict_files(images, load_network(model), min_confidence, drawn=drawn):
        (tell if each.problem else say)(printable(each.line()))
        results.append(each)
    if csv is not None:
        pictures.write_predictions(csv, results)
    if plot is not None:
        pictures.draw_predictions(plot, results)
    raise typer.Exit(SOME_PAGES_FAILED if any(each.problem for each in results) else 0)
