"""What the frames of a line say together: the likeliest strings, and which frames show which digit.

Connectionist temporal classification (Graves et al. 2006): a string is every way to spread its digits over the frames.
"""

import numpy as np
import numpy.typing as npt

BLANK = 0  # the class of a frame without a digit; digit d is class d + 1
BEAM = 12  # strings that are kept at each frame
UNLIKELY = 1e-4  # classes of a frame that are not followed up
SURE_BLANK = 0.9999

Floats = npt.NDArray[np.float64]


def likeliest_strings(probabilities: Floats, length: int | None = None) -> list[tuple[str, float]]:
    """Strings with their probability, the likeliest first; by prefix beam search.

    Args:
        probabilities: (frames, 11) of no digit and of 0 - 9.
        length: digits, if known.
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
            if length is not None and len(prefix) >= length:
                continue
            for label in likely.tolist():
                before = blank if prefix and label == prefix[-1] else blank + digit
                _add(grown, (*prefix, label), 0.0, before * frame[label])
        kept = sorted(grown.items(), key=lambda item: -sum(item[1]))[:BEAM]
        beam = dict(kept)
    found = [(prefix, sum(parts)) for prefix, parts in beam.items() if length is None or len(prefix) == length]
    return [("".join(str(label - 1) for label in prefix), p) for prefix, p in sorted(found, key=lambda each: -each[1])]


def _add(beam: dict[tuple[int, ...], tuple[float, float]], prefix: tuple[int, ...], blank: float, digit: float) -> None:
    old = beam.get(prefix, (0.0, 0.0))
    beam[prefix] = (old[0] + blank, old[1] + digit)


def digit_frames(probabilities: Floats, text: str) -> list[tuple[int, int]]:
    """First and last frame of each digit on the likeliest way to spread the string over the frames."""
    states = [BLANK]
    for character in text:
        states += [int(character) + 1, BLANK]
    logs = np.log(np.maximum(probabilities[:, states], 1e-12))
    count = len(states)
    can_skip = np.array([place > 1 and states[place] not in (BLANK, states[place - 2]) for place in range(count)])
    score = np.full(count, -np.inf)
    score[: min(2, count)] = logs[0, : min(2, count)]
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
