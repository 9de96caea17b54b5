"""The mirror of the reader: fills forms with digits and scans them, with the truth beside each page.

Tests, benchmarks, training and samples use it; it never uses the reader's code.
"""

from scanner.synth.fill import fill, random_values
from scanner.synth.forms import BOX_STYLES, EXTRA_STYLES, BoxField, BoxStyle, Decoy, Label, Layout
from scanner.synth.hand import DataSetDigits, DigitSource, DrawnDigits, Writer, random_writer
from scanner.synth.layouts import RESERVED_SEEDS, random_layout
from scanner.synth.pages import FieldTruth, SyntheticPage, make_page, scan_form, write_pages
from scanner.synth.scan import BENCHMARK_FAULTS, FAULTS, scan
from scanner.synth.scanned import Scan

__all__ = [
    "BENCHMARK_FAULTS",
    "BOX_STYLES",
    "EXTRA_STYLES",
    "FAULTS",
    "RESERVED_SEEDS",
    "BoxField",
    "BoxStyle",
    "DataSetDigits",
    "Decoy",
    "DigitSource",
    "DrawnDigits",
    "FieldTruth",
    "Label",
    "Layout",
    "Scan",
    "SyntheticPage",
    "Writer",
    "fill",
    "make_page",
    "random_layout",
    "random_values",
    "random_writer",
    "scan",
    "scan_form",
    "write_pages",
]
