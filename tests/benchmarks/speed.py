"""Where the time goes: python tests/benchmarks/speed.py [--pages N] [--rounds N] [--fault FAULT]

Makes 300-dpi A4 pages with 100 boxes each and measures, on one core and interleaved, reading them whole against
decoding alone with `cv2.imread(..., IMREAD_GRAYSCALE)`; stage by stage; the same with captions, read by their form;
memory, start and cold start of processes.
"""

import argparse
import cProfile
import itertools
import json
import os
import pstats
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import cv2
import numpy as np

from scanner import pipeline
from scanner.design import propose_form, write_form
from scanner.known import KnownForm, load_known_form
from scanner.network import load_network
from scanner.pipeline import PageReading
from scanner.process import prepare_process, use_one_blas_thread
from scanner.synth import BoxField, DrawnDigits, Label, Layout, random_values, scan_form
from scanner.synth.files import save_scan

DPI = 300
ROWS, FIELDS_IN_ROW, CELLS = 10, 2, 5  # 100 boxes
CELL_MM = (7.0, 9.0)
KINDS = {"JPEG": (".jpg", [cv2.IMWRITE_JPEG_QUALITY, 85]), "PNG": (".png", [])}
HELP_ROUNDS = 7
CAPTIONS = "Meter", "Customer", "Cost", "Visitors", "Street", "Pieces", "Day"


def layout() -> Layout:
    """Ten rows of two fields of five boxes, separate ones and adjoining ones by turns."""
    fields = tuple(
        BoxField(
            name=f"r{row + 1:02d}f{column + 1:02d}",
            x_mm=20.0 + column * 90.0,
            y_mm=30.0 + row * 24.0,
            cells=CELLS,
            style="separate" if row % 2 else "cells",
            cell_width_mm=CELL_MM[0],
            cell_height_mm=CELL_MM[1],
            gap_mm=2.0 if row % 2 else 0.0,
        )
        for row in range(ROWS)
        for column in range(FIELDS_IN_ROW)
    )
    return Layout("speed", 210.0, 297.0, fields)


def captioned() -> Layout:
    """The same with a heading and a caption over each field, as a form has them."""
    form = layout()
    captions = [
        Label(f"{word} {place + 1}", field.x_mm, field.y_mm - 5.0, 9.0)
        for place, (field, word) in enumerate(zip(form.fields, itertools.cycle(CAPTIONS), strict=False))
    ]
    return replace(
        form, labels=(Label("Readings of the quarter, for the office in charge", 20.0, 12.0, 14.0), *captions)
    )


def make_form(folder: Path) -> KnownForm:
    """The form of a blank of it."""
    blank = scan_form(captioned(), {}, "clean", DrawnDigits(), np.random.default_rng(0), DPI)
    path = save_scan(blank.image, folder / "blank", blank.dpi_xy)
    write_form(folder / "form" / "form.toml", "readings", propose_form(path))
    return load_known_form(folder / "form")


def make_pages(folder: Path, count: int, fault: str, form: Layout) -> dict[str, list[Path]]:
    """The same pages as JPEG and as PNG."""
    folder.mkdir()
    paths: dict[str, list[Path]] = {kind: [] for kind in KINDS}
    for seed in range(count):
        rng = np.random.default_rng(seed)
        image = scan_form(form, random_values(form, rng), fault, DrawnDigits(), rng, DPI).image
        for kind, (suffix, settings) in KINDS.items():
            paths[kind].append(folder / f"{seed:03d}{suffix}")
            cv2.imwrite(str(paths[kind][-1]), image, settings)
    return paths


def print_native_part(paths: list[Path]) -> None:
    """What the calls into OpenCV and ONNX Runtime alone take, against decoding: no Python can be faster."""
    network, profile = load_network(), cProfile.Profile()
    profile.enable()
    for path in paths:
        pipeline.read_page(path, network=network)
    profile.disable()
    seconds: dict[str, float] = defaultdict(float)
    for (file, _, name), (_, _, own, _, _) in pstats.Stats(profile).stats.items():  # type: ignore[attr-defined]
        if file == "~" and (re.fullmatch(r"<\w+>", name) or "onnxruntime" in name):  # OpenCV's have bare names
            seconds["decoding" if "imdecode" in name else "other"] += own
    ratio = sum(seconds.values()) / seconds["decoding"]
    print(f"OpenCV and ONNX Runtime alone, JPEG: {ratio:.1f} times the decoding")


