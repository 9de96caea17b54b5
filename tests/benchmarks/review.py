"""The review station under load: how soon the next crop is there, and whether reviewers get in each other's way.

    python tests/benchmarks/review.py [--fields 10000] [--reviewers 10] [--keys 200]

A run folder with so many fields to review is made up from one page of the samples. In a real browser (Chromium) fields
are accepted by the Enter key, and it is measured how long it takes from the key until the crop of the next one is
painted. Then reviewers at once, each a thread over HTTP, settle a part of the fields: no field may go to two of them,
and what they say must all be in the book.
"""

import argparse
import http.client
import json
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from scanner.ledger import Ledger, Reader
from scanner.order import Order, make_kit
from scanner.pipeline import PageReading
from scanner.run import run

SAMPLE = Path(__file__).parent.parent.parent / "samples" / "exam" / "clean.png"
MEASURE = """() => new Promise((done) => {
  const start = performance.now();
  window.addEventListener('scanner-shown', async () => {
    await document.querySelector('#crop').decode().catch(() => 0);
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - start), 0));
  }, { once: true });
  document.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
})"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fields", type=int, default=10_000)
    parser.add_argument("--reviewers", type=int, default=10)
    parser.add_argument("--keys", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        output = make_run(Path(place) / "out", options.fields)
        server, address = start(output)
        try:
            times = keys_to_paint(address, options.keys)
            if times is not None:
                told = ", ".join(
                    f"{np.percentile(times, part):.0f} ms at the {part}th percentile" for part in (50, 95, 99)
                )
                print(f"{options.fields:,} fields waiting; from the key until the next crop is painted: {told}")
            reviewers(address, output, options.reviewers, options.fields // 20)
        finally:
            server.send_signal(signal.SIGINT)
            server.wait()


def make_run(output: Path, fields: int) -> Path:
    """A run folder in which one page stands for many."""
    run([SAMPLE], output, Order(min_confidence=1.0))
    _, reader, _ = make_kit(Order(min_confidence=1.0))
    with Ledger(output) as ledger:
        file = next(ledger.files())
        assert file.digest is not None
        page = next(ledger.results(file, reader))
        assert isinstance(page, PageReading)
        copy(ledger, page, reader, -(-fields // len(page.fields)), output)
    return output


def copy(ledger: Ledger, page: PageReading, reader: Reader, pages: int, output: Path) -> None:
    rng = random.Random(1)
    with ledger.transaction():
        for number in range(pages):
            digest = f"{number:064x}"
            ledger._db.execute(
                "INSERT INTO files (place, path, root, name, key, digest, pages) VALUES (?, ?, '', ?, '', ?, 1)",
                (10 + number, f"/nowhere/{number}.png".encode(), f"{number:06d}.png", digest),
            )
            shown = []
            for field in page.fields:
                crop = f"crops/made-up/{number}-{field.name}.png"
                (output / crop).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(output / field.crop, output / crop)
                shown.append(replace(field, status="review", confidence=rng.random(), crop=crop))
            ledger.put_page(digest, replace(page, fields=tuple(shown)), reader)


def start(output: Path) -> "tuple[subprocess.Popen[str], str]":
    command = [sys.executable, "-m", "scanner", "review", str(output), "--port", "0", "--no-browser"]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert server.stderr is not None
    found = re.search(r"http://\S+", server.stderr.readline())
    assert found
    return server, found[0]


def keys_to_paint(address: str, keys: int) -> list[float] | None:
    """Milliseconds from Enter until the next crop is painted; None where there is no browser."""
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        chromium = None
    if chromium is None:
        print("keys to paint: left out, there is no Chromium or no playwright")
        return None
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 760})
        page.goto(address)
        page.fill("#who-name", "bench")
        page.keyboard.press("Enter")
        page.wait_for_function(
            "() => !document.querySelector('#field').hidden && document.querySelector('#crop').complete"
        )
        times = []
        for _ in range(keys):
            page.wait_for_timeout(150)  # a fast person
            times.append(float(page.evaluate(MEASURE)))
        browser.close()
    return times


def reviewers(address: str, output: Path, count: int, fields: int) -> None:
    """So many people at once settle so many fields."""
    given: Counter[str] = Counter()
    answers: list[float] = []
    lock = threading.Lock()

    def review(who: str) -> None:
        connection = http.client.HTTPConnection(urlsplit(address).netloc)
        connection.request("GET", "/api/session")
        token = json.load(connection.getresponse())["token"]

        def post(path: str, body: dict[str, object]) -> object:
            headers = {"Content-Type": "application/json", "X-Scanner": token}
            while True:
                connection.request("POST", path, json.dumps(body), headers)
                answer = connection.getresponse()
                told = json.load(answer)
                if answer.status != 429:  # they come from one address here
                    return told
                time.sleep(1)

        for _ in range(fields // count // 2):
            start = time.perf_counter()
            items = post("/api/next", {"who": who, "count": 2})
            took = time.perf_counter() - start
            assert isinstance(items, list)
            with lock:
                given.update(item["id"] for item in items)
                answers.append(took)
            for item in items:
                post("/api/say", {"who": who, "id": item["id"], "typed": item["value"] or "?"})

    threads = [threading.Thread(target=review, args=(f"person {number}",)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with sqlite3.connect(output / "review.db") as db:
        kept = db.execute(
            "SELECT count(*), count(DISTINCT digest || field) FROM verdicts WHERE who != 'bench'"
        ).fetchone()
    db.close()
    twice = sum(each > 1 for each in given.values())
    print(
        f"{count} reviewers at once: {given.total()} fields given, {twice} of them to two; {kept[0]} answers kept, "
        f"of {kept[1]} fields; the next one in {1000 * float(np.percentile(answers, 95)):.0f} ms at the 95th percentile"
    )


if __name__ == "__main__":
    main()
