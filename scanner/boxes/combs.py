"""Combs: a baseline with ticks, open at the top."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import comb
from typing import TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from scanner.arrays import Mask
from scanner.boxes.holes import MIN_ASPECT, MIN_SIDE
from scanner.boxes.lines import Boxes, Lines

MAX_RISE, SLOPE = 12, 0.1  # a baseline is at most this many pixels high, or rises by this part of its length
MIN_TICK = 6  # pixels on the canvas, 1 mm
MAX_TICK_WIDTH = 6  # pixels; wider is a stroke, or a stroke on a tick
TICK_WIDTH = 1.6  # times the thickness of the baseline: on small pages, which are enlarged, lines are thick
LEAST_TICKS = 3  # runs of ink on the baseline
MAX_PITCH = 160  # pixels, 27 mm
END_SLACK = 0.3  # of the pitch: a comb's baseline ends with its first and last tick
MISSING = 1 / 6  # of the ticks may be lost in a stroke that runs into the baseline
CLEAN_TICKS = 0.6  # share of the ticks that no stroke may hide
SAME_LINE = 4  # pixels by which a line found in two ways differs
EDGE_SLACK = 10  # pixels; the edge of a box and the line that makes it
EVEN_TICKS = 0.5  # share of the ticks that must be of one height; strokes make others longer, fax shorter
WAVY, STRAIGHT = 1.5, 0.85  # a baseline is this straight, in pixels, over this share of its length
UNEVEN = 0.2  # of the ticks' height: ticks are of one height, strokes are not
THROUGH = 0.4  # share of ticks that may go on below the baseline
OPEN = 0.95  # share of their height that the sides of open cells are printed at most: they have no top
FEW_TICKS, SOLID = 4, 0.93  # with so few ticks the baseline must be unbroken: letters stand on broken ones
ROOM_USED = 0.85  # of the height up to a line above: digits reach up, but not that far
CLOSED = 0.75  # of the comb's width: so long is the line that closes cells, or the baseline of a comb above
CHANCE = 0.02  # digits stand on the baseline: of more strays than ticks, so few may look like a comb by chance
NEAR_TICKS = 5  # ticks apart: a stroke or three may stand between two ticks
SLACK = 0.06  # of the pitch: a tick may stand this far from its place
MANY = 7  # cells over which a drift of the pitch adds up to more than that
NEARER = 0.03, -0.03, 0.06, -0.06, 0.09, -0.09, 0.0  # growth of the pitch, middle to one end; 0 wins where it fits
COMB_ASPECT = 1.2  # height of a comb's cell over its pitch: handwritten digits are that tall
TALL_TICK = 0.75  # ticks this long, over the pitch, are sides of cells that have lost their top

Ticks = npt.NDArray[np.float64]  # (n,) x of each
Runs: TypeAlias = tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]  # (n,) where each starts, and where it has ended


@dataclass(frozen=True)
class Comb:
    """Cells over a baseline, (n, 4); `tick_share` is the part of their height that the ticks reach."""

    cells: Boxes
    tick_share: float


def find_combs(ink: Mask, lines: Lines, rows: Sequence[Boxes], *, known: Lines | None = None) -> list[Comb]:
    """The combs over the baselines of the page, but for lines in the boxes of `rows` and lines of `known`."""
    found = _baselines(lines)
    is_new = ~_within(found, rows)
    if known is not None:
        is_new &= ~_among(found, _baselines(known))
    combs = [_comb_on(ink, lines, tuple(baseline)) for baseline in found[is_new].tolist()]
    return [each for each in combs if each is not None]


def _baselines(lines: Lines) -> npt.NDArray[np.int32]:
    """(n, 4) x, y, width, height of the lines that are long and level enough."""
    contours, _ = cv2.findContours(lines.horizontal, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    found = np.array([cv2.boundingRect(contour) for contour in contours], np.int32).reshape(-1, 4)
    _, y, width, height = found.T
    return found[(width >= 2 * MIN_SIDE) & (height <= np.maximum(MAX_RISE, SLOPE * width)) & (y > MIN_TICK)]


def _among(found: npt.NDArray[np.int32], known: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """Which lines are known ones, give or take a pixel or two."""
    return (np.abs(found[:, None] - known[None]) <= SAME_LINE).all(axis=2).any(axis=1)


def _within(found: npt.NDArray[np.int32], rows: Sequence[Boxes]) -> npt.NDArray[np.bool_]:
    """Which lines, (n, 4) x, y, width, height, are an edge of a row of boxes or a stroke in it."""
    x, y, width, height = found.T
    is_within = np.zeros(len(found), np.bool_)
    for row in rows:
        left, right = row[0, 0] - EDGE_SLACK, row[-1, 2] + EDGE_SLACK
        top, bottom = row[:, 1].min() - EDGE_SLACK, row[:, 3].max() + EDGE_SLACK
        is_within |= (x > left) & (x + width < right) & (y > top) & (y + height < bottom)
    return is_within


def _comb_on(ink: Mask, lines: Lines, baseline_xywh: tuple[int, int, int, int]) -> Comb | None:
    x, y, width, height = baseline_xywh
    columns = np.arange(width)
    top = y + lines.horizontal[y : y + height, x : x + width].argmax(axis=0)  # (w,) the line's upper edge
    above = np.maximum(top[None, :] - np.arange(2, MIN_TICK + 1)[:, None], 0)
    is_dark = (ink[above, x + columns] > 0).mean(axis=0) >= 0.75  # (w,) ink stands on the line here
    runs = _runs(is_dark)
    if len(runs[0]) < LEAST_TICKS:  # most lines of a page of print end here
        return None
    bottom_edge = lines.horizontal[y : y + height, x : x + width][::-1].argmax(axis=0)
    if not _is_straight(bottom_edge):  # the lower edge: digits stand on the upper one
        return None
    thickness = float(np.median(np.count_nonzero(lines.horizontal[y : y + height, x : x + width], axis=0)))
    edges = _tick_lattice(is_dark, runs, max(MAX_TICK_WIDTH, TICK_WIDTH * thickness))
    if edges is None:
        return None
    pitch = edges[1] - edges[0]
    base = np.interp(edges, columns, top)
    heights = _tick_heights(ink, edges + x, np.rint(base).astype(int))
    tall = float(np.median(heights))
    is_even = np.abs(heights - tall) <= max(2.0, UNEVEN * tall)
    below = _stands_through(ink, edges + x, base + height_of_line(lines.horizontal, edges + x, base))
    if tall > pitch / MIN_ASPECT or is_even.mean() < EVEN_TICKS or below.mean() > THROUGH:
        return None
    room = _room_above(lines, edges + x, base)
    if room < TALL_TICK * pitch or tall > room + MIN_TICK:  # boxes, or a table whose separators go on
        return None
    if len(edges) <= FEW_TICKS and _inked_share(ink, edges + x, base) < SOLID:
        return None
    cell_height = min(tall if tall > TALL_TICK * pitch else COMB_ASPECT * pitch, ROOM_USED * room)
    bottom = (base[:-1] + base[1:]) / 2
    cells = np.stack([x + edges[:-1], bottom - cell_height, x + edges[1:], bottom], axis=1).astype(np.float32)
    return Comb(cells, min(float(tall / cell_height), OPEN))


def _is_straight(edge: npt.NDArray[np.intp]) -> bool:
    """Whether an edge, (w,) y in each column, is straight: underlined words and loops of a signature are not."""
    half = len(edge) // 2
    slope = float(np.median(edge[-half:]) - np.median(edge[:half])) / (len(edge) - half)
    level = edge - slope * np.arange(len(edge))
    return bool((np.abs(level - np.median(level)) <= WAVY).mean() >= STRAIGHT)


def height_of_line(horizontal: Mask, xs: Ticks, ys: Ticks) -> int:
    """Median thickness of a horizontal line in pixels."""
    columns = np.clip(np.rint((xs[:-1] + xs[1:]) / 2).astype(int), 0, horizontal.shape[1] - 1)
    rows = np.rint((ys[:-1] + ys[1:]) / 2).astype(int)[:, None] + np.arange(2 * MAX_TICK_WIDTH)
    return int(np.median((horizontal[np.clip(rows, 0, horizontal.shape[0] - 1), columns[:, None]] > 0).sum(axis=1)))


def _stands_through(ink: Mask, xs: Ticks, ys: Ticks) -> npt.NDArray[np.bool_]:
    """Whether ink goes on below the baseline: separators of a table and loops of handwriting do."""
    rows = np.rint(ys).astype(int)[:, None] + np.arange(2, MIN_TICK)
    inside = np.clip(rows, 0, ink.shape[0] - 1), np.clip(np.rint(xs).astype(int), 0, ink.shape[1] - 1)[:, None]
    return np.asarray((ink[inside] > 0).mean(axis=1) > 0.5)


def _inked_share(ink: Mask, xs: Ticks, ys: Ticks) -> float:
    """Share of the baseline that is ink, before any gap was bridged."""
    columns = np.arange(int(xs[0]), int(xs[-1]) + 1)
    rows = np.rint(np.interp(columns, xs, ys)).astype(int)[:, None] + np.arange(-1, 3)
    inside = np.clip(rows, 0, ink.shape[0] - 1), np.clip(columns, 0, ink.shape[1] - 1)[:, None]
    return float((ink[inside] > 0).any(axis=1).mean())


def _room_above(lines: Lines, xs: Ticks, ys: Ticks) -> float:
    """Pixels from the baseline up to the next line that runs along most of it; infinite where there is none."""
    x0, x1, bottom = int(xs[0]), int(xs[-1]), int(ys.min()) - MIN_TICK
    strip = lines.near_horizontal[max(bottom - 2 * MAX_PITCH, 0) : max(bottom, 0), max(x0, 0) : x1]
    across = np.flatnonzero(np.count_nonzero(strip, axis=1) > CLOSED * strip.shape[1])
    return float(MIN_TICK + len(strip) - across[-1]) if len(across) else np.inf


def _tick_lattice(is_dark: npt.NDArray[np.bool_], runs: Runs, max_width: float) -> Ticks | None:
    """Edges of equal cells from end to end of the baseline, chosen so that most edges have a tick.

    Strokes that stand on the baseline look like ticks, so there may be strays; strokes on a tick hide it, and the
    tick at an end may be lost.
    """
    starts, ends = runs
    is_clean = ends - starts <= max_width
    ticks = ((starts + ends - 1) / 2)[is_clean]
    if len(ticks) < 2:
        return None
    best: Ticks | None = None
    best_score = 0.0
    for first in {float(starts[0] + 1), 0.0}:
        for last in {float(ends[-1] - 2), float(len(is_dark) - 1)}:
            for count in _possible_counts(ticks, last - first):
                pitch = (last - first) / count
                if max(first, len(is_dark) - last) > END_SLACK * pitch or len(ticks) < CLEAN_TICKS * (count + 1):
                    continue
                for edges in _edges_between(first, last, count):
                    score = _tick_score(is_dark, ticks, edges, max(2.5, SLACK * pitch))
                    if score >= best_score and score > 0:
                        best, best_score = edges, score
    return best


def _edges_between(first: float, last: float, count: int) -> Iterator[Ticks]:
    """Edges of equal cells; of many of them also as a camera sees them from a side, narrower toward one end."""
    along = np.linspace(0, 1, count + 1)
    for nearer in NEARER if count >= MANY else (0.0,):
        yield first + (last - first) * along * (1 + nearer) / (1 + nearer * along)


def _possible_counts(ticks: Ticks, span: float) -> list[int]:
    """Numbers of cells, ascending, whose pitch is the way between two ticks near each other."""
    steps = np.concatenate([ticks[nth:] - ticks[:-nth] for nth in range(1, min(NEAR_TICKS, len(ticks)))])
    steps = steps[(steps >= MIN_SIDE) & (steps <= min(MAX_PITCH, 0.6 * span))]
    return sorted({int(count) for count in np.rint(span / steps) if count >= 2})


def _tick_score(is_dark: npt.NDArray[np.bool_], ticks: Ticks, edges: Ticks, slack: float) -> float:
    """Edges with a tick, less half of those whose tick a stroke hides; 0 where these are no ticks of a comb."""
    near = np.abs(edges[:, None] - ticks[None, :]) <= slack  # (edges, ticks)
    clean = int(near.any(axis=1).sum())
    if clean < CLEAN_TICKS * len(edges):
        return 0.0
    strays = int((~near.any(axis=0)).sum())
    missing = int((~_dark_within(is_dark, edges[1:-1], slack)).sum())
    if missing > MISSING * len(edges):
        return 0.0
    if (strays > clean or missing) and _chance(len(is_dark), ticks, slack, clean, len(edges)) > CHANCE:
        return 0.0
    return clean - 0.5 * (len(edges) - clean) - missing


def _chance(length: int, ticks: Ticks, slack: float, hits: int, edges: int) -> float:
    """Probability that so many of the edges have a tick if ticks stand anywhere: sum of the binomial's tail."""
    share = min((2 * slack + 1) * len(ticks) / length, 1.0)
    return float(sum(comb(edges, k) * share**k * (1 - share) ** (edges - k) for k in range(hits, edges + 1)))


