"""Worker processes: independent tasks on several cores, whatever becomes of a worker."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Generic, TypeVar, cast

__all__ = ["RERUNS", "WorkersLost", "cores", "in_processes", "may_fork"]

Task = TypeVar("Task")
Done = TypeVar("Done")

#: How often a task is run again after its worker died.
RERUNS = 3
_PATIENCE = 10.0  # seconds that a process has to end, once told so
#: Read by BLAS and OpenMP libraries when they are loaded: the cores are taken by processes, and sums keep their order.
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class WorkersLost(RuntimeError):
    """The workers died too often, or the cluster is gone; the message is one line: what was lost, then what to do."""


class _InWorker(Exception):
    """The traceback of an exception, as it stood in the worker."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def cores() -> int:
    """How many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def may_fork() -> bool:
    """Whether a copy of this process is whole: forking is the platform's default, and no thread runs but this one."""
    try:
        threads = len(os.listdir("/proc/self/task"))  # those of solvers and of BLAS too, which Python does not know
    except OSError:
        return False
    return threads == 1 and multiprocessing.get_all_start_methods()[0] == "fork"  # the first is the default


def in_processes(work: Callable[[Task], Done], tasks: Sequence[Task], processes: int) -> Generator[tuple[int, Done]]:
    """Do ``work`` on each task in worker processes.

    A worker holds one task at a time, so that ``tasks`` may be a long sequence that makes its items when asked.
    A worker that dies (out of memory, killed) is replaced and its task run again, at most three times. Workers are
    copies of this process where :func:`may_fork`, else new ones, into which ``work`` is pickled. They leave Ctrl-C
    to this process, and none outlives it or the iteration.

    Parameters
    ----------
    work : callable
        Takes a task. What it returns is pickled.
    tasks : sequence
        Taken in order.
    processes : int
        At least 1; no more are started than there are tasks.

    Yields
    ------
    int, object
        Number of a task and what ``work`` made of it, as they are completed.

    Raises
    ------
    WorkersLost
        If a task loses its worker four times.
    Exception
        Any exception of ``work``, with the worker's traceback as its cause; the other workers are stopped.
    """
    numbers = iter(range(len(tasks)))
    workers: list[_Worker[Task, Done]] = []
    try:
        for _, number in zip(range(processes), numbers, strict=False):
            workers.append(_Worker(work))
            workers[-1].give(number, tasks[number])
        while busy := {worker.connection: worker for worker in workers if worker.busy}:
            done = []
            for connection in wait(list(busy)):
                worker = busy[cast(Connection, connection)]
                number = worker.number
                answer = worker.answer()
                if answer is None:  # it died: its task goes to a new one
                    worker.replace(work, tasks[number])
                    continue
                # The next task before the result is handed out: the worker does not wait for what is done with it.
                following = next(numbers, None)
                if following is None:
                    worker.dismiss()
                else:
                    worker.give(following, tasks[following])
                done.append((number, answer))
            for number, answer in done:
                yield number, answer.value()
        for worker in workers:
            worker.process.join(_PATIENCE)
    finally:
        for worker in workers:
            worker.process.terminate()
        for worker in workers:
            worker.stop()


class _End:
    """Sent instead of a task: no more of them come."""


class _Answer(Generic[Done]):
    """What a worker sends: a result, or the exception that came instead."""

    def __init__(self, result: Done | None, error: Exception | None, trace: str) -> None:
        self.result, self.error, self.trace = result, error, trace

    def value(self) -> Done:
        if self.error is not None:
            raise self.error from _InWorker(self.trace)
        return cast(Done, self.result)


class _Worker(Generic[Task, Done]):
    """A process, and the task it holds."""

    def __init__(self, work: Callable[[Task], Done]) -> None:
        self.number, self.busy, self.deaths = -1, False, 0
        self.start(work)

    def start(self, work: Callable[[Task], Done]) -> None:
        self.connection, theirs = multiprocessing.Pipe()
        kind = (
            multiprocessing.get_context("fork").Process if may_fork() else multiprocessing.get_context("spawn").Process
        )
        self.process: BaseProcess = kind(target=_serve, args=(theirs, work), daemon=True)
        with theirs, _interrupts_held(), _one_thread():
            self.process.start()

    def give(self, number: int, task: Task) -> None:
        if number != self.number:
            self.number, self.deaths = number, 0
        self.busy = True
        with suppress(BrokenPipeError, ConnectionResetError):  # a dead worker shows in its answer
            self.connection.send(task)

    def answer(self) -> _Answer[Done] | None:
        """What the worker sent; None if it died."""
        try:
            sent: bytes = self.connection.recv_bytes()
        except (EOFError, OSError):
            return None
        return cast("_Answer[Done]", pickle.loads(sent))

    def replace(self, work: Callable[[Task], Done], task: Task) -> None:
        """A new process in place of the dead one, with the same task."""
        self.stop()
        self.deaths += 1
        if self.deaths > RERUNS:
            shown = repr(task)
            raise WorkersLost(
                f"task {self.number}, {shown if len(shown) <= 80 else shown[:77] + '...'}: its worker process died "
                f"{self.deaths} times, {_how_it_ended(self.process.exitcode)}"
            )
        self.start(work)
        self.give(self.number, task)

    def dismiss(self) -> None:
        """Let the process end on its own."""
        self.busy = False
        with suppress(BrokenPipeError, ConnectionResetError):
            self.connection.send(_End())

    def stop(self) -> None:
        """End the process, whatever it does."""
        self.process.terminate()
        self.process.join(_PATIENCE)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.connection.close()


def _how_it_ended(status: int | None) -> str:
    if status is not None and status < 0:
        name = signal.Signals(-status).name
        cause = "; the system kills processes when memory is short: use fewer workers" if name == "SIGKILL" else ""
        return f"last by {name}{cause}"
    return (
        f"last with exit status {status}; workers cannot start from a script that computes on import: "
        'put its calls under `if __name__ == "__main__":`'
    )


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Keep Ctrl-C waiting; a process that starts meanwhile does not see it at all."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes that start meanwhile, new ones that load NumPy themselves, compute with one thread."""
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(connection: Connection, work: Callable[[Task], Done]) -> None:
    """The life of a worker: tasks in, answers out."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent's to answer
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return
        if isinstance(task, _End):
            return
        try:
            answer = pickle.dumps(_Answer(work(task), None, ""))
        except Exception as error:
            answer = _failure(error)
        connection.send_bytes(answer)


def _end_with_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _failure(error: Exception) -> bytes:
    trace = "".join(traceback.format_exception(error))
    try:
        sent = pickle.dumps(_Answer(None, error, trace))
        pickle.loads(sent)  # an exception may refuse to be made again
    except Exception:
        sent = pickle.dumps(_Answer(None, RuntimeError(f"{type(error).__name__}: {error}"), trace))
    return sent
