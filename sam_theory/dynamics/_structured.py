"""Whole runs on kernels of vectors: records and reduced observables around a :class:`VectorBatch`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sam_theory.dynamics._course import Settling
from sam_theory.dynamics._fast import Outcomes, missing
from sam_theory.dynamics._inputs import Inputs
from sam_theory.dynamics._trajectory import Observer
from sam_theory.processes import cores

if TYPE_CHECKING:
    from sam_theory.dynamics._map import Map
    from sam_theory.dynamics._vectors import Structure


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
    observer: Observer | None = None,
    every: int = 0,
    whole: bool = False,
    settling: str | float = "exact",
    threads: int | None = None,
    width: int | None = None,
) -> Outcomes:
    """All trajectories of a map of vectors, as :func:`_fast.run` for a flat one.

    Parameters
    ----------
    found : Structure
        What ``structured_or_reason`` gave.
    observer : Observer, optional
        Takes the states of each step of the windows of its reduced observables.
    every : int
        Which steps are recorded; 0 for none.
    whole : bool
        Whether all state vectors are recorded, or the iterate alone.
    settling : "exact", "off" or a tolerance
    threads, width : int, optional
        Bits depend on neither.
    """
    from sam_theory.dynamics._vectors import VectorBatch

    rule = Settling.of(settling, map.rule)
    d, n = inputs.state[map.state[0]].shape
    names = map.state if whole else map.state[:1]
    records = np.empty((steps // every + 1, len(names) * d, n)) if every else None
    wanted = {steps} | (set(range(0, steps + 1, every)) if every else set())
    begin = observer.begin if observer is not None and observer.over else steps + 1
    wanted |= set(range(int(begin), steps + 1))
    with np.errstate(all="ignore"):
        batch = VectorBatch(map, inputs, found, rule, threads or cores(), width)
        for t in sorted(wanted):
            batch.advance(t)
            state = batch.states()
            if records is not None and t % every == 0:
                records[t // every] = np.concatenate([state[name] for name in names])
            if observer is not None and t >= begin:
                observer.reduce(t, state)
        outcome, step = batch.finish(steps)
        final = np.concatenate([state[name] for name in map.state])
    settled = batch.course.settled_at(steps) if rule.stops else np.full(n, -1)
    return Outcomes(final, outcome, step, settled, {}, records)
