"""Inputs that are URLs: listed, looked at and fetched through fsspec; a bucket is read as a folder is."""

import csv
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from scanner import remote
from scanner.cli import app
from scanner.engine import Engine
from scanner.errors import NoInputError, PageError, UsageError
from scanner.opening import hash_file, signature_of
from scanner.order import Chores
from scanner.page import Discovery, discover, load_page
from scanner.remote import fetch, is_remote, path_of, url_of
from scanner.run import run
from scanner.status import status_of

SAMPLES = Path(__file__).parent.parent / "samples"
SCAN = SAMPLES / "postal_card" / "clean.png"

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def memory() -> Iterator[Any]:
    """A store in this process."""
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    forget_copies()


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """A bucket called forms, on a server of this process."""
    moto = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("AWS_ACCESS_KEY_ID", "nobody")
        environment.setenv("AWS_SECRET_ACCESS_KEY", "secret")
        environment.setenv("AWS_DEFAULT_REGION", "us-east-1")
        environment.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
        system = s3fs.S3FileSystem(use_listings_cache=False)
        system.mkdir("forms")
        yield system
    server.stop()
    forget_copies()


def forget_copies() -> None:
    while remote._kept:
        remote._kept.pop().file.close()


def names(path: str) -> list[str]:
    return [source.name for source in discover([path_of(path)]).files]


def test_a_url_is_a_path_that_knows_its_url() -> None:
    assert url_of(path_of("s3://bucket/scans/a.png")) == "s3://bucket/scans/a.png"
    assert path_of("s3://bucket/scans/a.png").parent == path_of("s3://bucket/scans/")
    assert url_of(Path("scans/a.png")) == "scans/a.png"


@pytest.mark.parametrize("given", ["scans", "/srv/s3", "C:/scans", "no_such_protocol://x", "a:b", "file:///srv/scans"])
def test_other_inputs_are_paths_of_this_machine(given: str) -> None:
    assert not is_remote(path_of(given))


def test_a_file_url_is_a_path() -> None:
    assert path_of("file:///srv/my%20scans") == Path("/srv/my scans")
    assert path_of("file:///srv/a?b#c.tif") == path_of("file://localhost/srv/a?b#c.tif") == Path("/srv/a?b#c.tif")
    with pytest.raises(UsageError, match="of another machine"):
        path_of("file://host/srv")


def test_a_folder_may_be_called_like_a_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gs:").mkdir()
    for name in ("form.toml", "form-page1.png", "a.png"):
        (tmp_path / "gs:" / name).write_bytes(b"x")
    assert names(".") == ["gs:/a.png"]
    assert names("./gs:") == ["a.png"]


def test_what_lies_below_is_found_and_hidden_files_are_not(memory: Any) -> None:
    for name in ("scan10.png", "scan2.png", "more/deep/a.pdf", ".hidden.png", ".thumbs/b.png", "notes.txt"):
        memory.pipe(f"/in/{name}", b"x")
    assert names("memory://in") == ["more/deep/a.pdf", "scan2.png", "scan10.png"]
    assert [source.name for source in discover([path_of("memory://in")]).skipped] == ["notes.txt"]
    assert names("memory://in/scan2.png") == ["scan2.png"]


def test_what_is_not_there_is_named_as_it_was_given(memory: Any) -> None:
    with pytest.raises(NoInputError, match="memory://nowhere: no such file or folder; check"):
        discover([path_of("memory://nowhere")])


def test_a_missing_package_is_named() -> None:
    with pytest.raises(UsageError, match=r"gs://bucket/x: .* pip install 'scanner\[gs\]'"):
        discover([path_of("gs://bucket/x")])


