"""Work for the tests of executors, in a module that workers import; it keeps a record of its runs in files."""

from __future__ import annotations

import errno
import os
import signal
import time
from pathlib import Path

from sam_theory.errors import InputError


class Unpicklable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} and {second}")


def square(number: int) -> int:
    return number * number


def blas_threads(_: int) -> str | None:
    return os.environ.get("OPENBLAS_NUM_THREADS")


def together(directory: str) -> int:
    """Wait until a second process does the same."""
    Path(directory, str(os.getpid())).touch()
    deadline = time.monotonic() + 60
    while len(list(Path(directory).iterdir())) < 2:
        assert time.monotonic() < deadline, "no other process came"
        time.sleep(0.01)
    return os.getpid()


def recorded(directory: str, number: int) -> None:
    """Note a run of task ``number``, in one write, whatever becomes of it."""
    with Path(directory, str(number)).open("a") as file:
        file.write(f"{os.getpid()}\n")


def runs(directory: Path, number: int) -> int:
    return len(Path(directory, str(number)).read_text().split())


def killed(task: tuple[str, int, int]) -> int:
    """Task 5 kills its process, the first so many times that it runs."""
    directory, number, times = task
    recorded(directory, number)
    if number == 5 and runs(Path(directory), 5) <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def failing(kind: str) -> object:
    if kind == "full":
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "tile")
    if kind == "input":
        raise InputError("eta is -1; a step size is positive")
    if kind == "unpicklable":
        raise Unpicklable("this", "that")
    if kind == "unsendable":
        return lambda: None
    time.sleep(float(kind))
    return kind


def slow(task: tuple[str, int]) -> int:
    directory, number = task
    recorded(directory, number)
    time.sleep(0.1)
    return number * number
