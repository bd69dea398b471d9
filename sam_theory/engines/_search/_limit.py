"""Limits along trajectories: simulated, rechecked at four times the length, refuted by exact attractors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import sympy as sp
from numpy.typing import NDArray

from sam_theory.arithmetic import Arithmetic, Float64
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._along import Place, along
from sam_theory.engines._search._attractors import DIVERGED, confirm_limit
from sam_theory.engines._search._contradiction import says_nothing
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import INVALID, Judge, column
from sam_theory.engines._search._moved import Moved
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._recurrent import recurrent
from sam_theory.engines._search._setting import Scene
from sam_theory.engines._search._starts import meets
from sam_theory.errors import InputError
from sam_theory.verdicts import Witness

__all__ = ["LimitJudge"]

_CLOSE = 1e-6
_SETTLED = 1e-7
_DRIFT = 1e-4
#: an observable that has grown by this factor when the iterate left every bound runs to infinity with it
_GROWN = 1e4


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
    decides_starts = True

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        value = self.claim.value
        self.infinite = value in (sp.oo, -sp.oo)
        self.observable = self.compiled({"observable": self.claim.observable})
        self.value = None if self.infinite else self.compiled({"value": value})
        self.value_inputs = () if self.value is None else self.value.inputs
        states = {"w", "w_next", *(scene.loss.blocks if scene.loss is not None else ())}
        if states & set(self.value_inputs):
            raise InputError(f"theorem {self.theorem.slug}: the value of a limit must not depend on the state")
        self.climbs = not self.infinite and self.claim.relation != "=="
        self.transients = 0
        self.settled = 0
        self.exceptional = 0
        self.unsettled: list[Point] = []

    # -- floats ------------------------------------------------------------------------------------------
    def violation(self, batch: Batch) -> Array:
        violation, final = self._measure(batch)
        suspicious = np.flatnonzero(violation > 0)
        scene = self.scene
        if self.theorem.starts is None or not len(suspicious):
            return violation
        if scene.event is not None:
            left = suspicious[meets(scene, batch, final)[suspicious]]
        else:
            # A repelling orbit that floats have hit exactly is an exceptional start: nudged, it leaves.
            rng = np.random.default_rng(len(suspicious))
            from_final = scene.autonomous and scene.width == scene.dimension
            size = np.abs(batch.start).max(axis=0) + np.abs(final).max(axis=0)
            nudged = (final if from_final else batch.start) + 1e-4 * size * rng.standard_normal(final.shape)
            again, _ = self._measure(Batch(batch.scene, batch.rows(suspicious).values, nudged[:, suspicious]))
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
            escaped = np.isinf(after)
            before, after = (np.where(np.isinf(x), np.where(x > 0, 1e3, -1.0), x) for x in (before, after))
        if self.claim.relation == ">=":
            after = np.where((value == 0) & (after <= 0), -1.0, after)
        suspicious = (after > _CLOSE) & (after >= before * (1 - _SETTLED))
        worsening = (after < 0) & (after > before + _DRIFT) & ~escaped if self.claim.relation != "==" else False
        transient = ((after > _CLOSE) & ~suspicious) | worsening
        self.transients += int(transient.sum())
        self.settled += int((~transient & np.isfinite(after)).sum())
        farthest = np.argsort(-np.where(transient, after, -np.inf), kind="stable")[: self.budget.attempts // 2]
        self.unsettled = [batch.point(int(i)) for i in farthest if transient[i]]
        if self.claim.relation != "==":
            self._saw_ratio(np.where(transient | suspicious, np.nan, after), value, batch)
        ok = np.isfinite(after) & np.isfinite(value)
        return np.where(ok & ~transient, after - _CLOSE, INVALID), final

    def extra(self, rng: np.random.Generator) -> list[Point]:
        """The transients that were farthest from the value: an attracting orbit may lie ahead of them."""
        found, self.unsettled = self.unsettled, []
        return found

    def _saw_ratio(self, after: Array, value: Array, batch: Batch) -> None:
        """How near the observable comes to its bound, as a ratio that is 1 where they agree."""
        with np.errstate(all="ignore"):
            ratio = 1 / (1 - after) if self.claim.relation == ">=" else 1 + after
        seen = (value > 0) & (ratio > 0) & (np.abs(after) < 1e3) & (after > -1)
        self.saw(np.where(seen, ratio, -np.inf), batch)

    def _windows(self, batch: Batch, horizon: int, width: int) -> _Windows:
        """What is seen in the last ``width`` steps before T and 4T."""
        moved = self.moved(4 * horizon)
        if moved is None:
            return self._stepped(batch, horizon, width)
        left = np.zeros(batch.size, dtype=bool)
        seen = self._visited(moved, batch, horizon, width, left)
        if left.any():
            again = self._stepped(batch.rows(left), horizon, width)
            for field in fields(seen):
                getattr(seen, field.name)[..., left] = getattr(again, field.name)
        return seen

    def _visited(self, moved: Moved, batch: Batch, horizon: int, width: int, left: NDArray[np.bool_]) -> _Windows:
        """The same by machine code, but for what it has ``left``."""
        scene, arithmetic, n, values = self.scene, Float64(), batch.size, batch.env()
        ends = (horizon, 4 * horizon)
        times = [t for end in ends for t in range(end - width + 1, end + 1)]
        places: list[Place] = []
        with np.errstate(all="ignore"):
            first = np.abs(self._observed(batch, values, scene.state(arithmetic, batch.start), 0))
            for t, whole in moved.visits(values, batch.start, times, left):
                places.append((t, whole[: scene.dimension], None))
            runs = along(scene, arithmetic, self.observable, values, batch.start, places)
            seen = np.stack([column(r["observable"], n) for _, r in runs])
        bounds = [np.stack([part.min(axis=0), part.max(axis=0)]) for part in (seen[:width], seen[width:])]
        return _Windows(bounds[0], bounds[1], first, np.array(places[width - 1][1]), np.array(places[-1][1]))

    def _stepped(self, batch: Batch, horizon: int, width: int) -> _Windows:
        """The same in the reference."""
        scene, arithmetic, n = self.scene, Float64(), batch.size
        values, state = batch.env(), scene.state(Float64(), batch.start)
        lost, gone, some_lost = np.zeros(n, dtype=bool), np.zeros((2, n)), False
        bounds, ends = {}, {}
        first, older = np.zeros(n), state
        window: list[Place] = []
        with np.errstate(all="ignore"):
            step = scene.stepper(arithmetic, values)
            for t in range(4 * horizon + 1):
                if t == 0:
                    first = np.abs(self._observed(batch, values, state, t))
                if t > 4 * horizon - width or horizon - width < t <= horizon:
                    window.append((t, scene.iterate(state), None))
                if t in (horizon, 4 * horizon):
                    runs = along(scene, arithmetic, self.observable, values, batch.start, window)
                    seen = np.stack([column(r["observable"], n) for _, r in runs])
                    window = []
                    bounds[t] = np.where(lost, gone, np.stack([seen.min(axis=0), seen.max(axis=0)]))
                    ends[t] = np.asarray(scene.iterate(state))
                if t < 4 * horizon:
                    old, state = state, step(state, t)
                    size = np.abs(scene.iterate(state))
                    inside = True if size.max() < DIVERGED else size.max(axis=0) < DIVERGED
                    if inside is not True and (new := ~inside & ~lost).any():
                        last = [self._observed(batch, values, s, t) for s in (older, old, state)]
                        gone, lost = np.where(new, _escape(np.stack(last), first), gone), lost | new
                        some_lost = True
                    if some_lost:
                        state = {k: np.where(lost, 1.0, v) for k, v in state.items()}
                        if lost.all():
                            rest = [end for end in (horizon, 4 * horizon) if end > t]
                            bounds |= dict.fromkeys(rest, gone)
                            ends |= dict.fromkeys(rest, np.asarray(scene.iterate(state)))
                            break
                    older = old
        return _Windows(bounds[horizon], bounds[4 * horizon], first, ends[horizon], ends[4 * horizon])

    def _observed(self, batch: Batch, values: dict[str, Any], state: dict[str, Any], t: int) -> Array:
        scene = self.scene
        env = scene.environment(Float64(), values, scene.iterate(state), w_start=batch.start, t=float(t))
        return column(Float64().run(self.observable, env, scene.loss)["observable"], batch.size)

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
        """−1 where the infinite value is reached, 1 where nothing grows towards it, −∞ where something still does."""
        claim, n = self.claim, seen.first.size
        if says_nothing(claim.relation, claim.value):
            self.settled += n
            return np.full(n, -1.0)
        sign = 1 if claim.value is sp.oo else -1
        end = {"limit": 0 if sign > 0 else 1, "limsup": 1, "liminf": 0}[claim.kind_of_limit]
        with np.errstate(all="ignore"):
            late, early = sign * seen.late[end], sign * seen.early[end]
            reached = late == np.inf
            growing = late > early + _CLOSE * np.abs(early)
            growing |= (np.abs(seen.end) > np.abs(seen.middle) * (1 + _CLOSE)).any(axis=0) & np.isfinite(late)
        unclear = (growing & ~reached) | np.isnan(late)
        self.transients += int(unclear.sum())
        self.settled += int((~unclear).sum())
        return np.where(unclear, INVALID, np.where(reached, -1.0, 1.0))

    def value_at(self, arithmetic: Arithmetic, values: dict[str, Any], w: Any) -> Any:
        assert self.value is not None
        env = self.scene.environment(arithmetic, values, w, w_start=w)
        return arithmetic.run(self.value, env, self.scene.loss)["value"]

    def confirm(self, point: Point) -> Witness | None:
        if not point.scene.rational and point.scene.family is not None:
            return None
        if not self.scene.autonomous:
            return recurrent(self, point)
        return None if "t" in self.observable.inputs else confirm_limit(self, point)

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


def _escape(last: Array, first: Array) -> Array:
    """(least, largest) limit of an observable, seen three times (3, n) as the iterate left every bound.

    NaN where it can be told neither to run to infinity nor to stay.
    """
    kept = np.where(np.isfinite(last[2]), last[1:], last[:2])
    size = np.abs(kept).max(axis=0) / np.where(first > 0, first, 1.0)
    infinite = np.stack(
        [np.where((kept < 0).any(axis=0), -np.inf, np.inf), np.where((kept > 0).any(axis=0), np.inf, -np.inf)]
    )
    finite = np.stack([kept.min(axis=0), kept.max(axis=0)])
    return np.where(size > _GROWN, infinite, np.where(size < 100, finite, np.nan))
