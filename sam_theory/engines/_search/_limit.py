"""Limits along trajectories: simulated, rechecked at four times the length, refuted by exact attractors."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import sympy as sp

from sam_theory.arithmetic import Arithmetic, Coordinates, Float64, NotExact, Rational, Undecided
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._exact import Exact, compare, exactly, text
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._jets import Jets, far_image
from sam_theory.engines._search._judge import INVALID, Judge, column, witness
from sam_theory.engines._search._orbits import PeriodicOrbit, exact_orbit, period_of
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._scene import Scene
from sam_theory.verdicts import Witness

__all__ = ["LimitJudge"]

_CLOSE = 1e-6
_SETTLED = 1e-7
_DIVERGED = 1e12


class LimitJudge(Judge):
    """The violation is the distance from the value in the wrong direction, where it no longer shrinks.

    A trajectory whose distance still shrinks between T and 4T steps is a transient: it neither supports nor
    refutes.
    """

    tolerance = 0.0

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        self.infinite = self.claim.value is sp.oo
        self.observable = self.compiled({"observable": self.claim.observable})
        self.value = None if self.infinite else self.compiled({"value": self.claim.value})
        self.climbs = not self.infinite and self.claim.relation != "=="  # type: ignore[misc]
        self.transients = 0
        self.settled = 0
        self.exceptional = 0

    # -- floats ------------------------------------------------------------------------------------------
    def violation(self, batch: Batch) -> Array:
        violation, final = self._measure(batch)
        suspicious = np.flatnonzero(violation > 0)
        if self.theorem.starts is None or not len(suspicious):
            return violation
        # A repelling orbit that floats have hit exactly is an exceptional start: nudged, it leaves.
        rng = np.random.default_rng(len(suspicious))
        size = np.abs(batch.start).max(axis=0) + np.abs(final).max(axis=0)
        nudged = (final + 1e-4 * size * rng.standard_normal(final.shape))[:, suspicious]
        again, _ = self._measure(Batch(batch.scene, batch.rows(suspicious).values, nudged))
        left = suspicious[~(again > 0)]
        violation[left] = INVALID
        self.exceptional += len(left)
        return violation

    def _measure(self, batch: Batch) -> tuple[Array, Array]:
        n, horizon = batch.size, self.budget.steps
        width = max(horizon // 4, 16)
        self.evaluations += 4 * horizon * n
        early, late, first, final = self._windows(batch, horizon, width)
        if self.infinite:
            return self._growth(early, late), final
        with np.errstate(all="ignore"):
            value = column(self._value(Float64(), batch.env(), batch.start), n)
            scale = np.where(value != 0, np.abs(value), np.where(first > 0, first, 1.0))
            before, after = (self._deviation(w, value) / scale for w in (early, late))
        diverged = ~np.isfinite(late[1])
        if self.claim.relation == ">=":
            after = np.where(diverged, -1.0, after)
        else:
            after, before = np.where(diverged, 1e3, after), np.where(diverged, 1e3, before)
        suspicious = (after > _CLOSE) & (after >= before * (1 - _SETTLED))
        transient = (after > _CLOSE) & ~suspicious
        self.transients += int(transient.sum())
        self.settled += int((~transient & np.isfinite(after)).sum())
        ok = np.isfinite(after) & np.isfinite(value)
        return np.where(ok & ~transient, after - _CLOSE, INVALID), final

    def _windows(self, batch: Batch, horizon: int, width: int) -> tuple[Array, Array, Array, Array]:
        """(least, largest) observable in the last ``width`` steps before T and 4T; its size at the start; the end."""
        scene, arithmetic, n = self.scene, Float64(), batch.size
        values, state = batch.env(), scene.state(Float64(), batch.start)
        lost = np.zeros(n, dtype=bool)
        bounds = {}
        first = np.zeros(n)
        window = np.stack([np.full(n, np.inf), np.full(n, -np.inf)])
        with np.errstate(all="ignore"):
            for t in range(4 * horizon + 1):
                in_window = t > 4 * horizon - width or horizon - width < t <= horizon
                if t == 0 or in_window:
                    env = scene.environment(
                        arithmetic, values, scene.iterate(state), w_start=batch.start, t=float(t)
                    )
                    seen = column(arithmetic.run(self.observable, env, scene.loss)["observable"], n)
                    seen = np.where(lost, np.inf, seen)
                    if t == 0:
                        first = np.abs(seen)
                if in_window:
                    window = np.stack([np.minimum(window[0], seen), np.maximum(window[1], seen)])
                if t in (horizon, 4 * horizon):
                    bounds[t] = window
                    window = np.stack([np.full(n, np.inf), np.full(n, -np.inf)])
                if t < 4 * horizon:
                    state = scene.step(arithmetic, values, state, t)
                    size = np.abs(scene.iterate(state)).max(axis=0)
                    lost |= ~(size < _DIVERGED)
                    if lost.any():
                        state = {k: np.where(lost, 1.0, v) for k, v in state.items()}
        return bounds[horizon], bounds[4 * horizon], first, scene.iterate(state)

    def _deviation(self, window: Array, value: Array) -> Array:
        low, high = window
        if self.claim.kind_of_limit == "limit":
            off = {"==": np.maximum(abs(high - value), abs(low - value)), "<=": high - value, ">=": value - low}
            return np.asarray(off[self.claim.relation])
        x = high if self.claim.kind_of_limit == "limsup" else low
        return np.asarray({"==": abs(x - value), "<=": x - value, ">=": value - x}[self.claim.relation])

    def _growth(self, early: Array, late: Array) -> Array:
        diverged = ~np.isfinite(late[1])
        with np.errstate(all="ignore"):
            growing = late[1] > early[1] * (1 + 1e-6)
        self.transients += int((growing & ~diverged).sum())
        self.settled += int((diverged | ~growing).sum())
        return np.where(diverged, -1.0, np.where(growing, INVALID, 1.0))

    def _value(self, arithmetic: Arithmetic, values: dict[str, Any], w: Any) -> Any:
        assert self.value is not None
        env = self.scene.environment(arithmetic, values, w, w_start=w)
        return arithmetic.run(self.value, env, self.scene.loss)["value"]

    # -- exact -------------------------------------------------------------------------------------------
    def confirm(self, point: Point) -> Witness | None:
        if (not point.scene.rational and point.scene.family is not None) or "t" in self.observable.inputs:
            return None
        tail, diverged = self._tail(point)
        if diverged:
            return self._blow_up(point)
        scale = float(np.abs(tail).max()) or 1.0
        period = period_of(tail, scale)
        if period is None:
            return None
        try:
            orbit = exact_orbit(self.scene, point.env(Rational()), list(tail[-1]), period)
        except (NotExact, Undecided, ZeroDivisionError):
            return None
        if orbit is None or (self.theorem.starts is not None and not orbit.attracting):
            return None
        return self._judged(point, orbit)

    def _tail(self, point: Point) -> tuple[Array, bool]:
        scene, arithmetic, batch = self.scene, Float64(), Batch.of([point])
        values, state = batch.env(), scene.state(Float64(), batch.start)
        tail: list[Array] = []
        steps = 4 * self.budget.steps
        self.evaluations += steps
        with np.errstate(all="ignore"):
            for t in range(steps):
                state = scene.step(arithmetic, values, state, t)
                w = np.array(scene.iterate(state)[:, 0])
                if not np.abs(w).max() < _DIVERGED:
                    return w[None, :], True
                if t >= steps - 17:
                    tail.append(w)
        return np.stack(tail), False

    def _judged(self, point: Point, orbit: PeriodicOrbit) -> Witness | None:
        """The witness if the observable on the orbit contradicts the claim."""

        def compute(arithmetic: Arithmetic) -> Any:
            values, seen = point.env(arithmetic), []
            for p in orbit.points:
                w = Coordinates(arithmetic.number(c) for c in p)
                env = self.scene.environment(arithmetic, values, w, w_start=w)
                seen.append(arithmetic.run(self.observable, env, self.scene.loss)["observable"])
            return seen, None if self.infinite else self._value(arithmetic, values, w)

        found = exactly(compute)
        if found is None:
            return None
        observed = self._wrong(found)
        if observed is None:
            return None
        seen, relation = observed
        extra = {
            "observable": f"{self.claim.kind_of_limit} of {self.claim.observable}",
            "relation": relation,
            "orbit": " -> ".join(_point_text(p) for p in orbit.points),
            "period": str(len(orbit.points)),
        }
        if orbit.derivative is not None and len(orbit.derivative) == 1:
            extra["multiplier"] = text(orbit.derivative[0][0])
        if orbit.attracting:
            extra["attracting"] = "yes: an open set of starts tends to the orbit"
        at = Point(point.scene, point.values, orbit.points[0])
        bound = "oo" if self.infinite else found.value[1]
        return witness(at, "orbit", None, seen, bound, found.confirmed_by, **extra)

    def _wrong(self, found: Exact) -> tuple[Any, str] | None:
        seen, value = found.value
        if self.infinite:
            return max(seen), "≠"
        kind, relation = self.claim.kind_of_limit, self.claim.relation
        chosen = seen if kind == "limit" else [max(seen) if kind == "limsup" else min(seen)]
        for a in chosen:
            order = compare(a, value)
            if order is None:
                continue
            if relation == "==" and order != 0:
                return a, "≠"
            if relation == "<=" and order > 0:
                return a, ">"
            if relation == ">=" and order < 0:
                return a, "<"
        return None

    def _blow_up(self, point: Point) -> Witness | None:
        """In one dimension: every start beyond some modulus runs to infinity, read off at an infinite start."""
        if self.infinite or self.claim.relation == ">=" or self.scene.dimension != 1:
            return None
        try:
            images = {side: far_image(self.scene, point.env(Rational()), side) for side in (1, -1)}
            jets = Jets(1, far=True)
            env = self.scene.environment(jets, point.env(Rational()), Coordinates([jets.seeds([Fraction(0)])[0]]))
            seen = jets.run(self.observable, env, self.scene.loss)["observable"]
            bound = exactly(lambda a: self._value(a, point.env(a), point.vector(a)))
        except (NotExact, Undecided, ZeroDivisionError):
            return None
        if bound is None or not any(getattr(seen, "tangent", ())):
            return None
        for image in images.values():
            slope = image.tangent[0]
            if not (abs(slope) > 1 or (abs(slope) == 1 and slope * image.value > 0)):
                return None
        extra = {
            "observable": f"{self.claim.kind_of_limit} of {self.claim.observable}",
            "relation": "≠" if self.claim.relation == "==" else ">",
            "far multiplier": text(images[1].tangent[0]),
        }
        return witness(point, "limit", None, "oo", bound.value, bound.confirmed_by, **extra)

    def note(self) -> str:
        notes = [f"{self.exceptional} exceptional starts left out"] if self.exceptional else []
        if self.transients:
            total = self.transients + self.settled
            notes.append(f"{self.transients} of {total} trajectories had not settled at the horizon")
        return "; ".join(notes)


def _point_text(p: Sequence[Fraction]) -> str:
    return text(p[0]) if len(p) == 1 else f"({', '.join(map(text, p))})"
