"""Serving an application from this machine until it is stopped."""

import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from urllib.parse import quote

from scanner.errors import UsageError
from scanner.progress import STOPPING
from scanner.web.guard import App, Guard, Rules, hosts_of, in_address, is_everywhere, is_loopback

BACKLOG = 128
OPENING_S = 0.6  # until the page is there


def check_host(host: str, token: str | None) -> None:
    """Raises UsageError: others could reach us, and nobody is asked for a token."""
    if not is_loopback(host) and not token:
        raise UsageError(f"--host {host}: others could read and write; give a --token that they need")
    if token is not None and len(token) < 16:
        raise UsageError("--token: is too short to be safe; take 16 characters and more")


def serve(
    app: App, host: str, port: int, token: str | None, *, say: Callable[[str], None], opens_browser: bool
) -> None:
    """Serve until Ctrl-C or a kill.

    Args:
        app: an ASGI application.
        host: where to listen.
        port: 0 takes any that is free.
        token: that everybody has to give, if there is one.
        say: is told the address.
        opens_browser: whether to show the page.

    Raises:
        UsageError: the place is taken, or is none of this machine.
    """
    import uvicorn

    check_host(host, token)
    place = _listen(host, port)
    port = place.getsockname()[1]
    address = f"http://{'127.0.0.1' if host == 'localhost' else in_address(host)}:{port}/"
    address += f"?token={quote(token, safe='')}" if token else ""
    say(address)
    if opens_browser:
        with suppress(webbrowser.Error):
            opening = Timer(OPENING_S, webbrowser.open, (address,))
            opening.daemon = True
            opening.start()
    guard = Guard(app, Rules(hosts_of(host, port), token, is_everywhere(host)))
    config = uvicorn.Config(
        guard, log_level="warning", access_log=False, server_header=False, timeout_graceful_shutdown=3
    )

    class Server(uvicorn.Server):
        """Ends in order: uvicorn itself raises the signal once more, and what comes after is never done."""

        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            before = {number: signal.signal(number, self.handle_exit) for number in STOPPING}
            try:
                yield
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    Server(config).run([place])


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        place = socket.socket(family, kind, protocol)
        if sys.platform != "win32":
            place.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        place.bind(address)
        place.listen(BACKLOG)
    except OSError as error:
        raise UsageError(f"--host {host} --port {port}: {error.strerror}; choose another port") from error
    return place
