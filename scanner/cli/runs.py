"""The commands about run folders: `scanner status`, `scanner correct`, `scanner export`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.app import app, printable, say, tell


@app.command()
def status(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print all counts as JSON.")] = False,
) -> None:
    """Tell what is done, waiting, failed and to review in a run folder; also while a run is writing there."""
    from scanner.status import status_of

    found = status_of(output)
    say(found.json() if as_json else found.text())


@app.command()
def correct(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", show_default=False)],
    table: Annotated[
        Path, typer.Argument(help="review.csv with the column correct_value filled in.", show_default=False)
    ],
    who: Annotated[str | None, typer.Option(help="Who has filled it in. Default: the user.")] = None,
) -> None:
    """Take a filled review.csv in, all of it or nothing, and write the tables with what it says."""
    from scanner.correct import correct as take_in

    done = take_in(output, table, who)
    taken = done.taken
    for doubt in taken.doubts:
        tell(f"{doubt}; taken in as written")
    say(
        f"{taken.changed:,} changed, {taken.confirmed:,} confirmed, {taken.unreadable:,} unreadable, "
        f"{taken.known:,} known before"
    )
    if done.summary is not None:
        say(printable(done.summary.line(output)))
    else:
        tell(f"the corrections are kept, the tables are not written yet: {done.why}")


class Format(StrEnum):
    """What readings are handed over as."""

    csv = "csv"
    xlsx = "xlsx"
    parquet = "parquet"
    json = "json"
    digits = "digits"


@app.command()
def export(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", show_default=False)],
    to: Annotated[Format, typer.Option(help="The format.")] = Format.csv,
    wide: Annotated[bool, typer.Option("--wide", help="A row a form or page, a column a field.")] = False,
    target: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file. Default: long or wide with the format's suffix, in OUTPUT."),
    ] = None,
) -> None:
    """Hand the readings of a run over to another program, or its verified digits to `scanner train`."""
    from scanner.handover import hand_over

    done = hand_over(output, to.value, target, wide=wide)
    noun = "digit" if to is Format.digits else "row"
    if done.lost:
        fields = "field has" if done.lost == 1 else "fields have"
        tell(f"{done.lost:,} verified {fields} no picture any more, as scans were moved or changed: left out")
    say(printable(f"{done.path}: {done.count:,} {noun if done.count == 1 else f'{noun}s'}"))
