"""The commands that open a page in the browser: `scanner review`, `scanner serve`."""

from pathlib import Path
from typing import Annotated

import typer

from scanner.cli.app import app, printable, tell
from scanner.errors import OutputError
from scanner.process import prepare_process

HOST, REVIEW_PORT, SERVE_PORT = "127.0.0.1", 8765, 8766
TIMEOUT_S, MEMORY_BYTES = 60.0, 4 * 1024**3  # of what is uploaded

Host = Annotated[str, typer.Option(help="Where to listen. Other than this machine alone only with a token.")]
Token = Annotated[
    str | None, typer.Option(envvar="SCANNER_TOKEN", help="What everybody must know who is to be let in.")
]
Browser = Annotated[bool, typer.Option("--browser/--no-browser", help="Show the page in the browser.")]


def _part(text: str | float) -> float:
    """`1%` or 0.01."""
    try:
        part = float(str(text).removesuffix("%")) / (100 if str(text).endswith("%") else 1)
    except ValueError:
        part = -1.0
    if not 0 <= part <= 1:
        raise typer.BadParameter(f"{text!r} is no part; write 1% or 0.01")
    return part


@app.command()
def review(
    output: Annotated[Path, typer.Argument(help="The output folder of a run.", show_default=False)],
    host: Host = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = REVIEW_PORT,
    token: Token = None,
    double: Annotated[
        bool, typer.Option("--double", help="Two people key each field blind, a third where they differ.")
    ] = False,
    sample: Annotated[
        float, typer.Option(parser=_part, metavar="PART", help="Of the accepted fields, look at so many, as 1%.")
    ] = 0.0,
    browser: Browser = True,
) -> None:
    """Settle what the machine was unsure of, in the browser, and write the tables when it is stopped."""
    prepare_process()
    _need_web()
    from scanner.engine import all_cores
    from scanner.publish import open_review
    from scanner.web.host import check_host, serve
    from scanner.web.pool import open_pool
    from scanner.web.reviewing import make_app

    check_host(host, token)
    with (
        open_review(output, double=double, sample=sample) as (kit, open_desk),
        open_pool(kit, min(all_cores(), 2), TIMEOUT_S, MEMORY_BYTES) as pool,
    ):
        serve(make_app(open_desk, pool), host, port, token, say=_say, opens_browser=browser)
    _publish(output)


def _publish(output: Path) -> None:
    from scanner.errors import ScannerError
    from scanner.publish import publish_again

    try:
        tell(printable(publish_again(output).line(output)))
    except ScannerError as error:
        tell(f"what was said is kept, the tables are not written yet: {error}")


@app.command("serve")
def serve_pages(
    host: Host = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any that is free.")] = SERVE_PORT,
    token: Token = None,
    model: Annotated[
        Path | None, typer.Option(help="An ONNX network, its card beside it. Default: the one that comes with scanner.")
    ] = None,
    form: Annotated[list[Path] | None, typer.Option(help="A form.toml, or a folder of forms; repeatable.")] = None,
    browser: Browser = True,
) -> None:
    """Show a page to draw a digit on and one to read a form, and answer programs over HTTP."""
    prepare_process()
    _need_web()
    from scanner.engine import all_cores
    from scanner.order import Order, make_kit
    from scanner.web.host import check_host, serve
    from scanner.web.pool import open_pool
    from scanner.web.serving import make_app

    check_host(host, token)
    kit, _, _ = make_kit(Order(model=model, forms=tuple(form or ())))
    with open_pool(kit, all_cores(), TIMEOUT_S, MEMORY_BYTES) as pool:
        serve(make_app(pool), host, port, token, say=_say, opens_browser=browser)


def _say(address: str) -> None:
    tell(f"{address} (Ctrl-C ends it)")


def _need_web() -> None:
    try:
        import fastapi  # noqa: F401
        import limits  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        raise OutputError(f"this needs the package {error.name}: pip install 'scanner[web]'") from error
