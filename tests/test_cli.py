"""The command line: options in, one summary and an exit code out; the README says the same as --help."""

import configparser
import dataclasses
import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

import scanner.order
import scanner.run
import scanner.task
from scanner import __version__
from scanner.cli import app
from scanner.crew import ENGINE_REASONS
from scanner.errors import FormError, ModelError, OutputError, ScannerError, UsageError
from scanner.export import FIELD_COLUMNS, PAGE_COLUMNS, REVIEW_COLUMNS
from scanner.fields import REASONS, FieldReading
from scanner.opening import Hash, signature_of
from scanner.page import FAILURE_REASONS
from scanner.pipeline import READING_REASONS, PageFailure, PageReading, PageResult
from scanner.plan import LEFT_REASONS
from scanner.task import Job, Kit, Looked, Outcome, PageDone, Read

README = Path(__file__).parent.parent / "README.md"
HELP_RATIO = 1.7


def field(status: str = "accepted", confidence: float = 0.999) -> FieldReading:
    quad = ((40.0, 40.0), (80.0, 40.0), (80.0, 90.0), (40.0, 90.0))
    return FieldReading("r01f01", "7", confidence, status, "", "7", (confidence,), (40, 40, 40, 50), (quad,))


def page(file: str, *fields: FieldReading) -> PageReading:
    return PageReading(file, 1, fields or (field(),), 0.01)


def failure(file: str) -> PageFailure:
    return PageFailure(file, 0, "damaged", "half of it is missing", 0.01)


@pytest.fixture
def scans(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of three scans and a text, in the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "scans"
    folder.mkdir()
    for name in ("a.png", "b.png", "c.png"):
        cv2.imwrite(str(folder / name), np.full((200, 300), 255, np.uint8))
    (folder / "notes.txt").write_text("no scan")
    return folder


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[tuple[Job, Kit]]]:
    """Has jobs done by nobody: files come out as given, the others as a page; gives the jobs and kits of it.

    `before` is called with the name of each file before it is read.
    """
    calls: list[tuple[Job, Kit]] = []

    def put(*results: PageResult, before: Callable[[str], object] = lambda name: None) -> list[tuple[Job, Kit]]:
        outcomes = {result.file: result for result in results}

        def perform(job: Job, kit: Kit) -> Outcome:
            calls.append((job, kit))
            result = outcomes.get(job.name, page(job.name))
            if isinstance(job, Read):
                before(job.name)
                crops = {f"crops/{each.name}.png": b"" for each in getattr(result, "fields", ()) if each.crop}
                return PageDone(result, crops, "overlays/a.jpg" if kit.overlay else "")
            found = Hash(job.name, signature_of(job.path), time.time_ns()) if job.path.exists() else None
            is_whole = isinstance(result, PageFailure) and result.page == 0
            return Looked(found, 0 if is_whole else 1, result if is_whole else None)  # type: ignore[arg-type]

        monkeypatch.setattr(scanner.task, "perform", perform)
        return calls

    return put


def scanner_(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments)


def shell(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "scanner", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, **options)


# --- exit codes


def test_0_every_page_was_read(scans: Path, reads: Any) -> None:
    reads(page("b.png", field("review", 0.5), field("blank")))
    result = scanner_("read", "scans")
    assert result.exit_code == 0
    assert result.stdout == "3 pages, 4 fields: 2 accepted, 1 to review, 1 blank; 1 file skipped (output/pages.csv)\n"
    assert "failed" not in result.stdout


def test_1_a_bug_shows_where_it_is(scans: Path, reads: Any) -> None:
    def buggy(name: str) -> None:
        if name == "b.png":
            raise ZeroDivisionError("in the middle")

    reads(before=buggy)
    result = scanner_("read", "scans")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "Traceback" in result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"scanner: this is a bug in scanner {__version__}")
    assert not Path("output/pages.csv").exists()
    assert scanner_("read", "scans").exit_code == 1  # what was read is kept, the rest goes on


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("raed", "scans"),
        ("read",),
        ("read", "scans", "--no-such-option"),
        ("read", "scans", "--min-confidence", "1.5"),
        ("read", "scans", "--min-confidence", "nan"),
        ("read", "scans", "--min-confidence", "high"),
        ("read", "scans", "--output", "scans"),
        ("read", "scans", "--output", "scans/output"),
        ("read", "."),
        ("read", "output/crops"),
        ("read", "scans", "--page-memory", "inf"),
        ("read", "scans", "--move-done", "output/crops"),
        ("read", "scans", "--move-done", "scans/a.png"),
        ("synth",),
        ("synth", "new", "--count", "0"),
        ("synth", "new", "--styles", "baroque"),
        ("synth", "new", "--faults", "clean+burnt"),
    ],
)
def test_2_what_makes_no_sense_is_refused_before_any_work(scans: Path, reads: Any, arguments: Sequence[str]) -> None:
    (scans.parent / "output" / "crops").mkdir(parents=True)
    calls = reads()
    assert scanner_(*arguments).exit_code == 2
    assert not calls
    assert not (scans.parent / "new").exists()


