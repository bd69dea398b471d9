"""Limits refuted exactly, by a periodic orbit (attracting, if the claim is almost everywhere) or blow-up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from sam_theory.arithmetic import Arithmetic, Coordinates, Float64, Rational
from sam_theory.engines._search._blow_up import blow_up
from sam_theory.engines._search._contradiction import contradiction
from sam_theory.engines._search._exact import exactly, in_balls, text
from sam_theory.engines._search._instances import Batch, Point
from sam_theory.engines._search._judge import witness
from sam_theory.engines._search._orbits import PeriodicOrbit, exact_orbit, limit_of_newton, period_of
from sam_theory.engines._search._parameters import Array
from sam_theory.engines._search._starts import RADII, around, is_off
from sam_theory.verdicts import Witness

if TYPE_CHECKING:
    from sam_theory.engines._search._limit import LimitJudge

__all__ = ["DIVERGED", "confirm_limit", "point_text"]

DIVERGED = 1e12
_TAIL = 17


def confirm_limit(judge: LimitJudge, point: Point) -> Witness | None:
    """A witness if the trajectory from ``point`` settles on an exact orbit or blows up, against the claim."""
    if not judge.scene.autonomous:
        return None
    tail, diverged = _tail(judge, point)
    if diverged:
        return blow_up(judge, point)
    scale = max(float(np.abs(tail).max()), 1e-3 * max(abs(float(c)) for c in point.start)) or 1.0
    period = period_of(tail, scale)
    values = point.env(Rational())
    for p in (1, 2) if period is None else (period,):
        guess = tuple(Fraction(float(c)) for c in tail[-1])
        if period is None:
            ahead = limit_of_newton(judge.scene, values, guess, p)
            if ahead is None:
                continue
            guess = ahead
        orbit = exact_orbit(judge.scene, values, [float(c) for c in guess], p)
        points = _from_a_start(judge, orbit)
        if orbit is not None and points is not None and _counts(judge, values, orbit):
            return _judged(judge, point, orbit, points)
    return None


def _tail(judge: LimitJudge, point: Point) -> tuple[Array, bool]:
    """The last whole states of the trajectory, or where it left every bound."""
    scene, arithmetic, batch = judge.scene, Float64(), Batch.of([point])
    steps = 4 * judge.budget.steps
    judge.evaluations += steps
    moved = judge.moved(steps)
    if moved is not None:
        left = np.zeros(1, dtype=bool)
        visits = moved.visits(batch.env(), batch.start, range(steps - _TAIL + 1, steps + 1), left)
        last = np.stack([whole[:, 0] for _, whole in visits])
        if not left[0]:
            return last, False
    state = scene.state(arithmetic, batch.start)
    tail: list[Array] = []
    with np.errstate(all="ignore"):
        step = scene.stepper(arithmetic, batch.env())
        for t in range(steps):
            state = step(state, t)
            w = np.stack(scene.whole(state))[:, 0]
            if not np.abs(w).max() < DIVERGED:
                return w[None, :], True
            if t >= steps - _TAIL:
                tail.append(w)
    return np.stack(tail), False


def _from_a_start(judge: LimitJudge, orbit: PeriodicOrbit | None) -> tuple[tuple[Fraction, ...], ...] | None:
    """The points of the orbit, a start first: further state vectors start at 0."""
    d = judge.scene.dimension
    for i, p in enumerate(orbit.points if orbit is not None else ()):
        if orbit is not None and not any(p[d:]):
            return orbit.points[i:] + orbit.points[:i]
    return None


def _counts(judge: LimitJudge, values: dict[str, Any], orbit: PeriodicOrbit) -> bool:
    """Whether the statement speaks of the orbit, or of the starts that tend to it."""
    scene = judge.scene
    if scene.event is not None:
        w = (Coordinates(p[: scene.dimension]) for p in orbit.points)
        return all(is_off(scene, Rational(), values, x) for x in w)
    return not scene.almost_every or orbit.attracting


def _judged(
    judge: LimitJudge, point: Point, orbit: PeriodicOrbit, points: Sequence[tuple[Fraction, ...]]
) -> Witness | None:
    """The witness if the observable on the orbit contradicts the claim."""
    d, claim = judge.scene.dimension, judge.claim

    def seen_at(arithmetic: Arithmetic, place: Callable[[Sequence[Fraction]], Coordinates]) -> tuple[list[Any], Any]:
        values, seen, start = point.env(arithmetic), [], place(points[0][:d])
        for p in points:
            env = judge.scene.environment(arithmetic, values, place(p[:d]), w_start=start)
            seen.append(arithmetic.run(judge.observable, env, judge.scene.loss)["observable"])
        return seen, claim.value if judge.infinite else judge.value_at(arithmetic, values, start)

    def wrong(seen: list[Any], value: Any) -> tuple[Any, str] | None:
        return contradiction(claim.kind_of_limit, claim.relation, seen, value)

    def wrong_around(arithmetic: Arithmetic, power: int) -> tuple[Any, str] | None:
        return wrong(*seen_at(arithmetic, partial(around, power=power)))

    found = exactly(lambda a: seen_at(a, lambda p: Coordinates(map(a.number, p))))
    observed = None if found is None else wrong(*found.value)
    if found is None or observed is None:
        return None
    # Almost every start near the orbit tends to it without meeting it: the violation must hold nearby, too.
    if judge.scene.almost_every and not any(in_balls(partial(wrong_around, power=power)) for power in RADII):
        return None
    extra = {
        "observable": f"{claim.kind_of_limit} of {claim.observable}",
        "relation": observed[1],
        "orbit": " -> ".join(point_text(p) for p in points),
        "period": str(len(points)),
    }
    if orbit.derivative is not None and len(orbit.derivative) == 1:
        extra["multiplier"] = text(orbit.derivative[0][0])
    if orbit.attracting:
        extra["attracting"] = "yes: an open set of starts tends to the orbit"
    at = Point(point.scene, point.values, tuple(points[0][:d]))
    bound = str(claim.value) if judge.infinite else found.value[1]
    return witness(at, "orbit", None, observed[0], bound, found.confirmed_by, **extra)


def point_text(p: Sequence[Fraction]) -> str:
    """A state as a rational, or as its coordinates in brackets."""
    return text(p[0]) if len(p) == 1 else f"({', '.join(map(text, p))})"
