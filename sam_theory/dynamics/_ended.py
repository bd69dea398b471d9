"""How the trajectories of a tile ended, and what follows from it for all later steps."""

from __future__ import annotations

from typing import Any

import numpy as np

from sam_theory.dynamics._follow import Since, follow
from sam_theory.dynamics._outcome import FloatArray, Outcome, label
from sam_theory.dynamics._over import IDENTITY, REDUCTIONS
from sam_theory.dynamics._plan import Plan
from sam_theory.dynamics._sheet import Columns, padded


class Ended:
    """The trajectories from ``lo`` on, n of them.

    Attributes
    ----------
    last, before : array (s, n)
        The state at step ``stop`` and the one before: they stand in turn for the rest.
    stop : array (n,)
    since : Since
        Labels at that step.
    sums : array (observables, n)
        Accumulated up to that step.
    died, settled : array (n,)
        The step at which a trajectory diverged, and the one at which it was stopped; −1 where it did not.
    final, outcome, step
        The results, after :meth:`finish`.
    """

    final: FloatArray
    outcome: Any
    step: Any

    def __init__(self, plan: Plan, lo: int, state: FloatArray, lanes: FloatArray, start_norm: FloatArray) -> None:
        n = state.shape[1]
        self.plan, self.lo, self.lanes, self.start_norm = plan, lo, lanes, start_norm
        self.last, self.before = state.copy(), state.copy()
        self.stop = np.zeros(n, dtype=np.int64)
        self.since = Since.never(n)
        self.sums = np.zeros((plan.kernel.layout.observed, n))
        self.died = np.full(n, -1, dtype=np.int64)
        self.settled = np.full(n, -1, dtype=np.int64)

    def finish(self, out: FloatArray | None) -> None:
        """All that follows from how each trajectory ended; ``out`` gets what is missing of its records."""
        plan, steps = self.plan, self.plan.steps
        early = np.flatnonzero((self.stop < steps) & (self.died < 0))
        left = steps - self.stop[early]
        for extra in np.unique(np.where(left > 5, 4 + left % 2, left)):
            at = early[np.where(left > 5, 4 + left % 2, left) == extra]
            self._extend(at, int(extra))
        if plan.kernel.layout.observed:
            self._fill_sums()
        if out is not None:
            self._fill_records(out)
        self.final = np.where((steps - self.stop) % 2 == 0, self.last, self.before)
        patience = len(self.plan.map.state)
        since = self.since
        names, step = label(since.settled, since.cycling, since.stuck, steps, patience)
        self.outcome = np.where(self.died >= 0, str(Outcome.DIVERGED), names)
        self.step = np.where(self.died >= 0, self.died, step).astype(np.int64)

    def _extend(self, at: Columns, extra: int) -> None:
        """The labels of trajectories that go on in turn: those after a few steps are those at the end."""
        plan, d = self.plan, self.plan.kernel.layout.d
        pair = (self.before[:, at], self.last[:, at])
        states = np.stack([pair[i % 2] for i in range(extra + 2)])
        old, stop = self.since.take(at), self.stop[at]
        # Runs that began before are marked: their steps have no number here.
        settled, cycling = (np.where(v > 0, 0.5, 0.0) for v in (old.settled, old.cycling))
        marked = Since(settled, cycling, old.stuck)
        state = states[-1]
        new = follow(
            states, d, 0, self.start_norm[at], marked, lambda of: plan.zero_gradient(state[:, of], self.lo + at[of])
        )
        late = plan.steps - extra
        for name in ("settled", "cycling"):
            value, before = getattr(new, name), getattr(old, name)
            begun = np.where(value == 1.0, stop + 1.0, value + late)
            getattr(self.since, name)[at] = np.where(value == 0.5, before, np.where(value > 0, begun, 0.0))
        self.since.stuck[at] = new.stuck

    def _fill_sums(self) -> None:
        """The observables of the steps after the end of each trajectory."""
        plan, steps = self.plan, self.plan.steps
        late = np.flatnonzero(self.stop < steps)
        if not len(late):
            return
        size, row, places = plan.kernel.layout.observed, plan.kernel.layout.places["sums"], plan.kernel.layout.places
        at = padded(late, plan.kernel.width)
        rows = np.zeros((places["end"], len(at)))
        rows[places["parameters"] :] = self.lanes[:, at]
        pair = (self.last[:, at], self.before[:, at])

        def observed(odd: int, t: int) -> FloatArray:
            for i, (reduction, _) in enumerate(plan.windows):
                rows[row + i] = IDENTITY[reduction]
            rows[: len(self.last)] = pair[odd]
            self.plan.observe(rows, t)
            return rows[row : row + size, : len(late)].copy()

        stop = self.stop[late]
        value = None if plan.varies else np.stack([observed(odd, 0) for odd in range(2)])
        for i, (reduction, first) in enumerate(plan.windows):
            total = np.where(stop < first, IDENTITY[reduction], self.sums[i, late])
            begin = np.maximum(stop + 1, first)
            # An extremum has seen both states after two steps.
            shorter = value is not None and reduction != "mean"
            for t in range(int(begin.min()), min(int(begin.max()) + 1, steps) + 1 if shorter else steps + 1):
                plan.halt.check()
                parity = (t - stop) % 2
                both = value if value is not None else np.stack([observed(odd, t) for odd in range(2)])
                here = np.where(parity == 1, both[1, i], both[0, i])
                total = np.where(t >= begin, REDUCTIONS[reduction](total, here), total)
            self.sums[i, late] = total

    def _fill_records(self, out: FloatArray) -> None:
        plan, rows = self.plan, out.shape[1]
        late = np.flatnonzero(self.stop < plan.steps)
        if not len(late):
            return
        order = late[np.argsort(self.stop[late], kind="stable")]
        stops, every = self.stop[order], plan.every
        for r in range(int(stops[0]) // every + 1 if stops[0] >= 0 else 0, len(out)):
            at = order[: int(np.searchsorted(stops, r * every, side="left"))]
            odd = (r * every - self.stop[at]) % 2 == 1
            out[r][:, self.lo + at] = np.where(odd, self.before[:rows, at], self.last[:rows, at])
