"""Whole runs on kernels of vectors: records and reduced observables around :class:`VectorBatch`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.arithmetic import Float64, Program, lower
from sam_theory.dynamics._course import Settling
from sam_theory.dynamics._fast import Outcomes, Reduced, missing
from sam_theory.dynamics._inputs import Inputs
from sam_theory.dynamics._outcome import FloatArray
from sam_theory.dynamics._trajectory import variables

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.dynamics._vectors import Structure

_COMBINE = {"max": np.maximum, "min": np.minimum, "mean": np.add}
_IDENTITY = {"max": -np.inf, "min": np.inf, "mean": 0.0}


def structured_or_reason(map: Map, d: int) -> Structure | str:
    """How kernels of vectors run a map at dimension d, or why they do not."""
    reason = missing()
    if reason is not None:
        return reason
    from sam_theory.dynamics._vectors import structure
    from sam_theory.kernels._rolled import Irregular

    try:
        return structure(map, d)
    except Irregular as error:
        return f"{map.rule.name} on {map.loss.name} is not the same for all coordinates: {error}"


def run(
    map: Map,
    found: Structure,
    inputs: Inputs,
    steps: int,
    *,
    over: Mapping[str, Reduced],
    every: int,
    whole: bool,
    settling: str | float,
    threads: int | None,
    width: int | None = None,
) -> Outcomes:
    """All trajectories of a map of vectors, as :func:`_fast.run` for a flat one.

    Parameters
    ----------
    found : Structure
        What ``structured_or_reason`` gave.
    over : dict of Reduced
        They are evaluated by the reference on the states of each step of their windows.
    every : int
        Which steps are recorded; 0 for none.
    whole : bool
        Whether all state vectors are recorded, or the iterate alone.
    settling : "exact", "off" or a tolerance
    threads, width : int, optional
        Bits depend on neither.
    """
    from sam_theory.dynamics._vectors import VectorBatch

    workers = threads or len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else threads or 1
    autonomous = not map.rule.uses_step_number
    rule = Settling() if settling == "exact" else Settling(np.inf)
    if not isinstance(settling, str):
        rule = Settling(3.0, settling * settling)
    with np.errstate(all="ignore"):
        batch = VectorBatch(map, inputs, found, rule if autonomous else Settling(np.inf), workers, width)
        observed = {name: _Observed(map, inputs, r) for name, r in over.items()}
        d, n = inputs.state[map.state[0]].shape
        names = map.state if whole else map.state[:1]
        records = np.empty((steps // every + 1, len(names) * d, n)) if every else None
        wanted = {steps} | (set(range(0, steps + 1, every)) if every else set())
        for r in over.values():
            wanted |= set(range(r.first, steps + 1))
        for t in sorted(wanted):
            batch.advance(t)
            state = batch.states()
            if records is not None and t % every == 0:
                records[t // every] = np.concatenate([state[name] for name in names])
            for one in observed.values():
                one.take(t, state)
        outcome, step = batch.finish(steps)
        final = np.concatenate([state[name] for name in map.state])
    stopped = batch.course.since if settling != "off" else np.full(n, -1)
    settled = np.where(batch.course.diverged >= 0, -1, stopped)
    sums = {name: one.result(steps) for name, one in observed.items()}
    return Outcomes(final, outcome, step, settled, sums, records)


class _Observed:
    """An observable, reduced step by step."""

    def __init__(self, map: Map, inputs: Inputs, reduced: Reduced) -> None:
        self.map, self.inputs, self.reduced = map, inputs, reduced
        self.program: Program = lower(reduced.expression)
        self.kinds = {str(node.data): self.program.kinds[i] for i, node in self.program if node.op == "input"}
        start = inputs.state[map.state[0]]
        self.names = variables(map, len(start))
        self.total: Any = np.full(start.shape[1], _IDENTITY[reduced.reduction])

    def take(self, t: int, state: Mapping[str, FloatArray]) -> None:
        """The states of step t."""
        if t < self.reduced.first:
            return
        w = state[self.map.state[0]]
        env: dict[str, Any] = {**self.inputs.parameters, "t": float(t), "w": w, **state}
        env["w_start"] = self.inputs.state[self.map.state[0]]
        env |= {v: w[i] for i, v in enumerate(self.names) if self.kinds.get(v) == "s"}
        value = Float64().run(self.program, env, self.map.loss)["result"]
        self.total = _COMBINE[self.reduced.reduction](self.total, value)

    def result(self, steps: int) -> FloatArray:
        """The value for each trajectory."""
        mean = self.reduced.reduction == "mean"
        return np.asarray(self.total / (steps + 1 - self.reduced.first) if mean else self.total)
