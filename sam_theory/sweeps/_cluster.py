"""Tasks on an existing Dask cluster, and what happens when a part of it dies."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar, cast

from sam_theory.processes import RERUNS, WorkersLost
from sam_theory.sweeps._clients import PATIENCE, RESUME, Expected, check, checked, work_of

__all__ = ["in_cluster"]

Task = TypeVar("Task")
Done = TypeVar("Done")

_LOOK = 0.5  # seconds between two looks at the connection
_COUNT = 5.0  # seconds between two counts of the workers
_ABSENT = 600.0  # seconds without any worker after which no more are expected
_PER_WORKER = 2  # tasks in flight: while one runs, the next is on its way
#: Libraries below the work keep state for the whole process: a worker of several threads takes one task at a time.
_ALONE = threading.Lock()


def in_cluster(
    work: Callable[[Task], Done], tasks: Sequence[Task], scheduler: str, shared: Path | None = None
) -> Generator[tuple[int, Done]]:
    """Do ``work`` on each task on the workers of a Dask cluster.

    Tasks are sent as workers become free. Dask runs the tasks of a dead worker on others, and gives up a task whose
    workers died four times. Where the scheduler comes back at its address within ten seconds, unfinished tasks are
    sent again. Each worker checks its versions once; where ``shared`` is given, it reads ``work`` from a file there,
    which shows that it sees the directory.

    Parameters and errors as for :func:`~sam_theory.sweeps.execute`.
    """
    with checked(scheduler, work, shared) as (client, expected):
        yield from _Run(client, work, tasks, expected, scheduler).results()


class _Run(Generic[Task, Done]):
    """Tasks in flight, and those that wait to be sent again."""

    def __init__(
        self,
        client: Any,
        work: Callable[[Task], Done],
        tasks: Sequence[Task],
        expected: Expected,
        scheduler: str,
    ) -> None:
        self.client, self.tasks, self.expected, self.scheduler = client, tasks, expected, scheduler
        self.sent = work if expected.file is None else None
        self.name = uuid.uuid4().hex[:8]
        self.flight: dict[int, Any] = {}
        self.ready: SimpleQueue[int] = SimpleQueue()
        self.again: deque[int] = deque()
        self.losses: Counter[int] = Counter()
        self.room, self.seen, self.counted = _PER_WORKER, time.monotonic(), -_COUNT

    def results(self) -> Iterator[tuple[int, Done]]:
        """Yield the number of each task and its result, in the order in which they come."""
        numbers = iter(range(len(self.tasks)))
        try:
            while True:
                self.count_workers()
                some: list[int] = []
                while len(self.flight) + len(some) < self.room:
                    number = self.again.popleft() if self.again else next(numbers, None)
                    if number is None:
                        break
                    some.append(number)
                self.send(some)
                if not self.flight:
                    return
                yield from self.received(self.wait())
        finally:
            with suppress(Exception):  # the scheduler may be gone
                self.client.cancel(list(self.flight.values()))

    def send(self, numbers: list[int]) -> None:
        keys = [f"tile-{self.name}-{number}-{self.losses[number]}" for number in numbers]
        some = [self.tasks[number] for number in numbers]
        try:
            futures = self.client.map(_in_worker, some, key=keys, pure=False, work=self.sent, expected=self.expected)
        except Exception:
            self.check_connection()
            raise
        for number, future in zip(numbers, futures, strict=True):
            self.flight[number] = future
            future.add_done_callback(partial(self.ended, number))

    def ended(self, number: int, _: Any) -> None:
        self.ready.put(number)

    def wait(self) -> list[int]:
        """Numbers of tasks that ended, in one way or another."""
        while True:
            try:
                ended = [self.ready.get(timeout=_LOOK)]
            except Empty:
                self.check_connection()
                self.count_workers()
                continue
            with suppress(Empty):
                while True:
                    ended.append(self.ready.get_nowait())
            return ended

    def received(self, numbers: list[int]) -> Iterator[tuple[int, Done]]:
        """Yield the results of tasks that ended; those that the cluster lost are to be sent again."""
        from distributed import CancelledError
        from distributed.scheduler import KilledWorker

        failed = [number for number in numbers if self.flight[number].status == "error"]
        ended = [number for number in numbers if number not in failed]
        futures = [self.flight.pop(number) for number in ended]
        try:
            results = self.client.gather(futures)
        except (CancelledError, KilledWorker, OSError) as error:  # a connection is lost, or a worker with its results
            self.check_connection()
            for number in ended:
                self.losses[number] += 1
                if self.losses[number] > RERUNS:
                    raise WorkersLost(
                        f"task {number} was lost {RERUNS + 1} times by the cluster at {self.scheduler}; {RESUME}"
                    ) from error
            self.again.extend(ended)
        else:
            yield from zip(ended, results, strict=True)
        for number in failed:
            raised = self.flight[number].exception(timeout=PATIENCE)
            if isinstance(raised, KilledWorker):
                raise WorkersLost(
                    f"task {number}, or one beside it: its worker died {raised.allowed_failures + 1} times, last "
                    f"that at {raised.last_worker.address}; see its log, and whether its memory suffices"
                ) from raised
            raise raised

    def check_connection(self) -> None:
        """Wait while the client looks for its scheduler; an error once it gave up."""
        while self.client.status == "connecting":
            time.sleep(_LOOK / 5)
        if self.client.status != "running":
            raise WorkersLost(f"the Dask scheduler {self.scheduler} does not answer any more; {RESUME}")

    def count_workers(self) -> None:
        """How many tasks may be in flight, now and then: workers come and go."""
        now = time.monotonic()
        if now - self.counted < _COUNT:
            return
        self.counted = now
        if self.expected.file is not None:
            with suppress(OSError):
                os.utime(self.expected.file)  # or another sweep takes it for an orphan
        try:
            workers = len(self.client.nthreads())
        except Exception:
            self.check_connection()
            return
        if workers:
            self.seen = now
        elif now - self.seen > _ABSENT:
            raise WorkersLost(f"the Dask scheduler {self.scheduler} has had no worker for {_ABSENT:g} s; {RESUME}")
        self.room = _PER_WORKER * max(1, workers)


def _in_worker(task: Task, work: Callable[[Task], Done] | None, expected: Expected) -> Done:
    check(expected)
    if work is None:
        work = cast("Callable[[Task], Done]", work_of(expected.file or ""))
    with _ALONE:
        return work(task)
