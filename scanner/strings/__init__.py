"""Numbers without boxes: the ink of a line is parted into digits by what the network makes of the parts."""

from scanner.strings.frames import as_row, read_frames, read_lines, read_ruled
from scanner.strings.read import StringReading, read_strings
from scanner.strings.ruled import ruled_frames

__all__ = ["StringReading", "as_row", "read_frames", "read_lines", "read_ruled", "read_strings", "ruled_frames"]
