"""Workers: one that dies or hangs costs its job only; a cluster is one more executor."""

import asyncio
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path

import pytest

from scanner.crew import TRIES_ALONE, Lost, Result, Todo, work
from scanner.engine import Engine, all_cores, open_crew, open_pool
from scanner.errors import EngineError, UsageError
from scanner.network import read_network_files
from scanner.opening import Signature, hash_file
from scanner.order import Order
from scanner.run import run
from scanner.task import Changed, Hash, Job, Kit, Look, Looked, PageDone, Read, perform

SAMPLES = Path(__file__).parent.parent / "samples"


@pytest.fixture(scope="module")
def kit() -> Kit:
    return Kit("test", read_network_files())


def deadly(job: Job, kit: Kit | None = None) -> Looked:
    """What workers of these tests do: their names tell."""
    kind = job.name.split()[0]
    if kind in ("kill", "crash"):
        with job.path.open("a") as tries:
            tries.write("x")
        os.kill(os.getpid(), signal.SIGKILL if kind == "kill" else signal.SIGSEGV)
    if kind == "hang":
        time.sleep(60)
    if kind == "nap":
        time.sleep(0.5)
    if kind in ("once", "twice") and not (job.path.exists() and (kind == "once" or job.path.stat().st_size > 1)):
        with job.path.open("a") as tries:
            tries.write("x")
        os.kill(os.getpid(), signal.SIGKILL)
    if kind == "raise":
        raise ZeroDivisionError(job.name)
    return Looked(None, os.getpid())


def done(engine: Engine, kit: Kit, jobs: list[Job], folder: Path) -> dict[str, Result]:
    with open_pool(engine, kit, folder, deadly) as crew:
        return {job.name: result for job, result in work(crew, Todo(iter(jobs)))}


def test_a_job_that_kills_its_worker_again_is_lost_and_no_other(kit: Kit, tmp_path: Path) -> None:
    jobs: list[Job] = [Look(Path(), f"fine {number}") for number in range(20)]
    jobs[3:3] = [Look(tmp_path / "kill", "kill 1"), Look(tmp_path / "once", "once 1")]
    jobs[15:15] = [Look(tmp_path / "crash", "crash 1"), Look(tmp_path / "twice", "twice 1")]
    results = done(Engine(workers=2), kit, jobs, tmp_path)
    lost = {name: result for name, result in results.items() if isinstance(result, Lost)}
    assert {name: result.reason for name, result in lost.items()} == {"kill 1": "worker_died", "crash 1": "worker_died"}
    assert len(results) == 24
    assert "signal 9 (killed, perhaps for want of memory)" in lost["kill 1"].detail
    assert "signal 11 (Segmentation fault" in lost["crash 1"].detail
    assert (tmp_path / "crash").stat().st_size == 2  # once more, alone
    assert (tmp_path / "kill").stat().st_size == 1 + TRIES_ALONE  # somebody else may have done it


def test_a_job_that_takes_too_long_is_given_up(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[Job] = [Look(Path(), name) for name in ("hang", "fine")]
    monkeypatch.setattr("scanner.workers.STARTING_S", 1.0)
    results = done(Engine(workers=1, page_timeout_s=2), kit, jobs, tmp_path)
    assert results["hang"] == Lost("page_timeout", "not finished after 2 s")
    assert isinstance(results["fine"], Looked)


def test_workers_finish_their_job_whatever_signal_the_group_gets(kit: Kit, tmp_path: Path) -> None:
    with open_pool(Engine(workers=2), kit, tmp_path, deadly) as crew:
        futures = [crew.submit(Look(Path(), f"nap {number}")) for number in range(4)]
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            time.sleep(0.2)
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, number)
        assert all(isinstance(crew.result_of(future), Looked) for future in futures)


