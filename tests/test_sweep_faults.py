"""Whatever process of a sweep ends in mid-run, its final result is that of an undisturbed run, byte for byte."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dask_cluster import TESTS, Cluster, until

from sam_theory.dynamics import Map
from sam_theory.losses import Product, log_cosh
from sam_theory.processes import WorkersLost
from sam_theory.rules import sam
from sam_theory.sweeps import Progress, SweepResult, _clients, sweep
from sam_theory.sweeps._store import _lives

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="processes are killed by signals")
TILES = 12


def run(store: Path, scheduler: str = "serial", progress: Callable[[Progress], None] | None = None) -> SweepResult:
    """SAM on log cosh(xy) over 48×32 points, in tiles of some tens of milliseconds."""
    over = {"eta": {"linspace": [0.01, 0.6, 48]}, "rho": {"linspace": [0.01, 0.6, 32]}}
    return sweep(
        Map(sam, Product(log_cosh)), over, [0.5, 3.0], 600,
        tile=48 * 32 // TILES, store=store, scheduler=scheduler, progress=progress, backend="numpy",
    )  # fmt: skip


def files(store: Path) -> dict[str, bytes]:
    return {str(path.relative_to(store)): path.read_bytes() for path in store.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The store of an undisturbed run."""
    store = tmp_path_factory.mktemp("undisturbed")
    run(store)
    assert len(files(store)) == TILES + 1
    return files(store)


def once(action: Callable[[], Any], after: int = 2) -> Callable[[Progress], None]:
    """An action after some tiles."""
    waiting = [action]

    def progress(state: Progress) -> None:
        if state.done >= after and waiting:
            waiting.pop()()

    return progress


def test_on_a_cluster_a_worker_is_killed_then_the_scheduler_and_the_run_resumes(
    tmp_path: Path, expected: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    (base := tmp_path / "cluster").mkdir()
    with closing(Cluster(base, 2)) as cluster:
        until(lambda: len(cluster.workers()) == 2)
        run(tmp_path / "first", cluster.address, once(lambda: os.kill(cluster.workers()[0], signal.SIGKILL)))
        assert files(tmp_path / "first") == expected
        monkeypatch.setattr(_clients, "PATIENCE", 3.0)
        with pytest.raises(WorkersLost, match="what is finished is kept"):
            run(tmp_path / "second", cluster.address, once(cluster.kill_scheduler))
        kept = files(tmp_path / "second")
        assert 2 < len(kept) < TILES and kept.items() <= expected.items()
    states: list[Progress] = []
    run(tmp_path / "second", "serial", states.append)
    assert states[0].found == len(kept) - 1
    assert files(tmp_path / "second") == expected


def rest() -> None:
    """Say so, and rest to be killed meanwhile."""
    print("resting", flush=True)
    time.sleep(60)


wait = once(rest, 3)  # once, since an interrupted run tells its state once more


def say(state: Progress) -> None:
    print(state.done, flush=True)


def kill(state: Progress) -> None:
    if state.done == 2:
        os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
        print("killed", flush=True)


SCRIPT = """
import signal, sys
from pathlib import Path
signal.signal(signal.SIGINT, signal.default_int_handler)  # what starts the tests may have it ignored
sys.path.insert(0, {tests!r})
import test_sweep_faults as faults
if __name__ == "__main__":
    scheduler, action, store = sys.argv[1:]
    faults.run(Path(store), scheduler, getattr(faults, action))
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts sweeps in processes of their own."""
    processes: list[subprocess.Popen[str]] = []
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(TESTS)))
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent), "OPENBLAS_NUM_THREADS": "1"}

    def start(scheduler: str, action: str, store: Path) -> subprocess.Popen[str]:
        command = [sys.executable, str(script), scheduler, action, str(store)]
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        processes.append(subprocess.Popen(command, env=environment, start_new_session=True, **pipes))
        return processes[-1]

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def test_a_local_worker_is_killed(
    tmp_path: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    process = started("local:2", "kill", tmp_path / "store")
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert "killed" in output
    assert files(tmp_path / "store") == expected


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_run_is_killed_and_resumes(
    how: signal.Signals, tmp_path: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    store = tmp_path / "store"
    process = started("local:2", "wait", store)
    assert process.stdout is not None
    until(lambda: process.stdout.readline().strip() == "resting")
    process.send_signal(how)
    process.communicate(timeout=60)  # until the pipe is closed, which workers hold too
    assert process.returncode != 0
    kept = {path: path.stat().st_mtime_ns for path in store.glob("*/tile-*")}
    assert 3 <= len(kept) < TILES
    # A worker that has ended is there until it is reaped, by a system that may be busy; its draft is not an orphan yet.
    until(lambda: not any(_lives(int(part.name.split(".")[-3])) for part in store.glob("*/.*.part")))
    run(store)
    assert files(store) == expected
    assert kept == {path: path.stat().st_mtime_ns for path in kept}  # what was there is not written again


def test_two_sweeps_write_into_the_same_store(
    tmp_path: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    both = [started(scheduler, "say", tmp_path / "store") for scheduler in ("local:2", "serial")]
    ends = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert files(tmp_path / "store") == expected
