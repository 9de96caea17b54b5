"""What both servers have: where their pages lie, and what they answer where they do not do what is asked."""

from pathlib import Path
from typing import Any, TypeAlias

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from pydantic import BaseModel

STATIC = Path(__file__).parent / "static"

Answers: TypeAlias = dict[int | str, dict[str, Any]]
"""What is documented of the answers to a request, by their status."""


class Problem(BaseModel):
    """Why something was not done."""

    detail: str


def problems(told: dict[int, str]) -> Answers:
    """How answers that tell of a problem are documented."""
    return {status: {"model": Problem, "description": description} for status, description in told.items()}


GUARDED = problems(
    {
        401: "a token is needed, where the server was started with --host",
        403: "a page of another site must not ask this",
        413: "the request is too large",
        421: "this host is not served here",
        429: "too many requests; wait some seconds",
    }
)
"""What `scanner.web.guard` answers before any request is looked at."""

TOKEN = Depends(HTTPBearer(auto_error=False, description="where the server was started with --host; the guard looks"))


def tell_mistakes(app: FastAPI) -> None:
    """Have mistakes of a request told in a sentence; what was sent is not sent back, it may be no text at all."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return JSONResponse({"detail": told.encode(errors="replace").decode()}, 422)

    app.add_exception_handler(RequestValidationError, answer)
