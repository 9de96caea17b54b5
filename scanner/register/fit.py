"""Where the places of a form lie on a scan of it: print against print first, then each field's frame by itself.

The reference is a picture of the form, and all its places are in millimeters. A homography brings its print to that of
the scan; paper bends, so each field is then moved to where its own frame is printed. How far the fields had to be moved
is the residual; where their frames are not found, the page is none of this form.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from operator import itemgetter

import numpy as np

from scanner.arrays import Gray, Quads
from scanner.register.features import Match, Matrix, Points, Print, apply, fit_affine, fit_homography, match_features
from scanner.register.fiducials import FEWEST, Mark, find_marks, lay_out
from scanner.register.flat import lay_flat
from scanner.register.frames import frame_shift_mm, hides_cells
from scanner.register.reference import Reference
from scanner.register.track import track

MIN_MATCHES = 25  # of features, by which print is the same
MIN_FRAMES = 0.5  # part of the fields whose frame is found
PALE = 0.3  # how dark a frame is printed that a fax may lose
PLACES, PRINT = 8, 4  # parts of the form each way; points of print in a part that has some
COVERED = 0.5  # of these, with points that match
EXACT_MM = 0.2  # a larger residual, or a field that is not found, makes it worth to be exact
MAX_RESIDUAL_MM = 1.0
EVEN_MM, FEW_FRAMES, WIDE_MM = 0.08, 4, 15.0  # residual, frames and their spread from which the map is bettered by them
NEAR_MARK_MM = 4.0  # how far print alone may lead astray
FEWEST_WORDS = 8  # parts with print but frames, by which a page that lies flat is known
PARTS_ALIKE, MAYBE_ALIKE = 0.85, 0.3  # parts with print that must be alike; with less it is not worth to be exact
MOST_FRAMES, HALF_ALIKE = 0.8, 0.4  # where fewer frames are found, some of the print must be alike
CUT_OFF = 0.1  # of a cell's height
SAME_ALIKE = 0.05  # less is chance
LOST_ALIKE = 0.65  # where frames are lost, and much else may be written on the page
SQUARE = 2.5  # how much longer than wide a square millimeter may become: further no phone is tilted


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a page shows the form: `matrix` from millimeters to pixels, `quads` (cells, 4, 2) of each field in pixels.

    `residual_mm`: root mean square of the distances by which the fields' frames lie off the homography. `frames`: how
    many were found. `matches`: how many points of print were, or how much print is alike, where fiducials found it.
    `alike`: part of the print that the page has too. `unseen`: fields whose frames should be seen and are not.
    """

    matrix: Matrix
    quads: Mapping[str, Quads]
    residual_mm: float
    frames: int
    matches: float
    alike: float
    unseen: frozenset[str] = frozenset()


def register(page: Print, reference: Reference, *, thoroughly: bool) -> Registration | None:
    """Find the form on a page; None where the page does not show it.

    Args:
        page: `Print(gray)`; ask all forms about the same one, so that its features are found once.
        reference: of the form.
        thoroughly: by features that small, soft, stained pages keep, too; several times as slow.
    """
    of_page, of_form = (page.blobs, reference.print_.blobs) if thoroughly else (page.corners, reference.print_.corners)
    match = match_features(of_page, of_form)
    if match is None or len(match.points) < MIN_MATCHES:
        return None
    coverage = _coverage(match.points, of_form.points)
    held = _held_by_marks(page, match, reference)
    return _fitted(
        page, match.matrix if held is None else held, reference,
        coverage=coverage, matches=len(match.points), is_exact=held is not None,
    )  # fmt: skip


def _evened_out(
    gray: Gray, matrix: Matrix, shifts: dict[str, Points], reference: Reference
) -> tuple[Matrix, dict[str, Points]]:
    """What all the frames have in common belongs to the map: a field that is turned is not found by moving it."""
    if len(shifts) < FEW_FRAMES or _residual_mm(shifts) < EVEN_MM:
        return matrix, shifts
    middles = np.array([reference.cells_mm[name].mean(axis=(0, 1)) for name in shifts])
    spread = np.linalg.svd(middles - middles.mean(axis=0), compute_uv=False)
    if spread[1] < WIDE_MM:  # in one line they say nothing of the other direction
        return matrix, shifts
    better = matrix @ fit_affine(middles, middles + np.array(list(shifts.values())))
    again = _shifts_mm(gray, better, reference)
    is_better = len(again) >= len(shifts) and _residual_mm(again) < _residual_mm(shifts)
    return (better, again) if is_better else (matrix, shifts)


