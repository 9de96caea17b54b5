"""The morning report: one file that says how the night went, and opens without a network."""

from scanner.report.tally import Tally
from scanner.report.write import write_report

__all__ = ["Tally", "write_report"]
