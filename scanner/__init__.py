"""scanner reads handwritten numbers from scanned forms.

from scanner import read_pages

for page in read_pages(["scans"]):
    print(page)
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scanner.pipeline import PageFailure, PageReading, read_page, read_pages
    from scanner.tables import to_frame

__version__ = "0.1.0"
__all__ = ["PageFailure", "PageReading", "__version__", "read_page", "read_pages", "to_frame"]

_HOMES = {
    "PageFailure": "scanner.pipeline",
    "PageReading": "scanner.pipeline",
    "read_page": "scanner.pipeline",
    "read_pages": "scanner.pipeline",
    "to_frame": "scanner.tables",
}


def __getattr__(name: str) -> Any:
    """Import on first use: `import scanner` and `scanner --help` must not wait for OpenCV."""
    if name not in _HOMES:
        raise AttributeError(f"module 'scanner' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
