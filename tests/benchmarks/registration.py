"""Whether a form is proposed, and found on scans of it and no other: python tests/benchmarks/registration.py

200 scans of ten forms, each with one of the things that happen to sheets, or with two of them and a scanner's, phone's
or fax machine's faults: how many are registered, and how far the corner of a box lies off at worst. 100 pages of other
forms must not be taken for the form. The same for forms that `scanner form blank` prints, with fiducials and a code;
the other pages are then printed by it, too, with boxes in much the same places. And of 50 blanks, ten of each style,
how many are proposed with all their fields.
"""

import argparse
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from scanner.arrays import Gray, Quads
from scanner.blank import label_width_mm, layout_of, write_blank
from scanner.design import propose_page
from scanner.finding import find_form
from scanner.form import FormField
from scanner.form.draft import complete_draft
from scanner.form.load import parse_form
from scanner.known import KnownForm, load_known_form
from scanner.network import load_network
from scanner.register import Print, Reference, Registration, make_reference, register
from scanner.synth import BOX_STYLES, BoxField, DrawnDigits, Layout, random_layout, random_values, scan_form
from scanner.synth.forms import cell_quads
from scanner.synth.words import random_words

DPI = 200.0
PX_PER_MM = DPI / 25.4
NEAR_MM = 0.5
BLANK_DPI, SAME_MM = 300.0, 1.5
FORMS, SCANS, OTHERS = 10, 20, 10  # others of each form
SIBLING_FAULTS = ("clean", "scan", "photo", "fax")
SINGLE = (
    "rescaled", "letter", "shifted", "tilted", "cut", "stained", "strip", "upside_down", "sideways", "photo",
    "photocopy",
)  # fmt: skip
COMBINED = (
    "rescaled+scan", "letter+fax", "shifted+photocopy", "tilted+low", "stained+photo", "strip+scan+upside_down",
    "rescaled+cut+photo", "letter+stained+sideways+scan", "rescaled+photocopy+low",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """One scan: whether the form was found, how far the worst corner is off, in how many seconds."""

    fault: str
    is_found: bool
    worst_mm: float
    seconds: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed-base", type=int, default=2000, help="of the layouts; others while developing")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    results: list[Result] = []
    taken = 0
    for number in range(FORMS):
        layout = random_layout(BOX_STYLES[number % len(BOX_STYLES)], options.seed_base + number)
        reference = reference_of(layout)
        results += [measure(layout, reference, fault, seed) for seed, fault in enumerate((*SINGLE, *COMBINED))]
        taken += sum(find(page, reference) is not None for page in other_pages(options.seed_base + number))
    print(f"{'':30}{'scans':>7}{'found':>7}{f'within {NEAR_MM} mm':>15}{'worst mm':>10}{'ms':>6}")
    for fault in (*SINGLE, *COMBINED):
        print(row(fault, [each for each in results if each.fault == fault]))
    print(row("all", results))
    print(f"pages of other forms taken for the form: {taken} of {FORMS * OTHERS}")
    measure_printed(options.seed_base)
    measure_proposals(options.seed_base)


def reference_of(layout: Layout) -> Reference:
    """From the blank form."""
    blank = scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(0), DPI)
    to_page = np.array([[PX_PER_MM, 0, -0.5], [0, PX_PER_MM, -0.5], [0, 0, 1]])
    return make_reference(to_gray(blank.image), to_page, {field.name: cells_mm(field) for field in layout.fields})


def find(gray: Gray, form: Reference | KnownForm) -> Registration | None:
    if isinstance(form, KnownForm):
        found = find_form(gray, [form])
        return None if found is None else found.registration
    page, reference = Print(gray), form
    return register(page, reference, thoroughly=False) or register(page, reference, thoroughly=True)


def cells_mm(field: BoxField) -> Quads:
    return ((cell_quads(field, PX_PER_MM) + 0.5) / PX_PER_MM).astype(np.float32)


def measure(layout: Layout, form: Reference | KnownForm, fault: str, seed: int, dpi: float = DPI) -> Result:
    rng = np.random.default_rng((seed, len(layout.fields)))
    page = scan_form(layout, random_values(layout, rng), fault, DrawnDigits(), rng, dpi)
    gray = to_gray(page.image)
    start = time.perf_counter()
    found = find(gray, form)
    seconds = time.perf_counter() - start
    if found is None:
        return Result(fault, False, float("nan"), seconds)
    widths = {field.name: field.cell_width_mm for field in layout.fields}
    worst = 0.0
    for field in page.truth:
        is_there = ((field.quads >= 0) & (field.quads < gray.shape[::-1])).all(axis=(1, 2))  # others are cut off
        if is_there.any():
            px_per_mm = np.linalg.norm(field.quads[0, 1] - field.quads[0, 0]) / widths[field.name]
            off_px = np.linalg.norm(found.quads[field.name] - field.quads, axis=2)[is_there]
            worst = max(worst, float(off_px.max() / px_per_mm))
    return Result(fault, True, worst, seconds)


