"""Pages of a form put together to documents: by the serial number in their code, else by their order.

A sheet with a serial number finds its other pages anywhere in the run. Without one a document goes on as long as the
numbers of its pages rise, in one file or from one file of a single page to the next of its folder; or fall, where a
stack was scanned from its end. What is missing, twice, unreadable, or does not add up from page to page is its problem.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from scanner.fields import ACCEPTED, REVIEW, UNREADABLE, FieldReading
from scanner.filled import value_of
from scanner.known import KnownForm
from scanner.pipeline import PageReading, PageResult

INCOMPLETE = "incomplete"
DOUBTFUL = "may be of two documents: the stack may be in reverse order"
RISING, FALLING = 1, -1


@dataclass(frozen=True, slots=True)
class Document:
    """One filled form: the readings of its pages in the form's order, and what is wrong with them as a whole."""

    form: str
    pages: tuple[PageReading, ...]
    problem: str = ""
    is_complete: bool = True

    @property
    def fields(self) -> Mapping[str, FieldReading]:
        """The readings of all pages by name."""
        return {field.name: field for page in self.pages for field in page.fields}

    @property
    def status(self) -> str:
        """`incomplete` where pages are missing or twice, `review` where a person has to look at something."""
        if not self.is_complete:
            return INCOMPLETE
        needs_review = self.problem or any(field.status == REVIEW for field in self.fields.values())
        return REVIEW if needs_review else ACCEPTED