@pytest.mark.parametrize("confidence", [-0.1, 1.5, float("nan")])
def test_2_what_is_no_probability_is_refused_from_python_too(scans: Path, confidence: float) -> None:
    with pytest.raises(UsageError, match="0 to 1"):
        scanner.run.run([scans], Path("output"), order=scanner.order.Order(min_confidence=confidence))
    assert not Path("output").exists()


def test_3_nothing_to_read(scans: Path, reads: Any) -> None:
    assert scanner_("read", "missing").exit_code == 3

    (scans / "none").mkdir()
    result = scanner_("read", "scans/none")
    assert result.exit_code == 3
    assert result.stderr == "scanner: error: scans/none: no image or PDF files found; name a folder of scans\n"
    assert not Path("output").exists()


@pytest.mark.parametrize("error", [FormError, ModelError, OutputError, ScannerError])
def test_other_errors_are_one_line_and_their_code(
    scans: Path, reads: Any, monkeypatch: pytest.MonkeyPatch, error: type[ScannerError]
) -> None:
    def refuse(path: Path | None) -> None:
        raise error(f"{path}: no good\nat all")

    monkeypatch.setattr(scanner.order, "read_network_files", refuse)
    result = scanner_("read", "scans", "--model", "m.onnx")
    assert result.exit_code == error.exit_code
    assert result.stderr == "scanner: error: m.onnx: no good at all\n"


def test_5_a_model_that_is_not_there(scans: Path) -> None:
    assert scanner_("read", "scans", "--model", "missing.onnx").exit_code == 5


def test_6_an_output_that_cannot_be_written(scans: Path, reads: Any) -> None:
    calls = reads()
    Path("output").write_text("a file")
    result = scanner_("read", "scans")
    assert result.exit_code == 6
    assert result.stderr.startswith("scanner: error: output: is no folder")
    assert not calls


def test_8_some_pages_failed(scans: Path, reads: Any) -> None:
    reads(failure("b.png"))
    result = scanner_("read", "scans", "-o", "here")
    assert result.exit_code == 8
    assert result.stdout == (
        "2 pages, 2 fields: 2 accepted, 0 to review, 0 blank; 1 page failed, 1 file skipped (here/pages.csv)\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_130_a_signal_lets_the_page_in_hand_finish_and_names_the_rest(
    scans: Path, reads: Any, number: signal.Signals
) -> None:
    reads(before=lambda name: os.kill(os.getpid(), number))
    before = signal.getsignal(number)
    result = scanner_("read", "scans")
    assert result.exit_code == 130
    assert result.stderr == "scanner: interrupted; what was finished is in output, and the same command goes on\n"
    assert result.stdout == ("1 page, 1 field: 1 accepted, 0 to review, 0 blank; 3 files skipped (output/pages.csv)\n")
    table = Path("output/pages.csv").read_text()
    assert "a.png,1,,read," in table
    assert "c.png,0,,skipped,interrupted," in table
    assert "notes.txt,0,,skipped,unknown_type," in table
    assert signal.getsignal(number) == before


def test_130_a_second_signal_ends_at_once(scans: Path, reads: Any) -> None:
    def twice(name: str) -> None:
        if name == "b.png":
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.01)

    reads(before=twice)
    result = scanner_("read", "scans")
    assert result.exit_code == 130
    assert "1 page, 1 field" in result.stdout


