"""A process that keeps its memory asks the system for none any more."""

import subprocess
import sys

import pytest

PROGRAM = """
import resource, sys
import numpy as np
from scanner.memory import keep_freed_memory
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
    from scanner import memory

    monkeypatch.setattr(sys, "platform", "darwin")
    assert not memory.keep_freed_memory()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(memory.ctypes, "CDLL", lambda _: object())
    assert not memory.keep_freed_memory()
