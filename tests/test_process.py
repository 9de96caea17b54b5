"""A process that reads page after page: its memory is kept, its matrices are multiplied on one core."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from scanner.process import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
for _ in range(40):
    arrays = [np.ones(3_000_000, np.uint8) for _ in range(8)]
    del arrays
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    arrays = [np.ones(3_000_000, np.uint8) for _ in range(8)]
    del arrays
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc can be told to keep memory")
def test_freed_arrays_are_used_again() -> None:
    faults = {}
    for mode in ("keep", "give"):
        command = [sys.executable, "-c", PROGRAM, mode]
        faults[mode] = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert faults["keep"] < 500 < faults["give"]


def test_where_the_c_library_cannot_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner import process

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not process.keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(process.ctypes, "CDLL", lambda _: object())
    assert not process.keep_freed_memory()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
def test_matrices_are_multiplied_on_one_core() -> None:
    program = (
        "import os; from scanner.process import use_one_blas_thread; use_one_blas_thread(); import numpy as np; "
        "a = np.ones((500, 500)); a @ a; print(len(os.listdir('/proc/self/task')))"
    )
    free = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    for given, threads in ((free, 1), (free | {"OPENBLAS_NUM_THREADS": "2"}, 2)):
        result = subprocess.run([sys.executable, "-c", program], env=given, check=True, capture_output=True, text=True)
        assert int(result.stdout) == min(threads, len(os.sched_getaffinity(0)))
