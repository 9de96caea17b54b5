"""Finding the files of a batch: order, names, links, and names that are no text."""

import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from scanner.errors import NoInputError
from scanner.page import Discovery, SourceFile, discover


def fill(folder: Path, names: Iterable[str]) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode(errors="surrogateescape"))


def names_of(found: Discovery) -> list[str]:
    return [source.name for source in found.files]


def everything(found: Discovery) -> tuple[list[SourceFile], list[SourceFile]]:
    return list(found.files), list(found.skipped)


def test_no_inputs_and_empty_folders_are_no_files(tmp_path: Path) -> None:
    assert everything(discover([])) == everything(discover([tmp_path])) == ([], [])


def test_missing_inputs_are_named(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match=r"nowhere.*lost.*: no such file or folder; check"):
        discover([tmp_path / "nowhere", tmp_path / "lost"])


def test_a_missing_input_beside_an_empty_folder_is_no_input(tmp_path: Path) -> None:
    with pytest.raises(NoInputError, match="nowhere: no such file or folder"):
        discover([tmp_path, tmp_path / "nowhere"])


def test_a_missing_input_beside_others_is_a_file_that_will_fail(tmp_path: Path) -> None:
    fill(tmp_path, ["a/1.png"])
    assert names_of(discover([tmp_path / "a", tmp_path / "nowhere"])) == ["1.png", "nowhere"]


def test_files_come_in_the_order_in_which_people_count(tmp_path: Path) -> None:
    fill(tmp_path, ["scan10.png", "scan2.png", "Scan1.PNG", "b/2.tif", "a10/1.jpg", "a9/1.jpg", "c.pdf"])
    expected = ["a9/1.jpg", "a10/1.jpg", "b/2.tif", "c.pdf", "Scan1.PNG", "scan2.png", "scan10.png"]
    assert names_of(discover([tmp_path])) == expected
    assert all((tmp_path / source.name) == source.path for source in discover([tmp_path]).files)


def test_the_order_of_the_inputs_does_not_matter(tmp_path: Path) -> None:
    fill(tmp_path, ["jan/1.png", "feb/1.png", "feb/2.png"])
    inputs = [tmp_path / "jan", tmp_path / "feb"]
    assert everything(discover(inputs)) == everything(discover(inputs[::-1]))


def test_other_types_are_skipped_and_hidden_files_not_even_mentioned(tmp_path: Path) -> None:
    fill(tmp_path, ["1.png", "truth.csv", "form.toml", "README", "x.gif", ".DS_Store", "._1.png", ".cache/2.png"])
    found = discover([tmp_path])
    assert names_of(found) == ["1.png"]
    assert [source.name for source in found.skipped] == ["form.toml", "README", "truth.csv", "x.gif"]


def test_a_file_given_directly_is_always_tried(tmp_path: Path) -> None:
    fill(tmp_path, ["fax0001", ".hidden.scan", "a.csv"])
    direct = [tmp_path / "fax0001", tmp_path / ".hidden.scan"]
    assert names_of(discover(direct)) == [".hidden.scan", "fax0001"]
    assert names_of(discover([tmp_path, *direct])) == [".hidden.scan", "fax0001"]
    assert [source.name for source in discover([tmp_path, *direct]).skipped] == ["a.csv"]


def test_a_hidden_folder_may_be_given(tmp_path: Path) -> None:
    fill(tmp_path, [".inbox/1.png"])
    assert names_of(discover([tmp_path / ".inbox"])) == ["1.png"]


def test_a_file_found_twice_counts_once(tmp_path: Path) -> None:
    fill(tmp_path, ["a/1.png", "a/2.png"])
    (tmp_path / "a/latest.png").symlink_to("2.png")
    (tmp_path / "b").symlink_to("a")
    twice = [tmp_path, tmp_path / "a", tmp_path / "a/1.png", tmp_path / "a/../a"]
    assert names_of(discover(twice)) == ["a/1.png", "a/2.png"]


def test_loops_of_links_end(tmp_path: Path) -> None:
    fill(tmp_path, ["a/1.png"])
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/self").symlink_to("self")
    (tmp_path / "a/scan.png").symlink_to("scan.png")
    found = discover([tmp_path])
    assert names_of(found) == ["a/1.png", "a/scan.png"]  # the broken scan is to fail, not to vanish
    assert [source.name for source in found.skipped] == ["a/self"]


def test_linked_folders_are_entered(tmp_path: Path) -> None:
    fill(tmp_path, ["store/1.png"])
    (tmp_path / "inbox").mkdir()
    (tmp_path / "inbox/today").symlink_to(tmp_path / "store")
    assert names_of(discover([tmp_path / "inbox"])) == ["today/1.png"]


def test_equal_names_get_the_folder_in_front(tmp_path: Path) -> None:
    fill(tmp_path, ["jan/1.png", "feb/1.png", "feb/2.png"])
    assert names_of(discover([tmp_path / "jan", tmp_path / "feb"])) == ["2.png", "feb/1.png", "jan/1.png"]


def test_equal_names_in_equal_folders_get_more_folders_in_front(tmp_path: Path) -> None:
    fill(tmp_path, ["jan/in/1.png", "feb/in/1.png", "mar/1.png"])
    inputs = [tmp_path / "jan/in", tmp_path / "feb/in", tmp_path / "mar"]
    assert names_of(discover(inputs)) == ["feb/in/1.png", "jan/in/1.png", "mar/1.png"]
    assert names_of(discover([tmp_path / "jan/in/1.png", tmp_path / "mar/1.png"])) == ["in/1.png", "mar/1.png"]


def test_a_relative_input_gives_the_same_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["in/a/1.png"])
    monkeypatch.chdir(tmp_path / "in")
    assert names_of(discover([Path()])) == ["a/1.png"]
    assert names_of(discover([Path("../in"), Path("a/1.png")])) == ["a/1.png"]


def test_names_that_are_no_text_can_be_written(tmp_path: Path) -> None:
    fill(tmp_path, [os.fsdecode(b"caf\xe9.png"), "two\nlines.png", "número 1.png", "1, 2.png"])
    found = discover([tmp_path])
    assert names_of(found) == ["1, 2.png", "caf\\xe9.png", "número 1.png", "two\nlines.png"]
    assert all(source.path.read_bytes() for source in found.files)
    for source in found.files:
        source.name.encode()


def test_a_folder_that_cannot_be_listed_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, ["1.png", "locked/2.png"])
    listing = os.scandir

    def refuse(path: Path) -> object:
        if path.name == "locked":
            raise PermissionError(13, "Permission denied")
        return listing(path)

    monkeypatch.setattr(os, "scandir", refuse)
    assert names_of(discover([tmp_path])) == ["1.png", "locked"]
    assert names_of(discover([tmp_path / "locked"])) == ["locked"]
