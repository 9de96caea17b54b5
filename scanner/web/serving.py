"""`scanner serve`: a page to draw a digit on, one to read a form, and the API that both use.

`POST /api/predict` takes the picture of a digit, `POST /api/read` a scan or PDF; `GET /openapi.json` describes them.
"""

import csv
import io
from typing import Annotated

from fastapi import FastAPI, File, HTTPException, UploadFile
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field

from scanner import __version__
from scanner.errors import PageError
from scanner.export import FIELD_COLUMNS
from scanner.web.common import GUARDED, STATIC, TOKEN, problems, tell_mistakes
from scanner.web.jobs import read_digit, read_upload
from scanner.web.pool import BusyError, Pool

Upload = Annotated[UploadFile, File(description="PNG, JPEG, TIFF, BMP, WebP, PBM or PGM; a form may be a PDF, too")]


class Prediction(BaseModel):
    """The digit in a picture."""

    digit: str = Field(description="0 to 9; empty where something else is drawn, or nothing")
    confidence: float = Field(ge=0, le=1, description="probability that it is right")
    runner_up: str = Field(description="the next best answer; x something crossed out, ? no digit")
    runner_up_confidence: float = Field(ge=0, le=1)
    scores: dict[str, float] = Field(description="probability of each class")
    seen: str = Field(description="the digit as the network sees it, a PNG in base64")


class Page(BaseModel):
    """One page of a file."""

    page: int = Field(ge=1)
    form: str = Field(description="the form it shows; empty without one")
    reason: str = Field(description="why it has no fields, a word to group by")
    detail: str
    fields: list[dict[str, str]] = Field(description="rows with the columns of fields.csv")
    overlay: str = Field(description="the page with its readings, a JPEG in base64; empty where it failed")


class Reading(BaseModel):
    """All pages of a file."""

    file: str
    pages: list[Page]
    csv: str = Field(description="fields.csv")


ERRORS = GUARDED | problems(
    {
        422: "not a picture that can be read; the detail says why",
        503: "too many others wait; try again soon",
        504: "reading it took too long",
    }
)


def make_app(pool: Pool) -> FastAPI:
    """The application; `pool` does what is to be decoded."""
    app = FastAPI(
        title="scanner", version=__version__, description="Reads handwritten numbers.", docs_url=None, redoc_url=None
    )
    tell_mistakes(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")

    @app.get("/", include_in_schema=False)
    def draw() -> FileResponse:
        return FileResponse(STATIC / "draw.html")

    @app.get("/form", include_in_schema=False)
    def form() -> FileResponse:
        return FileResponse(STATIC / "form.html")

    @app.post("/api/predict", responses=ERRORS, dependencies=[TOKEN], summary="Read the digit in a picture")
    async def predict(file: Upload) -> Prediction:
        answer = await run_in_threadpool(_with_upload, pool, await file.read(), read_digit)
        return Prediction.model_validate(answer, from_attributes=True)

    @app.post("/api/read", responses=ERRORS, dependencies=[TOKEN], summary="Read all numbers of a scanned form")
    async def read(file: Upload) -> Reading:
        name = _plain(file.filename or "upload")
        pages = await run_in_threadpool(_with_upload, pool, await file.read(), read_upload, name)
        rows = [row for page in pages for row in page.fields]
        return Reading(
            file=name, pages=[Page.model_validate(page, from_attributes=True) for page in pages], csv=_as_csv(rows)
        )

    return app


def _with_upload(pool: Pool, data: bytes, job, *arguments):  # type: ignore[no-untyped-def]
    """What a worker makes of an upload, or the answer that says why not."""
    try:
        with pool.kept(data) as path:
            return pool.do(job, path, *arguments)
    except PageError as error:
        status = {"page_timeout": 504, "too_large": 413}.get(error.reason, 422)
        raise HTTPException(status, f"{error.reason}: {error.detail}") from error
    except BusyError as error:
        raise HTTPException(503, "too many others wait; try again soon", {"Retry-After": "5"}) from error


def _plain(name: str) -> str:
    """The name of a file as people see it, without folders and what cannot be printed."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(char if char.isprintable() else "_" for char in last)[:200] or "upload"


def _as_csv(rows: list[dict[str, str]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELD_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
