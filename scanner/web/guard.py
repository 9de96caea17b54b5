"""What every request must pass: the right host, no page of another site, a token where others reach us, a size, a rate.

A browser visits hostile sites beside ours. So a request must name this host (DNS rebinding), must not come from a page
of another origin (cross-site posts), and pages may load and send nothing elsewhere (content security policy).
"""

import hmac
import ipaddress
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, TypeAlias
from urllib.parse import parse_qs, quote, unquote, urlsplit

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES = 64 * 1024**2  # of a request: a color page at 600 dpi as PNG
REQUESTS, EVERY_S = 2000, 10  # of one address: ten fast reviewers may share it
TOKEN_COOKIE = "scanner_token"
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


@dataclass(frozen=True, slots=True)
class Rules:
    """Who may ask: names of this host with the port, as browsers give them; a token, if others can reach it.

    `is_everywhere`: any address will do, and any port, as behind a container's.
    """

    hosts: frozenset[str]
    token: str | None = None
    is_everywhere: bool = False
    most_bytes: int = MOST_BYTES
    requests: int = REQUESTS


class _Refused(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status, self.why = status, why


@dataclass(slots=True)
class Guard:
    """An ASGI application around another one."""

    app: App
    rules: Rules
    _limiter: MovingWindowRateLimiter = field(default_factory=lambda: MovingWindowRateLimiter(MemoryStorage()))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        is_started = False
        too_much: list[_Refused] = []

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *_headers(self._cookie(scope, headers))]
            await send(message)

        async def guarded_send(message: Message) -> None:
            nonlocal is_started
            if not too_much or is_started:
                is_started = True
                await send_with_headers(message)  # else it answers a body that was cut off

        try:
            self._check(scope, headers)
            await self.app(scope, _counted(receive, self.rules.most_bytes, too_much), guarded_send)
        except _Refused as refused:
            too_much.append(refused)
        if too_much and not is_started:
            await _answer(send_with_headers, too_much[0])

    def _check(self, scope: Scope, headers: dict[str, str]) -> None:
        host = headers.get("host", "").lower()
        if host not in self.rules.hosts and not (self.rules.is_everywhere and _needs_no_name(host)):
            raise _Refused(421, "this host is not served here")
        origin = headers.get("origin")
        if scope["method"] not in SAFE_METHODS or headers.get("sec-fetch-mode") == "websocket":
            is_foreign = origin is not None and _host_of(origin) != host
            if is_foreign or headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
                raise _Refused(403, "a page of another site must not ask this")
        client = scope["client"][0] if scope.get("client") else ""
        if not self._limiter.hit(RateLimitItemPerSecond(self.rules.requests, EVERY_S), client):
            raise _Refused(429, "too many requests; wait some seconds")
        if self.rules.token is not None and not self._has_token(scope, headers):
            raise _Refused(401, "a token is needed: open the address that was printed, or send Authorization: Bearer")
        if int(headers.get("content-length", "0") or 0) > self.rules.most_bytes:
            raise _Refused(413, f"more than {self.rules.most_bytes:,} bytes")

    def _has_token(self, scope: Scope, headers: dict[str, str]) -> bool:
        given = [headers.get("authorization", "").removeprefix("Bearer "), _token_in_query(scope)]
        cookies = SimpleCookie()
        try:
            cookies.load(headers.get("cookie", ""))
        except CookieError:
            cookies.clear()
        if TOKEN_COOKIE in cookies:
            given.append(unquote(cookies[TOKEN_COOKIE].value))
        token = (self.rules.token or "").encode()
        return any(hmac.compare_digest(each.encode("utf-8", "replace"), token) for each in given)

    def _cookie(self, scope: Scope, headers: dict[str, str]) -> str | None:
        """The token of the address as a cookie, so that the pages that follow need none in theirs."""
        given = _token_in_query(scope)
        if self.rules.token is None or not given or not self._has_token(scope, headers):
            return None
        return f"{TOKEN_COOKIE}={quote(self.rules.token, safe='')}; HttpOnly; SameSite=Strict; Path=/"


def hosts_of(host: str, port: int) -> frozenset[str]:
    """What browsers may call this host."""
    names = {"localhost", "127.0.0.1", "[::1]"} if is_loopback(host) else {in_address(host).lower()}
    return frozenset(f"{name}:{port}" for name in names) | (frozenset(names) if port == 80 else frozenset())


def is_everywhere(host: str) -> bool:
    """Whether all addresses of this machine are listened to."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return False


def in_address(host: str) -> str:
    """A host as it stands in an address: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def _needs_no_name(host: str) -> bool:
    """Whether a page of another site cannot have led here by a name of its own: an address, or this machine's name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name in ("localhost", socket.gethostname().lower()) or bool(ipaddress.ip_address(name))
    except ValueError:
        return False


def is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _token_in_query(scope: Scope) -> str:
    return parse_qs(scope.get("query_string", b"").decode("latin-1")).get("token", [""])[0]


def _headers(cookie: str | None) -> list[tuple[bytes, bytes]]:
    told = HEADERS if cookie is None else {**HEADERS, "set-cookie": cookie}
    return [(name.encode(), value.encode()) for name, value in told.items()]


def _counted(receive: Receive, most: int, too_much: list[_Refused]) -> Receive:
    """The body of a request, as long as it is not too large, whatever its header says."""
    seen = 0

    async def counted() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            too_much.append(_Refused(413, f"more than {most:,} bytes"))
            raise too_much[0]
        return message

    return counted


async def _answer(send: Send, refused: _Refused) -> None:
    import json

    body = json.dumps({"detail": refused.why}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if refused.status == 429:
        headers.append((b"retry-after", str(EVERY_S).encode()))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
