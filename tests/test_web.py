"""The pages and the API: what they answer, and what they refuse."""

import base64
import io
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from PIL import Image

from scanner.errors import PageError, UsageError
from scanner.order import Order, make_kit
from scanner.publish import open_review
from scanner.run import run
from scanner.synth import DrawnDigits
from scanner.web import jobs, reviewing, serving
from scanner.web.guard import Guard, Rules, hosts_of, is_everywhere, is_loopback
from scanner.web.host import check_host
from scanner.web.pool import Pool, open_pool

fastapi_testclient = pytest.importorskip("fastapi.testclient")
TestClient = fastapi_testclient.TestClient

SAMPLES = Path(__file__).parent.parent / "samples"
HOST = "127.0.0.1:8765"
HERE = f"http://{HOST}"
TOKEN = "a token that nobody guesses"


@pytest.fixture(scope="module")
def pool() -> Iterator[Pool]:
    with open_pool(make_kit(Order())[0], 1, 30.0, 2 * 1024**3) as opened:
        yield opened


@pytest.fixture
def client(pool: Pool) -> Iterator[Any]:
    with TestClient(Guard(serving.make_app(pool), Rules(hosts_of("127.0.0.1", 8765))), base_url=HERE) as opened:
        yield opened


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    run([SAMPLES / "exam" / "photo.jpg", SAMPLES / "exam" / "skewed.jpg"], out)
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return shutil.copytree(finished, tmp_path / "out")


@pytest.fixture
def desk(out: Path, pool: Pool) -> Iterator[Any]:
    with open_review(out, sample=1.0) as (_, open_desk):
        guard = Guard(reviewing.make_app(open_desk, pool), Rules(hosts_of("localhost", 8765)))
        with TestClient(guard, base_url=HERE) as opened:
            opened.headers["X-Scanner"] = opened.get("/api/session").json()["token"]
            yield opened


def png(picture: np.ndarray[Any, Any]) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


def drawn(digit: int) -> bytes:
    ink = DrawnDigits()(digit, np.random.default_rng(5))
    return png(255 - np.pad(ink, 30))


def upload(data: bytes, name: str = "a.png") -> dict[str, tuple[str, bytes]]:
    return {"file": (name, data)}


# --- predict and read


@pytest.mark.parametrize("digit", [1, 4, 7])
def test_a_drawn_digit_is_read(client: Any, digit: int) -> None:
    told = client.post("/api/predict", files=upload(drawn(digit))).json()
    assert told["digit"] == str(digit)
    assert told["scores"][str(digit)] == told["confidence"] > 0.9
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(told["seen"])))).shape == (140, 140)


def test_an_empty_picture_is_no_digit(client: Any) -> None:
    told = client.post("/api/predict", files=upload(png(np.full((50, 50), 255, np.uint8)))).json()
    assert (told["digit"], told["confidence"]) == ("", 0)


def test_a_form_is_read_with_its_overlay_and_csv(client: Any) -> None:
    scan = (SAMPLES / "meter_reading" / "clean.png").read_bytes()
    told = client.post("/api/read", files=upload(scan, "../../etc/meter.png")).json()
    assert told["file"] == "meter.png"
    assert [page["page"] for page in told["pages"]] == [1]
    fields = told["pages"][0]["fields"]
    assert len(fields) >= 4
    assert told["csv"].splitlines()[0].startswith("file,page,form,field,value")
    assert len(told["csv"].splitlines()) == 1 + len(fields)
    assert base64.b64decode(told["pages"][0]["overlay"]).startswith(b"\xff\xd8")


def test_every_page_of_a_file_is_read(client: Any) -> None:
    told = client.post("/api/read", files=upload((SAMPLES / "exam" / "batch.pdf").read_bytes(), "batch.pdf")).json()
    assert [page["page"] for page in told["pages"]] == [1, 2, 3]


def test_too_many_pages_are_refused(tmp_path: Path) -> None:
    frames = [Image.new("L", (64, 64), 255) for _ in range(jobs.MOST_PAGES + 1)]
    frames[0].save(tmp_path / "many.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(PageError, match="at most 20 are read here"):
        jobs.read_upload(tmp_path / "many.tif", "many.tif")


def bomb() -> bytes:
    """A PNG of a few bytes that says it is huge."""
    data = bytearray(png(np.zeros((16, 16), np.uint8)))
    data[16:24] = (60000).to_bytes(4, "big") * 2
    return bytes(data)


@pytest.mark.parametrize("path", ["/api/predict", "/api/read"])
@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "empty_file"), (b"GIF89a", "unknown_format"), (b"\x89PNG\r\n\x1a\n broken", ""), (bomb(), "")],
    ids=["empty", "gif", "broken", "bomb"],
)
def test_what_cannot_be_read_says_why(client: Any, path: str, data: bytes, reason: str) -> None:
    answer = client.post(path, files=upload(data))
    assert answer.status_code == 422
    assert reason in answer.json()["detail"]


