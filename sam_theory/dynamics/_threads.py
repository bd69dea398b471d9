"""Work over threads that ends in all of them when the caller is interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Halted(Exception):
    """The work is not wanted any more."""


class Halt:
    """A flag that all threads of a run look at between stretches of machine code."""

    def __init__(self) -> None:
        self._set = Event()

    def check(self) -> None:
        """Raise Halted once the caller has given up."""
        if self._set.is_set():
            raise Halted

    def each(self, work: Callable[[Item], Result], items: Sequence[Item], threads: int) -> list[Result]:
        """``work`` of all items, in their order.

        ``work`` calls :meth:`check` a few times a second: when the caller is interrupted (Ctrl-C), or an item has
        failed, the others end at their next look.
        """
        if threads == 1 or len(items) <= 1:
            return [work(item) for item in items]
        with ThreadPoolExecutor(min(threads, len(items))) as pool:
            try:
                futures = [pool.submit(work, item) for item in items]
                return [future.result() for future in futures]
            except BaseException:
                self._set.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise
