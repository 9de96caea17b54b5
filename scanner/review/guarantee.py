"""The threshold that keeps wrong numbers among the accepted ones at or under what a user can live with.

Verified fields tell how many are wrong above a threshold; how many there may be of those not verified is bounded as
Clopper and Pearson (1934) do. Thresholds are tried from the strictest on, each with all of the risk, until the first
that fails: so the bound holds with 95 % confidence at the one taken (fixed sequence testing, as Angelopoulos et al.
2021 use it). What is verified must be no one's choice: fields are put in an order that depends on nothing but chance,
a hash, and those count that stand before the first that nobody has looked at.
"""

import math
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from scanner.errors import UsageError
from scanner.fields import ACCEPTED, REVIEW, FieldReading
from scanner.ledger import Ledger, Reader, ReadField
from scanner.pipeline import PageReading, PageResult
from scanner.review.apply import Said
from scanner.review.book import Book, FieldKey, Verdict, place_in_sample

RISK = 0.05  # how probable it is that the bound does not hold
SPARED = (0, 2)  # wrong fields at which a sequence of thresholds may start: each has its part of the risk
STEP = 1.1  # times as many fields are above the next threshold
OTHERS = ("", "")  # the name of all fields that have too few of their own, or no form
JUDGED = ("", "low_confidence", "touching_digits")  # reasons of what a threshold decides about; the rest is for people
NEVER = 2.0  # no field is so sure
CONFIRM_S, KEY_S = 1.0, 1.5  # what a person takes to confirm a number, and to key it

Floats = npt.NDArray[np.float64]
Name = tuple[str, str]
"""Form and field."""


@dataclass(frozen=True, slots=True)
class Guarantee:
    """Which fields may be accepted so that at most `target` of them are wrong.

    Attributes:
        target: part of the accepted fields that may be wrong.
        thresholds: of the fields with enough verified ones of their own, by form and name.
        default: of all others. Above 1 where none of them may be accepted.
        verified: how many fields it rests on.
        straight_through: the part of such fields that needs no person.
        right_in_review: of those that need one, the part that was read right.
    """

    target: float
    thresholds: Mapping[Name, float]
    default: float
    verified: int
    straight_through: float
    right_in_review: float

    def judged(self, page: PageResult) -> PageResult:
        """The page with its fields accepted or not by these thresholds."""
        if not isinstance(page, PageReading):
            return page
        return replace(page, fields=tuple(self._judged(page.form, each) for each in page.fields))

    def _judged(self, form: str, field: FieldReading) -> FieldReading:
        if not is_judged(field):
            return field
        is_sure = self.is_sure(form, field.name, field.confidence)
        return replace(
            field, status=ACCEPTED if is_sure else REVIEW, reason="" if is_sure else field.reason or "low_confidence"
        )

    def is_sure(self, form: str, name: str, confidence: float) -> bool:
        """Whether a field that thresholds decide about is accepted."""
        return confidence >= self.thresholds.get((form, name), self.default)

    def line(self, review: int) -> str:
        """What it means for a run with so many fields to review."""
        minutes = review * (self.right_in_review * CONFIRM_S + (1 - self.right_in_review) * KEY_S) / 60
        return (
            f"at most {100 * self.target:g} % of the accepted are wrong, with {100 * (1 - RISK):g} % confidence, by "
            f"{self.verified:,} verified fields: {100 * self.straight_through:.1f} % need no person, the rest "
            f"{minutes:.0f} minutes of one"
        )


def guarantee_of(ledger: Ledger, book: Book, target: float, reader: Reader | None = None) -> Guarantee:
    """From what people have verified in a run folder, of what was read with this `reader`; another is sure elsewhere.

    Raises:
        UsageError: that is too little; it says how much is needed.
    """
    drawn = drawn_by_lot(ledger, book, lambda each: reader is None or each.is_by(reader))
    names = [(each.key.form, each.key.field) for each in drawn]
    confidence = np.array([each.confidence for each in drawn], np.float64)
    return make_guarantee(names, confidence, np.array([each.is_right for each in drawn], np.bool_), target)