def other_pages(seed: int) -> Iterator[Gray]:
    """Pages of other forms, of the same style and house too."""
    for number in range(OTHERS):
        rng = np.random.default_rng((seed, number))
        layout = random_layout(BOX_STYLES[(seed + number) % len(BOX_STYLES)], 500_000 + 100 * seed + number)
        yield to_gray(scan_form(layout, random_values(layout, rng), "scan", DrawnDigits(), rng, DPI).image)


def measure_printed(seed_base: int) -> None:
    """Forms with fiducials and codes, and their siblings; scanned as finely as they are printed, as the mirror's print
    differs a little from one resolution to another."""
    results: list[Result] = []
    taken = 0
    for number in range(FORMS):
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "form.toml"
            path.write_text(draft(seed_base + number))
            write_blank(path, Path(folder) / "blank.pdf")
            known = load_known_form(path)
        layout = layout_of(known.form, 1)
        results += [measure(layout, known, fault, seed, BLANK_DPI) for seed, fault in enumerate((*SINGLE, *COMBINED))]
        for other in range(OTHERS):
            seed = 500_000 + 100 * (seed_base + number) + other
            sibling = parse_form(complete_draft(draft(seed), label_width_mm)[0], path)
            page = scan_form(
                layout_of(sibling, 1), {}, SIBLING_FAULTS[other % 4], DrawnDigits(), rng_of(seed), BLANK_DPI
            )
            taken += find_form(to_gray(page.image), [known]) is not None
    print(row("printed by scanner form blank", results))
    print(f"pages of its siblings taken for the form: {taken} of {FORMS * OTHERS}")


def draft(seed: int) -> str:
    """A form of 3 to 12 fields, without places."""
    rng = rng_of(seed)
    fields = "".join(
        f'[[fields]]\nname = "f{number}"\nlabel = "{random_words(rng, 2)}"\ncells = {rng.integers(2, 12)}\n'
        for number in range(rng.integers(3, 13))
    )
    return f'name = "form_{seed}"\ntitle = "{random_words(rng, 3)}"\n{fields}'


def rng_of(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def measure_proposals(seed_base: int) -> None:
    """What `scanner form new` makes of blanks."""
    network = load_network()
    whole = found = fields = false = 0
    layouts = [random_layout(style, seed_base + number) for style in BOX_STYLES for number in range(FORMS)]
    for layout in layouts:
        blank = scan_form(layout, {}, "clean", DrawnDigits(), np.random.default_rng(0), BLANK_DPI)
        proposed = propose_page(to_gray(blank.image), BLANK_DPI, network).fields
        right = sum(any(is_same(each, field) for each in proposed) for field in layout.fields)
        whole, found, fields = whole + (right == len(layout.fields)), found + right, fields + len(layout.fields)
        false += len(proposed) - right
    print(
        f"blanks proposed with all their fields: {whole} of {len(layouts)}; fields: {found} of {fields}, "
        f"beside them {false} that are none"
    )


def is_same(proposed: FormField, drawn: BoxField) -> bool:
    """By where its cells begin and stand: a comb has no upper edge."""
    low, drawn_low = proposed.y_mm + proposed.cell_height_mm, drawn.y_mm + drawn.cell_height_mm
    is_there = abs(proposed.x_mm - drawn.x_mm) < SAME_MM and abs(low - drawn_low) < SAME_MM
    return is_there and proposed.cells == drawn.cells


def to_gray(image: np.ndarray) -> Gray:
    return image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)


def row(name: str, results: list[Result]) -> str:
    near = sum(each.is_found and each.worst_mm <= NEAR_MM for each in results)
    worst = [each.worst_mm for each in results if each.is_found]
    return (
        f"{name:30}{len(results):7}{sum(each.is_found for each in results):7}{100 * near / len(results):14.1f}%"
        f"{max(worst, default=float('nan')):10.2f}{1000 * np.median([each.seconds for each in results]):6.0f}"
    )


if __name__ == "__main__":
    main()
