"""Envelopes: an observable stays below a bound at every step of a trajectory."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sam_theory.arithmetic import Arithmetic, Float64, NotExact, Rational, Undecided
from sam_theory.engines._budget import Budget
from sam_theory.engines._search._along import Place, along
from sam_theory.engines._search._exact import compare, exactly, in_balls, too_long
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import INVALID, TOLERANCE, Judge, column, witness
from sam_theory.engines._search._moved import Moved
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._setting import Scene
from sam_theory.verdicts import Witness

__all__ = ["EnvelopeJudge", "looked_at"]

_TINY = 1e-280
#: an orbit that stays at its start is compared with its bound at powers of 2, the last with this exponent
_LATEST = 40
#: below this part of the first value a later one is mostly rounding
_ROUNDED = 1e-13


def looked_at(steps: int) -> set[int]:
    """Steps at which a trajectory is compared with its bound: the first ones, then ever sparser pairs."""
    chosen = set(range(min(steps, 8) + 1)) | {steps}
    t = 8.0
    while t < steps:
        chosen |= {int(t), int(t) + 1}
        t *= 1.4
    return {t for t in chosen if t <= steps}


class EnvelopeJudge(Judge):
    """The violation is the largest (observable − bound)/(|observable| + |bound|) over the steps looked at."""

    patience = 4

    def __init__(self, scene: Scene, budget: Budget) -> None:
        super().__init__(scene, budget)
        self.observable = self.compiled({"observable": self.claim.observable})
        self.bound = self.compiled({"bound": self.claim.bound})
        self.both = self.compiled({"observable": self.claim.observable, "bound": self.claim.bound})
        self.needs_next = any(n.endswith("_next") for n in self.observable.inputs)

    def _places(
        self, arithmetic: Arithmetic, values: Mapping[str, Any], w: Any, steps: int, at: set[int]
    ) -> list[Place]:
        """The places of the trajectory at which the observable is needed: those in ``at``, or all before for a sum."""
        scene, sums = self.scene, self.claim.accumulate
        state = scene.state(arithmetic, w)
        step = scene.stepper(arithmetic, values) if steps or self.needs_next else None
        found: list[Place] = []
        for t in range(steps + 1):
            here = scene.iterate(state)
            if arithmetic.exact and any(map(too_long, here)):
                raise NotExact("the fractions have become too long")
            following = None
            if step is not None and (t < steps or (self.needs_next and not sums)):
                following = step(state, t)
            if t in at or sums:
                found.append((t, here, scene.iterate(following) if following and self.needs_next else None))
            if following is not None:
                state = following
        return found

    def _trajectory(
        self, arithmetic: Arithmetic, values: Mapping[str, Any], w: Any, steps: int, at: set[int]
    ) -> Iterator[tuple[int, Any, Any]]:
        """(t, observable, bound) at the steps in ``at``; a sum if the claim accumulates."""
        return self._seen(arithmetic, values, w, self._places(arithmetic, values, w, steps, at), at)

    def _seen(
        self, arithmetic: Arithmetic, values: Mapping[str, Any], w: Any, places: Sequence[Place], at: set[int]
    ) -> Iterator[tuple[int, Any, Any]]:
        scene = self.scene
        if not self.claim.accumulate:
            for t, r in along(scene, arithmetic, self.both, values, w, places):
                yield t, r["observable"], r["bound"]
            return
        totals = [arithmetic.number(Fraction(0))]
        for _, r in along(scene, arithmetic, self.observable, values, w, places[:-1]):
            totals.append(arithmetic.add(totals[-1], r["observable"]))
        chosen: list[Place] = [(t, here, None) for t, here, _ in places if t in at]
        for t, r in along(scene, arithmetic, self.bound, values, w, chosen):
            yield t, totals[t], r["bound"]

    def violation(self, batch: Batch) -> Array:
        return self._scan(batch)[0]

    def _scan(self, batch: Batch) -> tuple[Array, Array]:
        n, steps = batch.size, self.budget.steps
        self.evaluations += n * steps
        with np.errstate(all="ignore"):
            times, left, right = self._sides(batch, steps)
            scale = np.abs(left) + np.abs(right)
            valid = np.isfinite(scale) & (scale > _TINY) & (scale > _ROUNDED * scale[0])
            v = np.where(valid, (left - right) / np.where(valid, scale, 1.0), INVALID)
            beyond = v > TOLERANCE
            first = np.where(beyond.any(axis=0), beyond.argmax(axis=0), v.argmax(axis=0))
            usable = valid & (right > 1e-6 * scale[0])
            ratio = np.where(usable, left / np.where(usable, right, 1.0), -np.inf)
            for row in ratio[1:]:  # at the start most bounds say nothing
                self.saw(row, batch)
        return v.max(axis=0), times[first]

    def _sides(self, batch: Batch, steps: int) -> tuple[Array, Array, Array]:
        """The steps looked at, and observable and bound there, (steps, n)."""
        at, n, values = looked_at(steps), batch.size, batch.env()
        moved, left = self.moved(steps), np.zeros(n, dtype=bool)
        if moved is None:
            seen = self._trajectory(Float64(), values, batch.start, steps, at)
        else:
            seen = self._seen(Float64(), values, batch.start, self._visited(moved, batch, steps, at, left), at)
        times, *sides = zip(*seen, strict=True)
        observable, bound = (np.stack([column(side, n) for side in row]) for row in sides)
        if left.any():
            own = batch.rows(left)
            again = self._trajectory(Float64(), own.env(), own.start, steps, at)
            for i, (_, *r) in enumerate(again):
                observable[i, left], bound[i, left] = r
        return np.array(times), observable, bound

    def _visited(self, moved: Moved, batch: Batch, steps: int, at: set[int], left: NDArray[np.bool_]) -> list[Place]:
        """:meth:`_places` in floats by machine code, but for what it has ``left``."""
        sums, d = self.claim.accumulate, self.scene.dimension
        chosen = range(steps + 1) if sums else sorted(at)
        after = {t + 1 for t in chosen} if self.needs_next and not sums else set()
        visits = moved.visits(batch.env(), batch.start, sorted({*chosen, *after}), left)
        states = {t: whole[:d] for t, whole in visits}
        return [(t, states[t], states.get(t + 1) if self.needs_next else None) for t in chosen]

    def _at(self, arithmetic: Arithmetic, point: Point, start: Any, step: int) -> tuple[Any, Any]:
        """Observable and bound at ``step``."""
        ((_, left, right),) = self._trajectory(arithmetic, point.env(arithmetic), start, step, {step})
        return left, right

    def slack(self, point: Point, steps: int) -> Any:
        found = exactly(lambda a: self._at(a, point, point.vector(a), steps))
        return None if found is None else found.value[1] - found.value[0]

    def violated(self, arithmetic: Arithmetic, point: Point, start: Any, step: int | None) -> bool:
        return compare(*self._at(arithmetic, point, start, step or 0)) == 1

    def confirm(self, point: Point) -> Witness | None:
        if not point.scene.rational and point.scene.family is not None:
            return None
        worst, when = self._scan(Batch.of([point]))
        if worst[0] <= self.tolerance:
            return self._at_a_fixed_point(point)
        last = int(when[0])
        found = exactly(lambda a: self._at(a, point, point.vector(a), last))
        if found is None or compare(*found.value) != 1:
            return None
        left, right = found.value
        observable = f"{'sum of ' if self.claim.accumulate else ''}{self.claim.observable}"
        extra = {"observable": observable, "relation": ">"}
        return witness(point, "orbit", last, left, right, found.confirmed_by, **extra)

    def _at_a_fixed_point(self, point: Point) -> Witness | None:
        """A witness if the start stays where it is, exactly, and the bound, far beyond any simulation, does not."""
        if (
            self.claim.accumulate
            or self.theorem.starts is not None
            or not self.scene.autonomous
            or not self._stays(point)
        ):
            return None
        for late in (2**j for j in range(_LATEST + 1)):

            def sides(arithmetic: Arithmetic, t: int = late) -> tuple[Any, Any]:
                values, w = point.env(arithmetic), point.vector(arithmetic)
                env = self.scene.environment(arithmetic, values, w, w, w, arithmetic.number(Fraction(t)))
                r = arithmetic.run(self.both, env, self.scene.loss)
                return r["observable"], r["bound"]

            # A power of a fraction is too long to write down long before it is small.
            found = in_balls(sides)
            if found is not None and compare(*found) == 1:
                extra = {"observable": str(self.claim.observable), "relation": ">", "orbit": "stays at its start"}
                left, right = found
                return witness(point, "orbit", late, left, right, "arb", **extra)
        return None

    def _stays(self, point: Point) -> bool:
        """Whether the whole state is a fixed point in fractions."""
        scene, exact = self.scene, Rational()
        try:
            state = scene.state(exact, point.vector(exact))
            image = scene.step(exact, point.env(exact), state, 0)
            return bool(scene.whole(image) == scene.whole(state))
        except (NotExact, Undecided, ZeroDivisionError):
            return False

    def rechecked(self, point: Point) -> float | None:
        worst, when = self._scan(Batch.of([point]))
        if worst[0] <= self.tolerance:
            return float(worst[0])
        found = exactly(lambda a: self._at(a, point, point.vector(a), int(when[0])))
        return 0.0 if found is not None and compare(*found.value) in (-1, 0) else None
