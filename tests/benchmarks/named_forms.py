"""Real pages read by name, with a form made of one of them: python tests/benchmarks/named_forms.py DATA [--fields]

The form of the tallies is what `scanner form new` proposes of one filled page, its four fields named. On the photos it
finds some of the fields, among others; those that are asked for are measured by hand on the picture that it makes. The
form says that crosses and empty cells are zeros, and what adds up. A value is right if the number is, by the cells in
`truth.json` (see `real_forms.py`).
"""

import argparse
import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2

from scanner.design import Proposal, propose_form, write_form
from scanner.form import FormField
from scanner.known import load_known_form
from scanner.network import load_network
from scanner.pipeline import PageReading, read_page

SUMS = ("cand1 + cand2 + cand3 == valid", "valid + invalid == total")
PARTY = ("party", *(f"c{number}" for number in range(1, 11)), "total")


@dataclass(frozen=True)
class NamedForm:
    """`source` is the page that the form is made of, `pages` what is read with it; `places_mm` x, y and height of each
    field and `size_mm` width and pitch of the cells, or None for what is proposed."""

    name: str
    source: str
    pages: str
    fields: tuple[str, ...]
    sums: tuple[str, ...]
    places_mm: tuple[tuple[float, float, float], ...] | None = None
    size_mm: tuple[float, float] = (0.0, 0.0)

    def proposal(self, data: Path) -> Proposal:
        page = propose_form(data / "forms" / self.source)[0]
        return replace(page, fields=tuple(self._fields(page)))

    def _fields(self, page: Proposal) -> Iterator[FormField]:
        if self.places_mm is None:
            for name, field in zip(self.fields, page.fields, strict=True):
                yield field.model_copy(update={"name": name, "zero_cells": "x_"})
            return
        wide, pitch = self.size_mm
        for name, (x_mm, y_mm, high) in zip(self.fields, self.places_mm, strict=True):
            yield FormField(
                name=name, x_mm=x_mm, y_mm=y_mm, cells=3, cell_width_mm=wide, cell_height_mm=high, pitch_mm=pitch,
                zero_cells="x_",
            )  # fmt: skip


FORMS = (
    NamedForm(
        "tally", "tally_1420463-005804400404.jpg", "tally_*",
        ("cand1", "cand2", "valid", "invalid"), ("cand1 + cand2 == valid",),
    ),
    NamedForm(
        "photo_first", "photo_pwp_sample_01.jpg", "photo_pwp_sample_01.jpg",
        ("cand1", "cand2", "cand3", "valid", "invalid", "total"), SUMS,
        ((167.6, 72.5, 9.4), (167.3, 109.9, 9.4), (166.8, 146.7, 9.0), (166.5, 195.2, 8.8), (166.4, 219.7, 9.0),
         (166.1, 260.0, 8.9)),
        (7.8, 9.12),
    ),
    NamedForm(
        "photo_second", "photo_pwp_sample_02.jpg", "photo_pwp_sample_02.jpg",
        ("cand1", "cand2", "cand3", "valid", "invalid", "total"), SUMS,
        ((155.1, 65.4, 8.2), (154.7, 97.7, 8.4), (154.5, 130.0, 8.5), (154.4, 173.2, 8.2), (154.5, 195.5, 8.2),
         (154.7, 232.0, 8.3)),
        (6.8, 8.16),
    ),
    NamedForm(
        "photo_party", "photo_dpr10_sample_01.jpeg", "photo_dpr10_sample_01.jpeg",
        PARTY, (" + ".join(PARTY[:-1]) + " == total",),
        tuple((x_mm, y_mm, 9.0) for x_mm, y_mm in (
            (165.7, 50.5), (165.5, 73.3), (165.8, 93.2), (165.7, 113.7), (165.5, 133.7), (165.4, 153.7), (165.5, 173.7),
            (165.3, 193.7), (165.4, 213.9), (165.5, 234.2), (165.9, 254.4), (165.9, 275.3))),
        (7.5, 9.22),
    ),
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--fields", action="store_true", help="print what was read of every page")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    truth = json.loads((options.data / "forms" / "truth.json").read_text())
    network = load_network()
    print(f"{'':14}{'pages':>8}{'found':>8}{'values':>8}{'right':>8}{'accepted':>10}{'wrong':>8}{'sums told':>11}")
    for named in FORMS:
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "form.toml"
            write_form(path, named.name, [named.proposal(options.data)])
            rules = "".join(f'\n[[rules]]\nexpression = "{each}"\n' for each in named.sums)
            path.write_text(path.read_text() + rules)
            known = load_known_form(path)
            pages = sorted((options.data / "forms").glob(named.pages))
            found = values = right = accepted = wrong = told = 0
            for page in pages:
                read = read_page(page, network=network, forms=[known])
                if not isinstance(read, PageReading) or not read.form:
                    continue
                found += 1
                for field in read.fields:
                    is_right = number(field.cells) == number(truth[page.name][field.name])
                    values, right = values + 1, right + is_right
                    accepted += field.status == "accepted"
                    wrong += field.status == "accepted" and not is_right
                    told += field.reason == "check_failed"
                if options.fields:
                    print(page.name, *(f"{each.name}={each.cells}:{each.status[0]}" for each in read.fields))
            print(f"{named.name:14}{len(pages):8}{found:8}{values:8}{right:8}{accepted:10}{wrong:8}{told:11}")


def number(text: str) -> int:
    """What a row of cells counts: crosses and empty cells before it are zeros; -1 where it is unreadable."""
    digits = text.upper().replace("X", "0").replace("_", "0")
    return int(digits) if digits.isdigit() else -1


if __name__ == "__main__":
    main()