def test_no_file_is_a_problem_and_no_crash(client: Any) -> None:
    assert client.post("/api/predict").status_code == 422
    assert client.post("/api/predict", data={"file": "text"}).status_code == 422


def test_who_comes_when_too_many_wait_is_told_to_come_back(client: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.web.pool.MOST_WAITING", 0)
    answer = client.post("/api/predict", files=upload(drawn(1)))
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")


def test_a_job_that_takes_too_long_is_ended_and_the_next_one_done(tmp_path: Path) -> None:
    with open_pool(make_kit(Order())[0], 1, 1.0, 2 * 1024**3) as small:
        with pytest.raises(PageError, match="page_timeout"):
            small.do(sleep_long)
        assert small.do(len, b"abc") == 3


def sleep_long() -> None:
    import time

    time.sleep(60)


def test_uploads_leave_no_file(pool: Pool, client: Any) -> None:
    client.post("/api/predict", files=upload(drawn(3)))
    assert [path.name for path in pool._folder.iterdir()] == ["kit.pickle"]


@pytest.mark.parametrize("path", ["/", "/form", "/static/draw.js", "/static/style.css", "/openapi.json"])
def test_pages_are_served(client: Any, path: str) -> None:
    assert client.get(path).status_code == 200


def test_pages_load_nothing_from_elsewhere() -> None:
    for path in (Path(serving.STATIC)).iterdir():
        text = path.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert "http:" not in text, path
        assert "https:" not in text, path
        assert 'src="//' not in text, path


# --- the review


def first(desk: Any, who: str = "ada") -> dict[str, Any]:
    return desk.post("/api/next", json={"who": who}).json()[0]  # type: ignore[no-any-return]


def test_a_field_goes_out_with_all_that_its_page_needs(desk: Any) -> None:
    field = first(desk)
    assert len(field["places"]) == field["boxes"] == len(field["cells"]) == len(field["confidences"])
    assert all(0 <= side <= 1 for box in field["places"] for side in box)
    assert desk.get(f"/crop/{field['id']}.png").content.startswith(b"\x89PNG")
    assert desk.get(f"/page/{field['id']}.jpg").content.startswith(b"\xff\xd8")
    assert desk.get("/api/progress").json()["waiting"] >= 3


def test_a_blind_field_does_not_tell_what_was_read_and_is_cut_from_its_scan(desk: Any) -> None:
    for _ in range(40):
        fields = desk.post("/api/next", json={"who": "ada", "count": 8}).json()
        field = next((each for each in fields if each["purpose"] == "sample"), None)
        if field is not None:
            break
        for each in fields:
            desk.post("/api/skip", json={"who": "ada", "id": each["id"]})
            desk.post("/api/say", json={"who": "ada", "id": each["id"], "typed": "?"})
    assert field is not None
    assert (field["value"], field["cells"], field["confidences"], field["reason"]) == ("", "", [], "")
    assert desk.get(f"/crop/{field['id']}.png").content.startswith(b"\x89PNG")
    again = desk.post("/api/say", json={"who": "ada", "id": field["id"], "typed": "_" * field["boxes"]}).json()
    assert again["again"].isdigit()


def test_what_is_said_is_answered(desk: Any) -> None:
    field = first(desk)
    assert desk.post("/api/check", json={"id": field["id"], "typed": "abc"}).json()["impossible"]
    refused = desk.post("/api/say", json={"who": "ada", "id": field["id"], "typed": "abc"})
    assert (refused.status_code, "a b c" in refused.json()["detail"]) == (422, True)
    assert desk.post("/api/say", json={"who": "ada", "id": field["id"], "typed": "?"}).json() == {}
    assert desk.post("/api/undo", json={"who": "ada"}).json()["id"] == field["id"]
    assert desk.post("/api/undo", json={"who": "ada"}).json() is None
    desk.post("/api/skip", json={"who": "ada", "id": field["id"]})
    boxes = next(found for each in "0123456789" if (found := desk.get(f"/api/group/{each}").json()))
    told = {"who": "ada", "right": [{"id": boxes[0]["id"], "cell": boxes[0]["cell"]}], "odd": []}
    assert desk.post("/api/group", json=told).json()["settled"] in (0, 1)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/next", '{"who": "\\ud800"}'),
        ("/api/say", '{"who": "ada", "id": "%s", "typed": "\\ud800"}'),
        ("/api/say", '{"who": "ada", "id": "%s", "typed": "?", "seconds": NaN}'),
        ("/api/group", '{"who": "ada", "right": [{"id": "%s", "cell": 150}], "odd": []}'),
        ("/api/say", "no json"),
    ],
)
def test_what_makes_no_sense_is_refused_and_no_crash(desk: Any, path: str, body: str) -> None:
    body = body.replace("%s", first(desk)["id"])
    answer = desk.post(path, content=body, headers={"content-type": "application/json"})
    assert 400 <= answer.status_code < 500


