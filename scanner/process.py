"""What a process that reads page after page asks of the C library, for its memory, and of OpenBLAS, for its threads."""

import ctypes
import os
import sys

TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3  # of mallopt, in malloc.h
KEPT = 512 * 1024**2  # bytes: more than reading a page needs at once
LARGEST = 32 * 1024**2  # bytes of an array that is kept, the most that glibc takes


def prepare_process() -> None:
    """All of this module; for programs that own their process, before they import NumPy."""
    keep_freed_memory()
    use_one_blas_thread()


def keep_freed_memory() -> bool:
    """Let the C library keep what is freed, up to the process's peak, for the next page; whether it can.

    It gives large arrays back to the system and asks for them anew: some 10,000 page faults for each page read, a
    quarter of the time. The peak of memory stays as it is.
    """
    if not sys.platform.startswith("linux"):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # not glibc
        return False
    return bool(mallopt(MMAP_THRESHOLD, LARGEST) and mallopt(TRIM_THRESHOLD, KEPT))


def limit_memory(limit_bytes: int) -> None:
    """Have this process fail, with a MemoryError, where it asks for more; Linux only."""
    if not sys.platform.startswith("linux"):
        return
    import resource

    _, highest = resource.getrlimit(resource.RLIMIT_DATA)
    if highest != resource.RLIM_INFINITY:
        limit_bytes = min(limit_bytes, highest)
    resource.setrlimit(resource.RLIMIT_DATA, (limit_bytes, highest))


def use_one_blas_thread() -> None:
    """Have NumPy, not yet imported, multiply matrices on one core, where nobody has chosen otherwise.

    Those of a page take half a millisecond; handed to a second thread they take 30 where another process has its core.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