def test_what_a_worker_raises_ends_the_run(kit: Kit, tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        done(Engine(workers=2), kit, [Look(Path(), "raise")], tmp_path)


def test_jobs_that_come_of_one_that_died_are_done_too(kit: Kit, tmp_path: Path) -> None:
    todo = Todo(iter([Look(tmp_path / "once", "once 1")]))
    seen = []
    with open_pool(Engine(workers=2), kit, tmp_path, deadly) as crew:
        for job, result in work(crew, todo):
            seen.append((job.name, isinstance(result, Looked)))
            if job.name == "once 1":
                todo.add([Look(Path(), "fine 1"), Look(tmp_path / "again", "once 2")])
    assert seen == [("once 1", True), ("fine 1", True), ("once 2", True)]


def test_workers_that_never_live_end_the_run(kit: Kit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scanner.crew.MOST_DEATHS", 3)
    jobs: list[Job] = [Look(Path(), f"fine {number}") for number in range(20)]
    with pytest.raises(EngineError, match="--workers 1"):
        done(Engine(workers=2, page_memory=1), kit, jobs, tmp_path)


def test_jobs_that_are_added_come_first_and_a_stop_finishes_what_is_in_hand(kit: Kit) -> None:
    seen: list[str] = []
    todo = Todo(iter([Look(Path(), name) for name in "abc"]))
    with open_crew(Engine(), kit, Path()) as crew:
        for job, _ in work(crew, todo, lambda: len(seen) == 3):
            seen.append(job.name)
            if job.name == "a":
                todo.add([Look(Path(), "a1"), Look(Path(), "a2")])
    assert seen == ["a", "a1", "a2"]


def test_no_workers_make_no_sense(kit: Kit) -> None:
    with pytest.raises(UsageError, match="--workers"), open_crew(Engine(workers=0), kit, Path()):
        pytest.fail("it was opened")
    assert all_cores() >= 1


def test_a_file_that_changes_meanwhile_is_left(kit: Kit, tmp_path: Path) -> None:
    scan = tmp_path / "a.png"
    scan.write_bytes((SAMPLES / "meter_reading" / "clean.png").read_bytes())
    found = hash_file(scan)
    job = Read(scan, "a.png", 1, found.digest, found.signature)
    assert isinstance(perform(job, kit), PageDone)
    assert isinstance(perform(Read(scan, "a.png", 1, found.digest, Signature(1, 2, 3)), kit), Changed)


def test_a_page_that_needs_too_much_memory_says_so(kit: Kit, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def greedy(*_: object) -> None:
        raise MemoryError("Unable to allocate 9 GiB")

    monkeypatch.setattr("scanner.pipeline.read_image", greedy)
    scan = SAMPLES / "meter_reading" / "clean.png"
    found: Hash = hash_file(scan)
    done = perform(Read(scan, "a.png", 1, found.digest, found.signature), kit)
    assert isinstance(done, PageDone)
    assert done.result.reason == "out_of_memory"  # type: ignore[union-attr]


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0", host="127.0.0.1") as local:
        yield local.scheduler_address


def test_a_cluster_gives_the_same_tables(cluster: str, tmp_path: Path) -> None:
    forms = [SAMPLES / "postal_card"]
    run([SAMPLES / "postal_card"], tmp_path / "far", engine=Engine(cluster=cluster), order=Order(forms=tuple(forms)))
    run([SAMPLES / "postal_card"], tmp_path / "near", order=Order(forms=tuple(forms)))
    for name in ("fields.csv", "review.csv", "forms.csv"):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "near" / name).read_bytes()


def test_a_job_of_a_cluster_that_takes_too_long_is_given_up(cluster: str, kit: Kit, tmp_path: Path) -> None:
    jobs: list[Job] = [Look(SAMPLES / "exam" / "batch.pdf", str(number)) for number in range(1)]
    with open_crew(Engine(cluster=cluster, page_timeout_s=1e-6), kit, tmp_path) as crew:
        lost = [result for _, result in work(crew, Todo(iter(jobs)))]
    assert lost == [Lost("page_timeout", "not finished after 1e-06 s")]
    with open_crew(Engine(cluster=cluster), kit, tmp_path) as crew:  # its workers were started anew
        assert all(isinstance(result, Looked) for _, result in work(crew, Todo(iter(jobs))))


def test_a_result_that_is_lost_on_its_way_is_made_again(cluster: str, kit: Kit, tmp_path: Path) -> None:
    """Dask's executor takes a result for an exception, where its worker goes in that moment."""
    from distributed.cfexecutor import _cascade_future

    class Future_:
        status = "lost"

        async def _result(self, *, raiseit: bool) -> Looked:
            return Looked(None, 1)

    async def lose() -> Future[object]:
        future: Future[object] = Future()
        await _cascade_future(Future_(), future)
        return future

    with open_crew(Engine(cluster=cluster), kit, tmp_path) as crew:
        assert crew.result_of(asyncio.run(lose())) == Lost("not_begun", "")


def test_a_cluster_that_does_not_answer(kit: Kit, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("scanner.cluster.CONNECT_S", 1)
    with (
        pytest.raises(EngineError, match="no Dask scheduler answers"),
        open_crew(Engine(cluster="tcp://127.0.0.1:9"), kit, Path()),
    ):
        pytest.fail("it was opened")
