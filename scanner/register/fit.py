"""Where the places of a form lie on a scan of it: print against print first, then each field's frame by itself.

The reference is a picture of the form, and all its places are in millimeters. A homography brings its print to that of
the scan; paper bends, so each field is then moved to where its own frame is printed. How far the fields had to be moved
is the residual; where their frames are not found, the page is none of this form.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Mask, Quads
from scanner.register.features import Matrix, Points, Print, apply, match_features
from scanner.register.track import track

PX_PER_MM = 6.0  # of the patches that are laid over one another: a printed line is two pixels wide
MARGIN_MM = 1.5  # around a field: its frame, and how far it may be off
MAX_SHIFT_MM = 1.2  # a field further off would take a neighbor's frame for its own
FRAME_MM = 0.5  # around the line that is printed around a cell: what belongs to the frame
LIKENESS = 0.35  # correlation of a frame with the reference's from which it is found
MIN_MATCHES = 25  # of features, by which print is the same
MIN_FRAMES = 0.5  # part of the fields whose frame is found
PALE = 0.3  # how dark a frame is printed that a fax may lose
PLACES, PRINT = 8, 4  # parts of the form each way; points of print in a part that has some
COVERED = 0.5  # of these, with points that match
EXACT_MM = 0.2  # a larger residual, or a field that is not found, makes it worth to be exact
MAX_RESIDUAL_MM = 1.0
SQUARE = 2.5  # how much longer than wide a square millimeter may become: further no phone is tilted
FAINTEST = 0.03  # how dark a printed frame is at least
NEAR_MM, LINE_PART = 0.6, 0.35  # a line is printed where so near there is one of this part of the frame's darkness
LINE_PERCENTILE = 90  # of what lies near a frame; its lines are the darkest
DARKER = 1.3  # than on the reference a frame is hardly printed; more is ink
PAPER_PERCENTILE = 80  # of a patch; ink is darker


@dataclass(frozen=True, slots=True)
class Reference:
    """What a form looks like: a picture of its print, and a patch of each field's frame.

    `to_page`: from millimeters to pixels of the picture. `cells_mm`: (cells, 4, 2) corners of each field's cells.
    `patches`: how dark the frame is, (h, w) 0 - 1, over the field and `MARGIN_MM` around it, at `PX_PER_MM`.
    `levels`: that of its lines. `printed`: part of each field's lines that the picture shows. `goes_on`: fields beside
    whose cells another one is printed.
    """

    print_: Print
    to_page: Matrix
    cells_mm: Mapping[str, Quads]
    patches: Mapping[str, npt.NDArray[np.float32]]
    levels: Mapping[str, float]
    printed: Mapping[str, float]
    goes_on: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Registration:
    """Where a page shows the form: `matrix` from millimeters to pixels, `quads` (cells, 4, 2) of each field in pixels.

    `residual_mm`: root mean square of the distances by which the fields' frames lie off the homography. `frames`: how
    many were found. `matches`: how many points of print were. `unseen`: fields whose frames should be seen and are not.
    """

    matrix: Matrix
    quads: Mapping[str, Quads]
    residual_mm: float
    frames: int
    matches: int
    unseen: frozenset[str] = frozenset()


def make_reference(gray: Gray, to_page: Matrix, cells_mm: Mapping[str, Quads]) -> Reference:
    """Of a picture of the form, blank or filled: what is written in the cells is left out.

    Args:
        gray: the picture.
        to_page: from millimeters to its pixels.
        cells_mm: (cells, 4, 2) corners of each field's cells in millimeters.
    """
    print_ = Print(gray, _outside_cells(gray, to_page, list(cells_mm.values())))
    dark = {name: _darkness(gray, to_page, quads) for name, quads in cells_mm.items()}
    patches = {name: dark[name] * _on_frame(quads) for name, quads in cells_mm.items()}
    levels = {name: _level(patch) for name, patch in patches.items()}
    printed = {name: _printed(dark[name], quads, levels[name]) for name, quads in cells_mm.items()}
    goes_on = {name for name in cells_mm if _goes_on(gray, to_page, name, cells_mm, levels[name])}
    return Reference(print_, to_page, dict(cells_mm), patches, levels, printed, frozenset(goes_on))


def register(page: Print, reference: Reference, *, thoroughly: bool) -> Registration | None:
    """Find the form on a page; None where the page does not show it.

    Args:
        page: `Print(gray)`; ask all forms about the same one, so that its features are found once.
        reference: of the form.
        thoroughly: by features that small, soft, stained pages keep, too; ten times as slow.
    """
    gray = page.gray
    of_page, of_form = (page.blobs, reference.print_.blobs) if thoroughly else (page.corners, reference.print_.corners)
    match = match_features(of_page, of_form)
    if match is None or len(match.points) < MIN_MATCHES:
        return None
    matrix = match.matrix @ reference.to_page
    if not _is_possible(matrix, reference):
        return None
    shifts = _shifts_mm(gray, matrix, reference)
    if len(shifts) < len(reference.cells_mm) or _residual_mm(shifts) > EXACT_MM:
        exact = track(gray, reference.print_.gray, reference.print_.mask, match.matrix)
        again = {} if exact is None else _shifts_mm(gray, exact @ reference.to_page, reference)
        if exact is not None and len(again) >= len(shifts):
            matrix, shifts = exact @ reference.to_page, again
    found = list(shifts.values())
    residual_mm = _residual_mm(shifts)
    if residual_mm > MAX_RESIDUAL_MM or not _is_borne_out(
        len(found), _coverage(match.points, of_form.points), reference
    ):
        return None
    usual = np.median(found, axis=0) if found else np.zeros(2)
    quads = {
        name: apply(matrix, cells + shifts.get(name, usual)).astype(np.float32)
        for name, cells in reference.cells_mm.items()
    }
    unseen = {name for name, level in reference.levels.items() if name not in shifts and level >= PALE}
    return Registration(matrix, quads, residual_mm, len(found), len(match.points), frozenset(unseen))


def _shifts_mm(gray: Gray, matrix: Matrix, reference: Reference) -> dict[str, Points]:
    """By how much the frame of each field is printed off its place, x and y, where it is found."""
    shifts: dict[str, Points] = {}
    for name, cells in reference.cells_mm.items():
        shift = _shift_mm(gray, matrix, cells, reference.patches[name])
        if shift is not None:
            shifts[name] = shift
    return shifts


def _residual_mm(shifts: Mapping[str, Points]) -> float:
    return float(np.sqrt(np.mean([np.square(shift).sum() for shift in shifts.values()]))) if shifts else 0.0


def _is_borne_out(frames: int, coverage: float, reference: Reference) -> bool:
    """Whether enough frames are where they should be; where pale ones vanish in a fax, print all over the page."""
    if frames >= MIN_FRAMES * len(reference.patches):
        return True
    return max(reference.levels.values()) < PALE and coverage >= COVERED


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


def _bounds_mm(quads: Quads) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    flat = quads.reshape(-1, 2).astype(np.float64)
    return flat.min(axis=0) - MARGIN_MM, flat.max(axis=0) + MARGIN_MM


def _darkness(gray: Gray, matrix: Matrix, quads: Quads) -> npt.NDArray[np.float32]:
    """How dark the page is over a field, straightened: (h, w), 0 = paper, 1 = ink."""
    low, high = _bounds_mm(quads)
    size = np.ceil((high - low) * PX_PER_MM).astype(int)
    to_mm = np.array([[1 / PX_PER_MM, 0, low[0]], [0, 1 / PX_PER_MM, low[1]], [0, 0, 1]])
    patch = cv2.warpPerspective(
        gray, matrix @ to_mm, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    paper = float(np.percentile(patch, PAPER_PERCENTILE))
    dark: npt.NDArray[np.float32] = np.clip((paper - patch.astype(np.float32)) / max(paper, 1.0), 0, 1)
    return dark


def _on_frame(quads: Quads) -> npt.NDArray[np.float32]:
    """1 on the frames of a field and beside them, 0 elsewhere; the size of its patch."""
    low, high = _bounds_mm(quads)
    width, height = np.ceil((high - low) * PX_PER_MM).astype(int)
    mask = np.zeros((height, width), np.uint8)
    corners = np.rint((quads - low) * PX_PER_MM).astype(np.int32)
    cv2.polylines(mask, list(corners), True, (1,), round(2 * FRAME_MM * PX_PER_MM))
    return mask.astype(np.float32)


def _shift_mm(gray: Gray, matrix: Matrix, quads: Quads, frame: npt.NDArray[np.float32]) -> Points | None:
    """By how much the frame of a field is printed off its place, x and y; None where it is not found."""
    reach = round(MAX_SHIFT_MM * PX_PER_MM)
    inner = frame[reach:-reach, reach:-reach]
    if min(inner.shape) < 1 or not inner.any():
        return None
    level = np.float32(DARKER * _level(inner))
    dark = np.minimum(_darkness(gray, matrix, quads), level)  # pale frames must count as much as the ink in them
    likeness = cv2.matchTemplate(dark, inner, cv2.TM_CCOEFF_NORMED)
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    if best < LIKENESS or x in (0, 2 * reach) or y in (0, 2 * reach):
        return None
    peak = np.array([x + _vertex(likeness[y, x - 1 : x + 2]), y + _vertex(likeness[y - 1 : y + 2, x])])
    return (peak - reach) / PX_PER_MM


def _level(patch: npt.NDArray[np.float32]) -> float:
    """How dark its lines are, 0 - 1."""
    return float(np.percentile(patch[patch > 0], LINE_PERCENTILE)) if patch.any() else 0.0


def _printed(dark: npt.NDArray[np.float32], quads: Quads, level: float) -> float:
    """Part of the sides, or of the bottoms, of a field's cells that are printed: the lesser of the two."""
    if level < FAINTEST:
        return 0.0
    low, _ = _bounds_mm(quads)
    near = round(NEAR_MM * PX_PER_MM)
    sides, bottoms = [], []
    for x0, y0, x1, y1 in np.rint((quads[:, [0, 2]].reshape(-1, 4) - np.tile(low, 2)) * PX_PER_MM).astype(int).tolist():
        across = dark[(y0 + y1) // 2 : y1].mean(axis=0)  # the lower half: a comb has no more
        down = dark[:, (3 * x0 + x1) // 4 : (x0 + 3 * x1) // 4].mean(axis=1)
        sides += [across[max(x - near, 0) : x + near + 1].max(initial=0.0) for x in (x0, x1)]
        bottoms.append(down[max(y1 - near, 0) : y1 + near + 1].max(initial=0.0))
    return min(float((np.array(each) >= LINE_PART * level).mean()) for each in (sides, bottoms))


def _goes_on(gray: Gray, to_page: Matrix, name: str, cells_mm: Mapping[str, Quads], level: float) -> bool:
    """Whether a cell like the others is printed before the first or behind the last, and is no other field's."""
    cells = cells_mm[name]
    if len(cells) < 2:
        return False
    step = cells[1] - cells[0]
    for beside in (cells[:1] - step, cells[-1:] + step):
        middle = beside[0].mean(axis=0)
        is_other = any(
            (each.min(axis=(0, 1)) <= middle).all() and (middle <= each.max(axis=(0, 1))).all()
            for other, each in cells_mm.items()
            if other != name
        )
        if not is_other and _printed(_darkness(gray, to_page, beside), beside, level) == 1:
            return True
    return False


def _vertex(three: npt.NDArray[np.float32]) -> float:
    """Where between -0.5 and 0.5 the parabola through three values has its peak."""
    before, at, after = (float(value) for value in three)
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))


def _outside_cells(gray: Gray, to_page: Matrix, cells_mm: Sequence[Quads]) -> Mask:
    """255 where nobody writes."""
    mask = np.full_like(gray, 255)
    for quads in cells_mm:
        for quad in apply(to_page, quads):
            cv2.fillConvexPoly(mask, np.rint(quad).astype(np.int32), (0,))
    return mask
