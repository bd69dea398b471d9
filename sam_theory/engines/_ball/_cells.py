"""What is tested on a cell of a phase diagram, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from flint import ctx

from sam_theory.dynamics import Map
from sam_theory.engines._ball._box import Box
from sam_theory.engines._ball._cycles import certified_cycle, newton
from sam_theory.engines._ball._emit import map_data
from sam_theory.engines._ball._fixed import fixed_point_side
from sam_theory.engines._ball._scan import symmetric_guess
from sam_theory.engines._ball._system import System
from sam_theory.errors import InputError
from sam_theory.losses import loss_of
from sam_theory.rules import rule_of

__all__ = ["Answer", "Cell", "CellTest", "CycleTest", "FixedTest", "answers"]

Guess = tuple[float, ...] | None
Cell = tuple[Box, Guess]
Answer = tuple[int, Guess]

#: cells that each process is given at a time
_AHEAD = 16


@dataclass(frozen=True)
class FixedTest:
    """The side of 1 of the multipliers of a fixed point."""

    system: System
    at: tuple[Any, ...]
    direction: int | None

    def __call__(self, box: Box, guess: Guess) -> Answer:
        return fixed_point_side(self.system, self.at, self.direction, box), None


@dataclass(frozen=True)
class CycleTest:
    """A cycle near the guess, or where one is seen, isolated and with multipliers on one side of 1."""

    system: System
    period: int

    def __call__(self, box: Box, guess: Guess) -> Answer:
        near = None if guess is None else newton(self.system, box, guess, self.period)
        if near is None or max(abs(c) for c in near) < 1e-12:
            near = symmetric_guess(self.system, box)
        if near is None:
            return 0, None
        found = certified_cycle(self.system, box, near, self.period, lean=True)
        known = found is not None and found.least_period and found.side is not None
        return (found.side or 0) if found is not None and known else 0, tuple(near)


CellTest = FixedTest | CycleTest
Ask = Callable[[Sequence[Cell]], Iterator[Answer]]

_worker: list[CellTest] = []


@contextmanager
def answers(map: Map, test: CellTest, jobs: int) -> Iterator[Ask]:
    """Ask what ``test`` says of cells, in their order; the answers do not depend on ``jobs``.

    Several processes work ahead of what is asked for: answers that nobody takes are dropped.
    """
    data = None
    if jobs > 1:
        try:
            data = map_data(map)
        except InputError:
            data = None
    if data is None:
        yield lambda cells: (test(*cell) for cell in cells)
        return
    # The map is built anew by each process: the functions of rules cannot be sent.
    rest = {f.name: getattr(test, f.name) for f in fields(test) if f.name != "system"}
    settings = (data, test.system.frozen, type(test), rest, ctx.prec)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=_begin, initargs=settings) as pool:

        def ask(cells: Sequence[Cell]) -> Iterator[Answer]:
            window = jobs * _AHEAD
            for i in range(0, len(cells), window):
                yield from pool.map(_work, cells[i : i + window], chunksize=4)

        yield ask


def _begin(
    data: dict[str, Any], frozen: tuple[str, ...], kind: type[CellTest], rest: dict[str, Any], precision: int
) -> None:
    ctx.prec = precision
    system = System(Map(rule_of(data["rule"]), loss_of(data["loss"])), frozen)
    _worker[:] = [kind(system, **rest)]


def _work(cell: Cell) -> Answer:
    return _worker[0](*cell)