def _held_by_marks(page: Print, match: Match, reference: Reference) -> Matrix | None:
    """A match made better by the fiducials that the page shows, two at least: far from print it may lead astray."""
    if reference.fiducials is None:
        return None
    places = apply(reference.to_page, reference.fiducials.at)
    marks = np.array([(mark.x, mark.y) for mark in _marks_on(page, reference)]).reshape(-1, 2)
    expected, pixel = apply(match.matrix, places), _pixels_per_mm(match.matrix @ reference.to_page)
    away = np.linalg.norm(expected[:, None] - marks[None], axis=2).reshape(len(places), len(marks))
    is_there = away.min(axis=1, initial=np.inf) < NEAR_MARK_MM * pixel
    if is_there.sum() < 2:
        return None
    weight = max(len(match.points) // int(is_there.sum()), 1)  # marks count as much as print
    found = marks[away[is_there].argmin(axis=1)]
    source = np.concatenate([match.points, np.repeat(places[is_there], weight, axis=0)])
    target = np.concatenate([apply(match.matrix, match.points), np.repeat(found, weight, axis=0)])
    is_flat = np.abs(match.matrix[2, :2]).max() == 0
    return fit_affine(source, target) if is_flat else fit_homography(source, target)


def _marks_on(page: Print, reference: Reference) -> list[Mark]:
    """What looks like a fiducial of the form."""
    fiducials = reference.fiducials
    if fiducials is None:
        return []
    size_part = fiducials.size_mm * reference.to_page[0, 0] / max(reference.print_.gray.shape)
    return find_marks(page.reduced, fiducials.shape, size_part)


def _is_near(one: Matrix, other: Matrix, places: Points) -> bool:
    """Whether two maps bring places to about the same."""
    return bool(
        np.linalg.norm(apply(one, places) - apply(other, places), axis=1).max() < NEAR_MARK_MM * _pixels_per_mm(other)
    )


def _pixels_per_mm(matrix: Matrix) -> float:
    return float(np.sqrt(abs(np.linalg.det(matrix[:2, :2] / matrix[2, 2]))))


def register_marked(page: Print, reference: Reference) -> Registration | None:
    """Find a form by its fiducials: several times as fast as by its print, and with no print but boxes too.

    None where the form has none, the page does not show them all, or the print between them is another's.
    """
    fiducials, parts = reference.fiducials, reference.parts
    if fiducials is None:
        return None
    marks = _marks_on(page, reference)
    from_picture = np.linalg.inv(reference.to_page)
    all_but_one = combinations(fiducials.at, len(fiducials.at) - 1) if len(fiducials.at) > FEWEST else ()
    for is_whole, places in ((True, [fiducials.at]), (False, all_but_one)):  # a corner may be torn off
        laid = (matrix for each in places for matrix in lay_out(marks, np.array(each)))
        likely = [(parts.alike(page.reduced, each), each) for each in laid if _is_possible(each, reference)]
        likeness, matrix = max(likely, key=itemgetter(0), default=(0.0, np.eye(3)))
        if MAYBE_ALIKE <= likeness < PARTS_ALIKE:  # a lens or paper that is bent
            exact = track(page.gray, reference.print_.gray, reference.print_.mask, matrix @ from_picture)
            if exact is not None and _is_near(exact @ reference.to_page, matrix, fiducials.at):
                matrix = exact @ reference.to_page
                likeness = parts.alike(page.reduced, matrix) if _is_possible(matrix, reference) else 0.0
        if likeness >= PARTS_ALIKE:
            from_form = matrix @ from_picture
            return _fitted(page, from_form, reference, coverage=1.0, matches=likeness, is_exact=is_whole)
    return None


def register_flat(page: Print, reference: Reference) -> Registration | None:
    """Find a form on a page that lies as its picture does, but for a little; the print must bear it out."""
    words = reference.words  # boxes are in the same places on many forms
    from_form = lay_flat(page, reference.print_) if words.is_printed.sum() >= FEWEST_WORDS else None
    if from_form is None or not _is_possible(matrix := from_form @ reference.to_page, reference):
        return None
    likeness = words.alike(page.reduced, matrix)
    if likeness < PARTS_ALIKE:
        return None
    return _fitted(page, from_form, reference, coverage=1.0, matches=likeness)


def _fitted(
    page: Print, from_form: Matrix, reference: Reference, *, coverage: float, matches: float, is_exact: bool = False
) -> Registration | None:
    """Each field where its frame is, given about where the page shows the form's picture; None where few are there.

    Where it `is_exact`, print is not followed.
    """
    gray = page.gray
    matrix = from_form @ reference.to_page
    if not _is_possible(matrix, reference):
        return None
    shifts = _shifts_mm(gray, matrix, reference)
    if not is_exact and (len(shifts) < len(reference.cells_mm) or _residual_mm(shifts) > EXACT_MM):
        exact = track(gray, reference.print_.gray, reference.print_.mask, from_form)
        again = {} if exact is None else _shifts_mm(gray, exact @ reference.to_page, reference)
        if exact is not None and len(again) >= len(shifts):
            likeness = [reference.parts.alike(page.reduced, each) for each in (matrix, exact @ reference.to_page)]
            if likeness[1] >= likeness[0] - SAME_ALIKE:
                matrix, shifts = exact @ reference.to_page, again
    matrix, shifts = _evened_out(gray, matrix, shifts, reference)
    found = list(shifts.values())
    residual_mm = _residual_mm(shifts)
    alike = reference.parts.alike(page.reduced, matrix)
    if residual_mm > MAX_RESIDUAL_MM or not _is_borne_out(len(found), coverage, alike, reference):
        return None
    usual = np.median(found, axis=0) if found else np.zeros(2)
    quads = {
        name: apply(matrix, cells + shifts.get(name, usual)).astype(np.float32)
        for name, cells in reference.cells_mm.items()
    }
    is_lost = len(shifts) < MIN_FRAMES * len(reference.cells_mm)  # as pale frames are in a fax
    unseen = {name for name, level in reference.levels.items() if name not in shifts and (level >= PALE or not is_lost)}
    unseen |= {name for name, cells in quads.items() if _is_cut_off(cells, gray)}
    unseen |= {
        name
        for name, shift in shifts.items()
        if hides_cells(gray, matrix, reference.cells_mm[name] + shift, reference.levels[name])
    }
    return Registration(matrix, quads, residual_mm, len(found), matches, alike, frozenset(unseen))


def _is_cut_off(quads: Quads, gray: Gray) -> bool:
    """Whether a part of the cells lies beyond the edge of the picture."""
    height, width = gray.shape
    margin = CUT_OFF * float(np.linalg.norm(quads[0, 3] - quads[0, 0]))
    return bool((quads < -margin).any() or (quads > np.array([width, height]) + margin).any())


def _shifts_mm(gray: Gray, matrix: Matrix, reference: Reference) -> dict[str, Points]:
    """By how much the frame of each field is printed off its place, x and y, where it is found."""
    shifts: dict[str, Points] = {}
    for name, cells in reference.cells_mm.items():
        shift = frame_shift_mm(gray, matrix, cells, reference.patches[name])
        if shift is not None:
            shifts[name] = shift
    return shifts


def _residual_mm(shifts: Mapping[str, Points]) -> float:
    return float(np.sqrt(np.mean([np.square(shift).sum() for shift in shifts.values()]))) if shifts else 0.0


def _is_borne_out(frames: int, coverage: float, alike: float, reference: Reference) -> bool:
    """Whether nearly all frames are where they should be, or half of them between the same print.

    Where pale ones vanish in a fax, the same print all over the page.
    """
    share = frames / max(len(reference.patches), 1)
    if share >= MIN_FRAMES:
        return share >= MOST_FRAMES or alike >= HALF_ALIKE
    return max(reference.levels.values(), default=0.0) < PALE and coverage >= COVERED and alike >= LOST_ALIKE


def _coverage(points: Points, all_points: Points) -> float:
    """Part of the print's places that some of its points are in."""
    low, high = all_points.min(axis=0), all_points.max(axis=0)
    edges = [np.linspace(low[axis], high[axis] + 1e-6, PLACES + 1) for axis in (0, 1)]
    everywhere, here = (
        np.histogram2d(each[:, 0], each[:, 1], bins=(edges[0], edges[1]))[0] for each in (all_points, points)
    )
    is_print = everywhere >= PRINT
    return float((here[is_print] > 0).mean()) if is_print.any() else 0.0


def _is_possible(matrix: Matrix, reference: Reference) -> bool:
    """Whether paper can lie like this: not mirrored, not folded, seen at no more than a slant."""
    height, width = reference.print_.gray.shape
    size = np.array([[0, 0], [width, 0], [width, height], [0, height]])
    corners = apply(np.linalg.inv(reference.to_page), size)
    if not np.all(np.append(corners, np.ones((4, 1)), axis=1) @ matrix[2] > 0):
        return False
    sides = np.roll(moved := apply(matrix, corners), -1, axis=0) - moved
    turns = sides[:, 0] * np.roll(sides[:, 1], -1) - sides[:, 1] * np.roll(sides[:, 0], -1)
    stretch = np.linalg.norm(sides, axis=1) / np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    return bool((turns > 0).all() and stretch.max() < SQUARE * stretch.min())
