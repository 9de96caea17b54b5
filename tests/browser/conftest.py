"""A browser, and servers for it, as a user starts them."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent.parent
CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), ""
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api")
    if not CHROMIUM:
        pytest.skip("no Chromium on this machine: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: Any, start: object) -> Iterator[Any]:  # closed before the servers end
    """A page that fails the test where anything goes wrong on it."""
    context = browser.new_context(viewport={"width": 1100, "height": 760})
    opened = context.new_page()
    wrong: list[str] = []
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    told = ("a status of 422", "ERR_CONNECTION_REFUSED")  # on the page; a server that a test has stopped
    opened.on(
        "console",
        lambda message: (
            wrong.append(message.text)
            if message.type == "error" and not any(each in message.text for each in told)
            else None
        ),
    )
    yield opened
    context.close()
    assert not wrong


@pytest.fixture
def start() -> Iterator[Callable[..., "Server"]]:
    """Starts a command that serves, and stops it at the end."""
    running: list[Server] = []

    def begin(*arguments: str) -> Server:
        running.append(Server(*arguments))
        return running[-1]

    yield begin
    for server in running:
        server.stop()


class Server:
    """A command that serves at `address` until it is stopped."""

    def __init__(self, *arguments: str) -> None:
        command = [sys.executable, "-m", "scanner", *arguments, "--port", "0", "--no-browser"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
        assert self._process.stderr is not None
        line = self._process.stderr.readline()
        found = re.search(r"http://\S+", line)
        assert found, line + self._process.stderr.read()
        self.address = found[0]

    def stop(self) -> str:
        """End it as Ctrl-C does; what it has told since."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        told = self._process.communicate(timeout=30)[1]
        assert "Traceback" not in told, told
        return told