def test_a_store_that_cannot_be_reached_says_why(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no\ncredentials")

    monkeypatch.setattr(type(memory), "info", refuse)
    with pytest.raises(NoInputError, match="memory://in: RuntimeError: no credentials; check"):
        discover([path_of("memory://in")])
    with pytest.raises(PageError, match="unreadable: RuntimeError: no credentials"):
        signature_of(path_of("memory://in/a.png"))


def test_a_file_is_read_from_a_copy(memory: Any) -> None:
    memory.pipe("/in/a.png", SCAN.read_bytes())
    path = path_of("memory://in/a.png")
    assert hash_file(path).digest == hash_file(SCAN).digest
    assert (load_page(path).gray == load_page(SCAN).gray).all()


def test_the_next_page_of_a_file_needs_no_fetching(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/in/a.png", b"one")
    path = path_of("memory://in/a.png")
    with fetch(path, lambda size: None) as first:
        assert first.read() == b"one"
    with monkeypatch.context() as context:
        context.setattr(type(memory), "open", None)
        with fetch(path, lambda size: None) as again:
            assert again.read() == b"one"
    memory.pipe("/in/a.png", b"two!")
    with fetch(path, lambda size: None) as changed:
        assert changed.read() == b"two!"


def test_copies_are_few(memory: Any) -> None:
    for number in range(5):
        memory.pipe(f"/in/{number}.png", b"x")
        fetch(path_of(f"memory://in/{number}.png"), lambda size: None).close()
    assert len(remote._kept) == remote.KEPT


@pytest.mark.parametrize(
    ("content", "reason"), [(b"", "empty_file"), (b"12345", "too_large"), (None, "unreadable")], ids=str
)
def test_files_that_are_no_use(
    memory: Any, monkeypatch: pytest.MonkeyPatch, content: bytes | None, reason: str
) -> None:
    monkeypatch.setattr("scanner.opening.MAX_BYTES", 4)
    memory.pipe("/in/other", b"x")
    if content is not None:
        memory.pipe("/in/a.png", content)
    with pytest.raises(PageError, match=f"^{reason}"):
        load_page(path_of("memory://in/a.png"))


def test_a_store_that_says_too_little_of_the_size_is_not_trusted(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.opening.MAX_BYTES", 4)
    memory.pipe("/in/a.png", b"12345")
    about = memory.info("/in/a.png") | {"size": None}
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: about)
    with pytest.raises(PageError, match="too_large"):
        load_page(path_of("memory://in/a.png"))


def test_a_folder_that_cannot_be_listed_is_told(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    memory.pipe("/in/a.png", b"x")
    memory.pipe("/in/closed/b.png", b"x")
    listed = type(memory).ls

    def refuse(system: Any, path: str, **options: Any) -> Any:
        if path == "/in/closed":
            raise PermissionError("403")
        return listed(system, path, **options)

    monkeypatch.setattr(type(memory), "ls", refuse)
    assert names("memory://in") == ["a.png", "closed"]


def test_rows_of_a_folder_that_cannot_be_listed_stay(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scanner.shift.PATIENCE_S", 0)
    memory.pipe("/in/a.png", b"x")
    memory.pipe("/in/closed/b.png", SCAN.read_bytes())
    inputs = [path_of("memory://in")]
    assert run(inputs, tmp_path / "out").pages == 1
    listed = type(memory).ls

    def refuse(system: Any, path: str, **options: Any) -> Any:
        if path == "/in/closed":
            raise PermissionError("403")
        return listed(system, path, **options)

    monkeypatch.setattr(type(memory), "ls", refuse)
    summary = run(inputs, tmp_path / "out")
    assert (summary.pages, summary.failed, summary.exit_code) == (1, 2, 8)


def test_a_store_that_does_not_answer_is_given_up(memory: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ANSWER_S", 0.1)
    monkeypatch.setattr(type(memory), "info", lambda *_, **__: time.sleep(2))
    with pytest.raises(NoInputError, match=r"no answer in 0\.1 s"):
        discover([path_of("memory://in")])


def test_what_is_a_file_and_a_folder_counts_as_both(s3: Any) -> None:
    for name in ("both", "both/x.png", "both/more/y.png", "both//z.png"):
        s3.pipe(f"forms/{name}", b"x")
    assert names("s3://forms/both") == ["(without a name)", "both", "more/y.png", "x.png"]


def test_a_bucket_that_is_not_there_beside_one_that_is(s3: Any) -> None:
    s3.pipe("forms/one/x.png", b"x")
    found = discover([path_of("s3://forms/one"), path_of("s3://nobody")])
    assert [source.name for source in found.files] == ["nobody", "x.png"]
    with pytest.raises(PageError, match="FileNotFoundError"):
        signature_of(next(iter(found.files)).path)


def test_names_that_mean_something_to_fsspec(s3: Any) -> None:
    s3.pipe("forms/odd/a::b c#d%20.png", SCAN.read_bytes())
    assert hash_file(path_of("s3://forms/odd/a::b c#d%20.png")).digest == hash_file(SCAN).digest


def test_a_store_that_cannot_be_set_up_says_why() -> None:
    with pytest.raises(NoInputError, match="ConnectionRefusedError"):
        discover([path_of("ftp://127.0.0.1:1/x.tif")])


def test_without_a_date_nothing_is_taken_for_unchanged(
    memory: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory.pipe("/in/a.png", b"one")
    asked = type(memory).info
    undated = lambda *args, **options: {**asked(*args, **options), "created": None}  # noqa: E731
    monkeypatch.setattr(type(memory), "info", undated)
    inputs = [path_of("memory://in/a.png")]
    assert run(inputs, tmp_path / "out").new == 1
    memory.pipe("/in/a.png", b"two")
    assert run(inputs, tmp_path / "out").new == 1


def test_keys_in_a_url_are_no_name_of_a_file(memory: Any) -> None:
    path = path_of("https://host.invalid/scans/q.tif?sig=secret")
    found = remote_names(path)
    assert found == ["q.tif"]


def remote_names(path: Path) -> list[str]:
    found = Discovery()
    found.add(0, path, str(path), path.parent, True)
    return [source.name for source in found.files]


def test_a_folder_is_no_file(memory: Any) -> None:
    memory.pipe("/in/a.png/b.png", b"x")
    with pytest.raises(PageError, match="a folder"):
        signature_of(path_of("memory://in/a.png"))


def test_results_stay_on_this_machine(memory: Any, tmp_path: Path) -> None:
    memory.pipe("/in/a.png", b"x")
    inputs = [path_of("memory://in")]
    with pytest.raises(UsageError, match="--output: memory://out"):
        run(inputs, path_of("memory://out"))
    with pytest.raises(UsageError, match="--move-done"):
        run(inputs, tmp_path / "out", chores=Chores(move_done=tmp_path / "done"))


def test_a_bucket_is_read_as_a_folder_is(s3: Any, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    shutil.copytree(SAMPLES / "meter_reading", inbox)
    s3.put(f"{inbox}{os.sep}", "forms/inbox/", recursive=True)
    run([path_of("s3://forms/inbox")], tmp_path / "far", engine=Engine(workers=2))
    run([inbox], tmp_path / "near")
    assert (tmp_path / "far" / "fields.csv").read_bytes() == (tmp_path / "near" / "fields.csv").read_bytes()
    assert statuses(tmp_path / "far") == statuses(tmp_path / "near")


def test_what_changes_in_a_bucket_is_noticed(s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.ledger.listing.SETTLED_NS", 0)
    out, inputs = tmp_path / "out", [path_of("s3://forms/new")]
    s3.put(str(SCAN), "forms/new/a.png")
    s3.pipe("forms/new/b.png", b"no image")
    assert run(inputs, out).new == 2
    assert run(inputs, out).new == 0
    s3.pipe("forms/new/b.png", b"an image")  # of the same size
    assert run(inputs, out).new == 1
    s3.rm("forms/new/a.png")
    summary = run(inputs, out)
    assert (summary.new, summary.pages, summary.gone) == (0, 1, 1)
    assert status_of(out).done == 2


def statuses(out: Path) -> list[tuple[str, str, str]]:
    with (out / "pages.csv").open(newline="") as file:
        return [(row["file"], row["status"], row["reason"]) for row in csv.DictReader(file)]


def test_keys_in_urls_are_told_nowhere(tmp_path: Path) -> None:
    """A signed URL is as good as a password: it must not stand in tables, reports or mails of cron."""
    url, out = "http://127.0.0.1:9/scans/a.png?X-Sig=SECRET456&e=1", tmp_path / "out"
    result = CliRunner().invoke(app, ["read", url, "-o", str(out)])
    assert result.exit_code != 0
    told = [result.output, result.stderr]
    told += [path.read_bytes().decode(errors="replace") for path in out.rglob("*") if path.suffix in (".csv", ".html")]
    assert not any("SECRET456" in each for each in told)
    assert "127.0.0.1" in result.output + result.stderr
