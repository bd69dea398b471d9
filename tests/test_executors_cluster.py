"""Tasks on a Dask cluster: real processes, some of them killed."""

from __future__ import annotations

import errno
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import executor_tasks as work
import pytest
from dask_cluster import Cluster

from sam_theory.errors import InputError
from sam_theory.processes import WorkersLost
from sam_theory.sweeps import _clients, _cluster, execute

pytest.importorskip("distributed")
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="workers are killed by signals")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with closing(Cluster(tmp_path_factory.mktemp("cluster"), 2)) as started:
        yield started


def test_a_cluster_does_every_task_once_by_address_and_by_file(cluster: Cluster, tmp_path: Path) -> None:
    for scheduler in (cluster.address, str(cluster.file)):
        assert sorted(execute(work.square, range(30), scheduler, tmp_path)) == [(n, n * n) for n in range(30)]
    assert list(execute(work.square, [], cluster.address)) == []
    assert not list(tmp_path.iterdir())  # the file with the work is gone


def test_both_workers_take_part_and_tasks_are_made_as_they_become_free(cluster: Cluster, tmp_path: Path) -> None:
    asked = []

    class Tasks:
        def __len__(self) -> int:
            return 10**6

        def __getitem__(self, number: int) -> str:
            asked.append(number)
            return str(tmp_path)

    tasks: Any = Tasks()
    with closing(execute(work.together, tasks, cluster.address)) as running:
        for _ in range(12):
            next(running)
    assert len(asked) <= 24
    assert len(list(tmp_path.iterdir())) == 2


def test_an_exception_of_the_work_stops_the_run(cluster: Cluster) -> None:
    with pytest.raises(InputError, match=r"^eta is -1; a step size is positive$"):
        list(execute(work.failing, ["0", "input"], cluster.address))
    with pytest.raises(OSError, match="No space left") as caught:
        list(execute(work.failing, ["full", "0"], cluster.address))
    assert caught.value.errno == errno.ENOSPC


def test_tasks_of_a_killed_worker_run_on_others(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [(str(tmp_path), number, 1) for number in range(12)]
    assert sorted(execute(work.killed, tasks, cluster.address)) == [(n, n * n) for n in range(12)]
    assert work.runs(tmp_path, 5) == 2


def test_a_task_that_kills_every_worker_ends_the_run(cluster: Cluster, tmp_path: Path) -> None:
    tasks = [(str(tmp_path), number, 99) for number in range(5, 6)]
    with pytest.raises(WorkersLost, match=r"task 0, or one beside it: its worker died 2 times, last that at tcp://"):
        list(execute(work.killed, tasks, cluster.address))
    assert work.runs(tmp_path, 5) == 2


def test_versions_of_workers_are_compared(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    (_, version), *others = _clients._versions()
    monkeypatch.setattr(_clients, "_versions", lambda: (("sam_theory", "9.9"), *others))
    with pytest.raises(InputError, match=rf"the worker on .* has sam_theory {version}, this process 9\.9; install"):
        list(execute(work.square, range(3), cluster.address))


def test_workers_that_round_differently_are_refused(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match=r"at tcp://b and tcp://c round functions differently; .*one kind"):
        _clients._agreed({"tcp://a": "1", "tcp://b": "1", "tcp://c": "2"})
    monkeypatch.setattr(_clients, "_agreed", lambda answers: "as on another processor")  # one joins later
    with pytest.raises(InputError, match="rounds functions otherwise than those before it"):
        list(execute(work.square, range(3), cluster.address))


def test_a_store_that_workers_do_not_see_is_named(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextmanager
    def elsewhere(_: object, shared: Path) -> Iterator[str]:
        yield str(shared / "a file of another machine")

    monkeypatch.setattr(_clients, "_file_of", elsewhere)
    with pytest.raises(InputError, match=f"does not see the store {tmp_path}; give a directory that every worker has"):
        list(execute(work.square, range(3), cluster.address, tmp_path))


def test_a_cluster_that_is_not_there_is_bad_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clients, "PATIENCE", 0.3)
    file = tmp_path / "scheduler.json"
    with pytest.raises(InputError, match=r"scheduler\.json cannot be read .*dask scheduler --scheduler-file"):
        list(execute(work.square, [1], str(file)))
    file.write_text("{}")
    with pytest.raises(InputError, match="no scheduler file of Dask"):
        list(execute(work.square, [1], str(file)))
    file.write_text('{"address": "tcp://127.0.0.1:1"}')
    with pytest.raises(InputError, match=r"answers at tcp://127\.0\.0\.1:1, the address in .*scheduler\.json"):
        list(execute(work.square, [1], str(file)))
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://nowhere"):
        list(execute(work.square, [1], "tcp://nowhere"))
    for address in ("tcp://", "dask://127.0.0.1:1", "inproc://127.0.0.1/1/1"):
        with pytest.raises(InputError, match=f"no Dask scheduler answers at {address}"):
            list(execute(work.square, [1], address))


def test_a_scheduler_that_dies_and_one_that_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clients, "_FIRST", 0.2)
    with closing(Cluster(tmp_path, 0)) as cluster:
        with pytest.raises(InputError, match="has no workers; start some with `dask worker"):
            list(execute(work.square, [1], cluster.address))
        monkeypatch.setattr(_clients, "_FIRST", 30.0)
        (other := tmp_path / "other").mkdir()
        (other / "sam_theory.py").touch()
        cluster.start_worker(other)
        with pytest.raises(InputError, match=r"the worker at tcp://.* cannot do the work \(.*sam_theory.*\); install"):
            list(execute(work.square, [1], cluster.address))
        cluster.kill_workers()
        cluster.start_worker()
        tasks = [(str(tmp_path), number) for number in range(10**4)]
        running = execute(work.slow, tasks[:12], cluster.address)
        found = [next(running) for _ in range(3)]
        cluster.kill_scheduler()
        cluster.start_scheduler(int(cluster.address.rpartition(":")[2]))
        cluster.start_worker()
        assert sorted([*found, *running]) == [(n, n * n) for n in range(12)]

        monkeypatch.setattr(_clients, "PATIENCE", 3.0)
        running = execute(work.slow, tasks, cluster.address)
        next(running)
        cluster.kill_workers()
        monkeypatch.setattr(_cluster, "_COUNT", 0.1)
        monkeypatch.setattr(_cluster, "_ABSENT", 0.2)
        with pytest.raises(WorkersLost, match="has had no worker for"):
            list(running)
        cluster.start_worker()
        running = execute(work.slow, tasks, cluster.address)
        next(running)
        cluster.kill_scheduler()
        with pytest.raises(WorkersLost, match=r"does not answer any more; what is finished is kept: once"):
            list(running)
