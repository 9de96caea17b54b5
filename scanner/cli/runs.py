"""The commands about run folders: `scanner status`."""

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.app import app, say


@app.command()
def status(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", show_default=False)],
    as_json: Annotated[bool, typer.Option("--json", help="Print all counts as JSON.")] = False,
) -> None:
    """Tell what is done, waiting, failed and to review in a run folder; also while a run is writing there."""
    from scanner.status import status_of

    found = status_of(output)
    say(found.json() if as_json else found.text())