def nothing_accepted(target: float) -> Guarantee:
    """What keeps any promise: all that thresholds decide about goes to review."""
    return Guarantee(target, {}, NEVER, 0, 0.0, 1.0)


def make_guarantee(
    names: Sequence[Name], confidence: Floats, is_right: npt.NDArray[np.bool_], target: float
) -> Guarantee:
    """From verified fields drawn by lot.

    Args:
        names: (n) form and field of each.
        confidence: (n,) as they were read.
        is_right: (n,) whether they were read right.
        target: part of the accepted ones that may be wrong.

    Raises:
        UsageError: they are too few.
    """
    plans = list(_plans(names, confidence, is_right, target))
    if not plans:
        raise UsageError(_too_little(confidence, is_right, target, RISK))
    limits = {plan: np.array([dict(plan[1]).get(name, plan[0]) for name in names]) for plan in plans}
    default, own = max(plans, key=lambda plan: int((confidence >= limits[plan]).sum()))
    limits_taken = limits[default, own]
    is_accepted = confidence >= limits_taken
    doubtful = ~is_accepted
    return Guarantee(
        target=target,
        thresholds=dict(own),
        default=default,
        verified=len(confidence),
        straight_through=float(is_accepted.mean()),
        right_in_review=float(is_right[doubtful].mean()) if doubtful.any() else 1.0,
    )


def _plans(
    names: Sequence[Name], confidence: Floats, is_right: npt.NDArray[np.bool_], target: float
) -> Iterator[tuple[float, tuple[tuple[Name, float], ...]]]:
    """The ways to keep the target: one threshold for all fields; or one of its own for each that has enough verified.

    Where there are both, each has half of the risk, so that the better one may be taken. Without a form names mean
    little: `r01f02` is another field on another page.
    """
    by_name: dict[Name, list[int]] = defaultdict(list)
    for place, (form, name) in enumerate(names):
        by_name[(form, name) if form else OTHERS].append(place)
    needed = fields_needed(target, RISK / 2 / len(SPARED) / len(by_name)) if by_name else 0
    large = {name: places for name, places in by_name.items() if len(places) >= needed and name != OTHERS}
    share = RISK / 2 if large else RISK
    together = choose_threshold(confidence, is_right, target, share)
    if together is not None:
        yield together, ()
    if not large:
        return
    rest = [place for name, places in by_name.items() if name not in large for place in places]
    risk = share / (len(large) + 1)
    own = {name: choose_threshold(confidence[places], is_right[places], target, risk) for name, places in large.items()}
    others = choose_threshold(confidence[rest], is_right[rest], target, risk) if rest else None
    if others is not None or any(threshold is not None for threshold in own.values()):
        given = ((name, NEVER if threshold is None else threshold) for name, threshold in own.items())
        yield NEVER if others is None else others, tuple(given)


def choose_threshold(confidence: Floats, is_right: npt.NDArray[np.bool_], target: float, risk: float) -> float | None:
    """The lowest threshold found above which surely few enough are wrong; None where there is none.

    The first of a sequence has as many fields above it as are needed if so many are wrong as may be spared.
    """
    order = np.argsort(-confidence, kind="stable")
    ordered, wrong = confidence[order], np.cumsum(~is_right[order])
    found = []
    for spared in SPARED:
        count = fields_needed(target, risk / len(SPARED), spared)
        while count <= len(ordered):
            last = int(np.searchsorted(-ordered, -ordered[count - 1], side="right"))  # all that are as sure
            if wrong_bound(int(wrong[last - 1]), last, risk / len(SPARED)) > target:
                break
            found.append(float(ordered[last - 1]))
            if last == len(ordered):
                break
            count = min(max(math.ceil(last * STEP), last + 1), len(ordered))
    return min(found, default=None)


def wrong_bound(wrong: int, count: int, risk: float) -> float:
    """The part that may be wrong in truth, where so many of so many are: more only with probability `risk`."""
    from scipy.special import betaincinv  # which most runs need not wait for

    return 1.0 if wrong >= count else float(betaincinv(wrong + 1, count - wrong, 1 - risk))


@dataclass(frozen=True, slots=True)
class Quality:
    """Of the accepted fields people have verified by lot: how many are wrong, and which part may be in truth."""

    verified: int
    wrong: int
    low: float
    high: float


