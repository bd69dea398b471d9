"""What a simulation returns, and the quantities observed along it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
import sympy as sp

from sam_theory.arithmetic import Float64, Program, lower
from sam_theory.dynamics._outcome import FloatArray, Outcome
from sam_theory.dynamics._over import Over, Reduced
from sam_theory.errors import InputError, nearest

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map

Observable: TypeAlias = sp.Basic | Over | Callable[[dict[str, FloatArray], dict[str, Any]], Any]


@dataclass(frozen=True)
class Trajectory:
    r"""A batch of trajectories, shape ``batch`` (``()`` for a single one).

    Attributes
    ----------
    final : array (\*batch, d)
        The last iterate; for a diverged trajectory the last finite one.
    states : array (records, \*batch, d) or None
        The iterates at ``recorded_steps``; None with ``record="final"``.
    recorded_steps : array (records,)
        Steps at which states and observables were taken; 0 is the start.
    observables : dict of arrays (records, \*batch, ...)
        Reduced over time by an ``Over``: of shape batch.
    outcome : Outcome, or array of names of shape batch
    step : int, or array of shape batch
        The first step from which the outcome held; the number of steps for ``running``.
    steps : int
    variables : tuple of str
        Names of the coordinates.
    final_state : dict of arrays (\*batch, d)
        All state vectors, the iterate included.
    settled : int, or array of shape batch
        The step at which a trajectory was stopped because its state recurs, and the rest was filled in; −1 where
        none was.
    backend : "numpy", "fast" or "python"
        What computed it; generated Python, only for an :func:`orbit`.
    reason : str
        Why this backend.
    """

    final: FloatArray
    states: FloatArray | None
    recorded_steps: npt.NDArray[np.int64]
    observables: dict[str, npt.NDArray[Any]]
    outcome: Outcome | npt.NDArray[np.str_]
    step: int | npt.NDArray[np.int64]
    steps: int
    variables: tuple[str, ...]
    final_state: dict[str, FloatArray] = field(repr=False, default_factory=dict)
    settled: int | npt.NDArray[np.int64] = -1
    backend: str = "numpy"
    reason: str = "asked for"


def variables(map: Map, d: int) -> tuple[str, ...]:
    """Names of the coordinates, also where the loss fits every dimension."""
    return map.loss.variables if map.loss.dimension is not None else tuple(f"w{i + 1}" for i in range(d))


def outward(v: FloatArray, batch: tuple[int, ...]) -> FloatArray:
    """A copy of (d, n) inside as (*batch, d) outside."""
    return np.array(v.T, order="C").reshape(*batch, len(v))


class Observer:
    """Evaluates the observables of a batch at a step."""

    def __init__(
        self,
        map: Map,
        observables: Mapping[str, Observable],
        start: FloatArray,
        parameters: Mapping[str, Any],
        batch: tuple[int, ...],
        steps: int,
    ) -> None:
        self.map = map
        self.batch = batch
        self.start = start
        self.parameters = dict(parameters)
        self.names = variables(map, len(start))
        self.order = tuple(observables)
        self.over = {n: o for n, o in observables.items() if isinstance(o, Over)}
        rest = {n: o for n, o in observables.items() if not isinstance(o, Over)}
        self.callables = {n: o for n, o in rest.items() if callable(o) and not isinstance(o, sp.Basic)}
        self.programs = {n: self._lower(n, o) for n, o in rest.items() if n not in self.callables}
        self.reduced_programs = {n: self._lower(n, o.expression) for n, o in self.over.items()}
        for n, program in self.reduced_programs.items():
            if program.kinds[program.outputs[0][1]] == "v":
                raise InputError(f"the observable '{n}' is a vector; only a number can be reduced over time")
        self.taken: dict[str, list[Any]] = {n: [] for n in rest}
        self.reduced = {n: Reduced(o, steps, start.shape[1]) for n, o in self.over.items()}
        #: The first step at which something is reduced.
        self.begin = min((r.begin for r in self.reduced.values()), default=steps + 1)

    def _lower(self, name: str, observable: Any) -> Program:
        if not isinstance(observable, sp.Basic):
            raise InputError(f"the observable '{name}' must be a SymPy expression or a function: {observable!r}")
        program = lower(observable)
        vectors = {"w", "w_start", *self.map.state}
        scalars = {"t", *self.parameters, *self.names}
        for i, node in program:
            if node.op == "input":
                known = vectors if program.kinds[i] == "v" else scalars
                if node.data not in known:
                    hint = nearest(str(node.data), known)
                    raise InputError(f"the observable '{name}' uses '{node.data}'; {hint}")
        return program

    def reduce(self, t: int, state: Mapping[str, FloatArray]) -> None:
        """Go on with what is reduced over time."""
        for name, program in self.reduced_programs.items():
            values = self._value(program, t, state)
            self.reduced[name].take(t, np.broadcast_to(values, self.start.shape[1:]))

    def _value(self, program: Program, t: int, state: Mapping[str, FloatArray]) -> FloatArray:
        w = state[self.map.state[0]]
        env = {**self.parameters, "t": float(t), "w_start": self.start, "w": w, **state}
        inputs = {str(node.data): program.kinds[i] for i, node in program if node.op == "input"}
        env.update({v: w[i] for i, v in enumerate(self.names) if inputs.get(v) == "s"})
        return np.asarray(Float64().run(program, env, self.map.loss)["result"], dtype=float)

    def take(self, t: int, state: Mapping[str, FloatArray]) -> None:
        """Record every observable of ``state`` at step ``t``."""
        w = state[self.map.state[0]]
        for name, program in self.programs.items():
            result = self._value(program, t, state)
            if program.kinds[program.outputs[0][1]] == "v":
                self.taken[name].append(outward(np.broadcast_to(result, w.shape), self.batch))
            else:
                self.taken[name].append(np.broadcast_to(result, w.shape[1:]).reshape(self.batch))
        if self.callables:
            outside = {n: outward(v, self.batch) for n, v in state.items()}
            shaped = {n: v if np.ndim(v) == 0 else v.reshape(self.batch) for n, v in self.parameters.items()}
            shaped |= {"t": t, "w_start": outward(self.start, self.batch)}
            for name, function in self.callables.items():
                result = np.asarray(function(outside, shaped))
                if result.shape[: len(self.batch)] != self.batch:
                    result = np.broadcast_to(result, self.batch)
                self.taken[name].append(result.copy())

    def result(self) -> dict[str, npt.NDArray[Any]]:
        """All that was taken, records first, and what was reduced."""
        reduced = {name: r.result().reshape(self.batch) for name, r in self.reduced.items()}
        return {n: reduced[n] if n in reduced else np.stack(self.taken[n]) for n in self.order}