def seconds_of(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def compare(paths: list[Path], rounds: int, forms: Sequence[KnownForm] = ()) -> tuple[float, float, float, str]:
    """Median seconds to decode and to read a page, and the median of their ratios; one after the other each time."""
    network = load_network()
    found = _boxes(pipeline.read_page(paths[0], network=network, forms=forms))  # also warms up
    decoding, reading = [], []
    for path in paths * rounds:
        decoding.append(seconds_of(lambda path=path: cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))  # type: ignore[misc]
        reading.append(seconds_of(lambda path=path: pipeline.read_page(path, network=network, forms=forms)))  # type: ignore[misc]
    ratios = [read / decode for decode, read in zip(decoding, reading, strict=True)]
    return statistics.median(decoding), statistics.median(reading), statistics.median(ratios), found


def _boxes(result: object) -> str:
    if not isinstance(result, PageReading):
        return f"FAILED: {result}"
    return f"{sum(len(field.cells) for field in result.fields)} of {ROWS * FIELDS_IN_ROW * CELLS} boxes found"


def timed(spent: dict[str, float], name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, adding the seconds of each call to `spent[name]`."""

    def call(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        try:
            return function(*args, **options)
        finally:
            spent[name] += time.perf_counter() - start

    return call


@contextmanager
def stage_timers(module: ModuleType) -> Iterator[dict[str, float]]:
    """Times every function of scanner that `module` has imported, each with all that it calls."""
    spent: dict[str, float] = defaultdict(float)

    stages = {
        name: timed(spent, name, value)
        for name, value in vars(module).items()
        if callable(value)
        and not isinstance(value, type)
        and getattr(value, "__module__", "").startswith("scanner.")
        and value.__module__ != module.__name__
    }
    with patch.multiple(module, **stages):
        yield spent


def time_stages(paths: list[Path]) -> dict[str, float]:
    """Seconds a page of each stage of the pipeline."""
    network = load_network()
    with stage_timers(pipeline) as spent, patch.object(network, "scores", timed(spent, "network", network.scores)):
        whole = sum(seconds_of(lambda path=path: pipeline.read_page(path, network=network)) for path in paths)  # type: ignore[misc]
    spent["score_cells"] -= spent["network"]  # which it asks
    spent["the rest"] = whole - sum(spent.values())
    return {name: seconds / len(paths) for name, seconds in sorted(spent.items(), key=lambda item: -item[1])}


MEMORY_PROGRAM = """
import json, sys
from pathlib import Path
from scanner.pipeline import read_pages
pages = sum(1 for _ in read_pages([Path(path) for path in json.loads(sys.argv[1])]))
# Not getrusage: after exec it still counts the memory of the process that started this one.
peak = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
print(pages, peak.split()[1])
"""


def peak_megabytes(paths: list[Path]) -> float:
    """Of a fresh process that reads the pages."""
    _, kilobytes = _run([sys.executable, "-c", MEMORY_PROGRAM, json.dumps([str(path) for path in paths])]).split()
    return int(kilobytes) / 1024


def process_seconds(arguments: Callable[[], Sequence[str]]) -> float:
    """Median wall time of `scanner` with the arguments that are made for each round."""
    commands = [[sys.executable, "-m", "scanner", *arguments()] for _ in range(HELP_ROUNDS)]
    return statistics.median(seconds_of(partial(_run, command)) for command in commands)


def _run(command: list[str]) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENCV_FOR_THREADS_NUM": "1"}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=20)
    parser.add_argument("--fault", default="scan", help="of scanner.synth: 'clean' decodes fastest, the hardest case")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    if "OPENBLAS_NUM_THREADS" not in os.environ:  # NumPy has looked already: once more
        use_one_blas_thread()
        os.execv(sys.executable, [sys.executable, *sys.argv])
    cv2.setNumThreads(1)
    prepare_process()  # as `scanner read` does
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = make_pages(folder / "pages", options.pages, options.fault, layout())
        for kind, files in paths.items():
            decode, read, ratio, found = compare(files, options.rounds)
            print(f"{kind}: decode {1000 * decode:.1f} ms, read {1000 * read:.1f} ms, ratio {ratio:.2f}; {found}")
            for stage, seconds in time_stages(files).items():
                print(f"    {stage:24}{1000 * seconds:8.1f} ms")
            print(f"    peak memory of a process after {len(files)} pages: {peak_megabytes(files):.0f} MB")
        form = make_form(folder)
        for kind, files in make_pages(folder / "named", options.pages, options.fault, captioned()).items():
            decode, read, ratio, found = compare(files, options.rounds, [form])
            times = f"decode {1000 * decode:.1f} ms, read {1000 * read:.1f} ms, ratio {ratio:.2f}"
            print(f"{kind} with a form: {times}; {found}")
        print_native_part(paths["JPEG"])
        page, outputs = str(paths["JPEG"][0]), itertools.count()  # a page is read once in each folder
        cold = process_seconds(lambda: ("read", page, "--output", str(folder / f"output{next(outputs)}")))
        print(f"scanner --help: {process_seconds(lambda: ('--help',)):.2f} s; one page from a cold start: {cold:.2f} s")


if __name__ == "__main__":
    main()
