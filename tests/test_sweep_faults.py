"""Whatever happens to a sweep in mid-run, its final result is that of an undisturbed run, byte for byte."""

from __future__ import annotations

import multiprocessing
import os
import shutil
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
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, bytes]]:
    store = tmp_path_factory.mktemp("undisturbed")
    run(store)
    assert len(files(store)) == TILES + 1
    return store, files(store)


@pytest.fixture
def expected(undisturbed: tuple[Path, dict[str, bytes]]) -> dict[str, bytes]:
    return undisturbed[1]


@pytest.fixture
def complete(undisturbed: tuple[Path, dict[str, bytes]], tmp_path: Path) -> Path:
    """A copy of the finished store."""
    return Path(shutil.copytree(undisturbed[0], tmp_path / "complete"))


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


def say(state: Progress) -> None:
    print(state.done, flush=True)


def kill_a_worker() -> None:
    os.kill(multiprocessing.active_children()[0].pid or 0, signal.SIGKILL)
    print("killed", flush=True)


SCRIPT = """
import sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_sweep_faults as faults
if __name__ == "__main__":
    scheduler, action, *stores = sys.argv[1:]
    for store in stores:
        faults.run(Path(store), scheduler, {{"say": faults.say, "kill": faults.once(faults.kill_a_worker)}}[action])
"""


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts sweeps in processes of their own."""
    processes: list[subprocess.Popen[str]] = []
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(tests=str(TESTS)))
    environment = {**os.environ, "PYTHONPATH": str(TESTS.parent), "OPENBLAS_NUM_THREADS": "1"}

    def start(arguments: list[Any], *before: str) -> subprocess.Popen[str]:
        command = [*before, sys.executable, str(script), *map(str, arguments)]
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
    process = started(["local:2", "kill", tmp_path / "store"])
    output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")
    assert "killed" in output
    assert files(tmp_path / "store") == expected


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_the_run_is_killed_and_resumes(
    how: signal.Signals, tmp_path: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    store = tmp_path / "store"
    process = started(["local:2", "say", store])
    assert process.stdout is not None
    until(lambda: process.stdout.readline().strip() == "3")
    process.send_signal(how)
    process.communicate(timeout=20)
    assert process.returncode != 0
    time.sleep(0.1)  # workers end with their parent
    kept = {path: path.stat().st_mtime_ns for path in store.glob("*/tile-*")}
    assert 3 <= len(kept) < TILES
    run(store)
    assert files(store) == expected
    assert kept == {path: path.stat().st_mtime_ns for path in kept}  # what was there is not written again


def test_two_sweeps_write_into_the_same_store(
    tmp_path: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    both = [started([scheduler, "say", tmp_path / "store"]) for scheduler in ("local:2", "serial")]
    ends = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert files(tmp_path / "store") == expected


def test_tiles_that_are_truncated_changed_or_exchanged_are_computed_again(
    complete: Path, expected: dict[str, bytes]
) -> None:
    tiles = sorted(complete.glob("*/tile-*"))
    content = tiles[1].read_bytes()
    tiles[1].write_bytes(content[: len(content) // 2])
    flipped = bytearray(tiles[2].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    tiles[2].write_bytes(flipped)
    tiles[3].write_bytes(tiles[4].read_bytes())
    tiles[5].write_bytes(b"")
    states: list[Progress] = []
    run(complete, "serial", states.append)
    assert states[0].found == TILES - 4
    assert files(complete) == expected


def mounted(options: str, directory: Path) -> list[str]:
    """A command prefix under which a file system is mounted on ``directory``, for that command alone."""
    shell = f'mount {options} "{directory}" && exec "$@"'
    prefix = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", shell, "sh"]
    try:
        subprocess.run([*prefix, "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system can be mounted here")
    return prefix


def test_a_full_disk_is_said_and_what_is_finished_is_kept(
    tmp_path: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    (disk := tmp_path / "disk").mkdir()
    (copy := tmp_path / "copy").mkdir()
    size = sum(map(len, expected.values()))
    prefix = mounted(f"-t tmpfs -o size={size // 2} none", disk)
    shell = f'"$@"; status=$?; cp -r "{disk}"/* "{copy}"; exit $status'  # the disk ends with the command
    process = started(["local:2", "say", disk / "store"], *prefix, "sh", "-c", shell, "sh")
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "InputError" in errors and "No space left on device; what is finished is kept: free some space" in errors
    kept = files(copy / "store")
    assert 3 < len(kept) < TILES and kept.items() <= expected.items()
    run(copy / "store")
    assert files(copy / "store") == expected


def test_a_read_only_store_is_read_where_it_is_complete_and_named_where_it_is_not(
    complete: Path, started: Callable[..., subprocess.Popen[str]], expected: dict[str, bytes]
) -> None:
    lacking = Path(shutil.copytree(complete, complete.parent / "lacking"))
    sorted(lacking.glob("*/tile-*"))[7].unlink()
    prefix = mounted(f'--bind -o ro "{complete.parent}"', complete.parent)
    process = started(["local:2", "say", complete, lacking], *prefix)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert output.split() == [str(TILES)]
    assert f"InputError: the store {lacking} cannot be written to and lacks 1 of {TILES} tiles" in errors
    run(lacking)
    assert files(lacking) == files(complete) == expected
