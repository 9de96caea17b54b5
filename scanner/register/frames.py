"""The printed frame of a field: how it looks on the form, and by how much it is off its place on a scan."""

from collections.abc import Mapping

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Gray, Quads
from scanner.register.features import Matrix, Points

PX_PER_MM = 6.0  # of the patches that are laid over one another: a printed line is two pixels wide
MARGIN_MM = 1.5  # around a field: its frame, and how far it may be off
MAX_SHIFT_MM = 1.2  # a field further off would take a neighbor's frame for its own
FRAME_MM = 0.5  # around the line that is printed around a cell: what belongs to the frame
LIKENESS = 0.35  # correlation of a frame with the reference's from which it is found
ALIKE = 0.65  # of a cell's frame with one of its field's: lines of other things around pale cells have .55
FAINTEST = 0.03  # how dark a printed frame is at least
NEAR_MM, LINE_PART = 0.6, 0.35  # a line is printed where so near there is one of this part of the frame's darkness
HIDDEN = 0.3  # of how dark the lines of a field are: with less there is none
LINE_PERCENTILE = 90  # of what lies near a frame; its lines are the darkest
DIGIT_WIDTH = 0.5  # of the height of a line
DARKER = 1.3  # than on the reference a frame is hardly printed; more is ink
PAPER_PERCENTILE = 80  # of a patch; ink is darker
LOOKED_MM, LOOKED_STEP_MM = 4.0, 0.25  # how far around the place that a form says its boxes are looked for


def _bounds_mm(quads: npt.NDArray[np.floating]) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    flat = quads.reshape(-1, 2).astype(np.float64)
    return flat.min(axis=0) - MARGIN_MM, flat.max(axis=0) + MARGIN_MM


