"""What sweeps cost at scale: python benchmarks/sweep_scale.py [--write docs/cluster.md]

Measures, in one run: the overhead of a tile in each executor (tiles that compute nothing), tiles per second and worker
(ordinary tiles), and the bytes of a cell in the store.  From these: 10⁹ trajectories on 100 workers.  Needs the
extra cluster.  Times are CPU seconds of the processes named, which a busy machine changes little.
"""

from __future__ import annotations

import math
import os
import platform
import re
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before NumPy: local workers are then copies of this process

from sam_theory import Map, Product, log_cosh, sam
from sam_theory.processes import cores
from sam_theory.sweeps import Progress, execute, sweep

SAM, START, STEPS = Map(sam, Product(log_cosh)), [0.5, 3.0], 2000
GRID = {"numpy": 32, "fast": 512}  # values of rho: some tiles of each
N, WORKERS = 10**9, 100
BEGIN, END = "<!-- benchmarks/sweep_scale.py -->", "<!-- end -->"
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


def overheads(dask: Cluster) -> dict[str, float]:
    """CPU seconds of a tile that computes nothing, by the process of a cluster that spends them."""
    tiles = 2000
    assert len(list(execute(nothing, range(100), str(dask.file)))) == 100  # all is imported
    before = [time.process_time(), cpu(dask.scheduler), sum(map(cpu, dask.workers))]
    assert sum(1 for _ in execute(nothing, range(tiles), str(dask.file))) == tiles
    after = [time.process_time(), cpu(dask.scheduler), sum(map(cpu, dask.workers))]
    names = ("client", "scheduler", "worker")
    return {name: (end - start) / tiles for name, start, end in zip(names, before, after, strict=True)}


def overheads_here() -> dict[str, float]:
    """CPU seconds that this process spends on a tile that computes nothing."""
    found = {}
    for scheduler, tiles in (("serial", 10**5), ("local:2", 10**4)):
        began = time.process_time()
        assert sum(1 for _ in execute(nothing, range(tiles), scheduler)) == tiles
        found[scheduler] = (time.process_time() - began) / tiles
    return found


class Ordinary:
    """SAM on log cosh(xy) from (.5, 3), in tiles of the size that a sweep chooses."""

    def __init__(self, backend: str, directory: Path) -> None:
        self.backend, self.directory = backend, directory
        self.seconds: dict[str, float] = {}  # CPU seconds of a tile where it is computed, by scheduler
        self.trajectories, self.check, self.bytes_per_cell = 0, 0.0, 0.0

    def run(self, store: str, scheduler: str) -> int:
        grid = {"eta": {"linspace": [0.01, 0.6, 512]}, "rho": {"linspace": [0.01, 0.6, GRID[self.backend]]}}
        settings: dict[str, Any] = {"steps": STEPS, "backend": self.backend, "settling": "off"}
        states: list[Progress] = []
        place = self.directory / store
        result = sweep(SAM, grid, START, **settings, store=place, scheduler=scheduler, progress=states.append)
        self.trajectories = result.specification["tile"]
        return states[-1].total

    def contents(self, store: str) -> dict[str, bytes]:
        return {file.name: file.read_bytes() for file in (self.directory / store).glob("*/tile-*")}

    def here(self) -> None:
        """In this process and its copies."""
        self.run("first", "serial")  # kernels are built
        began = time.process_time()
        tiles = self.run("serial", "serial")
        self.seconds["serial"] = (time.process_time() - began) / tiles
        began = time.process_time()
        self.run("serial", "serial")
        self.check = (time.process_time() - began) / tiles
        before = children()
        self.run("local", "local:2")
        self.seconds["local:2"] = (children() - before) / tiles
        self.bytes_per_cell = sum(map(len, self.contents("serial").values())) / (512 * GRID[self.backend])

    def there(self, dask: Cluster) -> None:
        """On a cluster; the same bytes from all schedulers."""
        self.run("dask first", str(dask.file))
        before = sum(map(cpu, dask.workers))
        tiles = self.run("dask", str(dask.file))
        self.seconds["Dask"] = (sum(map(cpu, dask.workers)) - before) / tiles
        assert self.contents("serial") == self.contents("local") == self.contents("dask")