def test_130_an_interrupt_before_the_first_page(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(path: Path | None) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(scanner.order, "read_network_files", interrupt)
    result = scanner_("read", "scans")
    assert result.exit_code == 130
    assert result.stderr == "scanner: interrupted\n"


def test_outside_the_main_thread_no_signal_is_handled_but_pages_are_read(scans: Path, reads: Any) -> None:
    reads()
    results: list[Result] = []
    thread = threading.Thread(target=lambda: results.append(scanner_("read", "scans")))
    thread.start()
    thread.join()
    assert results[0].exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("read", "missing"), 3), (("read",), 2), (("read", "scans", "--model", "missing.onnx"), 5), (("--version",), 0)],
)
def test_the_shell_sees_the_same_codes(scans: Path, arguments: Sequence[str], code: int) -> None:
    assert shell(*arguments, env=environment()).returncode == code


def environment() -> dict[str, str]:
    """Finds this checkout from any folder."""
    return os.environ | {"PYTHONPATH": str(README.parent)}


# --- options


def test_options_reach_the_reader(scans: Path, reads: Any) -> None:
    calls = reads()
    scanner_("read", "scans/a.png", "--min-confidence", "0.97", "--overlay")
    scanner_("read", "scans/b.png", "--model", str(README.parent / "models" / "reader.onnx"))
    kits = {job.name: kit for job, kit in calls if isinstance(job, Read)}
    assert (kits["a.png"].min_confidence, kits["a.png"].overlay, kits["a.png"].reads_unknown) == (0.97, True, True)
    assert (kits["b.png"].min_confidence, kits["b.png"].network.path.name) == (None, "reader.onnx")


def test_pictures_are_written_where_the_tables_say(scans: Path, reads: Any) -> None:
    reads(page("a.png", dataclasses.replace(field("review", 0.5), crop="crops/r01f01.png")))
    scanner_("read", "scans")
    assert "crops/r01f01.png," in Path("output/review.csv").read_text()
    assert Path("output/crops/r01f01.png").exists()


@pytest.mark.parametrize("results", [[], [failure("b.png")]])
def test_quiet_says_nothing_unless_something_failed_this_time(
    scans: Path, reads: Any, results: list[PageResult]
) -> None:
    reads(*results)
    result = scanner_("read", "scans", "--quiet")
    assert bool(result.stdout) == bool(result.stderr) == bool(results)
    assert result.exit_code == (8 if results else 0)
    again = scanner_("read", "scans", "--quiet")  # it was told
    assert (again.exit_code, again.stdout, again.stderr) == (0, "", "")


def test_version() -> None:
    result = scanner_("--version")
    assert (result.exit_code, result.stdout) == (0, f"scanner {__version__}\n")


def test_synth_makes_pages_and_their_truth(tmp_path: Path) -> None:
    result = scanner_("synth", str(tmp_path / "new"), "--count", "1", "--styles", "cells", "--faults", "clean")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"1 page and truth.csv in {tmp_path / 'new'}\n"
    assert len(list((tmp_path / "new").iterdir())) == 2


