"""The commands about forms: `scanner form new`, `blank`, `check`, `schema`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from scanner.cli.app import ExitCodes, app, printable, say
from scanner.errors import SOME_PAGES_FAILED, OutputError, UsageError

if TYPE_CHECKING:
    from scanner.drawing import Bgr
    from scanner.known import KnownForm

forms = typer.Typer(cls=ExitCodes, no_args_is_help=True)
app.add_typer(forms, name="form", help="Describe a form, so that its fields have names and rules.")


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


@forms.command()
def new(
    blank: Annotated[Path, typer.Argument(help="Picture or PDF of the form, blank or filled.", show_default=False)],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The form file, or its folder; pictures of its pages go beside it.")
    ],
    name: Annotated[str | None, typer.Option(help="Of the form. Default: that of the folder of the form file.")] = None,
    language: Annotated[
        str | None,
        typer.Option(help="Of the printed labels, for Tesseract: eng, deu+fra. Default: eng, if it is there."),
    ] = None,
) -> None:
    """Find the boxes of a form and write form.toml, to be looked through: name the fields, say what they hold."""
    from scanner.design import propose_form, write_form
    from scanner.form.load import FILE_NAME
    from scanner.known import drawing_path, picture_path
    from scanner.labels import LANGUAGE, missing

    if output.is_dir() or output.suffix != ".toml":
        output = output / FILE_NAME
    taken = [path for path in (output, picture_path(output.parent, 1)) if path.exists()]
    if taken:
        raise UsageError(f"{taken[0]} exists; name another folder with --output: each form has its own")
    name = output.resolve().parent.name if name is None else name
    if not name.isidentifier():
        raise UsageError(f"{name!r} cannot be the name of a form; give one of letters, digits and _ with --name")
    lacking = missing()
    if lacking is not None and language is not None:
        raise UsageError(f"printed labels are read by Tesseract: {lacking}")
    pages = propose_form(blank, (language or LANGUAGE) if lacking is None else None)
    try:
        write_form(output, name, pages)
    except OSError as error:
        raise OutputError(f"{output}: cannot write: {error.strerror}; choose another folder") from error
    fields, drawn = sum(len(page.fields) for page in pages), drawing_path(output.parent, 1).name
    say(printable(f"{output}: {_count(fields, 'field')} on {_count(len(pages), 'page')}, drawn in {drawn}"))
    if lacking is not None:
        say(printable(f"named by their place; to name fields by their labels, {lacking}"))
    for number, page in enumerate(pages, start=1):
        if not page.has_resolution:
            told = f"{page.width_mm:g} x {page.height_mm:g} mm"
            say(printable(f"page {number}: the picture does not say its resolution; it was taken for {told}"))


@forms.command()
def blank(
    form: Annotated[Path, typer.Argument(help="form.toml, or its folder.", show_default=False)],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The PDF. Default: blank.pdf beside the form.")
    ] = None,
) -> None:
    """Print a form from scratch: give each field a place, and write a PDF with boxes, fiducials and a QR code."""
    from scanner.blank import write_blank

    output = output or (form if form.is_dir() else form.parent) / "blank.pdf"
    known = write_blank(form, output)
    fields, pages = len(known.fields), len(known.pages)
    say(printable(f"{output}: {_count(fields, 'field')} on {_count(pages, 'page')}; print it at 100 %"))


@forms.command()
def check(
    form: Annotated[
        Path, typer.Argument(help="form.toml, its folder, or a folder of such folders.", show_default=False)
    ],
    scans: Annotated[list[Path] | None, typer.Argument(help="Pages to find it on.", show_default=False)] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A folder for pictures of these pages with the boxes on them.")
    ] = None,
) -> None:
    """Tell every mistake of forms; and of each page which it shows, and how far its boxes lie off."""
    from scanner.known import load_known_forms
    from scanner.trial import try_forms

    forms = load_known_forms([form])
    for known in forms:
        _tell(known)
    is_missing = False
    for trial in try_forms(forms, scans or [], is_drawn=output is not None):
        say(printable(trial.line()))
        is_missing |= not trial.is_found
        if output is not None and trial.picture is not None:
            _save(output / trial.picture_name, trial.picture)
    raise typer.Exit(SOME_PAGES_FAILED if is_missing else 0)


def _tell(known: "KnownForm") -> None:
    """That it has no mistakes, and what looks like one."""
    from scanner.form.rules import is_hardly_met

    fields = len(known.form.fields)
    say(printable(f"{known.form.folder}: form {known.form.name}, {_count(fields, 'field')}, no mistakes"))
    for field in filter(is_hardly_met, known.form.fields):
        told = f"of many numbers of {field.cells} digits none is right for {field.check}"
        say(printable(f"{field.name}, check: {told}; does it count letters (check_prefix), or more digits?"))
    marks = {field.name for field in known.form.fields if field.type == "mark"}
    for name in sorted({name for reference in known.references for name in reference.goes_on} - marks):
        say(
            printable(
                f"{name}: one more box is printed beside its cells; count them, or make that one a field of its own"
            )
        )


def _save(path: Path, picture: "Bgr") -> None:
    from scanner.drawing import encode_picture

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode_picture(path.name, picture))
    except OSError as error:
        raise OutputError(f"{path}: cannot write: {error.strerror}; choose another folder with --output") from error


@forms.command()
def schema() -> None:
    """Print the JSON Schema of form.toml, for editors that check while one types."""
    from scanner.form import form_schema

    say(json.dumps(form_schema(), indent=2))
