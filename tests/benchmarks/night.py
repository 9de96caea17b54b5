"""Large runs: what more workers bring, what the ledger costs, and whether memory grows.

    python tests/benchmarks/night.py [--pages 120] [--tiny 1000,10000,100000] [--hosts 8] [--plot memory.png]

Pages of the speed benchmark, as JPEG: read by one worker and by two, interleaved; the share of the time that goes into
the ledger; a Dask cluster of single workers, as many as there would be hosts, must give the same tables. Tiny pages, a
file each: seconds a page, memory of the process that leads, ledger and tables; and how long a run takes that finds
nothing to do.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import speed

from scanner.engine import Engine
from scanner.ledger import Ledger
from scanner.run import run

ROUNDS = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--tiny", default="1000,10000,100000")
    parser.add_argument("--hosts", type=int, default=8)
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        scans = Path(place) / "scans"
        scans.mkdir()
        for path in speed.make_pages(Path(place), min(options.pages, 20), "scan")["JPEG"]:
            data = path.read_bytes()
            for copy in range(options.pages // min(options.pages, 20)):  # other bytes, the same page
                (scans / f"{path.stem}-{copy}.jpg").write_bytes(with_comment(data, copy))
        measure_workers(scans, Path(place))
        measure_ledger(scans, Path(place))
        if options.hosts:
            measure_hosts(scans, Path(place), options.hosts)
    points = [measure_tiny(int(count)) for count in options.tiny.split(",") if count]
    if options.plot and points:
        plot(points, options.plot)


def with_comment(jpeg: bytes, number: int) -> bytes:
    """The picture with a comment in its header."""
    return jpeg[:2] + b"\xff\xfe\x00\x06" + number.to_bytes(4, "big") + jpeg[2:]


def measure_workers(scans: Path, place: Path) -> None:
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for number in range(ROUNDS):
        for workers in seconds:
            start = time.perf_counter()
            # a timeout has even one worker be a process
            run([scans], place / f"w{workers}-{number}", engine=Engine(workers=workers, page_timeout_s=60))
            seconds[workers].append(time.perf_counter() - start)
    ratios = [one / two for one, two in zip(seconds[1], seconds[2], strict=True)]
    count = len(list(scans.iterdir()))
    print(f"{count} pages of 100 boxes: {count / statistics.median(seconds[1]):.1f} pages/s with one worker process, "
          f"{count / statistics.median(seconds[2]):.1f} with two: {statistics.median(ratios):.2f} times "
          f"({', '.join(f'{ratio:.2f}' for ratio in ratios)})")  # fmt: skip


def measure_ledger(scans: Path, place: Path) -> None:
    spent = 0.0
    transaction = Ledger.transaction

    @contextmanager
    def timed(self: Ledger) -> Iterator[None]:
        nonlocal spent
        start = time.perf_counter()
        with transaction(self):
            yield
        spent += time.perf_counter() - start

    Ledger.transaction = timed  # type: ignore[assignment,method-assign]
    start = time.perf_counter()
    run([scans], place / "ledger")
    seconds = time.perf_counter() - start
    Ledger.transaction = transaction  # type: ignore[method-assign]
    count = len(list(scans.iterdir()))
    size = sum(path.stat().st_size for path in (place / "ledger").glob("run.db*")) / count
    cost = f"{100 * spent / seconds:.2f} % of a run in one process, {1000 * spent / count:.2f} ms a page"
    print(f"ledger: {cost}, {size:.0f} bytes a page")


def measure_hosts(scans: Path, place: Path, hosts: int) -> None:
    from distributed import LocalCluster

    with LocalCluster(n_workers=hosts, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as cluster:
        run([scans], place / "hosts", engine=Engine(cluster=cluster.scheduler_address))
    same = all(
        (place / "hosts" / name).read_bytes() == (place / "ledger" / name).read_bytes()
        for name in ("fields.csv", "review.csv")
    )
    print(f"{hosts} hosts of a Dask cluster: {'the same tables' if same else 'OTHER TABLES'}")


def measure_tiny(count: int) -> tuple[int, float]:
    """Seconds and memory of a run over so many tiny pages; gives the number and megabytes."""
    with tempfile.TemporaryDirectory() as place:
        scans, output = Path(place) / "scans", Path(place) / "out"
        for number in range(count):
            path = scans / f"{number // 1000:03d}" / f"{number}.pgm"
            if number % 1000 == 0:
                path.parent.mkdir(parents=True)
            path.write_bytes(b"P5 48 40 255\n" + number.to_bytes(8, "big") + b"\xff" * (48 * 40 - 8))
        first, memory = timed_process(scans, output, 2)
        sizes = {path.name: path.stat().st_size for path in output.iterdir() if path.is_file()}
        second, _ = timed_process(scans, output, 2)
        told = f"{1000 * first / count:.2f} ms each, {memory:.0f} MB, ledger {sizes['run.db'] / count:.0f} bytes a page"
        print(f"{count} tiny pages: {told}; {second:.1f} s when there is nothing to do")
    return count, memory


def timed_process(scans: Path, output: Path, workers: int) -> tuple[float, float]:
    """Seconds, and peak megabytes of the process itself, without its workers."""
    code = (
        "import sys; from pathlib import Path; from scanner.cli import app\n"
        "try: app()\n"
        "finally: print(Path('/proc/self/status').read_text(), file=sys.stderr)"
    )
    command = [sys.executable, "-c", code, "read", str(scans), "-o", str(output), "--workers", str(workers)]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    start = time.perf_counter()
    result = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    found = re.search(r"VmHWM:\s*(\d+) kB", result.stderr)
    assert found
    return time.perf_counter() - start, int(found.group(1)) / 1024


def plot(points: Sequence[tuple[int, float]], path: Path) -> None:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6, 3.5))
    lines: Any = axes.semilogx(*zip(*points, strict=True), "o-")
    lines[0].set_clip_on(False)
    axes.set(xlabel="pages", ylabel="MB", title="Memory of the process that leads a run", ylim=(0, None))
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