@dataclass(slots=True)
class Assembler:
    """Takes the pages of a run one by one and gives documents as they are finished."""

    forms: Sequence[KnownForm]
    _stack: list[PageReading | None] = field(default_factory=list)  # by order; None where something came between
    _by_serial: dict[tuple[str, str], list[PageReading]] = field(default_factory=dict)
    _done: set[tuple[str, str]] = field(default_factory=set)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fields of all forms, each once."""
        return tuple(dict.fromkeys(each.name for known in self.forms for each in known.form.fields))

    def add(self, page: PageResult) -> Iterator[Document]:
        """The documents that are finished with this page; one without a form, or that failed, belongs to none."""
        if self._stack and not self._goes_on(page):
            yield from self._close_stack()
        if self._stack and page.page > 1:
            yield from self._leave_others(page.file)
        known = self._known(page) if isinstance(page, PageReading) else None
        if not isinstance(page, PageReading) or known is None:
            self._part()  # it may be the page that is missing
        elif page.serial:
            self._part()
            yield from self._add_sheet(page, len(known.form.pages))
        elif len(known.form.pages) == 1:
            self._part()
            yield self._document([page])
        else:
            self._stack.append(page)

    def close(self) -> Iterator[Document]:
        """What is left at the end of the run."""
        yield from self._close_stack()
        for pages in self._by_serial.values():
            yield self._document(pages)
        self._by_serial.clear()

    def _goes_on(self, page: PageResult) -> bool:
        """Whether a page is of the same stack as the last one: of its file, or both of files of a single page."""
        last = next(each for each in reversed(self._stack) if each is not None)
        is_beside = PurePosixPath(page.file).parent == PurePosixPath(last.file).parent
        return page.file == last.file or (is_beside and last.page == 1 and page.page <= 1)

    def _leave_others(self, file: str) -> Iterator[Document]:
        """A file turns out to have several pages, and is a stack by itself: what came before it is finished."""
        first = next((place for place, each in enumerate(self._stack) if each is not None and each.file == file), 0)
        own, self._stack = self._stack[first:], self._stack[:first]
        yield from self._close_stack()
        self._stack = own

    def _part(self) -> None:
        if self._stack:
            self._stack.append(None)

    def _known(self, page: PageReading) -> KnownForm | None:
        return next((known for known in self.forms if known.form.name == page.form), None)

    def _add_sheet(self, page: PageReading, count: int) -> Iterator[Document]:
        key = page.form, page.serial
        pages = self._by_serial.setdefault(key, [])
        if key in self._done or any(each.form_page == page.form_page for each in pages):
            if not pages:
                del self._by_serial[key]
            twice = f"page {page.form_page} of {page.serial} is there twice"
            yield Document(page.form, (page,), twice, is_complete=False)
            return
        pages.append(page)
        if len(pages) == count:
            del self._by_serial[key]
            self._done.add(key)
            yield self._document(pages)

    def _close_stack(self) -> Iterator[Document]:
        """The documents of a stack, from its end if that leaves fewer incomplete ones.

        Two stacks may have been scanned one after the other, one of them from its end: where the same page comes twice.
        """
        stack, self._stack = self._stack, []
        if not stack:
            return
        starts_late = stack[0] is not None and stack[0].form_page > 1
        usual = self._direction(stack)
        parts = _parts(stack)
        directions = [(self._direction(part) if _has_several(part) else 0) or usual or RISING for part in parts]
        is_doubtful = (starts_late and not usual) or len(set(directions)) > 1
        found = [pages for part, way in zip(parts, directions, strict=True) for pages in _in_order(part, way)]
        for before, pages, after in zip([None, *found], found, [*found[1:], None], strict=False):
            document = self._document(pages)
            if not document.is_complete and (number := _twice(before, pages, after)):
                document = replace(document, problem=f"page {number} is there twice, or {document.problem}")
            may_be_two = is_doubtful and len(pages) > 1
            yield replace(document, problem=document.problem or DOUBTFUL) if may_be_two else document

    def _direction(self, stack: Sequence[PageReading | None]) -> int:
        """Which way leaves fewer incomplete documents; 0 where neither does."""
        rising, falling = (
            sum(bool(self._missing(pages)) for pages in _in_order(stack, direction)) for direction in (RISING, FALLING)
        )
        return RISING if rising < falling else FALLING if falling < rising else 0

    def _missing(self, pages: Sequence[PageReading]) -> list[int]:
        """The numbers of the pages of a form that are not among these."""
        known, there = self._known(pages[0]), {page.form_page for page in pages}
        assert known is not None  # `add` has looked
        return [number for number in range(1, len(known.form.pages) + 1) if number not in there]

    def _document(self, pages: Sequence[PageReading]) -> Document:
        known = self._known(pages[0])
        assert known is not None  # `add` has looked
        ordered = tuple(sorted(pages, key=lambda page: page.form_page))
        if missing := self._missing(pages):
            numbers = ", ".join(map(str, missing))
            problem = f"page{'s' if len(missing) > 1 else ''} {numbers} missing"
            return Document(known.form.name, ordered, problem, is_complete=False)
        document = Document(known.form.name, ordered)
        broken = "; ".join(_broken_across(known, document.fields))
        unreadable = ", ".join(name for name, each in document.fields.items() if each.reason == UNREADABLE)
        problems = (f"does not hold: {broken}" if broken else "", f"unreadable: {unreadable}" if unreadable else "")
        return Document(known.form.name, ordered, "; ".join(filter(None, problems)))


def _parts(stack: Sequence[PageReading | None]) -> list[list[PageReading | None]]:
    """The stack, parted where a page of a form follows the same one: there no document goes on either way."""
    parts: list[list[PageReading | None]] = [[]]
    for page in stack:
        last = parts[-1][-1] if parts[-1] else None
        if page and last and (page.form, page.form_page) == (last.form, last.form_page):
            parts.append([])
        parts[-1].append(page)
    return parts


def _twice(
    before: Sequence[PageReading] | None, pages: Sequence[PageReading], after: Sequence[PageReading] | None
) -> int:
    """The page of its form that a document begins or ends with, where the next one to it ends or begins so; else 0."""
    ends = [(before[-1], pages[0])] if before else []
    ends += [(pages[-1], after[0])] if after else []
    return next((b.form_page for a, b in ends if (a.form, a.form_page) == (b.form, b.form_page)), 0)


def _has_several(part: Sequence[PageReading | None]) -> bool:
    """Whether there are more pages than one sheet has: two halves of two sheets may look like one, the wrong way."""
    return len(part) > max((page.form_page for page in part if page), default=0)


def _in_order(stack: Sequence[PageReading | None], direction: int) -> list[list[PageReading]]:
    """The pages of each document, of one form each, their numbers rising or falling."""
    documents: list[list[PageReading]] = []
    last: PageReading | None = None
    for page in stack:
        if page is not None:
            is_next = last is not None and page.form == last.form and direction * (page.form_page - last.form_page) > 0
            if is_next:
                documents[-1].append(page)
            else:
                documents.append([page])
        last = page
    return documents


def _broken_across(known: KnownForm, fields: Mapping[str, FieldReading]) -> Iterator[str]:
    """Rules between fields of several pages that do not hold; those of one page were looked at with it."""
    described = {each.name: each for each in known.form.fields}
    for equation in known.equations:
        if fields.keys() >= set(equation.names) and len({described[name].page for name in equation.names}) > 1:
            values = {name: value_of(fields[name].cells, described[name]) for name in equation.names}
            if equation.holds(values) is False:
                yield equation.text
