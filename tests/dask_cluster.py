"""A Dask cluster on this machine for tests: processes of its own, as on many machines, that can be killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

TESTS = Path(__file__).parent


class Cluster:
    """A scheduler, and workers of one thread, each under a nanny that starts it again when it dies."""

    def __init__(self, directory: Path, workers: int) -> None:
        self.directory, self.file = directory, directory / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.start_scheduler()
        for _ in range(workers):
            self.start_worker()

    def start(self, module: str, package: Path, *arguments: str) -> subprocess.Popen[bytes]:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(package), str(TESTS)]),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1",  # of a task, 3 by default: fewer to wait for
        }
        with (self.directory / f"{module}-{len(self.processes)}.log").open("wb") as log:
            command = [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", "--no-dashboard"]
            # A group of its own: a nanny is killed with its worker.
            started = subprocess.Popen(
                [*command, *arguments],
                cwd=self.directory,
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(started)
        return started

    def start_scheduler(self, port: int = 0) -> None:
        self.file.unlink(missing_ok=True)
        self.scheduler = self.start(
            "dask_scheduler", TESTS.parent, "--port", str(port), "--scheduler-file", str(self.file)
        )
        until(lambda: self.file.exists() and self.file.read_text().rstrip().endswith("}"))
        self.address = str(json.loads(self.file.read_text())["address"])

    def start_worker(self, package: Path = TESTS.parent) -> None:
        options = ["--nthreads", "1", "--nworkers", "1", "--scheduler-file", str(self.file)]
        self.start("dask_worker", package, *options, "--local-directory", str(self.directory))

    def kill_scheduler(self) -> None:
        kill(self.scheduler)

    def workers(self) -> list[int]:
        """Process ids of the workers, which their nannies started."""
        from distributed import Client

        with Client(self.address, set_as_default=False) as client:
            return sorted(client.run(os.getpid).values())

    def kill_workers(self) -> None:
        for process in self.processes:
            if process is not self.scheduler:
                kill(process)

    def close(self) -> None:
        for process in self.processes:
            kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and those that it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait for a condition that has to come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.02)
