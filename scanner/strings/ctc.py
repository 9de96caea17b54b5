"""What the frames of a line say together: the likeliest strings, and which frames show which sign.

Connectionist temporal classification (Graves et al. 2006): a string is every way to spread its signs over the frames.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

LETTERS = "a"  # stands for a word, whatever its letters
SIGNS = "0123456789" + LETTERS
BLANK = 0  # the class of a frame without a sign; those of signs follow, in their order
LETTERS_CLASS = SIGNS.index(LETTERS) + 1
BEAM = 12
UNLIKELY = 1e-4  # classes of a frame that are not followed up
SURE_BLANK = 0.9999
TINY = 1e-12

Floats = npt.NDArray[np.float64]


def likeliest_strings(
    probabilities: Floats, length: int | None = None, beam_width: int = BEAM
) -> list[tuple[str, float]]:
    """Strings with their probability, the likeliest first; by prefix beam search.

    Args:
        probabilities: (frames, classes) of no sign and of `SIGNS`.
        length: digits, if known.
        beam_width: strings that are kept at each frame.

    Words side by side are one: their number says nothing.
    """
    beam: dict[tuple[int, ...], tuple[float, float]] = {(): (1.0, 0.0)}  # ending in a blank, and in its last digit
    for frame in probabilities:
        if frame[BLANK] > SURE_BLANK:
            beam = {prefix: ((blank + digit) * frame[BLANK], 0.0) for prefix, (blank, digit) in beam.items()}
            continue
        likely = np.flatnonzero(frame[1:] > UNLIKELY) + 1
        grown: dict[tuple[int, ...], tuple[float, float]] = {}
        for prefix, (blank, digit) in beam.items():
            repeated = digit * frame[prefix[-1]] if prefix else 0.0
            _add(grown, prefix, (blank + digit) * frame[BLANK], repeated)
            is_full = length is not None and len(prefix) - prefix.count(LETTERS_CLASS) >= length
            for label in likely.tolist():
                if label == LETTERS_CLASS == (prefix[-1] if prefix else BLANK):
                    _add(grown, prefix, 0.0, blank * frame[label])
                    continue
                if is_full and label != LETTERS_CLASS:
                    continue
                before = blank if prefix and label == prefix[-1] else blank + digit
                _add(grown, (*prefix, label), 0.0, before * frame[label])
        kept = sorted(grown.items(), key=lambda item: -sum(item[1]))[:beam_width]
        beam = dict(kept)
    found = [("".join(SIGNS[label - 1] for label in prefix), sum(parts)) for prefix, parts in beam.items()]
    fitting = [(text, p) for text, p in found if length is None or len(text) - text.count(LETTERS) == length]
    return sorted(fitting, key=lambda each: -each[1])


def _add(beam: dict[tuple[int, ...], tuple[float, float]], prefix: tuple[int, ...], blank: float, digit: float) -> None:
    old = beam.get(prefix, (0.0, 0.0))
    beam[prefix] = (old[0] + blank, old[1] + digit)


def log_probabilities(probabilities: Floats, texts: Sequence[str]) -> Floats:
    """(n,) natural logarithms of the probabilities of strings: of all ways to spread each over the frames."""
    most = 2 * max(map(len, texts)) + 1
    labels, can_skip = np.zeros((len(texts), most), np.intp), np.zeros((len(texts), most))
    for row, text in enumerate(texts):
        states, skips = _states(text)
        labels[row, : len(states)], can_skip[row, : len(states)] = states, skips
    last = 2 * np.array([len(text) for text in texts])
    there = np.maximum(probabilities, TINY)[:, labels]  # (frames, n, most)
    score = np.zeros((len(texts), most))
    score[:, :2] = there[0, :, :2]
    total = np.zeros(len(texts))
    for frame in there[1:]:
        scale = score.sum(axis=1)
        total += np.log(scale)
        score /= scale[:, None]
        moved = score.copy()
        moved[:, 1:] += score[:, :-1]
        moved[:, 2:] += can_skip[:, 2:] * score[:, :-2]
        score = moved * frame
    rows = np.arange(len(texts))
    return np.asarray(total + np.log(np.maximum(score[rows, last] + score[rows, last - 1], 1e-290)), np.float64)


def _states(text: str) -> tuple[list[int], npt.NDArray[np.bool_]]:
    """Classes that frames go through, a blank around each digit, and whether the one before may be left out."""
    states = [BLANK]
    for character in text:
        states += [SIGNS.index(character) + 1, BLANK]
    return states, np.array([at > 1 and states[at] not in (BLANK, states[at - 2]) for at in range(len(states))])


def digit_frames(probabilities: Floats, text: str) -> list[tuple[int, int]]:
    """First and last frame of each sign on the likeliest way to spread the string over the frames."""
    states, can_skip = _states(text)
    there = probabilities[:, states]
    there[:, np.array(states) == LETTERS_CLASS] += probabilities[:, :1]  # words side by side, and what is between them
    logs = np.log(np.maximum(there, TINY))
    count = len(states)
    score = np.full(count, -np.inf)
    score[:2] = logs[0, :2]
    back = np.zeros((len(logs), count), np.intp)
    for frame in range(1, len(logs)):
        ways = np.stack(
            [score, np.r_[-np.inf, score[:-1]], np.where(can_skip, np.r_[-np.inf, -np.inf, score[:-2]], -np.inf)]
        )
        back[frame] = ways.argmax(axis=0)
        score = ways.max(axis=0) + logs[frame]
    state = count - 1 if count == 1 or score[-1] >= score[-2] else count - 2
    path = [state]
    for frame in range(len(logs) - 1, 0, -1):
        state -= int(back[frame, state])
        path.append(state)
    at = np.array(path[::-1])
    spans = []
    for digit in range(len(text)):
        frames = np.flatnonzero(at == 2 * digit + 1)
        spans.append((int(frames[0]), int(frames[-1])) if len(frames) else (0, 0))
    return spans