def test_a_page_that_is_gone_says_so(desk: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    field = first(desk)
    monkeypatch.setattr("scanner.ledger.looking.is_there", lambda path: False)
    answer = desk.get(f"/page/{field['id']}.jpg")
    assert (answer.status_code, "no longer where it was read" in answer.json()["detail"]) == (404, True)


def test_a_full_disk_is_told(desk: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner.errors import OutputError

    field = first(desk)

    def fail(*_: object) -> None:
        raise OutputError("disk full")

    monkeypatch.setattr("scanner.review.book.Book.add", fail)
    answer = desk.post("/api/say", json={"who": "ada", "id": field["id"], "typed": "?"})
    assert (answer.status_code, "not kept" in answer.json()["detail"]) == (507, True)


# --- attacks


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1", "localhost:1", "evil.example:8765", ""])
def test_another_host_is_not_served(client: Any, host: str) -> None:
    assert client.get("/", headers={"host": host}).status_code == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"origin": "http://127.0.0.1:1"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_post(client: Any, desk: Any, headers: dict[str, str]) -> None:
    assert client.post("/api/predict", files=upload(drawn(1)), headers=headers).status_code == 403
    assert desk.post("/api/next", json={"who": "ada"}, headers=headers).status_code == 403


def test_our_own_page_can_post(client: Any) -> None:
    headers = {"origin": HERE, "sec-fetch-site": "same-origin"}
    assert client.post("/api/predict", files=upload(drawn(1)), headers=headers).status_code == 200


@pytest.mark.parametrize("token", ["", "guessed", "\u00e4"])
def test_a_post_without_the_token_of_the_page_is_refused(desk: Any, token: str) -> None:
    answer = desk.post("/api/next", json={"who": "ada"}, headers={"X-Scanner": token.encode()})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/static/../guard.py",
        "/static/%2e%2e/guard.py",
        "/static/..%2fguard.py",
        "/static//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/crop/..%2f..%2frun.db.png",
        "/crop/%2fetc%2fpasswd.png",
        "/crop/" + "0" * 24 + ".png",
        "/page/" + quote("../" * 8 + "etc/passwd", safe="") + ".jpg",
        "/run.db",
        "/api/group/..",
    ],
)
def test_no_path_of_a_browser_is_opened(client: Any, desk: Any, path: str) -> None:
    for each in (client, desk):
        answer = each.get(path)
        assert answer.status_code in (404, 405, 422)
        assert b"root:" not in answer.content
        assert b"SQLite" not in answer.content


def test_a_link_out_of_the_folder_of_crops_shows_no_other_file(out: Path, desk: Any) -> None:
    field = first(desk)
    for crop in (out / "crops").rglob("*.png"):
        crop.unlink()
        crop.symlink_to("/etc/passwd")
    answer = desk.get(f"/crop/{field['id']}.png")
    assert b"root:" not in answer.content


def test_what_is_too_large_is_refused_whatever_it_says_of_itself(pool: Pool) -> None:
    guard = Guard(serving.make_app(pool), Rules(hosts_of("127.0.0.1", 8765), most_bytes=1000))
    with TestClient(guard, base_url=HERE) as small:
        assert small.post("/api/predict", files=upload(b"x" * 2000)).status_code == 413
        chunks = (b"x" * 500 for _ in range(4))
        headers = {"content-type": "multipart/form-data; boundary=b"}
        assert small.post("/api/predict", content=chunks, headers=headers).status_code == 413
        assert small.post("/api/predict", files=upload(b"x" * 200)).status_code == 422


