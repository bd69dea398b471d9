"""Batches of trajectories in machine code, for maps of many dimensions whose coordinates have one formula.

The answer is that of the reference: same labels, records and observables, on iterates that agree to 1e-12 in each
step. Lanes that a kernel does not take (a gradient of size 1e-135, say) go on in the reference from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sam_theory.arithmetic import Float64
from sam_theory.dynamics._course import Course, Remainder, Settling, zero_gradient
from sam_theory.dynamics._inputs import Inputs
from sam_theory.dynamics._outcome import FloatArray, has_diverged
from sam_theory.dynamics._threads import Halt
from sam_theory.kernels._linear import combined
from sam_theory.kernels._order import Order, ordered
from sam_theory.kernels._rolled import Irregular, Rolled, diagonalised, rolled
from sam_theory.kernels._rotation import transformed
from sam_theory.kernels._tiles import Tile, kernel, scalars_of, tables_of
from sam_theory.losses import Quadratic

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map

#: values of a state vector in a tile: what is read again at each step stays in the caches next to the processor
_TILE = 1 << 12
#: lengths of a start whose relative distances may be squared
_SHORT, _LONG = 1e-140, 1e140


@dataclass(frozen=True)
class Structure:
    """How a kernel runs a map.

    Parameters
    ----------
    program : Rolled
        A step, perhaps in other coordinates.
    basis : array (d, d), optional
        Orthonormal columns: the vectors whose coordinates the program has; without it the state's own.
    reference : function
        The map in these coordinates.
    """

    program: Rolled
    basis: FloatArray | None
    reference: Callable[[], Map]

    def inside(self, state: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """State vectors (d, n) in the coordinates of the program."""
        if self.basis is None:
            return state
        return {name: transformed(self.basis, v) for name, v in state.items()}

    def outside(self, state: dict[str, FloatArray]) -> dict[str, FloatArray]:
        """State vectors (d, n) in coordinates of their own."""
        if self.basis is None:
            return state
        back = np.ascontiguousarray(self.basis.T)
        return {name: transformed(back, v) for name, v in state.items()}


def structure(map: Map, dimension: int) -> Structure:
    """The program of vectors of a map, in the eigenbasis of the loss where there is a matrix.

    Raises Irregular where there is none, or where a kernel does not have its operations.
    """
    if map.rule.noise:
        raise Irregular("the rule draws at random")
    program = rolled(map.rule.program, map.loss, dimension)
    found = diagonalised(program)
    if found is None:
        return Structure(combined(program), None, lambda: map)
    own, rows = found
    values, vectors = rows.spectrum
    return Structure(
        combined(own), vectors, cache(lambda: replace(map, loss=Quadratic(*(Fraction(v) for v in values.tolist()))))
    )


@dataclass(frozen=True)
class _Left:
    """A trajectory that leaves its tile after step ``time``, with its last two states (vectors, d)."""

    column: int
    time: int
    now: FloatArray
    before: FloatArray
    settled: int
    cycling: int
    still: int
    moves: bool
    calm: bool
    extreme: bool


class VectorBatch:
    """The trajectories of a batch in tiles, advanced from record to record.

    Parameters
    ----------
    map : Map
    inputs : Inputs
        The checked problem.
    found : Structure
    settling : Settling
    threads : int
        Threads over tiles; no result depends on their number.
    """

    def __init__(
        self, map: Map, inputs: Inputs, found: Structure, settling: Settling, threads: int = 1, width: int | None = None
    ) -> None:
        program = found.program
        inputs = Inputs(inputs.batch, found.inside(inputs.state), inputs.parameters)
        self.found = found
        self.map, self.inputs, self.settling, self.threads = map, inputs, settling, threads
        self.width = width or next((n for n in (32, 16) if n * program.dimension <= _TILE), 8)
        self.names = tuple(program.outputs)
        self.iterate = map.state[0]
        self.state = {name: inputs.state[name].copy() for name in self.names}
        n = self.state[self.iterate].shape[1]
        nothing = np.full(n, -1, dtype=np.int64)
        zero = np.zeros(n, dtype=np.int64)
        self.course = Course(
            inputs.state,
            self.state,
            {name: v.copy() for name, v in self.state.items()},
            nothing.copy(),
            np.zeros(n, dtype=bool),
            nothing.copy(),
            zero.copy(),
            zero.copy(),
            np.zeros(n, dtype=bool),
            np.asarray(Float64().norm(self.state[self.iterate])),
        )
        uniform = [name for name, v in inputs.parameters.items() if np.ndim(v) == 0]
        self.order: Order = ordered(program, ("k",), uniform)
        self.kernel = kernel(self.order, self.width)
        self.halt = Halt()
        self.time = 0
        self.rest: list[Remainder] = []
        self.tiles = self._tiles(n)

    def _tiles(self, n: int) -> list[Tile]:
        norm = self.course.start_norm
        lost = has_diverged(self.state, self.iterate)
        self.course.lost(np.flatnonzero(lost), 0)
        odd = ~lost & (norm > 0) & ~((norm > _SHORT) & (norm < _LONG))
        self._join(np.flatnonzero(odd), 0)
        live = np.flatnonzero(~lost & ~odd)
        tables = tables_of(self.order, self.inputs.parameters)
        tiles = []
        for first in range(0, len(live), self.width):
            columns = np.full(self.width, -1, dtype=np.int64)
            part = live[first : first + self.width]
            columns[: len(part)] = part
            source = np.where(columns >= 0, columns, part[0])
            constants = scalars_of(self.order, self.order.constants, self._parameters(source), (self.width,))
            states = np.stack([self.state[name][:, source] for name in self.names])
            s = self.settling
            tiles.append(Tile(self.kernel, tables, constants, states, columns, source, s.patience, s.tolerance))
        return tiles

    def _parameters(self, columns: npt.NDArray[np.int64]) -> dict[str, Any]:
        return {name: v if np.ndim(v) == 0 else v[columns] for name, v in self.inputs.parameters.items()}

    # -- time --------------------------------------------------------------------------------------------
    def advance(self, t: int) -> None:
        """Go on to step t."""
        first, self.time = self.time, t
        left = self.halt.each(lambda tile: self._follow(tile, first, t), self.tiles, self.threads)
        events = [event for _, found in left for event in found]
        self.tiles = [tile for tile, (alive, _) in zip(self.tiles, left, strict=True) if alive]
        for event in events:
            self._note(event)
        for part in self.rest:
            part.advance(t)
        if len(self.rest) > 1:
            self.rest = [Remainder.union(self.rest)]

    def _follow(self, tile: Tile, t: int, end: int) -> tuple[bool, list[_Left]]:
        """A tile up to step ``end``; what became of its lanes, to be noted afterwards in the order of the batch."""
        events: list[_Left] = []
        while t < end:
            self.halt.check()
            n = min(end - t, tile.longest)
            t += tile.advance(t, n, self._varying(tile, t, n))
            if tile.called and not self._leave(tile, tile.attention(), t, events):
                return False, events
        return True, events

    def _varying(self, tile: Tile, t: int, n: int) -> FloatArray | None:
        if not self.order.varying:
            return None
        env = {**self._parameters(tile.source), "k": np.arange(t, t + n, dtype=float)[:, None]}
        return scalars_of(self.order, self.order.varying, env, (n, self.width))

    def _leave(self, tile: Tile, lanes: Any, t: int, events: list[_Left]) -> bool:
        """Take lanes out of a tile where their way is known from here, or no kernel's; whether any is left."""
        for lane in np.flatnonzero(lanes & (tile.columns >= 0)):
            rows = {name: float(tile.row(name)[lane]) for name in ("settled", "cycling", "still", "patience")}
            events.append(
                _Left(
                    int(tile.columns[lane]),
                    t,
                    tile.state[:, :, lane].copy(),
                    tile.before[:, :, lane].copy(),
                    int(rows["settled"]),
                    int(rows["cycling"]),
                    int(rows["still"]),
                    moves=bool(tile.row("moves")[lane] != 0),
                    calm=rows["still"] >= rows["patience"],
                    extreme=bool(tile.row("extreme")[lane]),
                )
            )
        return tile.drop(lanes)

    def _note(self, left: _Left) -> None:
        """What is known of a trajectory whose way through a kernel has ended."""
        course, i, t = self.course, left.column, left.time
        course.settled[i], course.cycling[i] = left.settled, left.cycling
        for name, v, old in zip(self.names, left.now, left.before, strict=True):
            course.state[name][:, i], course.twin[name][:, i] = v, old
        if left.extreme:
            self._join(np.array([i]), t)
        elif has_diverged({name: v[:, None] for name, v in zip(self.names, left.now, strict=True)}, self.iterate)[0]:
            if not np.isfinite(left.now).all():
                for name, old in zip(self.names, left.before, strict=True):
                    course.state[name][:, i] = old
            course.lost(np.array([i]), t)
        elif self._stands(left):
            course.since[i] = t + (int(self.settling.patience) - left.still if self.settling.tolerance else 0)
            if left.settled == t:
                at = self._parameters(np.array([i]))
                course.stuck[i] = zero_gradient(self.found.reference(), left.now[0][:, None], at)[0]
        elif left.calm:
            course.since[i], course.alternates[i] = t, True
        else:
            self._join(np.array([i]), t)

    def _stands(self, left: _Left) -> bool:
        """Whether each step from here on is like the last one, which changed nothing."""
        rule = self.map.rule
        same = left.now.view(np.int64) == left.before.view(np.int64)
        return not (left.moves or rule.noise or rule.uses_step_number) and bool(same.all())

    def _join(self, at: npt.NDArray[np.int64], t: int) -> None:
        """Let the reference go on with these from step t."""
        if len(at):
            self.rest.append(Remainder(self.found.reference(), self.settling, self.course, at, self._parameters(at), t))

    def states(self) -> dict[str, FloatArray]:
        """All states at the step reached, (d, n) in coordinates of their own; the next advance may overwrite them."""
        for tile in self.tiles:
            live = tile.columns >= 0
            for name, v in zip(self.names, tile.state, strict=True):
                self.state[name][:, tile.columns[live]] = v[:, live]
        for part in self.rest:
            part.store()
        return self.found.outside(self.course.at(self.time))

    def finish(self, steps: int) -> tuple[Any, Any]:
        """Outcome and step of each trajectory at the last step."""
        for tile in self.tiles:
            live = tile.columns >= 0
            at = tile.columns[live]
            self.course.settled[at] = tile.row("settled")[live].astype(np.int64)
            self.course.cycling[at] = tile.row("cycling")[live].astype(np.int64)
        for part in self.rest:
            part.store()
        return self.course.labels(steps, self.iterate)
