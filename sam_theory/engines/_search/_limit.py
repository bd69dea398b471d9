"""Limits along trajectories: simulated, rechecked at four times the length, refuted by exact attractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from sam_theory.arithmetic import Arithmetic, Float64
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._attractors import DIVERGED, confirm_limit
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import INVALID, Judge, column
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._setting import Scene
from sam_theory.verdicts import Witness

__all__ = ["LimitJudge"]

_CLOSE = 1e-6
_SETTLED = 1e-7
_DRIFT = 1e-4


@dataclass(frozen=True)
class _Windows:
    """(least, largest) observable before T and before 4T; its size at the start; the states at T and 4T."""

    early: Array
    late: Array
    first: Array
    middle: Array
    end: Array


class LimitJudge(Judge):
    """The violation is the distance from the value in the wrong direction, where it no longer shrinks.

    A trajectory that is wrong but still comes nearer between T and 4T steps, or right but still comes nearer
    to being wrong, is a transient: it neither supports nor refutes.
    """

    tolerance = 0.0
    decides_almost_every = True

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        self.infinite = self.claim.value is sp.oo
        self.observable = self.compiled({"observable": self.claim.observable})
        self.value = None if self.infinite else self.compiled({"value": self.claim.value})
        self.climbs = not self.infinite and self.claim.relation != "=="  # type: ignore[misc]
        self.transients = 0
        self.settled = 0
        self.exceptional = 0
        self.unsettled: list[Point] = []

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
        frozen = self._frozen(batch, final)[suspicious]
        left = suspicious[~(again > 0) | frozen]
        violation[left] = INVALID
        self.exceptional += len(left)
        return violation

    def _frozen(self, batch: Batch, final: Array) -> NDArray[np.bool_]:
        """Whether a normalised rule has hit a zero gradient exactly, which is no limit but an exception."""
        convention = self.theorem.rule.convention
        if convention is None or not convention.normalised:
            return np.zeros(batch.size, dtype=bool)
        with np.errstate(all="ignore"):
            gradient = self.scene.map.loss.gradient(Float64(), final, batch.env())
        return np.asarray((gradient == 0).all(axis=0))

    def _measure(self, batch: Batch) -> tuple[Array, Array]:
        n, horizon = batch.size, self.budget.steps
        width = max(horizon // 4, 16)
        self.evaluations += 4 * horizon * n
        seen = self._windows(batch, horizon, width)
        if self.infinite:
            return self._growth(seen), seen.end
        late, first, final = seen.late, seen.first, seen.end
        with np.errstate(all="ignore"):
            value = column(self.value_at(Float64(), batch.env(), batch.start), n)
            scale = np.where(value != 0, np.abs(value), np.where(first > 0, first, 1.0))
            before, after = (self._deviation(w, value) / scale for w in (seen.early, late))
        diverged = ~np.isfinite(late[1])
        if self.claim.relation == ">=":
            after = np.where(diverged | ((value == 0) & (after <= 0)), -1.0, after)
        else:
            after, before = np.where(diverged, 1e3, after), np.where(diverged, 1e3, before)
        suspicious = (after > _CLOSE) & (after >= before * (1 - _SETTLED))
        worsening = (after < 0) & (after > before + _DRIFT) if self.claim.relation != "==" else False
        transient = ((after > _CLOSE) & ~suspicious) | worsening
        self.transients += int(transient.sum())
        self.settled += int((~transient & np.isfinite(after)).sum())
        farthest = np.argsort(-np.where(transient, after, -np.inf), kind="stable")[: self.budget.attempts // 2]
        self.unsettled = [batch.point(int(i)) for i in farthest if transient[i]]
        if self.claim.relation != "==":
            self._saw_ratio(np.where(transient | suspicious, np.nan, after), value)
        ok = np.isfinite(after) & np.isfinite(value)
        return np.where(ok & ~transient, after - _CLOSE, INVALID), final

    def extra(self, rng: np.random.Generator) -> list[Point]:
        """The transients that were farthest from the value: an attracting orbit may lie ahead of them."""
        found, self.unsettled = self.unsettled, []
        return found

    def _saw_ratio(self, after: Array, value: Array) -> None:
        """How near the observable comes to its bound, as a ratio that is 1 where they agree."""
        with np.errstate(all="ignore"):
            ratio = 1 / (1 - after) if self.claim.relation == ">=" else 1 + after
        self.saw(np.where((value > 0) & (ratio > 0) & (np.abs(after) < 1e3) & (after > -1), ratio, -np.inf))

    def _windows(self, batch: Batch, horizon: int, width: int) -> _Windows:
        """What is seen in the last ``width`` steps before T and 4T."""
        scene, arithmetic, n = self.scene, Float64(), batch.size
        values, state = batch.env(), scene.state(Float64(), batch.start)
        lost = np.zeros(n, dtype=bool)
        bounds, ends = {}, {}
        first = np.zeros(n)
        window = np.stack([np.full(n, np.inf), np.full(n, -np.inf)])
        with np.errstate(all="ignore"):
            for t in range(4 * horizon + 1):
                in_window = t > 4 * horizon - width or horizon - width < t <= horizon
                if t == 0 or in_window:
                    env = scene.environment(arithmetic, values, scene.iterate(state), w_start=batch.start, t=float(t))
                    seen = column(arithmetic.run(self.observable, env, scene.loss)["observable"], n)
                    seen = np.where(lost, np.inf, seen)
                    if t == 0:
                        first = np.abs(seen)
                if in_window:
                    window = np.stack([np.minimum(window[0], seen), np.maximum(window[1], seen)])
                if t in (horizon, 4 * horizon):
                    bounds[t], ends[t] = window, np.asarray(scene.iterate(state))
                    window = np.stack([np.full(n, np.inf), np.full(n, -np.inf)])
                if t < 4 * horizon:
                    state = scene.step(arithmetic, values, state, t)
                    size = np.abs(scene.iterate(state)).max(axis=0)
                    lost |= ~(size < DIVERGED)
                    if lost.any():
                        state = {k: np.where(lost, 1.0, v) for k, v in state.items()}
        return _Windows(bounds[horizon], bounds[4 * horizon], first, ends[horizon], ends[4 * horizon])

    def _deviation(self, window: Array, value: Array) -> Array:
        low, high = window
        if self.claim.kind_of_limit == "limit":
            off = {
                "==": np.maximum(abs(high - value), abs(low - value)),
                "<=": high - value,
                ">=": value - low,
            }
            return np.asarray(off[self.claim.relation])
        x = high if self.claim.kind_of_limit == "limsup" else low
        return np.asarray({"==": abs(x - value), "<=": x - value, ">=": value - x}[self.claim.relation])

    def _growth(self, seen: _Windows) -> Array:
        """−1 where the state diverged, 1 where nothing grows, −∞ where something still does."""
        diverged = ~np.isfinite(seen.late[1])
        with np.errstate(all="ignore"):
            growing = seen.late[1] > seen.early[1] * (1 + _CLOSE)
            growing |= (np.abs(seen.end) > np.abs(seen.middle) * (1 + _CLOSE)).any(axis=0)
        self.transients += int((growing & ~diverged).sum())
        self.settled += int((diverged | ~growing).sum())
        return np.where(diverged, -1.0, np.where(growing, INVALID, 1.0))

    def value_at(self, arithmetic: Arithmetic, values: dict[str, Any], w: Any) -> Any:
        assert self.value is not None
        env = self.scene.environment(arithmetic, values, w, w_start=w)
        return arithmetic.run(self.value, env, self.scene.loss)["value"]

    def confirm(self, point: Point) -> Witness | None:
        if (not point.scene.rational and point.scene.family is not None) or "t" in self.observable.inputs:
            return None
        return confirm_limit(self, point)

    @classmethod
    def sufficient(cls, judges: Sequence[Any]) -> bool:
        return sum(j.settled for j in judges) >= sum(j.transients for j in judges)

    @classmethod
    def summary(cls, judges: Sequence[Any]) -> str:
        exceptional, transients, settled = (
            sum(getattr(j, n) for j in judges) for n in ("exceptional", "transients", "settled")
        )
        notes = [f"{exceptional} exceptional starts left out"] if exceptional else []
        if transients:
            notes.append(f"{transients} of {transients + settled} trajectories had not settled at the horizon")
        return "; ".join(notes)
