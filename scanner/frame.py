"""Take the printed frame away from the ink of a row of cells, and say where that may have taken strokes along."""

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask

FRAME_REACH = 9  # pixels of the strip a printed line may lie beside where it is expected
FRAME_WANDER = 3  # pixels a side may lie beside where the other sides of its row lie
MIN_FRAME = 0.3  # coverage of a typical side below which the frame is lighter than ink, and gone
FRAME_SHARE = 0.6  # of the typical coverage: less is a stroke near a side that is gone
FRAME_SWELL = 2  # pixels a line may be thicker than the typical one; more is a stroke beside it
REACHING = np.ones((5, 1), np.uint8)  # two pixels above and below a line
SHARED_INK = 0.6  # share of the cells that must have ink at a place for it to be print
CORNER = 0.3  # of the cell: rounded corners leave rests this large


def remove_frame(
    mask: Mask, boxes: npt.NDArray[np.int32], side_share: float
) -> tuple[Mask, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Erase printed lines at the edges of the cells, but not the strokes that cross them.

    Also: (n,) which cells have strokes along their lines, (n, 2) in which ink touches the upper and the lower line.
    """
    sides = boxes.copy()
    if side_share < 1:  # the ticks of a comb
        sides[:, 1] = sides[:, 3] - side_share * (sides[:, 3] - sides[:, 1])
    upright, beside = frame_lines(mask, sides)
    level, along = frame_lines(np.ascontiguousarray(mask.T), boxes[:, [1, 0, 3, 2]], has_near_side=side_share >= 1)
    level = level.T
    cleaned = mask & ~(upright | level)
    crossings = _crossings(mask, cleaned, upright, (1, 0)) | _crossings(mask, cleaned, level, (0, 1))
    corners = _corners(mask, boxes) if side_share >= 1 else np.zeros_like(mask)
    touching = cleaned & cv2.dilate(np.ascontiguousarray(level), REACHING)
    return (cleaned | crossings) & ~corners, beside | along, _touches(touching, boxes)


def _touches(touching: Mask, boxes: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """(n, 2): whether a cell has touching ink in its upper, in its lower half; its corners do not count."""
    touches = np.zeros((len(boxes), 2), np.bool_)
    for index, (x0, y0, x1, y1) in enumerate(boxes):
        middle, inner = (y0 + y1) // 2, np.s_[x0 + FRAME_REACH : x1 - FRAME_REACH]
        touches[index] = touching[y0:middle, inner].any(), touching[middle:y1, inner].any()
    return touches


def _corners(mask: Mask, boxes: npt.NDArray[np.int32]) -> Mask:
    """Ink in the corners that most cells of the row share: rounded corners."""
    width, height = np.median(boxes[:, 2:] - boxes[:, :2], axis=0).astype(int)
    corner_x, corner_y = int(CORNER * width), int(CORNER * height)
    corners = np.zeros_like(mask)
    if len(boxes) < 2:
        return corners
    for from_right in (False, True):
        for from_bottom in (False, True):
            xs = boxes[:, 2] - corner_x if from_right else boxes[:, 0] - FRAME_WANDER
            ys = boxes[:, 3] - corner_y if from_bottom else boxes[:, 1] - FRAME_WANDER
            rows = np.clip(ys[:, None, None] + np.arange(corner_y + FRAME_WANDER)[:, None], 0, mask.shape[0] - 1)
            columns = np.clip(xs[:, None, None] + np.arange(corner_x + FRAME_WANDER), 0, mask.shape[1] - 1)
            patches = mask[rows, columns] > 0  # (cells, corner_y, corner_x)
            shared = (patches.mean(axis=0) >= (SHARED_INK if len(boxes) > 2 else 1.0)).astype(np.uint8) * np.uint8(255)
            if shared.any():
                corners[rows, columns] |= cv2.dilate(shared, np.ones((3, 3), np.uint8))
    return corners


def frame_lines(
    mask: Mask, boxes: npt.NDArray[np.int32], *, has_near_side: bool = True
) -> tuple[Mask, npt.NDArray[np.bool_]]:
    """255 where the left and right sides of the boxes are printed; and (n,) where a stroke runs along them.

    Each half of a side is looked for by itself, so that lines may lean; where most sides of the row lie and how
    much of them is there tells frames from strokes beside them.
    """
    x0, y0, x1, y1 = boxes.T
    middle = (y0 + y1) // 2
    xs = np.concatenate([x0, x0, x1, x1] if has_near_side else [x1, x1])  # (sides,)
    tops = np.concatenate([y0, middle] * (len(xs) // (2 * len(x0))))
    bottoms = np.concatenate([middle, y1] * (len(xs) // (2 * len(x0))))
    coverage = _coverage(mask, xs, tops, bottoms)  # (sides, 2 * FRAME_REACH + 1)
    peak = coverage.max(axis=1)
    typical = float(np.median(peak))
    lines, swollen = np.zeros_like(mask), np.zeros(len(xs), np.bool_)
    if typical < MIN_FRAME:
        return lines, np.zeros(len(boxes), np.bool_)
    level = np.maximum(FRAME_SHARE * typical, 0.7 * peak)
    spans = np.array(
        [_run_at(profile >= limit, int(profile.argmax())) for profile, limit in zip(coverage, level, strict=True)]
    )
    solid = spans[peak >= typical]
    center, thickness = np.median(solid.sum(axis=1)) / 2, np.median(solid[:, 1] - solid[:, 0])
    low, high = np.floor(center - thickness / 2 - FRAME_WANDER), np.ceil(center + thickness / 2 + FRAME_WANDER)
    spans = np.clip(spans, max(low, 0), high).astype(int)
    for index, (x, top, bottom, (start, end), cover) in enumerate(zip(xs, tops, bottoms, spans, peak, strict=True)):
        if cover < FRAME_SHARE * typical or end <= start:
            continue
        if end - start > thickness + FRAME_SWELL:
            swollen[index] = True  # a stroke runs along the line
            start, end = round(center - thickness / 2), round(center + thickness / 2)
        left = x - FRAME_REACH
        lines[max(top - 1, 0) : bottom + 2, max(left + start - 1, 0) : max(left + end + 1, 0)] = 255
    return lines, np.asarray(swollen.reshape(-1, len(boxes)).any(axis=0), np.bool_)


def _run_at(is_line: npt.NDArray[np.bool_], place: int) -> tuple[int, int]:
    """First and one past the last of the true values around a place."""
    before, after = np.flatnonzero(~is_line[:place]), np.flatnonzero(~is_line[place:])
    return (int(before[-1]) + 1 if len(before) else 0), (place + int(after[0]) if len(after) else len(is_line))


def _coverage(
    mask: Mask, xs: npt.NDArray[np.int32], tops: npt.NDArray[np.int32], bottoms: npt.NDArray[np.int32]
) -> npt.NDArray[np.float64]:
    """Share of ink in each column within FRAME_REACH of each x, between top and bottom."""
    total = cv2.integral(mask)
    columns = np.clip(xs[:, None] + np.arange(-FRAME_REACH, FRAME_REACH + 1), 0, mask.shape[1] - 1)
    top, bottom = tops[:, None], bottoms[:, None]
    ink = total[bottom, columns + 1] - total[bottom, columns] - total[top, columns + 1] + total[top, columns]
    return np.asarray(ink / (255.0 * np.maximum(bottom - top, 1)))


def _crossings(mask: Mask, cleaned: Mask, line: Mask, direction: tuple[int, int]) -> Mask:
    """Ink of a line with cleaned ink on both of its sides: there a stroke goes through."""
    reach = FRAME_REACH + 2
    dx, dy = direction
    after = np.zeros((2 * reach * dy + 1, 2 * reach * dx + 1), np.uint8)
    before = after.copy()
    after[-(reach * dy + 1) :, -(reach * dx + 1) :] = 1
    before[: reach * dy + 1, : reach * dx + 1] = 1
    through = cv2.dilate(cleaned, after) & cv2.dilate(cleaned, before)
    return mask & line & through
