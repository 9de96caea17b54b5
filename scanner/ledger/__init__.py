"""run.db: the ledger of a run folder."""

from scanner.ledger.ledger import Ledger
from scanner.ledger.listing import Listing
from scanner.ledger.rows import FileEntry, FileRow, Reader, ReadField, Redo, RunRow, now_text
from scanner.ledger.schema import GONE, ledger_errors, share_with_owner

__all__ = [
    "GONE",
    "FileEntry",
    "FileRow",
    "Ledger",
    "Listing",
    "ReadField",
    "Reader",
    "Redo",
    "RunRow",
    "ledger_errors",
    "now_text",
    "share_with_owner",
]
