"""`scanner review`: the desk for browsers. Fields have opaque names, and no path of a browser is ever opened."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Path, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles
from pydantic import AfterValidator, BaseModel, Field

from scanner import __version__
from scanner.errors import OutputError, PageError
from scanner.overlay import cells_in_crop
from scanner.review import Impossible
from scanner.review.desk import Desk
from scanner.review.waiting import Again, Item, NoSuchField
from scanner.web.common import GUARDED, STATIC, TOKEN, problems, tell_mistakes
from scanner.web.jobs import show_field, show_page
from scanner.web.pool import BusyError, Pool

MOST_AHEAD = 8  # fields that a browser may ask for at once
ERRORS = GUARDED | problems(
    {
        404: "there is no such field, any more",
        422: "it cannot be what is written there; the detail says why",
        503: "too many others wait; try again soon",
        507: "it cannot be written, and was not kept",
    }
)


def _encodable(text: str) -> str:
    text.encode()  # half a surrogate is no text, and no file can keep it
    return text


Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$"), AfterValidator(_encodable)]
Id = Annotated[str, Field(pattern=r"^[0-9a-f]{24}$")]
IdInPath = Annotated[str, Path(pattern=r"^[0-9a-f]{24}$")]
Typed = Annotated[str, Field(max_length=200), AfterValidator(_encodable)]


class Who(BaseModel):
    who: Name


class Next(Who):
    count: int = Field(1, ge=1, le=MOST_AHEAD)


class Said(Who):
    id: Id
    typed: Typed
    seconds: float | None = Field(None, ge=0, le=86400, allow_inf_nan=False)
    is_certain: bool = False


class Skipped(Who):
    id: Id


class Typing(BaseModel):
    id: Id
    typed: Typed


class Box(BaseModel):
    id: Id
    cell: int = Field(ge=0, le=200)


class Looked(Who):
    character: str = Field("", pattern="^[0-9_x]?$")  # as which the boxes were shown
    right: list[Box] = Field(max_length=500)
    odd: list[Box] = Field(max_length=500)


async def the_desk(request: Request) -> Desk:
    return request.app.state.desk


async def own_page(request: Request, x_scanner: Annotated[str, Header()] = "") -> None:
    """Only our own page can read the token: no other site can post in its name."""
    if not secrets.compare_digest(x_scanner.encode("utf-8", "replace"), request.app.state.token.encode()):
        raise HTTPException(403, "only the page of this server may ask this; load it again")


TheDesk = Annotated[Desk, Depends(the_desk)]
pages = APIRouter()
posts = APIRouter(dependencies=[Depends(own_page)])


def make_app(open_desk: Callable[[], Desk], pool: Pool) -> FastAPI:
    """The application; it opens the desk when it starts, in the thread in which it will be used."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.desk = open_desk()
        yield
        app.state.desk.close()

    app = FastAPI(title="scanner review", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    app.state.token, app.state.pool = secrets.token_urlsafe(24), pool
    tell_mistakes(app)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    for router in (pages, posts):
        app.include_router(router, responses=ERRORS, dependencies=[TOKEN])
    app.add_exception_handler(NoSuchField, _problem(404, "there is no such field"))
    app.add_exception_handler(OutputError, _problem(507, "it cannot be written, and was not kept"))
    return app


def _problem(status: int, detail: str) -> Callable[[Request, Exception], Awaitable[Response]]:
    async def answer(request: Request, error: Exception) -> Response:
        return JSONResponse({"detail": detail}, status)

    return answer


@pages.get("/", include_in_schema=False)
async def review_page() -> FileResponse:
    return FileResponse(STATIC / "review.html")


@pages.get("/group", include_in_schema=False)
async def group_page() -> FileResponse:
    return FileResponse(STATIC / "group.html")


@pages.get("/api/session")
async def session(request: Request, desk: TheDesk) -> dict[str, Any]:
    return {"token": request.app.state.token, "title": desk.output.resolve().name, "is_double": desk.is_double}


@pages.get("/api/progress")
async def progress(desk: TheDesk) -> dict[str, Any]:
    told = desk.progress()
    return {"waiting": told.waiting, "samples": told.samples, "done": told.done}


@posts.post("/api/next")
async def following(asked: Next, desk: TheDesk) -> list[dict[str, Any]]:
    return [_shown(desk, item) for item in desk.next(asked.who, asked.count)]


@posts.post("/api/check")
async def check(typed: Typing, desk: TheDesk) -> dict[str, str]:
    try:
        return {"problem": desk.problem(typed.id, typed.typed), "impossible": ""}
    except Impossible as error:
        return {"problem": "", "impossible": str(error)}


@posts.post("/api/say")
async def say(said: Said, desk: TheDesk) -> dict[str, str]:
    try:
        desk.say(said.who, said.id, said.typed, said.seconds, is_certain=said.is_certain)
    except Impossible as error:
        raise HTTPException(422, str(error)) from error
    except Again as again:
        return {"again": again.read}
    return {}


@posts.post("/api/skip")
async def skip(skipped: Skipped, desk: TheDesk) -> dict[str, str]:
    desk.skip(skipped.who, skipped.id)
    return {}


@posts.post("/api/undo")
async def undo(asked: Who, desk: TheDesk) -> dict[str, Any] | None:
    try:
        item = desk.undo(asked.who)
    except NoSuchField as error:
        raise HTTPException(404, "what you said last is of a field that is in the tables no more; it stands") from error
    return None if item is None else _shown(desk, item)


@pages.get("/api/group/{character}")
async def group(
    character: Annotated[str, Path(pattern="^[0-9_x]$")], desk: TheDesk, who: Annotated[str, Query(max_length=80)] = ""
) -> list[dict[str, Any]]:
    return [{**_shown(desk, item), "cell": cell} for item, cell in desk.group(character, who)]


@posts.post("/api/group")
async def say_of_group(looked: Looked, desk: TheDesk) -> dict[str, int]:
    right, odd = ([(box.id, box.cell) for box in boxes] for boxes in (looked.right, looked.odd))
    return {"settled": desk.say_of_group(looked.who, right, odd, looked.character)}


@pages.get("/crop/{id}.png")
async def crop(id: IdInPath, request: Request, desk: TheDesk) -> Response:
    item = desk.item(id)
    path = desk.crop_of(item)
    if path is not None:
        return FileResponse(path, media_type="image/png")
    return await _picture(desk, request.app.state.pool, item, show_field, "image/png")


@pages.get("/page/{id}.jpg")
async def whole_page(id: IdInPath, request: Request, desk: TheDesk) -> Response:
    return await _picture(desk, request.app.state.pool, desk.item(id), show_page, "image/jpeg")


def _shown(desk: Desk, item: Item) -> dict[str, Any]:
    """What a browser gets of a field."""
    reading, field = item.reading, desk.field_of(item)
    return {
        "id": item.id,
        "file": item.page.file,
        "page": item.page.page,
        "form": item.page.form,
        "field": reading.name,
        "label": (field.label or "") if field is not None else "",
        "choices": list(field.options) if field is not None and field.type == "mark" else [],
        "multiple": field is not None and field.multiple,
        "boxes": len(reading.cells),
        "places": [[round(side, 4) for side in box] for box in cells_in_crop(reading)],
        "cells": "" if item.is_blind else reading.cells,
        "value": "" if item.is_blind else reading.value,
        "confidences": [] if item.is_blind else reading.digit_confidences,
        "reason": "" if item.is_blind else reading.reason,
        "rule": "" if item.is_blind else desk.problem(item.id),
        "runner_up": "" if item.is_blind else reading.runner_up,
        "is_blind": item.is_blind,
        "purpose": item.purpose,
        "odd": item.odd_cells,
    }


async def _picture(desk: Desk, pool: Pool, item: Item, job: Callable[..., bytes], kind: str) -> Response:
    try:
        scan = desk.scan_of(item)
        data = await run_in_threadpool(pool.do, job, scan, item.key.page, item.reading)
    except PageError as error:
        raise HTTPException(404, f"{error.reason}: {error.detail}") from error
    except BusyError as error:
        raise HTTPException(503, "too many others wait; try again soon") from error
    return Response(data, media_type=kind)