def test_synth_takes_all_styles_and_faults(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner import synth

    calls: list[tuple[Any, ...]] = []
    monkeypatch.setattr(synth, "write_pages", lambda *arguments: calls.append(arguments))
    assert scanner_("synth", str(tmp_path), "--styles", "all", "--faults", "all", "--seed", "7").exit_code == 0
    assert scanner_("synth", str(tmp_path), "--faults", "skew+fax, low").exit_code == 0
    assert calls[0][1:5] == (10, [*synth.BOX_STYLES, *synth.EXTRA_STYLES], list(synth.FAULTS), 7)
    assert calls[1][1:5] == (10, ["separate", "cells", "comb"], ["skew+fax", "low"], 1)


def test_synth_takes_digits_of_a_data_set(tmp_path: Path) -> None:
    images = np.zeros((20, 28, 28), np.uint8)
    images[:, 5:23, 12:16] = 255
    np.savez(tmp_path / "digits.npz", x=images, y=np.arange(20) % 10)
    arguments = ("synth", str(tmp_path / "new"), "--count", "1", "--digits", str(tmp_path / "digits.npz"))
    assert scanner_(*arguments).exit_code == 0
    assert scanner_(*arguments[:-1], str(tmp_path / "missing.npz")).exit_code == 3


def test_synth_that_cannot_write(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert scanner_("synth", str(tmp_path / "file" / "new"), "--count", "1").exit_code == 6


def test_train_without_tensorflow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keras", None)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    result = scanner_("train", "--out", str(tmp_path / "models"))
    assert result.exit_code == 2
    assert "pip install 'scanner[train]'" in result.stderr
    assert not (tmp_path / "models").exists()


def test_train_passes_its_options_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from scanner import training

    given: list[training.TrainOptions] = []

    @dataclasses.dataclass
    class Report:
        accuracy: float = 0.99612

    def train(options: training.TrainOptions) -> Any:
        given.append(options)
        return training.TrainResult(Path("m.keras"), Path("m.onnx"), Path("m.json"), {}, {"mnist": Report()})  # type: ignore[dict-item]

    monkeypatch.setattr(training, "train", train)
    result = scanner_("train", "--digits", "mnist", "--digits", "more.npz", "--epochs", "3", "--no-test")
    assert result.stdout == "m.onnx: mnist 99.61 %\n"
    assert scanner_("train").exit_code == 0
    assert given == [
        training.TrainOptions(digits=(Path("mnist"), Path("more.npz")), epochs=3, measure_tests=False),
        training.TrainOptions(),
    ]


# --- what the README says of the night


def readme_blocks(language: str) -> list[str]:
    blocks = re.findall(rf"^```{language}\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert blocks, f"the README has no {language}"
    return blocks


def parsed(arguments: Sequence[str]) -> dict[str, Any]:
    """The options of a command line, as `scanner` takes them; an error, where it does not."""
    command = commands()[arguments[0]]
    return dict(command.make_context(arguments[0], list(arguments[1:])).params)


def nightly(words: Sequence[str]) -> None:
    options = parsed(words)
    assert (options["settle"], options["quiet"]) == (30.0, True)


def test_the_crontab_of_the_readme_runs() -> None:
    (crontab,) = readme_blocks("cron")
    *times, command = crontab.splitlines()[-1].split(maxsplit=5)
    assert len(times) == 5
    assert Path(command.split()[0]).name == "scanner"
    nightly(command.split()[1:])


def test_the_systemd_units_of_the_readme_run() -> None:
    units = {}
    for block in readme_blocks("ini"):
        parser = configparser.ConfigParser()
        parser.optionxform = str  # type: ignore[assignment,method-assign]
        parser.read_string(block)
        units[Path(block.splitlines()[0].removeprefix("# ")).name] = parser
    service, timer = units["scanner.service"]["Service"], units["scanner.timer"]["Timer"]
    nightly(service["ExecStart"].split()[1:])
    assert set(map(int, service["SuccessExitStatus"].split())) == {8, 130}
    assert timer["Persistent"] == "true"
    if shutil.which("systemd-analyze"):
        subprocess.run(["systemd-analyze", "calendar", timer["OnCalendar"]], check=True, capture_output=True)


def test_the_container_of_the_readme_runs() -> None:
    (file,) = readme_blocks("dockerfile")
    lines = dict(line.split(" ", 1) for line in file.splitlines() if not line.startswith("#"))
    assert json.loads(lines["ENTRYPOINT"]) == ["scanner"]
    nightly(json.loads(lines["CMD"]))
    extras = tomllib.loads((README.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(re.findall(r"\[(\w+)\]", lines["RUN"])) <= set(extras)


# --- options from a file


def test_options_come_from_a_file_and_the_command_line_comes_first(scans: Path, reads: Any) -> None:
    calls = reads()
    Path("scanner.toml").write_text(
        '[read]\ninputs = ["scans"]\noutput = "numbers"\nmin-confidence = 0.5\noverlay = true\n'
    )
    assert scanner_("read").exit_code == 0
    assert Path("numbers/pages.csv").exists()
    assert (calls[-1][1].min_confidence, calls[-1][1].overlay) == (0.5, True)
    Path("scanner.toml").rename("other.toml")
    assert scanner_("--config", "other.toml", "read", "-o", "here", "--min-confidence", "0.7").exit_code == 0
    assert calls[-1][1].min_confidence == 0.7
    assert Path("here/pages.csv").exists()


def test_options_are_called_as_on_the_command_line(scans: Path, reads: Any) -> None:
    reads()
    assert scanner_("read", "scans", "-o", "numbers").exit_code == 0
    Path("scanner.toml").write_text(
        '[status]\njson = true\n[export]\noutput = "mine.csv"\n[train]\nfrom = "a.keras"\ntest = false\n'
    )
    assert json.loads(scanner_("status", "numbers").stdout)["files"] > 0
    assert scanner_("export", "numbers").exit_code == 0
    assert Path("mine.csv").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[status]\nas-json = true\n", "no option 'as-json'; choose of json, output"),
        ("[raed]\n", "no command 'raed'"),
        ("[form]\n", "no command 'form'"),
        ('[read]\noutput = ["a", "b"]\n', "read, output: found ['a', 'b']; write one value"),
        ("[read]\ninputs = [{}]\n", "read, inputs: found {}; write one value"),
        ("[read]\nlimt = 3\n", "no option 'limt'"),
        ("read = 3\n", "write [read] above"),
        ("[read\n", "cannot be read"),
    ],
)
def test_mistakes_in_a_file_of_options_are_told(scans: Path, text: str, told: str) -> None:
    Path("scanner.toml").write_text(text)
    result = scanner_("read", "scans")
    assert result.exit_code == 2
    assert told in result.stderr


def test_watching_reads_what_comes_until_it_is_stopped(scans: Path, reads: Any) -> None:
    pytest.importorskip("watchfiles")

    def come(name: str) -> None:
        if name == "c.png":
            threading.Timer(1.0, lambda: cv2.imwrite("scans/d.png", np.full((99, 99), 255, np.uint8))).start()
        if name == "d.png":
            threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIGTERM)).start()

    reads(before=come)
    result = scanner_("watch", "scans", "--settle", "0")
    assert result.exit_code == 0, result.output
    assert [line.split(",")[0] for line in result.stdout.splitlines()] == ["3 pages", "4 pages (1 new)"]


# --- what is printed where


def test_no_progress_and_no_chatter_where_stderr_is_no_terminal(scans: Path, reads: Any) -> None:
    reads()
    result = scanner_("read", "scans")
    assert result.stderr == ""
    assert result.stdout.count("\n") == 1


def test_progress_shows_on_a_terminal(scans: Path, reads: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    reads()
    parent, child = pty.openpty()
    with os.fdopen(child, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        monkeypatch.setenv("TERM", "xterm")
        with pytest.raises(SystemExit) as exit_:
            app(["read", "scans"])
        terminal.flush()
        shown = os.read(parent, 100_000).decode()
    os.close(parent)
    assert exit_.value.code == 0
    assert "2/3" in shown


def test_strange_names_stay_on_one_line(scans: Path, reads: Any) -> None:
    reads(failure("a.png"))
    result = scanner_("read", "scans", "-o", "two\nlines\udcff")
    assert result.stdout == (
        "2 pages, 2 fields: 2 accepted, 0 to review, 0 blank; "
        "1 page failed, 1 file skipped (two lines\\udcff/pages.csv)\n"
    )


def test_help_answers_about_as_fast_as_what_parses_it_is_imported() -> None:
    """In seconds it is 0.15 on a machine of today; as a ratio it holds on slow and busy ones."""
    bare = [sys.executable, "-c", "import typer.rich_utils"]

    def seconds(command: list[str]) -> float:
        start = time.perf_counter()
        assert subprocess.run(command, capture_output=True, env=environment(), check=False).returncode == 0
        return time.perf_counter() - start

    pairs = [(seconds(bare), seconds([sys.executable, "-m", "scanner", "--help"])) for _ in range(5)]
    assert min(help_ for _, help_ in pairs) < HELP_RATIO * min(
        parser for parser, _ in pairs
    )  # the least: others work, too


# --- README and --help agree


def commands() -> dict[str, Any]:
    return typer.main.get_command(app).commands  # type: ignore[attr-defined, no-any-return]


def options_of(command: Any) -> set[str]:
    return {flag for option in command.params for flag in (*option.opts, *option.secondary_opts) if flag[0] == "-"}


def readme_section(command: str) -> str:
    found = re.search(rf"^### `scanner {command}.*?(?=^##)", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"the README has no section on scanner {command}"
    return found.group()


@pytest.mark.parametrize("name", ["read", "train", "synth"])
def test_the_readme_has_every_option_of_a_command_and_no_other(name: str) -> None:
    first_column = re.findall(r"^\| (`-.*?) \|", readme_section(name), re.MULTILINE)
    documented = {option for cell in first_column for option in re.findall(r"`(-.*?)`", cell)}
    assert documented == options_of(commands()[name])


def test_the_readme_has_every_command_and_no_other() -> None:
    assert set(re.findall(r"^### `scanner ([a-z]+)", README.read_text(), re.MULTILINE)) == set(commands())
    assert set(re.findall(r"(?:^|`|&& )scanner ([a-z]+)", README.read_text(), re.MULTILINE)) <= set(commands())


@pytest.mark.parametrize("name", ["read", "train", "synth"])
def test_every_option_has_a_help(name: str) -> None:
    assert [param.name for param in commands()[name].params if not param.help] == []


@pytest.mark.parametrize(
    ("heading", "reasons"),
    [
        ("Why a page failed", {**FAILURE_REASONS, **ENGINE_REASONS, **READING_REASONS}),
        ("Why a file was skipped", LEFT_REASONS),
        ("Why a field goes to review", REASONS),
    ],
)
def test_the_readme_has_every_reason_and_no_other(heading: str, reasons: Mapping[str, str]) -> None:
    assert set(re.findall(r"^\| `(\w+)`", readme_part(f"### {heading}"), re.MULTILINE)) == set(reasons)


def test_the_readme_has_the_columns_of_the_tables() -> None:
    section = readme_part("## What comes out")
    documented = {
        name for cell in re.findall(r"^\| (`.*?) \|", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)
    }
    assert documented == {*FIELD_COLUMNS, *PAGE_COLUMNS}
    assert all(f"`{column}`" in section for column in REVIEW_COLUMNS)


def test_the_example_of_the_readme_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    examples = re.findall(r"^```python\n(.*?)^```", README.read_text(), re.MULTILINE | re.DOTALL)
    assert examples
    monkeypatch.chdir(README.parent)
    names: dict[str, object] = {}
    for example in examples:  # one goes on where the one before it ends
        exec(compile(example, str(README), "exec"), names)
    assert re.search(r"\('r\d\df\d\d', '\d+', [01]\.\d+\)", capsys.readouterr().out)


def readme_part(heading: str) -> str:
    """From a heading to the next."""
    found = re.search(rf"^{re.escape(heading)}$.*?(?=^##|\Z)", README.read_text(), re.MULTILINE | re.DOTALL)
    assert found, f"the README has no {heading!r}"
    return found.group()


def test_an_empty_output_is_no_folder(scans: Path) -> None:
    """As of `--output "$UNSET"` in a script."""
    result = scanner_("read", "scans", "--output", "")
    assert result.exit_code == 2
    assert not Path("fields.csv").exists()


def test_an_output_that_is_a_file_is_named(scans: Path) -> None:
    Path("notes.txt").write_text("mine")
    result = scanner_("read", "scans", "--output", "notes.txt")
    assert result.exit_code == 6
    assert "notes.txt: is no folder" in result.stderr
    assert Path("notes.txt").read_text() == "mine"


def test_synth_leaves_earlier_pages_alone(tmp_path: Path) -> None:
    (tmp_path / "truth.csv").write_text("mine")
    result = scanner_("synth", str(tmp_path), "--count", "1")
    assert result.exit_code == 6
    assert (tmp_path / "truth.csv").read_text() == "mine"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_summary_that_cannot_be_written_is_no_bug(scans: Path) -> None:
    program = [sys.executable, "-m", "scanner", "read", "scans"]
    with Path("/dev/full").open("w") as full:
        result = subprocess.run(program, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert result.returncode == 6, result.stderr
    assert "Traceback" not in result.stderr


def test_an_empty_input_is_not_the_current_folder(scans: Path) -> None:
    result = scanner_("read", "")
    assert result.exit_code == 2
    assert "is empty" in result.stderr


def test_forms_need_all_ten_digits(tmp_path: Path) -> None:
    np.savez(tmp_path / "few.npz", x=np.zeros((3, 28, 28), np.uint8), y=np.array([0, 1, 2]))
    result = scanner_("synth", str(tmp_path / "out"), "--digits", str(tmp_path / "few.npz"))
    assert result.exit_code == 3
    assert "has no digit 3" in result.stderr


def test_a_missing_input_is_named_and_the_others_are_read(scans: Path, reads: Any) -> None:
    reads(failure("nowhere"))
    result = scanner_("read", "scans", "nowhere", "--quiet")
    assert result.exit_code == 8
    assert "nowhere: no such file or folder; the other inputs were read" in result.stderr
