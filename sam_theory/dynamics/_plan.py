"""What the tiles of a run share, and a stretch of steps that is gone through again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._outcome import FloatArray
from sam_theory.dynamics._sheet import Columns, Sheet, padded
from sam_theory.dynamics._threads import Halt

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.kernels._loop import Kernel


@dataclass(frozen=True)
class Plan:
    """What the tiles of a run share.

    ``windows`` has a reduction and the first step it takes for each observable of the kernel; ``varies`` tells
    whether one of them reads ``t``; ``every`` is the distance of recorded steps (0: none), ``whole`` whether all of
    the state is recorded; ``halt`` ends all tiles.
    """

    map: Map
    kernel: Kernel
    parameters: dict[str, Any]
    uniform: FloatArray
    steps: int
    tolerance: float | None
    exact: bool
    autonomous: bool
    windows: tuple[tuple[str, int], ...]
    varies: bool
    every: int
    whole: bool
    halt: Halt = field(default_factory=Halt)

    def observe(self, rows: FloatArray, t: int) -> None:
        """Accumulate the observables of the states of a sheet as those of step t."""
        self.halt.check()
        job = {"first": t - 1, "count": 1, "observe": 1, "still": 1, "uniform": self.uniform.ctypes.data}
        self.kernel.run(sheet=rows.ctypes.data, columns=rows.shape[1], **job)

    def observing(self, t: int) -> bool:
        """Whether an observable takes the step from t."""
        return any(first <= t + 1 for _, first in self.windows)

    def zero_gradient(self, state: FloatArray, columns: Any) -> Any:
        """Whether the gradient vanishes at states (s, n) of these trajectories of the batch."""
        env = {n: v if np.ndim(v) == 0 else v[columns] for n, v in self.parameters.items()}
        w = np.ascontiguousarray(state[: self.kernel.layout.d])
        return (np.asarray(self.map.loss.gradient(Float64(), w, env)) == 0).all(axis=0)


@dataclass(frozen=True)
class Again:
    """A stretch that a sheet has gone through, for going through it again with some of its columns."""

    sheet: Sheet
    entry: FloatArray
    job: dict[str, int]
    noise: FloatArray | None

    def part(self, columns: Columns) -> tuple[Sheet, dict[str, int], Any]:
        """These columns as they were at the beginning, what to run, and what has to live until then."""
        part = self.sheet.take(columns)
        at = padded(columns, part.kernel.width)
        part.rows[: len(self.entry)] = self.entry[:, at]
        if self.noise is None:
            return part, self.job, None
        mine = np.ascontiguousarray(self.noise[:, :, at])
        return part, {**self.job, "noise": mine.ctypes.data}, mine

    def before(self, name: str) -> FloatArray:
        """A row at the beginning."""
        row: FloatArray = self.entry[self.sheet.kernel.layout.places[name]]
        return row

    def watched(self, columns: Columns) -> None:
        """Look at every step of these columns."""
        part, job, _alive = self.part(columns)
        part.run(**{**job, "watch": 1})
        self.sheet.put(columns, part)

    def states(self, columns: Columns) -> tuple[Sheet, FloatArray]:
        """The columns as they were at the beginning, and all their states from the one before it on."""
        part, job, _alive = self.part(columns)
        run, s = part.take(np.arange(part.n)), len(part.kernel.layout.state)
        m = run.rows.shape[1]
        states = np.empty((job["count"] + 2, s, m))
        states[0], states[1] = run.rows[s : 2 * s], run.rows[:s]
        job = {**job, "until": 1, "every": 1, "whole": 1, "record": s * m, "row": m, "observe": 0}
        run.run(**job, out=states[2:].ctypes.data)
        return part, states[:, :, : part.n]
