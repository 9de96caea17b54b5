"""scanner reads handwritten numbers from scanned forms."""

__version__ = "0.1.0"