def children() -> float:
    """CPU seconds of processes that this one started and that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def machine() -> str:
    """What this was measured on."""
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "llvmlite", "distributed"))
    return (
        f"{model[1] if model else platform.machine()}, {cores()} cores; Python {platform.python_version()}, {versions}"
    )


def hours(seconds: float) -> str:
    """A time in the unit that suits it."""
    for unit, size in (("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def table(head: str, rows: list[list[str]]) -> Iterator[str]:
    """A table in Markdown."""
    columns = head.split(" | ")
    for row in (columns, ["---"] * len(columns), *rows):
        yield f"| {' | '.join(row)} |"
    yield ""


def report() -> Iterator[str]:
    """The section of the documentation, line by line."""
    with tempfile.TemporaryDirectory() as directory:
        tiles = {backend: Ordinary(backend, Path(directory, backend)) for backend in GRID}
        # First what is done here: the client of a cluster starts threads, and workers are copies no more.
        spent = overheads_here()
        for measured in tiles.values():
            measured.here()
        with cluster(2) as dask:
            spent |= overheads(dask)
            for measured in tiles.values():
                measured.there(dask)
    hub = max(spent["scheduler"], spent["client"])
    yield f"Measured by `python benchmarks/sweep_scale.py` on {machine()}.\nTimes are CPU seconds."
    yield ""
    names = {
        "serial": "serial", "local:2": "local, in the parent", "client": "Dask, in the client",
        "scheduler": "Dask, in the scheduler", "worker": "Dask, in the worker",
    }  # fmt: skip
    yield from table("a tile that computes nothing | ms", [[names[k], f"{1e3 * v:.2g}"] for k, v in spent.items()])
    yield f"Ordinary tiles: SAM on log cosh(xy) from (.5, 3), {STEPS:,} steps, settling off, of the size that a sweep"
    yield "chooses; all three schedulers wrote the same bytes:"
    yield ""
    yield from table(
        "backend | trajectories | serial, s | local worker, s | Dask worker, s | tiles/s per worker | bytes per cell"
        " | check on resuming, ms",
        [
            [
                backend,
                f"{t.trajectories:,}",
                *(f"{t.seconds[k]:.3f}" for k in ("serial", "local:2", "Dask")),
                f"{1 / t.seconds['Dask']:.2f}",
                f"{t.bytes_per_cell:.1f}",
                f"{1e3 * t.check:.2f}",
            ]
            for backend, t in tiles.items()
        ],
    )
    yield "So N trajectories on W workers take max(N/n · t/W, N/n · h), with n trajectories in a tile, t for a tile"
    yield f"on a Dask worker, and h = {1e3 * hub:.2g} ms for one in the scheduler or the client, whichever takes more."
    yield f"These two serve {1 / hub:.0f} tiles a second, however many workers there are: on {WORKERS} of them, tiles"
    yield f"should take more than W·h = {WORKERS * hub:.2f} s; `tile` sets their size. For N = 10⁹ and W = {WORKERS}:"
    yield ""
    rows = []
    for backend, t in tiles.items():
        enough = math.ceil(2 * WORKERS * hub / t.seconds["Dask"])  # tiles in one, for a scheduler that is half idle
        for times in sorted({1, enough}):
            count = N / (t.trajectories * times)
            compute, serve = N / t.trajectories * t.seconds["Dask"] / WORKERS, count * hub
            rows.append([backend, f"{t.trajectories * times:,}", f"{count:,.0f}", hours(compute), hours(serve)])
            rows[-1] += [f"**{hours(max(compute, serve))}**", f"{compute * WORKERS / 3600:,.1f}"]
            rows[-1] += [f"{N * t.bytes_per_cell / 1e9:.0f} GB", hours(N / t.trajectories * t.check)]
    yield from table(
        "backend | trajectories in a tile | tiles | workers take | scheduler takes | time | CPU hours | store"
        " | check on resuming",
        rows,
    )


def main() -> None:
    """Print the section, or write it between its marks in a file."""
    text = "\n".join(report()).strip()
    if sys.argv[1:2] != ["--write"]:
        print(text)
        return
    file = Path(sys.argv[2])
    before, _, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    file.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
