"""Finished tables for other programs: CSV, Excel, Parquet, JSON; long, a row a field, or wide, a row a page or form.

They are made of the tables in the run folder, which everything else that reads them takes for the truth, too.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from scanner.errors import NoInputError, OutputError, UsageError
from scanner.staging import FORMS, LEDGER, TABLES, write_whole

if TYPE_CHECKING:
    import pandas as pd

Format: TypeAlias = Literal["csv", "xlsx", "parquet", "json", "digits"]
WHOLE_NUMBERS = ("page", "x", "y", "width", "height")
MOST_EXCEL_ROWS = 1_048_575  # beside the header


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The file, its rows or digits, and how many verified fields have no picture left that digits could come from."""

    path: Path
    count: int
    lost: int = 0


def hand_over(output: Path, to: Format, target: Path | None = None, *, wide: bool = False) -> HandedOver:
    """Write the readings of a run folder in another format.

    Args:
        output: the folder of a run.
        to: the format; numbers that were read stay text in all of them, with their zeros. `digits` are the single
            digits that people have verified, to train with: an archive of NumPy.
        target: by default `fields` or, wide, `forms` with the suffix of the format, in the folder.
        wide: a row a filled form where the run had forms, else a row a page; a column a field.

    Raises:
        NoInputError: there is no run in the folder.
        UsageError: the file is one of the run's own.
        OutputError: the file cannot be written, a package is missing, or the format has no room for so many rows.
    """
    suffix = "npz" if to == "digits" else to
    target = target or output / f"{'digits' if to == 'digits' else 'wide' if wide else 'long'}.{suffix}"
    if target.suffix.lower() != f".{suffix}":
        raise UsageError(f"{target}: does not end in .{suffix}; choose another file with --output")
    if any(_real(target) == _real(output / name) for name in (LEDGER, *TABLES)):
        raise UsageError(f"{target}: belongs to the run itself; choose another file with --output")
    if to == "digits":
        return _hand_over_digits(output, target)
    is_typed = to != "csv"
    table = _wide(output) if wide else _long(output, is_typed=is_typed)
    if to == "xlsx" and len(table) > MOST_EXCEL_ROWS:
        raise OutputError(
            f"{target}: Excel has room for {MOST_EXCEL_ROWS:,} rows, these are {len(table):,}; use parquet"
        )
    _write(target, lambda part: WRITERS[to](table, part))
    return HandedOver(target, len(table))


def _write(target: Path, write: Callable[[Path], object]) -> None:
    try:
        write_whole(target, write)
    except ImportError as error:
        extra = target.suffix.removeprefix(".")
        raise OutputError(f"{extra} needs the package {error.name}: pip install 'scanner[{extra}]'") from error
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written: {error.strerror or error}; choose another file with --output"
        ) from error


def _hand_over_digits(output: Path, target: Path) -> HandedOver:
    from scanner.teach import verified_digits, write_digits  # OpenCV, which the tables do without

    digits = verified_digits(output)
    _write(target, lambda part: write_digits(part, digits))
    return HandedOver(target, len(digits.labels), digits.lost)


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _read(path: Path, *, is_typed: bool = True) -> "pd.DataFrame":
    """A table of a run: text stays text; places and probabilities become numbers where there are types."""
    import pandas as pd

    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise NoInputError(f"{path}: is not there; name the output folder of a finished run") from error
    if not is_typed:
        return table
    own = ("page",) if path.name == FORMS else (*WHOLE_NUMBERS, "confidence")  # a field may be called height
    for name in own:
        if name in table:
            table[name] = pd.to_numeric(table[name]).astype("float64" if name == "confidence" else "int64")
    return table


def _long(output: Path, *, is_typed: bool) -> "pd.DataFrame":
    """A row a field; behind it what the machine had read, where a person has corrected that."""
    table = _read(output / "fields.csv", is_typed=is_typed)
    if not (output / "corrections.csv").exists():
        return table.assign(read_value=table["value"])
    keys = ["file", "page", "field"]
    corrections = _read(output / "corrections.csv", is_typed=is_typed)[[*keys, "read_value"]]
    table = table.merge(corrections, on=keys, how="left")
    return table.assign(read_value=table["read_value"].fillna(table["value"]))


def _wide(output: Path) -> "pd.DataFrame":
    if (output / FORMS).exists():
        return _read(output / FORMS)
    import pandas as pd

    fields, pages = _read(output / "fields.csv"), _read(output / "pages.csv")
    keys = ["file", "page"]
    pages = pages.loc[pages["status"] == "read", keys]
    names = sorted(fields["field"].unique())
    values = fields.pivot(index=keys, columns="field", values="value").reindex(columns=names)
    is_open = (fields["status"] == "review") | (fields["reason"] == "unreadable")  # nothing was written, it would seem
    worst = is_open.groupby([fields[key] for key in keys]).any().map({True: "review", False: "accepted"})
    table = pages.merge(worst.rename("status").reset_index(), on=keys, how="left").merge(
        values.reset_index(), on=keys, how="left"
    )
    return pd.DataFrame(table).fillna("")


def _write_csv(table: "pd.DataFrame", path: Path) -> None:
    table.to_csv(path, index=False, lineterminator="\n")


def _write_xlsx(table: "pd.DataFrame", path: Path) -> None:
    """Text is never a formula, a link or a number."""
    import pandas as pd

    options = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with pd.ExcelWriter(path, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        table.to_excel(book, sheet_name="scanner", index=False, freeze_panes=(1, 0))
        book.sheets["scanner"].autofilter(0, 0, max(len(table), 1), max(len(table.columns) - 1, 0))


def _write_parquet(table: "pd.DataFrame", path: Path) -> None:
    import pyarrow  # noqa: F401 - names the package that is missing; pandas tells a long story

    table.to_parquet(path, engine="pyarrow", index=False)


def _write_json(table: "pd.DataFrame", path: Path) -> None:
    path.write_text(table.to_json(orient="records", force_ascii=False, indent=1) + "\n", encoding="utf-8")


WRITERS: Mapping[str, "Callable[[pd.DataFrame, Path], None]"] = {
    "csv": _write_csv,
    "xlsx": _write_xlsx,
    "parquet": _write_parquet,
    "json": _write_json,
}