def darkness(gray: Gray, matrix: Matrix, quads: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """How dark the page is over a field and `MARGIN_MM` around it: (h, w) at `PX_PER_MM`, 0 = paper, 1 = ink."""
    low, high = _bounds_mm(quads)
    size = np.ceil((high - low) * PX_PER_MM).astype(int)
    to_mm = np.array([[1 / PX_PER_MM, 0, low[0]], [0, 1 / PX_PER_MM, low[1]], [0, 0, 1]])
    patch = cv2.warpPerspective(
        gray, matrix @ to_mm, (int(size[0]), int(size[1])), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    paper = _percentile(patch, PAPER_PERCENTILE)
    dark: npt.NDArray[np.float32] = np.clip((paper - patch.astype(np.float32)) / max(paper, 1.0), 0, 1)
    return dark


def _percentile(values: npt.NDArray[np.generic], percent: int) -> float:
    """Of many values, without what lies between two of them: NumPy's takes as long as all else here."""
    place = (values.size - 1) * percent // 100
    return float(np.partition(values, place, axis=None)[place])


def on_frame(quads: Quads) -> npt.NDArray[np.float32]:
    """1 on the frames of a field and beside them, 0 elsewhere; the size of its patch."""
    low, high = _bounds_mm(quads)
    width, height = np.ceil((high - low) * PX_PER_MM).astype(int)
    mask = np.zeros((height, width), np.uint8)
    corners = np.rint((quads - low) * PX_PER_MM).astype(np.int32)
    cv2.polylines(mask, list(corners), True, (1,), round(2 * FRAME_MM * PX_PER_MM))
    return mask.astype(np.float32)


def frame_shift_mm(gray: Gray, matrix: Matrix, quads: Quads, frame: npt.NDArray[np.float32]) -> Points | None:
    """By how much the frame of a field is printed off its place, x and y; None where it is not found."""
    likeness = _likeness(gray, matrix, quads, frame, on_frame(quads))
    if likeness is None:
        return None
    reach = round(MAX_SHIFT_MM * PX_PER_MM)
    _, best, _, (x, y) = cv2.minMaxLoc(likeness)
    if best < LIKENESS or x in (0, 2 * reach) or y in (0, 2 * reach):
        return None
    peak = np.array([x + _vertex(likeness[y, x - 1 : x + 2]), y + _vertex(likeness[y - 1 : y + 2, x])])
    return (peak - reach) / PX_PER_MM


def _likeness(
    gray: Gray, matrix: Matrix, quads: Quads, frame: npt.NDArray[np.float32], where: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32] | None:
    """Correlation of what is printed around cells with a frame, moved by up to MAX_SHIFT_MM; None where that is empty.

    `where`: 1 on the lines of the frame and beside them.
    """
    reach = round(MAX_SHIFT_MM * PX_PER_MM)
    inner, beside = (each[reach:-reach, reach:-reach] for each in (frame, where))
    if min(inner.shape) < 1 or not inner.any():
        return None
    level = np.float32(DARKER * line_level(inner))
    dark = np.minimum(darkness(gray, matrix, quads), level)  # pale frames must count as much as the ink in them
    likeness = cv2.matchTemplate(dark, inner, cv2.TM_CCOEFF_NORMED, mask=beside)  # whatever is written in the cells
    likeness[~np.isfinite(likeness)] = -1.0  # nothing but paper
    return np.asarray(likeness)


def line_level(patch: npt.NDArray[np.float32]) -> float:
    """How dark its lines are, 0 - 1."""
    return _percentile(patch[patch > 0], LINE_PERCENTILE) if patch.any() else 0.0


def printed_part(dark: npt.NDArray[np.float32], quads: Quads, level: float, *, is_pale: bool = False) -> float:
    """Part of the sides, or of the bottoms, of a field's cells that are printed: the lesser of the two.

    `level`: how dark the lines of the field are. Where they may be pale, and darker ones run beside them, most decide.
    """
    low, _ = _bounds_mm(quads)
    near = round(NEAR_MM * PX_PER_MM)
    sides, bottoms = [], []
    for x0, y0, x1, y1 in np.rint((quads[:, [0, 2]].reshape(-1, 4) - np.tile(low, 2)) * PX_PER_MM).astype(int).tolist():
        across = dark[(y0 + y1) // 2 : y1].mean(axis=0)  # the lower half: a comb has no more
        down = dark[:, (3 * x0 + x1) // 4 : (x0 + 3 * x1) // 4].mean(axis=1)
        sides += [across[max(x - near, 0) : x + near + 1].max(initial=0.0) for x in (x0, x1)]
        bottoms.append(down[max(y1 - near, 0) : y1 + near + 1].max(initial=0.0))
    if is_pale:
        level = min(level, DARKER * float(np.median([*sides, *bottoms])))
    if level < FAINTEST:
        return 0.0
    return min(float((np.array(each) >= LINE_PART * level).mean()) for each in (sides, bottoms))


def printed_off_mm(gray: Gray, to_page: Matrix, quads: Quads) -> tuple[float, float, float]:
    """Where near its place a field is printed best: how far to the right and below, and the part of its lines."""
    low, _ = _bounds_mm(quads)
    corners = np.rint((quads - low) * PX_PER_MM).astype(np.int32)
    steps = np.arange(-LOOKED_MM, LOOKED_MM + LOOKED_STEP_MM / 2, LOOKED_STEP_MM)
    best = -1.0, 0.0, 0.0
    for x_mm in steps.tolist():
        for y_mm in steps.tolist():
            dark = darkness(gray, to_page, quads + np.array([x_mm, y_mm]))
            line = cv2.polylines(np.zeros(dark.shape, np.uint8), list(corners), True, (1,)) > 0
            best = max(best, (float(dark[line].mean()), x_mm, y_mm))
    _, x_mm, y_mm = best
    dark = darkness(gray, to_page, quads + np.array([x_mm, y_mm]))
    return x_mm, y_mm, printed_part(dark, quads, line_level(dark * on_frame(quads)), is_pale=True)


def hides_cells(gray: Gray, matrix: Matrix, quads: npt.NDArray[np.floating], level: float) -> bool:
    """Whether some cells of a field have nothing of the frame that the others have: a note lies on them.

    `level`: how dark the frame is on the form.
    """
    dark, (low, _) = darkness(gray, matrix, quads), _bounds_mm(quads)
    if len(quads) == 1:
        return _hides_line(dark, (quads[0] - low) * PX_PER_MM, level)
    near, seen = round(NEAR_MM * PX_PER_MM), []
    for x0, y0, x1, y1 in np.rint((quads[:, [0, 2]].reshape(-1, 4) - np.tile(low, 2)) * PX_PER_MM).astype(int).tolist():
        bottom = dark[max(y1 - near, 0) : y1 + near + 1, x0:x1].max(axis=0)
        sides = (dark[(y0 + y1) // 2 : y1, max(x - near, 0) : x + near + 1].max(axis=1) for x in (x0, x1))
        seen.append(min(max(float(line.mean()) for line in (bottom, *sides)), DARKER * level))
    usual = float(np.percentile(seen, 75))  # more than half may be hidden
    return min(seen) < HIDDEN * usual


def _hides_line(dark: npt.NDArray[np.float32], quad: npt.NDArray[np.floating], level: float) -> bool:
    """Whether a part of a long box, (4, 2) in pixels, as wide as a digit, has nothing of the line that others have."""
    near = round(NEAR_MM * PX_PER_MM)
    x0, y0, x1, y1 = np.rint(quad[[0, 2]]).astype(int).ravel().tolist()
    parts = max(round((x1 - x0) / max(DIGIT_WIDTH * (y1 - y0), 1)), 1)
    for y in (y1, y0):
        line = np.minimum(dark[max(y - near, 0) : y + near + 1, max(x0, 0) : x1].max(axis=0), DARKER * level)
        seen = [float(each.mean()) for each in np.array_split(line, parts)]
        if max(seen) >= LINE_PART * level and min(seen) < HIDDEN * max(seen):
            return True
    return False


def goes_on_beside(gray: Gray, to_page: Matrix, name: str, cells_mm: Mapping[str, Quads], level: float) -> bool:
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
        is_printed = not is_other and printed_part(darkness(gray, to_page, beside), beside, level) == 1
        if is_printed and any(_is_alike(gray, to_page, beside, cells[[index]]) for index in range(len(cells))):
            return True
    return False


def _is_alike(gray: Gray, to_page: Matrix, quads: Quads, others: Quads) -> bool:
    """Whether a cell has the frame of another one."""
    where = on_frame(others)
    likeness = _likeness(gray, to_page, quads, darkness(gray, to_page, others) * where, where)
    return likeness is not None and float(likeness.max()) >= ALIKE


def _vertex(three: npt.NDArray[np.float32]) -> float:
    """Where between -0.5 and 0.5 the parabola through three values has its peak."""
    before, at, after = (float(value) for value in three)
    bend = before - 2 * at + after
    return 0.0 if bend >= 0 else float(np.clip((before - after) / (2 * bend), -0.5, 0.5))