def quality_of(ledger: Ledger, book: Book, guarantee: Guarantee | None = None) -> Quality | None:
    """How often what is accepted is wrong, with its 95 % interval; None where nothing of it is verified.

    Accepted by the thresholds of the guarantee, where there is one, else as it was read. What is in review has no say.
    """

    def is_accepted(each: ReadField) -> bool:
        if guarantee is None:
            return each.status == ACCEPTED
        return guarantee.is_sure(each.form, each.name, each.confidence)

    accepted = drawn_by_lot(ledger, book, is_accepted)
    if not accepted:
        return None
    count, wrong = len(accepted), sum(not each.is_right for each in accepted)
    right_bound = wrong_bound(count - wrong, count, RISK / 2)
    return Quality(count, wrong, 1 - right_bound, wrong_bound(wrong, count, RISK / 2))


def fields_needed(target: float, risk: float, wrong: int = 0) -> int:
    """How many fields must be verified, if so many of them are wrong."""
    if not wrong:
        return math.ceil(math.log(risk) / math.log1p(-target))
    from scipy.special import gammaincinv

    return math.ceil(float(gammaincinv(wrong + 1, 1 - risk)) / target)  # Poisson's bound is above the binomial one


def _too_little(confidence: Floats, is_right: npt.NDArray[np.bool_], target: float, risk: float) -> str:
    needed = fields_needed(target, risk / len(SPARED))
    there = f"{len(confidence):,} fields were verified by lot, {int((~is_right).sum()):,} of them wrong"
    help_ = "read without it, and have a person look at more with `scanner review --sample`"
    if len(confidence) >= needed:
        return (
            f"--target-error {target:g}: {there}, too many even among the surest; verify more, or ask for less: {help_}"
        )
    return f"--target-error {target:g}: {there}, at least {needed - len(confidence):,} more are needed; {help_}"


@dataclass(frozen=True, slots=True)
class Drawn:
    """A field that was drawn by lot and verified: as it was read, and what people have said."""

    key: FieldKey
    value: str
    confidence: float
    verdict: Verdict

    @property
    def is_right(self) -> bool:
        return self.verdict.is_readable and self.verdict.value == self.value


def drawn_by_lot(
    ledger: Ledger, book: Book, is_asked_for: Callable[[ReadField], bool] = lambda each: True
) -> list[Drawn]:
    """Of the fields that are asked for those before the first that nobody has verified, in an order by chance alone.

    Pages count that were read until the end of some run: of the one after which the most fields were verified so. What
    a night has added that nobody has looked at yet takes nothing away.
    """
    said = Said(book.all())
    if not said.pages:  # most runs need not look at all their fields
        return []
    ends = sorted(run.ended for run in ledger.runs())
    first = np.full(len(ends), np.inf)  # of what each run has read, the place of the first field that nobody verified
    verified: list[tuple[int, float, Drawn]] = []  # the number of its run, its place
    for each in filter(is_asked_for, filter(is_judged, ledger.read_fields())):
        run, key = bisect_left(ends, each.read_at), FieldKey(each.digest, each.page, each.form, each.name)
        if run == len(ends):
            continue
        verdict, place = said.settled(each.digest, each.page, each.box), place_in_sample(key)
        if verdict is None:
            first[run] = min(first[run], place)
        else:
            verified.append((run, place, Drawn(key, each.value, each.confidence, verdict)))
    runs, places = np.array([run for run, *_ in verified]), np.array([place for _, place, _ in verified])
    first = np.minimum.accumulate(first)
    tried = np.flatnonzero(np.append(first[1:] < first[:-1], True)[: len(first)])  # one more run would not take away
    counts = [int(((runs <= run) & (places < first[run])).sum()) for run in tried]
    if not any(counts):
        return []
    best = int(tried[np.argmax(counts)])
    drawn = [(place, each) for run, place, each in verified if run <= best and place < first[best]]
    return [each for _, each in sorted(drawn, key=lambda pair: pair[0])]


def is_judged(field: ReadField | FieldReading) -> bool:
    """Whether a threshold decides about a field."""
    return field.status in (ACCEPTED, REVIEW) and field.reason in JUDGED
