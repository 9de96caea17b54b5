"""The pages in a real browser, used as people use them."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scanner.order import Order
from scanner.run import run

SAMPLES = Path(__file__).parent.parent.parent / "samples"
SHOWN = "() => !document.querySelector('#field').hidden && document.querySelector('#crop')?.naturalWidth > 0"
LOADED = """() => document.querySelector('#grid button')
    && [...document.querySelectorAll('#grid img')].every((each) => each.naturalWidth > 0)"""
SLOW = (  # what is asked of the server takes so many milliseconds longer
    "const asked = window.fetch; window.fetch = async (url, how) => {{"
    " if (String(url).includes('{part}')) await new Promise((go) => setTimeout(go, {wait}));"
    " return asked(url, how); }}"
)
STROKES: dict[str, list[list[tuple[float, float]]]] = {
    "0": [[(0.5, 0.2), (0.36, 0.28), (0.3, 0.5), (0.36, 0.72), (0.5, 0.8), (0.64, 0.72), (0.7, 0.5), (0.64, 0.28),
           (0.5, 0.2)]],
    "1": [[(0.42, 0.32), (0.54, 0.18), (0.52, 0.82)]],
    "2": [[(0.33, 0.34), (0.4, 0.22), (0.56, 0.2), (0.66, 0.32), (0.6, 0.48), (0.32, 0.78), (0.7, 0.78)]],
    "3": [[(0.34, 0.24), (0.54, 0.2), (0.65, 0.32), (0.58, 0.45), (0.46, 0.48), (0.62, 0.54), (0.67, 0.68), (0.54, 0.8),
           (0.33, 0.76)]],
    "4": [[(0.46, 0.2), (0.3, 0.56), (0.7, 0.56)], [(0.6, 0.34), (0.58, 0.82)]],
    "5": [[(0.66, 0.2), (0.4, 0.21), (0.37, 0.45), (0.55, 0.42), (0.67, 0.56), (0.62, 0.74), (0.46, 0.8),
           (0.33, 0.74)]],
    "6": [[(0.6, 0.2), (0.42, 0.4), (0.34, 0.62), (0.42, 0.78), (0.58, 0.78), (0.65, 0.64), (0.56, 0.54), (0.4, 0.58),
           (0.35, 0.66)]],
    "7": [[(0.3, 0.24), (0.7, 0.24), (0.45, 0.8)]],
    "8": [[(0.62, 0.28), (0.5, 0.2), (0.38, 0.28), (0.42, 0.44), (0.6, 0.56), (0.64, 0.72), (0.5, 0.8), (0.36, 0.72),
           (0.42, 0.56), (0.6, 0.42), (0.62, 0.28)]],
    "9": [[(0.64, 0.34), (0.52, 0.2), (0.38, 0.28), (0.37, 0.42), (0.5, 0.5), (0.63, 0.4), (0.64, 0.34), (0.6, 0.82)]],
}  # fmt: skip


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of which nearly everything goes to review."""
    out = tmp_path_factory.mktemp("finished") / "out"
    run([SAMPLES / "exam", SAMPLES / "survey" / "clean.png"], out, Order(min_confidence=0.9999))
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def sit_down(page: Any, address: str, who: str) -> None:
    page.goto(address)
    page.fill("#who-name", who)
    page.keyboard.press("Enter")
    page.wait_for_function(SHOWN)


def shown_field(page: Any) -> str:
    return str(page.inner_text("#name") + page.inner_text("#place"))


def next_field(page: Any, keys: Callable[[], None]) -> None:
    """Press keys that settle a field, and wait for the next one."""
    before = shown_field(page)
    keys()
    page.wait_for_function(f"(before) => ({SHOWN})() && document.querySelector('#name').innerText"
                           " + document.querySelector('#place').innerText !== before", arg=before)  # fmt: skip


