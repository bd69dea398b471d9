"""Where the tiles of a sweep are computed: this process, local processes, or a Dask cluster."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import TypeVar

from sam_theory.errors import InputError
from sam_theory.processes import cores, in_processes

__all__ = ["execute"]

Task = TypeVar("Task")
Done = TypeVar("Done")

_FORMS = "serial, local, local:N, tcp://host:port of a Dask scheduler, or FILE.json, the file such a scheduler writes"


def execute(
    work: Callable[[Task], Done], tasks: Sequence[Task], scheduler: str = "local", shared: Path | None = None
) -> Generator[tuple[int, Done]]:
    """Do ``work`` on each task, and say which are done.

    Parameters
    ----------
    work : callable
        Takes a task; a function of a module (or a ``functools.partial`` of one), so that workers know it. What it
        returns is sent back.
    tasks : sequence
        Items are asked for as workers become free, so that a long sequence may make them then.
    scheduler : str
        ``"serial"``, this process; ``"local"`` or ``"local:N"``, as many processes as this one may use cores, or N;
        ``"tcp://host:port"`` or the path of a scheduler file, an existing Dask cluster (extra ``cluster``).
    shared : Path, optional
        A directory that workers write into: those of a cluster have to see it under the same name.

    Returns
    -------
    generator of (int, object)
        Number of a task and what ``work`` made of it, in the order in which they are completed. Closing it stops
        what runs; finished tasks are what they are.

    Raises
    ------
    InputError
        For a scheduler of no known form; for a cluster where nobody answers, or whose workers have
        another version or do not see ``shared``.
    WorkersLost
        If a task loses its worker four times, or the scheduler is gone.
    Exception
        Any exception of ``work`` ends the iteration.

    Examples
    --------
    >>> list(execute(abs, range(-2, 1), "serial"))
    [(0, 2), (1, 1), (2, 0)]
    """
    kind, _, number = scheduler.partition(":")
    if scheduler == "serial":
        return ((index, work(tasks[index])) for index in range(len(tasks)))
    if scheduler == "local":
        return in_processes(work, tasks, cores())
    if kind == "local" and number.isdecimal() and int(number) > 0:
        return in_processes(work, tasks, int(number))
    if "://" in scheduler or scheduler.endswith(".json"):
        from sam_theory.sweeps._cluster import in_cluster

        return in_cluster(work, tasks, scheduler, shared)
    raise InputError(f"scheduler {scheduler!r} is not known; give {_FORMS}")
