"""Sheets of trajectories: which row holds what, and how registers of it are read and written."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from llvmlite import ir

from sam_theory.kernels._lanes import Lanes, Value

INT, REAL = ir.IntType(64), ir.DoubleType()


def whole(n: int) -> Value:
    """A constant 64-bit integer."""
    return ir.Constant(INT, n)


@dataclass(frozen=True)
class Layout:
    """The rows of a sheet.

    Parameters
    ----------
    state : tuple of str
        Coordinates of the state, those of the iterate first.
    d : int
        Dimension of the iterate.
    lanes, uniform : tuple of str
        Parameters with a value for each column, and those with one for all.
    noise : tuple of str
        Inputs drawn anew at each step.
    observed : int
        Number of accumulated observables.
    tolerant : bool
        Whether columns stop where they alternate within a tolerance, the last of the uniform values.
    """

    state: tuple[str, ...]
    d: int
    lanes: tuple[str, ...]
    uniform: tuple[str, ...]
    noise: tuple[str, ...] = ()
    observed: int = 0
    tolerant: bool = False

    @cached_property
    def places(self) -> dict[str, int]:
        """The first row of each block of rows."""
        s, a = len(self.state), self.observed
        sizes = {
            "state": s,  # the current state
            "last": s,  # the state one step earlier
            "before": s,  # two steps earlier
            "sums": a,  # accumulated observables
            "held": s,  # where a column diverged: its last finite state
            "held_sums": a,  # its observables before that step
            "died": 1,  # and the number of that step, else 0
            "settled": 1,  # the first step of the present run of steps that moved nothing, else 0
            "cycling": 1,  # of the present run of steps that came back to the last state but one
            "unclear": 1,  # whether rounding may decide about one of these steps
            "recurred": 1,  # the first step that repeated one of the last two states bitwise, else 0
            "running": 1 if self.tolerant else 0,  # how many steps up to the present alternated
            "stopped": 1 if self.tolerant else 0,  # the step at which this was enough, else 0
            "stop_last": s if self.tolerant else 0,  # the states at that step
            "stop_before": s if self.tolerant else 0,  # and before it
            "stop_sums": a if self.tolerant else 0,  # the observables up to that step
            "stop_since": 2 if self.tolerant else 0,  # "settled" and "cycling" at that step
            "moved": 1,  # the square of the largest displacement, where it was asked for
            "bounds": s // self.d,  # squares of the vectors of the state at the start
            "parameters": len(self.lanes),
        }
        places, row = {}, 0
        for name, size in sizes.items():
            places[name] = row
            row += size
        return {**places, "end": row}


class Rows:
    """Reads and writes the rows of a sheet at one group of columns."""

    layout: Layout
    width: int
    builder: ir.IRBuilder
    lanes: Lanes
    rows: list[Value]
    group: Value

    def _at(self, base: Value, offset: Value) -> Value:
        place = self.builder.gep(base, [offset])
        return self.builder.bitcast(place, self.lanes.real.as_pointer()) if self.width > 1 else place

    def _load(self, row: int) -> Value:
        return self.builder.load(self._at(self.rows[row], self.group), align=8)

    def _store(self, value: Value, row: int) -> None:
        self.builder.store(value, self._at(self.rows[row], self.group), align=8)

    def _real(self, n: Value) -> Value:
        return self.lanes.spread(self.builder.sitofp(n, REAL))

    def _squared(self, v: list[Value]) -> Value:
        total = self.lanes.mul(v[0], v[0])
        for a in v[1:]:
            total = self.lanes.fma(a, a, total)
        return total