def _runs(is_dark: npt.NDArray[np.bool_]) -> Runs:
    padded = np.concatenate([[False], is_dark, [False]])
    return np.flatnonzero(padded[1:] & ~padded[:-1]), np.flatnonzero(~padded[1:] & padded[:-1])


def _dark_within(is_dark: npt.NDArray[np.bool_], xs: Ticks, slack: float) -> npt.NDArray[np.bool_]:
    total = np.concatenate([[0], np.cumsum(is_dark)])
    low = np.clip(np.floor(xs - slack), 0, len(is_dark)).astype(np.intp)
    high = np.clip(np.ceil(xs + slack) + 1, 0, len(is_dark)).astype(np.intp)
    return np.asarray(total[high] > total[low])


def _tick_heights(ink: Mask, xs: Ticks, ys: npt.NDArray[np.intp]) -> Ticks:
    """Lengths of the lines that stand on the baseline, in pixels."""
    lengths = []
    for x, y in zip(np.rint(xs).astype(int), ys, strict=True):
        column = ink[max(y - 2 * MAX_PITCH, 0) : y - 1, max(x - 2, 0) : x + 3].max(axis=1, initial=0)[::-1]
        gaps = np.flatnonzero(column == 0)
        lengths.append(gaps[0] if len(gaps) else len(column))
    return np.array(lengths, np.float64) + 1