def test_twenty_fields_by_keyboard_alone(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    sit_down(page, server.address, "ada")
    typed: list[str] = []

    def settle(number: int) -> None:
        boxes = page.locator("#boxes span").count()
        if number % 4 == 1 or not page.input_value("#typed"):
            typed.append("7" * boxes)
            page.keyboard.type(typed[-1])
        elif number % 4 == 3:
            page.keyboard.press("Backspace")  # what was read goes, and comes back
            page.keyboard.press("Backspace")
        page.keyboard.press("Enter")

    for number in range(18):
        next_field(page, lambda number=number: settle(number))  # type: ignore[misc]
    next_field(page, lambda: page.keyboard.press("x"))
    next_field(page, lambda: page.keyboard.press("Tab"))
    next_field(page, lambda: page.keyboard.press("u"))
    next_field(page, lambda: page.keyboard.press("x"))
    next_field(page, lambda: page.keyboard.press("x"))
    page.wait_for_function("() => document.querySelector('#bar').value === 20")
    told = server.stop()
    assert "20 corrected" in told
    said = rows_of(out / "corrections.csv")
    assert len(said) == 20
    assert sorted(row["value"] for row in said if row["value"] in typed) == sorted(typed)
    assert sum(row["cells"].strip("?") == "" for row in said) >= 2
    assert {(row["who"], row["way"]) for row in said} == {("ada", "key")}


def test_enter_is_not_lost_while_an_answer_is_on_its_way(page: Any, start: Any, out: Path) -> None:
    page.add_init_script(SLOW.format(part="/api/say", wait=700))
    server = start("review", str(out))
    sit_down(page, server.address, "ada")
    for _ in range(3):  # each is shown at once
        next_field(page, lambda: page.keyboard.press("Enter"))
    page.wait_for_function("() => document.querySelector('#bar').value === 3")
    server.stop()
    assert len(rows_of(out / "corrections.csv")) == 3


def test_what_is_left_for_later_is_gone_at_once_with_what_was_typed_for_it(page: Any, start: Any, out: Path) -> None:
    page.add_init_script(SLOW.format(part="/api/skip", wait=700))
    server = start("review", str(out))
    sit_down(page, server.address, "ada")
    page.keyboard.type("12345678")
    next_field(page, lambda: page.keyboard.press("Tab"))
    shown, value = shown_field(page), page.input_value("#typed")
    page.keyboard.type("7" * page.locator("#boxes span").count())
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#bar').value === 1")
    server.stop()
    (said,) = rows_of(out / "corrections.csv")
    assert shown.startswith(said["field"])
    assert set(said["value"]) == {"7"}
    assert value != "12345678"


def test_a_key_held_down_settles_one_field(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    sit_down(page, server.address, "ada")
    for _ in range(6):
        page.keyboard.down("x")  # without an end: it repeats
        page.wait_for_timeout(60)
    page.wait_for_function("() => document.querySelector('#bar').value === 1")
    page.keyboard.up("x")
    page.goto(server.address + "group")
    page.wait_for_function(LOADED)
    first, sent = page.inner_html("#grid"), []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    for _ in range(6):
        page.keyboard.down("Enter")
        page.wait_for_timeout(60)
    page.wait_for_function("(first) => document.querySelector('#grid').innerHTML !== first", arg=first)
    page.wait_for_timeout(300)
    told = page.inner_text("#told")
    server.stop()
    assert len(sent) == 1
    assert told.startswith(f"{first.count('<button')} boxes looked at")


def test_nothing_is_confirmed_that_is_not_seen(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    page.route("**/crop/*.png", lambda route: route.fulfill(body=b"", content_type="image/png"))
    page.goto(server.address)
    page.fill("#who-name", "ada")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#problem').innerText.includes('cannot be shown')")
    page.keyboard.press("Enter")
    page.goto(server.address + "group")
    page.wait_for_selector("#grid button")
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#told').innerText.includes('no picture')")
    server.stop()
    assert not (out / "corrections.csv").exists()


def test_a_grid_that_is_not_kept_is_told(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    refused = {"status": 422, "json": {"detail": "it cannot be written, and was not kept"}}
    page.route("**/api/group", lambda route: route.fulfill(**refused))
    page.goto(server.address + "group")
    page.fill("#who-name", "ada")
    page.keyboard.press("Enter")
    page.wait_for_function(LOADED)
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#told').innerText.includes('was not kept')")
    server.stop()


def test_a_value_that_cannot_be_is_told_and_stays(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    sit_down(page, server.address, "ada")
    before = shown_field(page)
    boxes = page.locator("#boxes span").count()
    page.keyboard.type("1" * (boxes + 1))
    page.keyboard.press("Enter")
    page.wait_for_function("() => document.querySelector('#problem').innerText.includes('characters')")
    assert shown_field(page) == before


def test_one_goes_on_after_a_reload(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    sit_down(page, server.address, "ada")
    for _ in range(3):
        next_field(page, lambda: page.keyboard.press("x"))
    at = shown_field(page)
    page.reload()
    page.wait_for_function(SHOWN)
    assert shown_field(page) == at


def test_many_boxes_are_settled_at_once(page: Any, start: Any, out: Path) -> None:
    server = start("review", str(out))
    page.goto(server.address)
    page.fill("#who-name", "ada")
    page.keyboard.press("Enter")
    page.wait_for_function(SHOWN)
    page.goto(server.address + "group")
    page.wait_for_function(LOADED)
    page.keyboard.press("Space")  # an odd one
    for _ in range(40):  # when nothing of a digit is left, the next are shown
        if not page.locator("#grid button").count():
            break
        shown = "() => document.querySelector('#tabs [aria-pressed=true]').innerText"
        shown += " + document.querySelector('#grid').innerHTML"
        left = page.evaluate(shown)
        page.keyboard.press("Enter")
        page.wait_for_function(f"(left) => ({shown})() !== left", arg=left)
        if page.locator("#grid button").count():
            page.wait_for_function(LOADED)
    assert page.inner_text("#ask").startswith("No box")
    server.stop()
    said = rows_of(out / "corrections.csv")
    assert len(said) > 10
    assert {row["way"] for row in said} == {"group"}
    assert all(row["value"] == row["read_value"] for row in said)


def test_two_people_key_blind_and_a_third_decides(browser: Any, start: Any, out: Path) -> None:
    server = start("review", str(out), "--double")
    people = {}
    for who in ("ada", "bob", "eve"):
        people[who] = browser.new_context().new_page()
    values = {"ada": "1", "bob": "2", "eve": "1"}
    first = ""
    for who, page in people.items():
        sit_down(page, server.address, who)
        first = first or shown_field(page)
        assert shown_field(page) == first
        assert page.input_value("#typed") == ""  # blind
        boxes = page.locator("#boxes span").count()
        next_field(
            page,
            lambda who=who, page=page, boxes=boxes: (
                page.keyboard.type(values[who] * boxes),
                page.keyboard.press("Enter"),
            ),
        )  # type: ignore[misc]
    for page in people.values():
        page.context.close()
    server.stop()
    said = rows_of(out / "corrections.csv")
    assert [set(row["value"]) for row in said] == [{"1"}]
    assert (said[0]["who"], said[0]["way"]) == ("eve", "double")


def test_all_ten_digits_are_drawn_and_read(page: Any, start: Any) -> None:
    page.goto(start("serve").address)
    read = {}
    for digit, strokes in STROKES.items():
        page.click("#clear")
        draw(page, strokes)
        page.wait_for_function("() => document.querySelector('#answer').innerText !== ''", timeout=10_000)
        read[digit] = page.inner_text("#answer")
        assert page.locator("#bars meter").count() == 12
        assert page.is_visible("#seen")
    assert read == {digit: digit for digit in STROKES}


def draw(page: Any, strokes: list[list[tuple[float, float]]]) -> None:
    area = page.locator("#canvas").bounding_box()
    for stroke in strokes:
        for number, (right, down) in enumerate(stroke):
            page.mouse.move(area["x"] + right * area["width"], area["y"] + down * area["height"], steps=4)
            if number == 0:
                page.mouse.down()
        page.mouse.up()


def test_a_picture_of_a_digit_is_chosen(page: Any, start: Any, tmp_path: Path) -> None:
    page.goto(start("serve").address)
    draw(page, STROKES["7"])
    page.wait_for_function("() => document.querySelector('#answer').innerText === '7'")
    page.locator("#canvas").screenshot(path=tmp_path / "seven.png")
    page.keyboard.press("Escape")
    page.wait_for_function("() => document.querySelector('#answer').innerText === ''")
    page.set_input_files("#file", tmp_path / "seven.png")
    page.wait_for_function("() => document.querySelector('#answer').innerText === '7'")


def test_a_form_is_read_and_its_csv_downloaded(page: Any, start: Any, tmp_path: Path) -> None:
    page.goto(start("serve", "--form", str(SAMPLES)).address + "form")
    page.set_input_files("#file", SAMPLES / "survey" / "clean.png")
    page.wait_for_selector("#csv:visible")
    assert page.inner_text("h2") == "Page 1: survey"
    assert page.locator("img.overlay").count() == 1
    with page.expect_download() as download:
        page.click("#csv")
    download.value.save_as(tmp_path / "survey.csv")
    rows = rows_of(tmp_path / "survey.csv")
    assert {"date", "postal_code"} <= {row["field"] for row in rows}
    assert page.locator("tbody tr, table tr").count() >= len(rows)


def test_what_is_no_scan_says_why(browser: Any, start: Any, tmp_path: Path) -> None:
    page = browser.new_page()  # here an error is what is asked for
    page.goto(start("serve").address + "form")
    (tmp_path / "letter.png").write_bytes(b"GIF89a")
    page.set_input_files("#file", tmp_path / "letter.png")
    page.wait_for_function("() => document.querySelector('#told').innerText.includes('unknown_format')")
    page.close()


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_sticks_out_at_any_width(browser: Any, start: Any, out: Path, width: int) -> None:
    review, serve = start("review", str(out)), start("serve")
    context = browser.new_context(viewport={"width": width, "height": 800})
    page = context.new_page()
    sit_down(page, review.address, "ada")
    for address in (review.address, review.address + "group", serve.address, serve.address + "form"):
        page.goto(address)
        page.wait_for_timeout(400)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    context.close()