def test_too_many_requests_are_refused_for_a_while(pool: Pool) -> None:
    guard = Guard(serving.make_app(pool), Rules(hosts_of("127.0.0.1", 8765), requests=3))
    with TestClient(guard, base_url=HERE) as hasty:
        answers = [hasty.get("/") for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert answers[-1].headers["retry-after"] == "10"


def test_others_need_a_token(pool: Pool) -> None:
    rules = Rules(hosts_of("192.0.2.1", 80), TOKEN)
    with TestClient(Guard(serving.make_app(pool), rules), base_url="http://192.0.2.1:80") as far:
        assert far.get("/").status_code == 401
        assert far.get("/?token=wrong").status_code == 401
        assert far.get("/", headers={"authorization": "Bearer wrong"}).status_code == 401
        assert far.get("/", headers={"cookie": 'scanner_token="\\"'}).status_code == 401
        assert far.get("/", headers={"authorization": f"Bearer {TOKEN}"}).status_code == 200
        answer = far.get(f"/?token={quote(TOKEN)}")
        assert answer.status_code == 200
        assert "HttpOnly; SameSite=Strict" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.168.1.5:8765", 200),
        ("localhost:8080", 200),
        ("[fd00::5]:8765", 200),
        ("evil.example:8765", 421),
        ("", 421),
    ],
)
def test_where_all_addresses_are_listened_to_a_foreign_name_is_refused(host: str, status: int, pool: Pool) -> None:
    rules = Rules(hosts_of("0.0.0.0", 8765), TOKEN, is_everywhere("0.0.0.0"))
    with TestClient(Guard(serving.make_app(pool), rules), base_url=HERE) as far:
        assert far.get(f"/?token={quote(TOKEN, safe='')}", headers={"host": host}).status_code == status


def test_an_address_of_version_6_has_brackets() -> None:
    assert hosts_of("fd00::5", 8765) == {"[fd00::5]:8765"}
    assert is_everywhere("::")
    assert not is_everywhere("127.0.0.1")
    assert not is_everywhere("example.org")


def test_any_token_opens_the_pages_that_follow(pool: Pool) -> None:
    token = 'a+b&c=d;e"f/ 0123456789'
    rules = Rules(hosts_of("192.0.2.1", 80), token)
    with TestClient(Guard(serving.make_app(pool), rules), base_url="http://192.0.2.1:80") as far:
        assert far.get(f"/?token={quote(token, safe='')}").status_code == 200
        assert far.get("/").status_code == 200


def test_pages_say_what_browsers_must_not_do(client: Any) -> None:
    headers = client.get("/").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


def test_a_script_in_the_name_of_a_file_stays_text(tmp_path: Path, pool: Pool) -> None:
    name = '<img src=x onerror=alert(1)>".jpg'
    (tmp_path / "in").mkdir()
    shutil.copy(SAMPLES / "exam" / "skewed.jpg", tmp_path / "in" / name)
    run([tmp_path / "in"], tmp_path / "out")
    with open_review(tmp_path / "out") as (_, open_desk):
        guard = Guard(reviewing.make_app(open_desk, pool), Rules(hosts_of("localhost", 8765)))
        with TestClient(guard, base_url=HERE) as opened:
            opened.headers["X-Scanner"] = opened.get("/api/session").json()["token"]
            answer = opened.post("/api/next", json={"who": "ada"})
    assert answer.headers["content-type"] == "application/json"  # scripts put it in as text, never as HTML
    assert answer.json()[0]["file"] == name
    for script in Path(serving.STATIC).glob("*.js"):
        assert "innerHTML" not in script.read_text()
        assert "insertAdjacentHTML" not in script.read_text()


def test_a_formula_in_a_name_is_none_in_the_csv(client: Any) -> None:
    scan = (SAMPLES / "meter_reading" / "clean.png").read_bytes()
    told = client.post("/api/read", files=upload(scan, "=cmd.png")).json()
    assert told["csv"].splitlines()[1].startswith("./=cmd.png,")


@pytest.mark.parametrize(
    ("host", "told"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_known(host: str, told: bool) -> None:
    assert is_loopback(host) is told
    assert is_loopback("example.org") is False


def test_others_can_reach_it_only_with_a_token() -> None:
    check_host("127.0.0.1", None)
    check_host("0.0.0.0", TOKEN)
    with pytest.raises(UsageError, match="--token"):
        check_host("0.0.0.0", None)
    with pytest.raises(UsageError, match="too short"):
        check_host("0.0.0.0", "secret")


def test_the_api_keeps_to_its_description(pool: Pool) -> None:
    """Whatever is sent, no answer is a crash: schemathesis against the OpenAPI document."""
    schemathesis = pytest.importorskip("schemathesis")
    app = serving.make_app(pool)
    schema = schemathesis.openapi.from_asgi("/openapi.json", app)
    told = json.loads(json.dumps(app.openapi()))
    assert set(told["paths"]) == {"/api/predict", "/api/read"}

    for operation in schema.get_all_operations():

        @given(case=operation.ok().as_strategy())
        @settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), database=None)
        def check(case: Any) -> None:
            assert case.call().status_code < 500

        check()
