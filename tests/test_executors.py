"""Tasks give the same results wherever they run, and what goes wrong in a worker is answered."""

from __future__ import annotations

import errno
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import executor_tasks as work
import pytest

from sam_theory.errors import InputError
from sam_theory.processes import WorkersLost
from sam_theory.sweeps import execute

TESTS = Path(__file__).parent
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="workers are killed by signals")


@pytest.mark.parametrize("scheduler", ["serial", "local", "local:1", "local:3"])
def test_every_task_is_done_once_whatever_the_scheduler(scheduler: str) -> None:
    assert sorted(execute(work.square, range(20), scheduler)) == [(n, n * n) for n in range(20)]
    assert not multiprocessing.active_children()


def test_no_task_is_no_work() -> None:
    assert list(execute(work.square, [], "local:2")) == []


@pytest.mark.parametrize("scheduler", ["", "locals", "local:", "local:0", "local:-1", "local:two", "serial:2"])
def test_an_unknown_scheduler_is_bad_input(scheduler: str) -> None:
    with pytest.raises(InputError, match=r"is not known; give serial, local, local:N"):
        execute(work.square, [1], scheduler)


def test_a_cluster_without_dask_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"needs Dask; install it with: pip install 'sam-theory\[cluster\]'"):
        next(execute(work.square, [1], "tcp://127.0.0.1:8786"))


class Counted:
    """A long sequence that makes its items when asked, and says how many were."""

    asked = 0

    def __len__(self) -> int:
        return 10**6

    def __getitem__(self, number: int) -> int:
        if not 0 <= number < len(self):
            raise IndexError
        self.asked += 1
        return number


def test_tasks_are_made_as_workers_become_free_and_closing_stops_them() -> None:
    tasks: Any = Counted()
    running = execute(work.square, tasks, "local:2")
    first = [next(running) for _ in range(10)]
    running.close()
    assert sorted(value for _, value in first) == [n * n for n in sorted(n for n, _ in first)]
    assert tasks.asked <= 14
    assert not multiprocessing.active_children()


def test_two_workers_share_the_tasks_and_compute_with_one_thread_each(tmp_path: Path) -> None:
    assert len({value for _, value in execute(work.together, [str(tmp_path)] * 2, "local:2")}) == 2
    assert {value for _, value in execute(work.blas_threads, range(2), "local:2")} == {"1"}


def test_a_killed_worker_is_replaced_and_its_task_alone_run_again(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), number, 2) for number in range(10)]
    assert sorted(execute(work.killed, tasks, "local:2")) == [(n, n * n) for n in range(10)]
    assert [work.runs(tmp_path, number) for number in range(10)] == [1, 1, 1, 1, 1, 3, 1, 1, 1, 1]


def test_a_task_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    tasks = [(str(tmp_path), number, 99) for number in range(10)]
    with pytest.raises(WorkersLost, match=r"task 5, .*died 4 times, last by SIGKILL.*use fewer workers"):
        list(execute(work.killed, tasks, "local:2"))
    assert work.runs(tmp_path, 5) == 4
    assert not multiprocessing.active_children()


@pytest.mark.parametrize(
    ("kind", "error", "says"),
    [
        ("input", InputError, "eta is -1; a step size is positive"),
        ("full", OSError, "No space left"),
        ("unpicklable", RuntimeError, "Unpicklable: this and that"),
        ("unsendable", Exception, "pickle"),
    ],
)
def test_an_exception_of_the_work_stops_the_run_at_once(kind: str, error: type[Exception], says: str) -> None:
    began = time.monotonic()
    with pytest.raises(error, match=says) as caught:
        list(execute(work.failing, ["60", kind], "local:2"))
    assert time.monotonic() - began < 30
    assert not multiprocessing.active_children()
    assert "executor_tasks.py" in str(caught.value.__cause__) or kind == "unsendable"
    if isinstance(caught.value, OSError):
        assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "tile")


SCRIPT = """
import signal, sys
import executor_tasks as work
signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests may have it ignored
if "threads" in sys.argv:
    import threading
    threading.Thread(target=threading.Event().wait, daemon=True).start()  # workers are new processes, not copies
from sam_theory.sweeps import execute
if __name__ == "__main__":
    tasks = [(sys.argv[1], number) for number in range(10**4)]
    for number, _ in execute(work.slow, tasks, "local:2"):
        print(number, flush=True)
"""


@pytest.fixture(params=["copies", "threads"])
def running(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], set[int]]]:
    """A script in mid-run, in a process group of its own, and the process ids of its workers."""
    script, runs = tmp_path / "script.py", tmp_path / "runs"
    runs.mkdir()
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}
    command = [sys.executable, str(script), str(runs), request.param]
    parent = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert parent.stdout is not None
    workers: set[int] = set()
    while len(workers) < 2:  # one may start long after the other
        workers.update(map(int, (runs / parent.stdout.readline().strip()).read_text().split()))
    yield parent, workers
    parent.kill()
    parent.communicate()


def gone(processes: set[int]) -> bool:
    """Whether all of them end within some seconds."""
    deadline = time.monotonic() + 20
    while alive := {pid for pid in processes if exists(pid)}:
        if time.monotonic() > deadline:
            print(alive)
            return False
        time.sleep(0.02)
    return True


def exists(process: int) -> bool:
    try:
        os.kill(process, 0)
        status = Path(f"/proc/{process}/stat")
        return not (status.exists() and status.read_text().rpartition(")")[2].split()[0] == "Z")
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_workers_end_with_their_parent_when_it_is_killed(running: tuple[subprocess.Popen[str], set[int]]) -> None:
    parent, workers = running
    assert all(exists(pid) for pid in workers)
    parent.kill()
    assert gone(workers)


def test_an_interrupt_stops_the_workers_and_reaches_the_caller(running: tuple[subprocess.Popen[str], set[int]]) -> None:
    parent, workers = running
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to all processes of the group
    _, errors = parent.communicate(timeout=20)
    assert gone(workers)
    assert errors.count("KeyboardInterrupt") == errors.count("Traceback") == 1
