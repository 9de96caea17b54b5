"""Runs that are killed: whether the tables are those of an undisturbed run, and no page is lost or read twice.

    python tests/benchmarks/crash.py [--pages 200] [--kills 50] [--seed 1]

The run is killed at random instants and started again until it has been killed so often, and then left to end. The
same with single workers killed, with a disk that fills, and with workers of a Dask cluster and then its scheduler
killed. Pages are of the mirror, with digits that scanner draws.
"""

import argparse
import csv
import importlib.util
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scanner import synth

PORT = "8797"
ADDRESS = f"tcp://127.0.0.1:{PORT}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory() as place:
        scans = Path(place) / "scans"
        synth.write_pages(scans, options.pages, ["cells", "comb"], ["clean", "scan"], options.seed, synth.DrawnDigits())
        start = time.monotonic()
        whole = Path(place) / "whole"
        _, log = finish(start_run(scans, whole))
        seconds = time.monotonic() - start
        print(f"undisturbed: {options.pages} pages in {seconds:.0f} s, {count(log).total()} read")
        report("run killed", whole, *killed_runs(scans, Path(place) / "runs", options.kills, seconds, rng))
        report("workers killed", whole, *killed_workers(scans, Path(place) / "workers", options.kills, seconds, rng))
        if os.geteuid() == 0:
            report("full disk", whole, *full_disk(scans, Path(place) / "disk"))
        else:
            print("full disk: left out, only root can mount a small one")
        if importlib.util.find_spec("distributed"):
            report("cluster", whole, *killed_cluster(scans, Path(place) / "cluster", seconds, rng))


def start_run(scans: Path, output: Path, *where: str) -> "subprocess.Popen[str]":
    where = where or ("--workers", "2")
    command = [sys.executable, "-m", "scanner", "read", str(scans), "-o", str(output), "--log-json", *where]
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    _, log = process.communicate()
    return process.returncode, log


def killed_runs(
    scans: Path, output: Path, kills: int, seconds: float, rng: random.Random
) -> tuple[Path, Counter[str], str]:
    """Kill the run, at instants spread over its whole time, and start it again."""
    read: Counter[str] = Counter()
    killed = 0
    for _ in range(kills):
        process = start_run(scans, output)
        try:
            process.wait(rng.uniform(0.3, 1.5 + seconds / kills))  # a start takes a second
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            killed += 1
        read += count(finish(process)[1])
    code, log = finish(start_run(scans, output))
    return output, read + count(log), f"{killed} of {kills} killed before they ended, the last ended with {code}"


def killed_workers(
    scans: Path, output: Path, kills: int, seconds: float, rng: random.Random
) -> tuple[Path, Counter[str], str]:
    """Kill one worker after another of a single run."""
    process = start_run(scans, output)
    killed = 0
    while process.poll() is None and killed < kills:
        time.sleep(rng.uniform(0, 2 * seconds / kills))
        workers = children_of(process.pid)
        if workers:
            os.kill(rng.choice(workers), signal.SIGKILL)
            killed += 1
    code, log = finish(process)
    told = sum(event["event"] == "worker_died" for event in events_of(log))
    return output, count(log), f"{killed} workers killed, {told} of them with a page, the run ended with {code}"


def killed_cluster(scans: Path, output: Path, seconds: float, rng: random.Random) -> tuple[Path, Counter[str], str]:
    """Kill workers of a Dask cluster, then its scheduler; start that again, and the run."""
    killed = 0
    scheduler, workers = start_cluster()
    try:
        process = start_run(scans, output, "--cluster", ADDRESS)
        for _ in range(5):
            time.sleep(rng.uniform(0.5, seconds / 8))
            victims = children_of(workers.pid)
            if victims:
                os.kill(rng.choice(victims), signal.SIGKILL)
                killed += 1
        scheduler.send_signal(signal.SIGKILL)
        gone = time.monotonic()
        code, log = finish(process)
        noticed = time.monotonic() - gone
    finally:
        stop(scheduler, workers)
    read = count(log)
    scheduler, workers = start_cluster()
    try:
        last, log = finish(start_run(scans, output, "--cluster", ADDRESS))
    finally:
        stop(scheduler, workers)
    told = f"{killed} workers killed, then the scheduler: ended with {code} after {noticed:.0f} s, the next with {last}"
    return output, read + count(log), told


def full_disk(scans: Path, output: Path) -> tuple[Path, Counter[str], str]:
    """Run on a disk that fills, and again when it has more room, until it has enough."""
    output.mkdir()
    mount(output, "size=400k")
    read: Counter[str] = Counter()
    codes = []
    try:
        for kilobytes in (400, 700, 1000, 1500, 65536):
            mount(output, f"remount,size={kilobytes}k")
            code, log = finish(start_run(scans, output))
            read += count(log)
            codes.append(code)
        kept = output.with_name("kept")
        shutil.copytree(output, kept)
    finally:
        subprocess.run(["umount", "-l", str(output)], check=False)
    return kept, read, f"the disk was full, and had more room each time: ended with {', '.join(map(str, codes))}"


def mount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def start_cluster() -> tuple["subprocess.Popen[bytes]", "subprocess.Popen[bytes]"]:
    """A scheduler and two workers of one thread, as processes."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": environment}
    dask = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    scheduler = subprocess.Popen([*dask, "--host", "127.0.0.1", "--port", PORT, "--no-dashboard"], **quiet)
    time.sleep(3)
    dask = [sys.executable, "-m", "distributed.cli.dask_worker"]
    workers = subprocess.Popen([*dask, ADDRESS, "--nthreads", "1", "--nworkers", "2", "--no-dashboard"], **quiet)
    time.sleep(5)
    return scheduler, workers


def stop(*processes: "subprocess.Popen[bytes]") -> None:
    for process in processes:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def children_of(process: int) -> Sequence[int]:
    """Worker processes: those that Python spawned, without the tracker of its resources."""
    found = subprocess.run(
        ["pgrep", "-P", str(process), "-f", "spawn_main"], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


def count(log: str) -> Counter[str]:
    """How often each page was read and put into the ledger."""
    return Counter(
        f"{event['file']} {event['page']}" for event in events_of(log) if event["event"] in ("read", "failed")
    )


def events_of(log: str) -> list[dict[str, str]]:
    """Those lines of a log that are whole events; what else was told is printed."""
    events = []
    for line in log.splitlines():
        try:
            events.append(json.loads(line))
        except ValueError:  # the last line of a killed run may be torn; the tracker of a killed run clears up
            if "resource_tracker" not in line and "warnings.warn" not in line:
                print(f"  told: {line}")
    return events


def report(title: str, whole: Path, output: Path, read: Counter[str], told: str) -> None:
    twice = sum(times - 1 for times in read.values())
    same = "the same" if tables(output) == tables(whole) else "NOT THE SAME"
    print(f"{title}: {told}; tables {same}; {len(read)} pages read, {twice} of them twice")


def tables(output: Path) -> dict[str, object]:
    """All tables byte for byte, but for the seconds that pages took."""
    with (output / "pages.csv").open(newline="") as file:
        pages = [{**row, "seconds": ""} for row in csv.DictReader(file)]
    return {path.name: path.read_bytes() for path in sorted(output.glob("*.csv")) if path.name != "pages.csv"} | {
        "pages.csv": pages
    }


if __name__ == "__main__":
    main()
