"""Where the pages lie that are served as they are."""

from pathlib import Path

STATIC = Path(__file__).parent / "static"
