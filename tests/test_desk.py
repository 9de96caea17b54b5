"""The desk of the review: nobody gets what another has, nothing said is lost, and people settle it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from scanner.errors import RunningError
from scanner.fields import CORRECTED
from scanner.order import Order
from scanner.publish import open_review, publish_again
from scanner.review import Book, Impossible
from scanner.review.desk import LEASE_S, Desk
from scanner.review.waiting import Again, NoSuchField
from scanner.run import run
from scanner.staging import LEDGER

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some pages read with more doubt than usual: enough for several people, however well they are read."""
    out = tmp_path_factory.mktemp("finished") / "out"
    pages = [SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "skewed.jpg", SAMPLES / "exam" / "fax.tif"]
    run(pages, out, Order(min_confidence=0.995))
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


class Clock:
    """A clock that tests set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_least_sure_come_first_and_nobody_gets_what_another_has(out: Path) -> None:
    desk = Desk(out)
    ada, bob = desk.next("ada", 3), desk.next("bob", 3)
    assert len({item.id for item in ada + bob}) == 6
    confidences = [item.reading.confidence for item in ada + bob]
    assert confidences == sorted(confidences)
    assert [item.id for item in desk.next("ada", 3)] == [item.id for item in ada]  # her own are still hers
    desk.close()


def test_what_a_person_leaves_lying_goes_to_another_after_a_while(out: Path) -> None:
    clock = Clock()
    desk = Desk(out, clock=clock)
    held = desk.next("ada")[0]
    clock.now = LEASE_S - 1
    assert desk.next("bob")[0].id != held.id
    clock.now = LEASE_S + 1
    assert desk.next("eve")[0].id == held.id
    desk.close()


def test_what_is_said_is_kept_and_does_not_come_again(out: Path) -> None:
    desk = Desk(out)
    waiting = desk.progress().waiting
    item = desk.next("ada")[0]
    desk.say("ada", item.id, item.reading.value or "?", 1.5)
    assert desk.progress().waiting == waiting - 1
    assert desk.progress().done == {"ada": 1}
    assert item.id not in {each.id for each in desk.next("bob", 20)}
    desk.close()
    again = Desk(out)  # back where one left off
    assert again.progress().waiting == waiting - 1
    again.close()
    assert publish_again(out).corrected == 1


def test_impossible_values_are_refused_and_nothing_is_kept(out: Path) -> None:
    desk = Desk(out)
    item = desk.next("ada")[0]
    for typed in ("abc", "", "1" * 40):
        with pytest.raises(Impossible):
            desk.say("ada", item.id, typed)
    with pytest.raises(NoSuchField):
        desk.say("ada", "0" * 24, "1")
    desk.close()
    assert not (out / "review.db").exists()


def test_what_was_said_can_be_taken_back_and_comes_next(out: Path) -> None:
    desk = Desk(out)
    first, second = desk.next("ada", 2)
    desk.say("ada", first.id, "?")
    desk.say("ada", second.id, "?")
    assert desk.undo("bob") is None
    undone = desk.undo("ada")
    assert undone is not None
    assert undone.id == second.id
    assert desk.next("ada")[0].id == second.id
    assert desk.progress().done["ada"] == 1
    desk.close()


def test_what_cannot_be_shown_again_is_not_taken_back(out: Path) -> None:
    desk = Desk(out)
    item = desk.next("ada")[0]
    desk.say("ada", item.id, "?")
    with closing(sqlite3.connect(out / LEDGER)) as db, db:
        db.execute("UPDATE files SET place = NULL")  # as when its scan is away
    with pytest.raises(NoSuchField):
        desk.undo("ada")
    assert len(list(desk.book.all())) == 1
    desk.close()


def test_an_answer_is_of_the_field_that_was_shown_not_of_another_by_its_name(out: Path) -> None:
    desk = Desk(out)
    shown, other = desk.next("ada", 2)
    with closing(sqlite3.connect(out / LEDGER)) as db, db:  # as when the page is read anew, with one row more above
        db.execute("UPDATE fields SET y = y + 200 WHERE name = ?", (shown.reading.name,))
    with pytest.raises(NoSuchField):
        desk.say("ada", shown.id, "?")
    assert not (out / "review.db").exists()
    boxes = [(each.id, 0) for each in (shown, other)]
    assert desk.say_of_group("ada", boxes, []) == 0
    assert [key for key, *_ in desk.book.cells()] == [other.key]  # of a grid only what changed is left out
    desk.close()


def test_what_is_skipped_comes_last(out: Path) -> None:
    desk = Desk(out)
    first = desk.next("ada")[0]
    desk.skip("ada", first.id)
    everything = desk.next("ada", 1000)
    assert everything[-1].id == first.id
    assert len(everything) == desk.progress().waiting
    desk.close()


def test_two_people_key_blind_and_a_third_decides(out: Path) -> None:
    desk = Desk(out, double=True)
    item = desk.next("ada")[0]
    assert item.is_blind
    right = item.reading.value or "1" * len(item.reading.cells)
    wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
    desk.say("ada", item.id, right)
    assert item.id not in {each.id for each in desk.next("ada", 1000)}
    assert desk.next("bob")[0].id == item.id
    desk.say("bob", item.id, wrong)
    assert item.id not in {each.id for each in desk.next("bob", 1000)}
    assert desk.next("eve")[0].id == item.id
    desk.say("eve", item.id, right)
    with Book(out) as book:
        assert [each.way for each in book.all()] == ["double"] * 3
    assert item.id not in {each.id for each in desk.next("tom", 1000)}
    desk.close()


def test_two_who_agree_need_no_third(out: Path) -> None:
    desk = Desk(out, double=True)
    waiting = desk.progress().waiting
    item = desk.next("ada")[0]
    for who in ("ada", "bob"):
        desk.say(who, item.id, "?")
    assert desk.progress().waiting == waiting - 1
    desk.close()


def test_a_sample_of_what_was_accepted_is_keyed_blind(out: Path) -> None:
    desk = Desk(out, sample=1.0)
    assert desk.progress().samples > 5
    item = next(each for each in desk.next("ada", 1000) if each.purpose == "sample")
    assert item.is_blind
    value = item.reading.value
    wrong = value[:-1] + str((int(value[-1]) + 1) % 10)
    with pytest.raises(Again, match=value):
        desk.say("ada", item.id, wrong)
    desk.say("ada", item.id, wrong, is_certain=True)
    desk.close()
    some, none = Desk(out, sample=0.3), Desk(out)
    assert 0 < some.progress().samples < 30
    assert none.progress().samples == 0
    some.close()
    none.close()


def test_who_comes_late_is_told_and_changes_nothing(out: Path) -> None:
    clock = Clock()
    desk = Desk(out, clock=clock)
    item = desk.next("ada")[0]
    clock.now = LEASE_S + 1
    assert desk.next("bob")[0].id == item.id
    with pytest.raises(NoSuchField):
        desk.say("ada", item.id, "?")
    desk.say("bob", item.id, "?")
    with pytest.raises(NoSuchField):
        desk.say("ada", item.id, "_")
    desk.close()


def test_after_undoing_nobody_keys_a_field_twice(out: Path) -> None:
    desk = Desk(out, double=True)
    item = desk.next("ada")[0]
    desk.say("ada", item.id, "?")
    desk.next("bob")
    desk.say("bob", item.id, "?")
    assert desk.undo("ada") is not None
    assert item.id not in {each.id for each in desk.next("bob", 1000)}
    desk.close()


def test_double_entry_is_not_settled_many_at_once(out: Path) -> None:
    plain = Desk(out)
    boxes = [each for every in "0123456789_x" for each in plain.group(every)]
    plain.close()
    desk = Desk(out, double=True)
    assert not any(desk.group(each) for each in "0123456789_x")
    items = {item.key: item for item in desk.next("ada", 1000)}
    known = next(items[item.key] for item, _ in boxes if item.key in items)
    with pytest.raises(NoSuchField):
        desk.say_of_group("ada", [(known.id, 0)], [])
    desk.close()


def test_a_box_that_is_read_otherwise_is_looked_at_again(out: Path) -> None:
    desk = Desk(out)
    character = next(each for each in "0123456789" if desk.group(each))
    item, cell = desk.group(character)[0]
    desk.book.add_cells([(item.key, cell, "?", True)], "ada", "2026")  # it was read as something else then
    desk.close()
    again = Desk(out)
    assert (item.key, cell) in [(each.key, place) for each, place in again.group(character)]
    with pytest.raises(NoSuchField):
        again.say_of_group("ada", [(again.group(character)[0][0].id, 150)], [])
    again.close()


def test_boxes_are_settled_many_at_once(out: Path) -> None:
    desk = Desk(out)
    settled = 0
    for character in "0123456789_x":
        boxes = desk.group(character)
        assert all(item.reading.cells[cell] == character for item, cell in boxes)
        settled += desk.say_of_group("ada", [(item.id, cell) for item, cell in boxes], [])
        assert desk.group(character) == []
    assert settled > 0
    with Book(out) as book:
        said = list(book.all())
    assert len(said) == settled
    assert all(each.way == "group" and each.value == each.seen_value for each in said)
    desk.close()


def test_boxes_that_others_look_at_or_found_odd_are_left_to_them(out: Path) -> None:
    desk = Desk(out)
    character = next(each for each in "0123456789" if len(desk.group(each)) > 1)
    boxes = [(item.id, cell) for item, cell in desk.group(character)]
    desk.say_of_group("ada", boxes[1:], boxes[:1], character)  # bob has the same boxes before him
    desk.say_of_group("bob", boxes, [], character)
    assert desk.item(boxes[0][0]).odd_cells == (boxes[0][1],)
    held = {item.key for item in desk.next("ada", 1000)}
    assert not any(desk.group(each, "bob") for each in "0123456789_x")
    assert any(desk.group(each, "ada") for each in "0123456789_x")
    for each in "0123456789_x":
        assert desk.say_of_group("bob", [(item.id, cell) for item, cell in desk.group(each, "ada")], []) == 0
    assert held == {item.key for item in desk.next("ada", 1000)}
    desk.close()


def test_a_box_that_is_read_otherwise_than_it_was_shown_is_not_confirmed(out: Path) -> None:
    desk = Desk(out)
    character = next(each for each in "0123456789" if desk.group(each))
    item, cell = desk.group(character)[0]
    desk.say_of_group("ada", [], [(item.id, cell)], "x")  # it was an x on the page that was shown
    assert desk.item(item.id).odd_cells == ()
    desk.close()


def test_an_odd_box_sends_its_field_to_a_person(out: Path) -> None:
    desk = Desk(out)
    character = next(each for each in "0123456789" if desk.group(each))
    item, cell = desk.group(character)[0]
    desk.say_of_group("ada", [], [(item.id, cell)])
    assert item.id not in {each.id for every in "0123456789_x" for each, _ in desk.group(every)}
    desk.close()
    again = Desk(out)
    assert next(each for each in again.next("bob", 1000) if each.key == item.key).odd_cells == (cell,)
    again.close()


def test_what_a_run_adds_is_found(out: Path) -> None:
    clock = Clock()
    desk = Desk(out, clock=clock)
    waiting = desk.progress().waiting
    run([SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "skewed.jpg", SAMPLES / "survey" / "clean.png"], out)
    clock.now += 60
    desk.refresh()
    assert desk.progress().waiting != waiting
    desk.close()


def test_rules_are_checked_while_typing(tmp_path: Path) -> None:
    form = SAMPLES / "exam"
    run([form / "clean.png"], tmp_path / "out", Order(forms=(form,), min_confidence=1.0))
    with open_review(tmp_path / "out") as (_, open_desk):
        desk = open_desk()
        item = next(each for each in desk.next("ada", 100) if each.reading.name == "task_1")
        right = item.reading.value
        wrong = right[:-1] + str((int(right[-1]) + 1) % 10)
        assert desk.problem(item.id) == desk.problem(item.id, right) == ""
        assert desk.problem(item.id, "99") == "is above 20"
        assert desk.problem(item.id, wrong).startswith("does not fit task_1 + task_2")
        desk.close()


def test_while_typing_sums_are_checked_with_what_people_have_said_of_the_rest(tmp_path: Path) -> None:
    form = SAMPLES / "exam"
    run([form / "clean.png"], tmp_path / "out", Order(forms=(form,), min_confidence=1.0))
    with open_review(tmp_path / "out") as (_, open_desk):
        desk = open_desk()
        items = {each.reading.name: each for each in desk.next("ada", 100)}
        task, total = items["task_1"], items["total"]
        more = str(int(task.reading.value) - 1)
        desk.say("ada", task.id, more)
        fitting = str(int(total.reading.value) - 1)
        assert desk.problem(total.id, fitting) == ""
        assert desk.problem(total.id, total.reading.value).startswith("does not fit task_1 + task_2")
        desk.close()


def test_one_server_at_a_time(out: Path) -> None:
    with open_review(out), pytest.raises(RunningError, match="several people"), open_review(out):
        pytest.fail("it was opened")


def test_the_tables_have_what_was_said(out: Path) -> None:
    desk = Desk(out)
    for item in desk.next("ada", 1000):
        desk.say("ada", item.id, item.reading.value if item.reading.value and "?" not in item.reading.cells else "?")
    desk.close()
    summary = publish_again(out)
    assert (summary.review, summary.corrected > 5) == (0, True)
    assert (out / "fields.csv").read_text().count(f",{CORRECTED},") == summary.corrected


def test_a_number_that_breaks_a_rule_as_it_was_read_is_told_so(tmp_path: Path) -> None:
    form = tmp_path / "exam"
    form.mkdir()
    (form / "form-page1.png").write_bytes((SAMPLES / "exam" / "form-page1.png").read_bytes())
    text = (SAMPLES / "exam" / "form.toml").read_text()
    (form / "form.toml").write_text(text.replace("max = 20.0", "max = 0.0").partition("[[rules]]")[0])
    run([SAMPLES / "exam" / "clean.png"], tmp_path / "out", Order(forms=(form,), min_confidence=1.0))
    with open_review(tmp_path / "out") as (_, open_desk):
        desk = open_desk()
        told = {desk.problem(item.id) for item in desk.next("ada", 100) if item.reading.reason == "check_failed"}
        assert told == {"is above 0"}
        desk.close()
