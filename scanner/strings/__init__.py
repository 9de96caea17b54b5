"""Numbers without boxes: the ink of a line is parted into digits by what the network makes of the parts."""

from scanner.strings.read import StringReading, read_frames, read_strings

__all__ = ["StringReading", "read_frames", "read_strings"]
