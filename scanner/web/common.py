"""What both servers have: where their pages lie, and how they say that a request makes no sense."""

from pathlib import Path

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

STATIC = Path(__file__).parent / "static"


def tell_mistakes(app: FastAPI) -> None:
    """Have mistakes of a request told in a sentence; what was sent is not sent back, it may be no text at all."""

    async def answer(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        told = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
        return JSONResponse({"detail": told.encode(errors="replace").decode()}, 422)

    app.add_exception_handler(RequestValidationError, answer)
