"""What stands on forms besides digit boxes, and must not be read as one.

Each drawing takes the rectangle of its `Decoy`, in mm, and is the same for the same seed.
"""

from collections.abc import Callable

import numpy as np

from scanner.synth.forms import Decoy
from scanner.synth.hand import Writer
from scanner.synth.printed import bar_code, fiducial, logo, paragraph, print_table, ruled_rows, square_code, stamp
from scanner.synth.sheet import Sheet
from scanner.synth.written import bubbles, check_boxes, letter_row, long_box, rating_row, ruled_lines, signature_box


def draw_decoy(sheet: Sheet, decoy: Decoy, writer: Writer) -> None:
    """Draw one decoy; handwriting on it is by `writer`."""
    _DRAWERS[decoy.kind](sheet, decoy, writer, np.random.default_rng(decoy.seed))


_Drawer = Callable[[Sheet, Decoy, Writer, np.random.Generator], None]

_DRAWERS: dict[str, _Drawer] = {
    "paragraph": paragraph,
    "logo": logo,
    "square_code": square_code,
    "fiducial": fiducial,
    "bar_code": bar_code,
    "check_boxes": check_boxes,
    "print_table": print_table,
    "bubbles": bubbles,
    "letter_row": letter_row,
    "rating_row": rating_row,
    "signature_box": signature_box,
    "long_box": long_box,
    "ruled_lines": ruled_lines,
    "ruled_rows": ruled_rows,
    "stamp": stamp,
}
