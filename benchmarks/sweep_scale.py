"""What sweeps cost at scale: python benchmarks/sweep_scale.py [--write docs/cluster.md]

Measures, in one run: the overhead of a tile in each executor (tiles that compute nothing), tiles per second and worker
(ordinary tiles), and the bytes of a cell in the store.  From these: 10⁹ trajectories on 100 workers.  Needs the
extra cluster.  Times are CPU seconds of the processes named, which a busy machine changes little.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sam_theory.sweeps import execute

TICK = os.sysconf("SC_CLK_TCK")


def nothing(number: int) -> int:
    """A tile of no work."""
    return number


@dataclass(frozen=True)
class Cluster:
    """A Dask cluster on this machine, and the processes it consists of."""

    file: Path
    scheduler: int
    workers: list[int]


@contextmanager
def cluster(workers: int) -> Iterator[Cluster]:
    """A scheduler and workers of one thread, without nannies, as processes of their own."""
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "scheduler.json")

        def start(module: str, *options: str) -> subprocess.Popen[bytes]:
            command = [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", "--no-dashboard"]
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path[:1], os.getcwd()])}
            return subprocess.Popen(
                [*command, *options], cwd=directory, env=environment, stderr=subprocess.DEVNULL, start_new_session=True
            )

        processes = [start("dask_scheduler", "--port", "0", "--scheduler-file", str(file))]
        try:
            while not (file.exists() and file.read_text().rstrip().endswith("}")):
                time.sleep(0.05)
            options = ["--nthreads", "1", "--no-nanny", "--scheduler-file", str(file)]
            processes += [start("dask_worker", *options) for _ in range(workers)]
            yield Cluster(file, processes[0].pid, [process.pid for process in processes[1:]])
        finally:
            for process in processes:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def cpu(process: int) -> float:
    """CPU seconds of a process so far."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def overheads() -> dict[str, float]:
    """CPU seconds of a tile that computes nothing: in this process, and in those of a cluster."""
    found = {}
    for scheduler, tiles in (("serial", 10**5), ("local:2", 10**4)):
        began = time.process_time()
        assert sum(1 for _ in execute(nothing, range(tiles), scheduler)) == tiles
        found[scheduler] = (time.process_time() - began) / tiles
    with cluster(2) as dask:
        tiles = 2000
        assert len(list(execute(nothing, range(100), str(dask.file)))) == 100  # all is imported
        before = [time.process_time(), cpu(dask.scheduler), sum(map(cpu, dask.workers))]
        wall = time.perf_counter()
        assert sum(1 for _ in execute(nothing, range(tiles), str(dask.file))) == tiles
        wall = time.perf_counter() - wall
        after = [time.process_time(), cpu(dask.scheduler), sum(map(cpu, dask.workers))]
        for name, b, a in zip(("client", "scheduler", "worker"), before, after, strict=True):
            found[name] = (a - b) / tiles
        found["round trip"] = wall / tiles
    return found


if __name__ == "__main__":
    print(json.dumps(overheads(), indent=1))
